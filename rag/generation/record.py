"""Answers from the articles' records: title, author, date, source, how many there are and which is the newest. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from index import Article, day_of, lexicon

_CHINESE = re.compile(f"[{lexicon.CJK}]")
_MOST_TITLES = 20
_OLDEST = re.compile(r"\b(?:oldest|earliest|first)\b|最早|最旧", re.IGNORECASE)
_FIELDS = {
    "title": ("title", "标题"),
    "author": ("author", "作者"),
    "date": ("date of publication", "发布日期"),
    "source": ("source", "来源"),
}


def from_record(field: str, question: str, articles: Sequence[Article], hits: Sequence[str] = ()) -> str:
    """Return the answer to a question about the record of the articles, in English or Chinese.

    `hits` are the ids of the articles that a search for the question found, best first. They are used if there are many
    articles and the question is about one.
    """
    is_chinese = bool(_CHINESE.search(question))
    if field == "count":
        return f"共有 {len(articles)} 篇文章。" if is_chinese else f"There {_are(len(articles))}."
    if field == "titles":
        return _titles(articles, is_chinese)
    if field == "newest":
        return _newest(question, articles, is_chinese)
    if len(articles) > 1:
        named = [each for id_ in hits for each in articles if each.id == id_]
        articles = [*named, *(each for each in articles if each not in named)][:_MOST_TITLES]
    return "\n".join(_line(field, each, is_chinese, is_one=len(articles) == 1) for each in articles)


def _newest(question: str, articles: Sequence[Article], is_chinese: bool) -> str:
    """Return which article is the newest, or the oldest if the question asks for it; several if they share the date."""
    days = [(day, each) for each in articles if (day := day_of(each.published))]
    if not days:
        return "文章没有日期。" if is_chinese else "No article has a date in its record."
    is_oldest = bool(_OLDEST.search(question))
    day = (min if is_oldest else max)(day for day, _ in days)
    named = [_title(each) for own, each in days if own == day][:_MOST_TITLES]
    undated = len(articles) - len(days)
    if is_chinese:
        most, titles = "最早" if is_oldest else "最新", "、".join(f"《{title}》" for title in named)
        return f"{most}的是{titles}（{_date(day.isoformat())}）。" + (f"{undated} 篇没有日期。" if undated else "")
    verb, rest = "is" if len(named) == 1 else "are", "1 article has" if undated == 1 else f"{undated:,} articles have"
    titles = " and ".join(f"“{title}”" for title in named)
    text = f"The {'oldest' if is_oldest else 'newest'} {verb} {titles}, dated {_date(day.isoformat())}."
    return f"{text} {rest} no date in the record." if undated else text


def _line(field: str, article: Article, is_chinese: bool, *, is_one: bool) -> str:
    values = {
        "title": f"“{_title(article)}”",
        "author": article.author or "",
        "date": _date(article.published) if article.published else "",
        "source": article.source,
        "length": f"{len(article.text):,}",
    }
    value = values.get(field, "")
    name = _FIELDS.get(field, ("length in characters", "字符数"))[is_chinese]
    prefix = "" if is_one or field == "title" else f"“{_title(article)}”: "
    if is_one and value:
        return (
            f"根据文章记录，{name}是{value}。"
            if is_chinese
            else f"According to its record, the article’s {name} is {value}."
        )
    if not value:
        return f"{prefix}文章记录没有{name}。" if is_chinese else f"{prefix}The article’s record has no {name}."
    return f"- {prefix}{value}"


def _titles(articles: Sequence[Article], is_chinese: bool) -> str:
    head = f"共有 {len(articles)} 篇文章：" if is_chinese else f"There {_are(len(articles))}:"
    rest = [f"- {len(articles) - _MOST_TITLES:,} …"] if len(articles) > _MOST_TITLES else []
    return "\n".join([head, *(f"- “{_title(each)}”" for each in articles[:_MOST_TITLES]), *rest])


def _are(count: int) -> str:
    return "is 1 article" if count == 1 else f"are {count:,} articles"


def _title(article: Article) -> str:
    return " ".join(article.title.split())


def _date(published: str) -> str:
    day = day_of(published)
    return f"{day.day} {day:%B %Y}" if day else published
