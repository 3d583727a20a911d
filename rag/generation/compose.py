"""Answers to requests that no single sentence answers, composed from quotes: overviews, statements, lists and so on.

Every line is a sentence of an article, quoted word for word with its own citation. What is between the quotes, such
as "5 people are named", is counted in the same text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol

import numpy as np

from index import Article, ArticleFilter, FloatArray, Hit, SearchResult, Span, lexicon, terms

from ..answer import Answer, Sentence
from ..grounding.versions import FEWEST_WORDS, precedence
from ..prompts import without_markers
from ..questions.classify import is_many
from ..questions.request import Category, Request
from ..reading.document import Line, lines, statements, without_clock_times, word_count, word_positions
from ..reading.speakers import Name, is_named, matches, names_in, opening_person, speakers
from .overview import head_of_some, overview

COMPOSED = frozenset({"overview", "said", "who said", "about", "compare", "list"})
"""The kinds of requests that `compose` answers."""

MOST_LINES = 4
"""Maximum number of sentences about one subject."""

MOST_ARTICLES = 100
"""Maximum number of articles that are read for one request; of more, those that fit the question best are read."""

MOST_IN_OVERVIEW = 8
"""Maximum number of articles that an overview of several articles names."""

MOST_PASSAGES = 400
"""Maximum number of passages that are read for one request."""

MOST_SENTENCES = 3_000
"""Maximum number of sentences that are read for one request; the time and memory of an overview grow with its square.
"""

_MOST_ITEMS = 30
_FEW = 3  # so few statements are all quoted, whatever the topic
_ON_TOPIC = 0.5  # minimum similarity with a topic, as a share of that of the best sentence
_MOST_FORMS = 10  # names in one line
_NUMBER = re.compile(
    r"\d|\b(?:" + "|".join((*lexicon.NUMBER_WORDS, *lexicon.SCALES, "half", "percent")) + r")\b", re.IGNORECASE
)
_CHINESE = re.compile(f"[{lexicon.CJK}]")
_REFERS_BACK = re.compile(
    r"\W{0,3}(?:(?:but|and|yet|so)\b,? )?(?:it|they|this|that|these|those|its|their)\b|[“「]?(?:它|这)", re.IGNORECASE
)
_DEFINES = re.compile(
    r"^(?:\s*\([^)]{1,40}\))?(?:,? (?:an?|the|one of|who|which|co-founded|founded|based|now|then|\d{2})\b| (?:is"
    r"|was|are|were) (?:an?|the|one|among)\b|, [\w’'-]+['’]s\b)"
)


class ArticleSource(Protocol):
    """The part of an index that provides whole articles."""

    def article_metadata(self) -> tuple[Article, ...]:
        """Return all articles without their texts."""

    def outline(
        self, article_filter: ArticleFilter | None = None, articles: Sequence[str] | None = None
    ) -> dict[str, list[str]]:
        """Return the ids of all passages in reading order, by article id."""

    def read(self, found: SearchResult, ids: Sequence[str]) -> SearchResult:
        """Return the passages with these ids, in this order."""


@dataclass(frozen=True, slots=True)
class Item:
    """A quoted line, with a label in front of it."""

    line: Line
    label: str = ""


@dataclass(frozen=True, slots=True)
class Composition:
    """The parts of an answer: introductions and quoted lines, in order, from the passages of `found`."""

    parts: tuple[str | Item, ...]
    found: SearchResult

    @property
    def is_empty(self) -> bool:
        """Whether nothing is quoted."""
        return not any(isinstance(part, Item) for part in self.parts)


def compose(
    request: Request, found: SearchResult, index: ArticleSource, article_filter: ArticleFilter | None
) -> Composition | None:
    """Return the composed answer, an empty one if the articles do not have it, or None if a single fact is asked for.

    `found` is the result of a search for the question: it says which of many articles are read.
    """
    known = [each for each in index.article_metadata() if not article_filter or article_filter.allows(each)]
    articles = _articles(request, found, known)
    if articles is None:
        return Composition((), found)
    read = _read(index, found, articles[: MOST_IN_OVERVIEW if request.kind == "overview" else MOST_ARTICLES])
    rows = _without_copies(lines(read)[:MOST_SENTENCES], read)
    if request.kind != "who said" and request.shown:
        rows = [replace(row, role="label") if without_markers(row.text) in request.shown else row for row in rows]
    compose_parts = _COMPOSERS.get(request.kind)
    parts = compose_parts(request, rows, read) if compose_parts else None
    count = len(_by_article(rows))
    if parts and count < len(known) and isinstance(parts[0], str):
        is_chinese = bool(_CHINESE.search(parts[0]))
        parts[0] = head_of_some(request, parts[0], count, len(known), is_chinese=is_chinese)
    return None if parts is None else Composition(tuple(_with_full_names(_with_antecedents(parts, rows), rows)), read)


def _with_antecedents(parts: Sequence[str | Item], rows: Sequence[Line]) -> list[str | Item]:
    """Return the parts with the sentence before each line that begins with "it", "they", "this" or "that".

    It must be a statement in the same paragraph that is not quoted yet, and is quoted with its own citation.
    """
    quoted = {_place(part.line) for part in parts if isinstance(part, Item)}
    before = {_place(row): last for last, row in pairwise(rows) if last.paragraph == row.paragraph}
    found: list[str | Item] = []
    for part in parts:
        if isinstance(part, Item) and not part.label and _REFERS_BACK.match(part.line.text):
            last = before.get(_place(part.line))
            if last is not None and last.role == "statement" and _place(last) not in quoted:
                quoted.add(_place(last))
                found.append(Item(last))
        found.append(part)
    return found


def _place(line: Line) -> tuple[str, Span]:
    return line.article_id, line.span


def _without_copies(rows: Sequence[Line], read: SearchResult) -> list[Line]:
    """Return the lines, as a label where another article has the same sentence and its file exists or it is newer."""
    hits = {hit.passage.article_id: hit for hit in read.hits}
    words = [tuple(re.findall(r"\w+", row.text.lower())) for row in rows]
    best: dict[tuple[str, ...], str] = {}
    for row, said in zip(rows, words, strict=True):
        known = best.setdefault(said, row.article_id)
        if precedence(hits[row.article_id]) < precedence(hits[known]):
            best[said] = row.article_id
    return [
        replace(row, role="label") if len(said) >= FEWEST_WORDS and best[said] != row.article_id else row
        for row, said in zip(rows, words, strict=True)
    ]


def _with_full_names(parts: Sequence[str | Item], rows: Sequence[Line]) -> list[str | Item]:
    """Return the parts with labels for lines that begin with a surname or "he" or "she": the full name of the person.

    A name that an earlier line has is not repeated.
    """
    quoted = {(part.line.article_id, part.line.span) for part in parts if isinstance(part, Item) and not part.label}
    people: dict[tuple[str, Span], Name] = {}
    for own in _by_article(rows).values():
        places = {at: (line.article_id, line.span) for at, line in enumerate(own)}
        if quoted.isdisjoint(places.values()):
            continue
        names = names_in(own)
        said_by = speakers(own, names)
        for at, place in places.items():
            if place in quoted and (person := opening_person(own[at].text, at, names, said_by[at])):
                people[place] = person
    labelled: list[str | Item] = []
    shown = ""
    for part in parts:
        if isinstance(part, Item):
            person = people.get((part.line.article_id, part.line.span)) if not part.label else None
            name = person.text if person and person.text not in shown else ""
            shown += f"\n{name} {part.label} {part.line.text}"
            labelled.append(replace(part, label=name or part.label))
        else:
            labelled.append(part)
    return labelled


def write_composition(answer: Answer, composition: Composition) -> Answer:
    """Return the answer with the composition's text, its sentences and the passages that it cites."""
    used = list(dict.fromkeys(part.line.number for part in composition.parts if isinstance(part, Item)))
    numbers = {number: i for i, number in enumerate(used, start=1)}
    hits = tuple(composition.found.hits[number - 1] for number in used)
    is_list = len(composition.parts) > 1
    text, quotes = "", list[Sentence]()
    for part in composition.parts:
        if isinstance(part, str):
            text += ("\n\n" if text else "") + without_markers(part)
            continue
        text += "\n" if text else ""
        text += ("- " if is_list else "") + (f"**{without_markers(part.label)}** — " if part.label else "")
        number, shown = numbers[part.line.number], without_markers(part.line.text)
        quoted = f"{shown} [{number}]"
        span = (part.line.span,)
        quotes.append(Sentence(len(text), len(text) + len(quoted), shown, (number,), span, "quoted"))
        text += quoted
    return replace(answer, text=text, sentences=tuple(quotes), hits=hits or answer.hits)


def joined(question: str, answers: Sequence[Answer]) -> Answer:
    """Return one answer that consists of several, one a paragraph; it is found if any of them is."""
    text, quotes, hits = "", list[Sentence](), list[Hit]()
    for each in answers:
        head = text + ("\n\n" if text else "") + (f"{each.question} — " if len(answers) > 1 and not each.found else "")
        renumbered, moved = _renumbered(each, len(hits), len(head))
        text, quotes, hits = head + renumbered, [*quotes, *moved], [*hits, *each.hits]
    first = answers[0]
    return replace(
        first,
        question=question,
        search_query=" ".join(each.search_query for each in answers),
        text=text,
        found=any(each.found for each in answers),
        sentences=tuple(quotes),
        hits=tuple(hits),
        confidence=max(each.confidence for each in answers),
        notes=tuple(dict.fromkeys(note for each in answers for note in each.notes)),
        done=False,
    )


def _renumbered(answer: Answer, shift: int, offset: int) -> tuple[str, list[Sentence]]:
    """Return an answer's text and sentences with higher passage numbers, moved to the right."""
    text, quotes, at = "", [], 0
    for sentence in answer.sentences:
        text += answer.text[at : sentence.start]
        said = answer.text[sentence.start : sentence.end]
        start = len(text)
        for number in sorted(set(sentence.numbers), reverse=True):
            said = said.replace(f"[{number}]", f"[{number + shift}]")
        text += said
        focus = sentence.focus and Span(
            sentence.focus.start - sentence.start + start + offset, sentence.focus.end - sentence.start + start + offset
        )
        numbers = tuple(number + shift for number in sentence.numbers)
        quotes.append(replace(sentence, start=start + offset, end=len(text) + offset, numbers=numbers, focus=focus))
        at = sentence.end
    return text + answer.text[at:], quotes


def with_title_cited(answer: Answer, text: str, found: SearchResult, index: ArticleSource) -> Answer:
    """Return the answer with a text about the record; a title that the article begins with is cited."""
    shown = replace(answer, text=without_markers(text), sentences=(), hits=())
    for hit in found.hits:
        title = " ".join(hit.title.split())
        if title and title in text:
            article = _read(index, found, [hit.passage.article_id])
            opening = lines(article)[:1]
            if opening and " ".join(opening[0].text.split()) == title:
                line, at = opening[0], text.index(title)
                opened = article.hits[line.number - 1]
                end = at + len(title)
                cited = shown.text[:end] + " [1]" + shown.text[end:]
                quoted = Sentence(at, end + 4, without_markers(line.text), (1,), (line.span,), "quoted")
                return replace(shown, text=cited, sentences=(quoted,), hits=(opened,))
    return shown


def _articles(request: Request, found: SearchResult, known: Sequence[Article]) -> list[str] | None:
    """Return the ids of the articles to read; None if an article was named that is not among the known ones."""
    hits = list(dict.fromkeys(hit.passage.article_id for hit in found.hits))
    if request.kind == "overview" and request.topic == "article":
        wanted = set(terms(request.subject))
        named = [each.id for each in known if wanted and wanted <= set(terms(f"{each.title} {each.source}"))]
        texts = {hit.passage.article_id for hit in found.hits if is_named(request.subject, hit.passage.text)}
        return named or [each for each in hits if each in texts][:1] or None
    if request.kind == "overview" and not request.subject:
        newest = sorted(known, key=lambda each: each.published or "", reverse=True)
        return [each.id for each in newest]
    if len(known) <= MOST_ARTICLES:
        return [*hits, *(each.id for each in known if each.id not in hits)]
    return hits


def _read(index: ArticleSource, found: SearchResult, articles: Sequence[str]) -> SearchResult:
    """Return the passages of the articles, in reading order, `MOST_PASSAGES` at most."""
    outline = index.outline(articles=articles)
    ids = [id_ for article in articles for id_ in outline.get(article, ())]
    return index.read(found, ids[:MOST_PASSAGES])


def _by_article(rows: Sequence[Line]) -> dict[str, list[Line]]:
    found: dict[str, list[Line]] = {}
    for row in rows:
        found.setdefault(row.article_id, []).append(row)
    return found


def _overview(request: Request, rows: Sequence[Line], read: SearchResult) -> list[str | Item]:
    """Return one article's most central sentences, or one sentence of each of several articles."""
    by_article = _by_article(rows)
    vector = read.question.vector
    if request.subject and request.topic != "article":
        return [Item(line) for line in overview(rows, towards=vector)]
    if len(by_article) == 1:
        return [Item(line) for line in overview(rows)]
    titles = {hit.passage.article_id: " ".join(hit.title.split()) for hit in read.hits}
    is_chinese = bool(_CHINESE.search(read.question.text))
    count = len(by_article)
    parts: list[str | Item] = [
        f"{count} 篇文章，最新的在前：" if is_chinese else f"{count} articles, the newest first:"
    ]
    for article, own in by_article.items():
        parts += [Item(line, titles[article]) for line in overview(own, most=1)]
    if repeated := count + 1 - len(parts):
        few = f"{repeated} of them repeats" if repeated == 1 else f"{repeated} of them repeat"
        parts.append(f"其中 {repeated} 篇与另一篇内容相同。" if is_chinese else f"{few} the text of another.")
    return [*parts, "可以选择其中一篇，再问它的内容。" if is_chinese else "Ask about one of them to read more."]


def _said(request: Request, rows: Sequence[Line], found: SearchResult) -> list[str | Item] | None:
    """Return the statements of a person, an organisation or a group; None if the subject is not a name.

    The list is empty if nobody of this name says anything.
    """
    said: list[tuple[int, Line, Name]] = []
    named = False
    for own in _by_article(rows).values():
        names = names_in(own)
        wanted = [name for name in names if matches(name, request.subject)]
        named = named or bool(wanted)
        for at, (line, speaker) in enumerate(zip(own, speakers(own, names), strict=True)):
            if speaker is None or (line.role == "label") or word_count(line.text) < 4:
                continue
            if is_many(request.subject):
                if speaker.kind == "person":
                    said.append((at, line, speaker))
            elif speaker in wanted:
                said.append((at, line, speaker))
    if is_many(request.subject):
        return _one_each(said, found.question.vector) or None
    if not named and _is_only_a_name(request.subject):
        return []
    if not said:
        return None
    chosen = [line for _, line, _ in said]
    if request.topic:
        chosen = _about_topic(chosen, request.topic, found.question.vector)[:MOST_LINES]
    else:
        chosen = sorted(chosen[:MOST_LINES], key=lambda each: (each.article_id, each.span))
    return [Item(line) for line in chosen]


def _is_only_a_name(subject: str) -> bool:
    """Return whether a subject is a name, and not a description such as "the head of Halvern"."""
    words = [word for word in subject.split() if word.lower() not in lexicon.STOP_WORDS]
    return bool(words) and all(word[:1].isupper() for word in words)


def _who_said(request: Request, rows: Sequence[Line], _found: SearchResult) -> list[str | Item] | None:
    """Return the lines that were quoted, with the names of those who say so."""
    items: list[str | Item] = []
    for own in _by_article(rows).values():
        names = names_in(own)
        for line, speaker in zip(own, speakers(own, names), strict=True):
            if speaker is not None and without_markers(line.text) in request.shown:
                items.append(Item(line, speaker.text))
    return items[:MOST_LINES] or None


def _one_each(said: Sequence[tuple[int, Line, Name]], vector: FloatArray) -> list[str | Item]:
    """Return one statement of each speaker."""
    best: dict[str, Line] = {}
    for _, line, speaker in said:
        known = best.get(speaker.text)
        if known is None:
            best[speaker.text] = line
    ranked = sorted(best.items(), key=lambda row: -float(row[1].vector @ vector))[:MOST_LINES]
    return [Item(line, name) for name, line in sorted(ranked, key=lambda row: (row[1].article_id, row[1].span))]


def _about_topic(said: Sequence[Line], topic: str, vector: FloatArray) -> list[Line]:
    """Return the statements about a topic, the best first; a few statements are all returned."""
    wanted = set(terms(topic))
    scores = np.array([float(line.vector @ vector) + 0.3 * len(wanted & set(terms(line.text))) for line in said])
    order = np.argsort(-scores, kind="stable")
    least = _ON_TOPIC * float(scores.max()) if len(said) > _FEW else -np.inf
    return [said[i] for i in order if scores[i] >= least]


def _about(request: Request, rows: Sequence[Line], _found: SearchResult) -> list[str | Item] | None:
    """Return the sentence that introduces a subject, and what is said about it next; None if it is not mentioned."""
    subject = request.subject
    found: list[tuple[float, int, Line]] = []
    for own in _by_article(rows).values():
        mentioned: dict[int, list[str]] = {}
        for name in names_in(own):
            for at in name.lines if matches(name, subject) else ():
                mentioned.setdefault(at, []).append(name.text)
        for at, line in enumerate(own):
            if line.role != "statement" or not (at in mentioned or is_named(subject, line.text)):
                continue
            forms = [*re.findall(r"[\w-]+", subject), *mentioned.get(at, ())[:_MOST_FORMS]]
            found.append((_introduces(forms, line, at, len(own)), at, line))
    if not found:
        return None
    introducing = max(found, key=lambda row: (row[0], -row[1]))
    others = [row for row in sorted(found, key=lambda row: row[1]) if row is not introducing and row[0] >= 0.5]
    chosen = [introducing[2], *(line for _, _, line in others[: MOST_LINES // 2 - 1])]
    return [Item(line) for line in chosen]


def _introduces(forms: Sequence[str], line: Line, at: int, count: int) -> float:
    """Return how well a line introduces a subject, which it mentions in one of these forms."""
    words = [word for word in forms if word.lower() not in lexicon.STOP_WORDS]
    places = [(place, place + len(word)) for word in words for place in word_positions(word, line.text)]
    score = 0.3 * (1 - at / max(1, count))
    if places:
        score += 0.5 * (min(places)[0] < 40)
        if any(_DEFINES.match(line.text[end : end + 80]) for _, end in places):
            score += 1.0
    return score


def _compare(request: Request, rows: Sequence[Line], _found: SearchResult) -> list[str | Item] | None:
    """Return what is said of each side of a comparison; None if a side is not mentioned."""
    sides = (request.subject, request.topic)
    held = [[line for line in statements(rows) if is_named(side, line.text)] for side in sides]
    if not all(held):
        return None
    parts: list[str | Item] = []
    for side, own, others in zip(sides, held, reversed(held), strict=True):
        places = {(line.article_id, line.span) for line in others}
        alone = [line for line in own if (line.article_id, line.span) not in places]
        ranked = sorted(alone or own, key=lambda line: -_is_subject(side, line))
        shown = sorted(ranked[:2], key=lambda line: (line.article_id, line.span))
        parts += [side[:1].upper() + side[1:] + ":", *(Item(line) for line in shown)]
    return parts


def _is_subject(side: str, line: Line) -> float:
    places = word_positions(side, line.text)
    return 1.0 - places[0] / len(line.text) if places else 0.0


def _list(request: Request, rows: Sequence[Line], found: SearchResult) -> list[str | Item] | None:
    """Return the lines that introduce the names of a category, each with its names; None for another category."""
    if request.category == "other":
        return None
    if request.category == "numbers":
        own = [line for line in statements(rows) if _NUMBER.search(without_clock_times(line.text))]
        return [Item(line) for line in own[:_MOST_ITEMS]]
    wanted = {"people": "person", "organisations": "organisation", "places": "place"}[request.category]
    head = _head_noun(request.subject, request.category)
    items: list[str | Item] = []
    count = 0
    for own in _by_article(rows).values():
        named: dict[int, list[str]] = {}
        for name in names_in(own):
            if name.kind != wanted or (head and head not in name.text.lower()):
                continue
            first = next((at for at in name.lines if own[at].role == "statement"), None)
            if first is not None:
                named.setdefault(first, []).append(name.text)
                count += 1
        items += [Item(own[at], ", ".join(names)) for at, names in sorted(named.items())]
    if not items:
        return None
    return [_counted(count, request, bool(_CHINESE.search(found.question.text))), *items[:_MOST_ITEMS]]


def _head_noun(subject: str, category: Category) -> str:
    """Return the word that a name must contain: "universit" for universities, nothing for companies."""
    words = subject.lower().split()
    for stem in ("universit", "institut", "bank", "hospital", "museum", "college", "school", "minist"):
        if category == "organisations" and any(word.startswith(stem) for word in words):
            return stem
    return ""


def _counted(count: int, request: Request, is_chinese: bool) -> str:
    if is_chinese:
        return f"提到 {count} 个："
    kind = (
        request.category
        if count != 1
        else {"people": "person", "organisations": "organisation", "places": "place"}[request.category]
    )
    return f"{count} {kind} {'are' if count != 1 else 'is'} named:"


_COMPOSERS: dict[str, Callable[[Request, Sequence[Line], SearchResult], list[str | Item] | None]] = {
    "overview": _overview,
    "said": _said,
    "who said": _who_said,
    "about": _about,
    "compare": _compare,
    "list": _list,
}
