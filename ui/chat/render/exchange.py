"""Render questions and answers as HTML, with links to the sources and a support label per sentence. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from markupsafe import Markup

from index import ArticleFilter, Hit, Span
from rag import Answer, Citation, Sentence

from ...conversation import Conversation, Exchange
from ...html import CONTRADICTED, abstention_text, answer_notes, escape, one_line, outlet, reason_text, support_label
from ...i18n.translate import Translate, counted, english
from ...templating import macros

MOST_SHOWN = 20
"""Maximum number of recent questions in the chat window; every change sends and draws all of them again."""

_SUPPORT_HELP = {
    "quoted": "The article says this word for word",
    "supported": "The article says this in other words",
    "weak": "The article supports only part of this sentence",
    "unsupported": "No cited passage supports this sentence",
}
_CONTRADICTED_HELP = "The cited passage says something else"

_MARKER = re.compile(r"\[(\d{1,4})\]", re.ASCII)
_BOLD = re.compile(r"\*\*([^*\n]+)\*\*")
_LIST_ITEM = re.compile(r"\s*(?:&#45;|&#42;|•|[0-9]{1,3}&#46;)\s+")
_PLAIN = re.compile(r"\w+", re.ASCII)
_FOLDED = 4  # citations of an answer in quotes from which on its sources are folded


def messages(
    conversation: Conversation, translate: Translate = english, *, whole: bool = False
) -> list[dict[str, str]]:
    """Return the chat messages: the last questions with a button for earlier ones, or all questions if `whole`."""
    shown: list[dict[str, str]] = []
    earlier = 0 if whole else max(0, len(conversation.exchanges) - MOST_SHOWN)
    if earlier:
        content = str(macros("chat", "exchange").earlier(translate, earlier))
        shown.append({"role": "assistant", "content": content})
    for turn, exchange in enumerate(conversation.exchanges[earlier:], start=earlier + 1):
        is_last = turn == len(conversation.exchanges)
        reply = exchange_html(exchange, turn, translate) if is_last else _cached(_ById(exchange), turn, translate)
        shown.append({"role": "user", "content": question_html(exchange.question)})
        shown.append({"role": "assistant", "content": reply})
    return shown


class _ById:
    """A cache key for an exchange, equal only for the same object."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ById) and self.exchange is other.exchange

    def __hash__(self) -> int:
        return id(self.exchange)


@lru_cache(maxsize=256)
def _cached(key: _ById, turn: int, translate: Translate) -> str:
    """Return HTML for the reply to an earlier question, which does not change while the last answer is written."""
    return exchange_html(key.exchange, turn, translate)


def question_html(question: str) -> str:
    """Return HTML for a question as the user typed it."""
    return str(macros("chat", "exchange").question(question.strip().splitlines()))


def exchange_html(exchange: Exchange, turn: int, translate: Translate = english) -> str:
    """Return HTML for the reply to a question: the answer so far, the error or stop that ended it, and its actions."""
    ended = exchange.error is not None or exchange.stopped
    found = exchange.answer
    answer = None if found is None else Markup(answer_html(found, turn, running=not ended, translate=translate))  # noqa: S704
    scope = one_line(scope_text(exchange.article_filter, translate), 200)
    is_over = ended or (found is not None and found.done)
    return str(macros("chat", "exchange").reply(translate, exchange, turn, answer, scope, is_over))


def scope_text(article_filter: ArticleFilter, translate: Translate) -> str:
    """Return a description of an article filter, empty for all articles; not yet escaped."""
    parts = [
        translate("since {day}", day=article_filter.since) if article_filter.since else "",
        translate("until {day}", day=article_filter.until) if article_filter.until else "",
        ", ".join(map(outlet, article_filter.sources)),
        translate("{count} selected", count=len(article_filter.articles)) if article_filter.articles else "",
    ]
    return " · ".join(part for part in parts if part)


def answer_html(answer: Answer, turn: int, *, running: bool = True, translate: Translate = english) -> str:
    """Return HTML for an answer with source links, support labels, and a list of its passages."""
    working = ""
    if running and not answer.done and not answer.text:
        several = counted(translate, len(answer.hits), "1 passage", "{count} passages")
        working = translate("Reading {passages}…", passages=several)
    citations = answer.citations if answer.found else ()
    cited = [(each, pointer(answer.hits[each.number - 1], Span(each.start, each.end))) for each in citations]
    numbers = {citation.number for citation in citations}
    others = [(n, hit, pointer(hit)) for n, hit in enumerate(answer.hits, start=1) if n not in numbers]
    prose = Markup(_prose(_linked_text(answer, citations, turn, translate)))  # noqa: S704 - its text is escaped
    notes = answer_notes(answer, translate)
    # A list of quotes repeats the answer.
    folded = len(cited) >= _FOLDED and all(sentence.support == "quoted" for sentence in answer.sentences)
    return str(macros("chat", "exchange").answer(translate, answer, turn, prose, working, notes, cited, others, folded))


def pointer(hit: Hit, evidence: Span | None = None) -> str:
    """Return a CSS class that gives the page's script a link's target.

    The class is `at-ARTICLE-START-END[-START-END]`, with the offsets of the passage and of its evidence. The chat
    window's sanitizer does not remove classes. If an article id contains characters other than ASCII letters,
    digits and underscores, the result is an empty string.
    """
    passage = hit.passage
    if not _PLAIN.fullmatch(passage.article_id):
        return ""
    offsets = [passage.start, passage.end, *((evidence.start, evidence.end) if evidence else ())]
    return f"at-{passage.article_id}-{'-'.join(map(str, offsets))}"


def segments(answer: Answer, sentence: Sentence, citations: Sequence[Citation]) -> Iterator[Span | Citation]:
    """Yield a sentence's plain text and citations alternately; plain text comes first and last."""
    cited = list(zip(sentence.numbers, sentence.evidence, strict=True))
    at = begin = sentence.start
    if answer.text.startswith(sentence.text, sentence.start):
        begin += len(sentence.text)  # in a quoted sentence, [1] is article text; the markers follow the sentence
    for marker in _MARKER.finditer(answer.text, begin, sentence.end):
        number = int(marker[1])
        evidence = next((span for known, span in cited if known == number), None)
        if evidence is None:
            continue  # a number without evidence stays plain text
        if sum(1 for known, _ in cited if known == number) > 1:
            cited.remove((number, evidence))  # the next marker with this number has different evidence
        yield Span(at, marker.start())
        cites = (number, evidence.start, evidence.end)
        yield next(each for each in citations if (each.number, each.start, each.end) == cites)
        at = marker.end()
    yield Span(at, sentence.end)


def _linked_text(answer: Answer, citations: Sequence[Citation], turn: int, translate: Translate) -> str:
    """Return an answer's escaped text, with links in place of markers and a label after each finished sentence."""
    if not answer.found:
        return _plain(abstention_text(answer, translate))
    pieces, position = [], 0
    for sentence in answer.sentences:
        pieces.append(_plain(answer.text[position : sentence.start]))
        focus = sentence.focus if answer.text.startswith(sentence.text, sentence.start) else None
        for segment in segments(answer, sentence, citations):
            if isinstance(segment, Span):
                pieces.append(_text_with_focus(answer.text, segment, focus))
                continue
            if pieces[-1].endswith(" "):  # a non-breaking space keeps the number on the same line as the preceding word
                pieces[-1] = pieces[-1][:-1] + "\u00a0"
            target = pointer(answer.hits[segment.number - 1], Span(segment.start, segment.end))
            link = f'<a href="#cite-{turn}-{citations.index(segment) + 1}" class="cite {target}">'
            pieces.append(f"{link}&#91;{segment.number}&#93;</a>")
        pieces.append(_support_label(sentence, translate))
        position = sentence.end
    pieces.append(_plain(answer.text[position:]))
    return "".join(pieces)


def _text_with_focus(text: str, span: Span, focus: Span | None) -> str:
    """Return a span's escaped text, with the short answer in bold."""
    if focus is None or not span.start <= focus.start <= focus.end <= span.end:
        return _plain(text[span.start : span.end])
    before, short, after = text[span.start : focus.start], text[focus.start : focus.end], text[focus.end : span.end]
    return f"{_plain(before)}<strong>{escape(short)}</strong>{_plain(after)}"


def _plain(text: str) -> str:
    """Escape the text, and convert Markdown `**bold**`, which LLMs often write, to HTML."""
    parts = _BOLD.split(text)  # plain, bold, plain, bold, …
    return "".join(f"<strong>{escape(part)}</strong>" if i % 2 else escape(part) for i, part in enumerate(parts))


def _support_label(sentence: Sentence, translate: Translate) -> str:
    support, label = sentence.support, support_label(sentence.support, sentence.reason)
    help_ = translate(_CONTRADICTED_HELP if label == CONTRADICTED else _SUPPORT_HELP[support])
    label = translate(label)
    if sentence.citation_corrected:
        label = translate("{support}, citation corrected", support=label)
        help_ = translate("{help}. The model cited another passage or none", help=help_)
    shown = f' <span class="support {support}" title="{escape(help_)}">{escape(label)}</span>'
    if sentence.reason:  # not only in the title, which keyboards and many screen readers do not reach
        shown += f' <span class="reason">{escape(one_line(reason_text(sentence.reason, translate)))}</span>'
    return shown


def _prose(html: str) -> str:
    """Return the lines as HTML paragraphs and list items without blank lines, which would end an HTML block."""
    paragraphs = []
    for line in html.splitlines():
        item = _LIST_ITEM.match(line)
        if item:
            text = line if line[:1].isdigit() else f"• {line[item.end() :]}"
            paragraphs.append(f'<p class="item">{text}</p>')
        elif line.strip():
            paragraphs.append(f"<p>{line}</p>")
    return "".join(paragraphs)
