"""Answers and articles as HTML. Pure: strings in, strings out, no web framework.

Everything that comes from a reader, an article or a model passes through `escape`, here and exactly once. The chat
window runs its text through a Markdown renderer and a sanitizer that keeps `href`, `id`, `class` and `title` only, so
what a click needs to know travels in those.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import PurePath
from urllib.parse import urlsplit

from index import Hit, Only
from rag import Answer, Citation, Sentence

from .conversation import Conversation, Exchange

SUPPORT_WORDS = {"quoted": "quoted", "supported": "supported", "weak": "weak", "unsupported": "not supported"}
_SUPPORT_HELP = {
    "quoted": "The article says this word for word",
    "supported": "The article says this in other words",
    "weak": "The article says this only in part",
    "unsupported": "No cited passage says this",
}

_NEAREST_SHOWN = 3
_EXCERPT_CHARS = 220

# All ASCII punctuation but the comma. Written as a number, none of it can start a tag, an attribute, a Markdown
# construct, a link, a template expression or a formula.
_PUNCTUATION = re.compile(r"[!-+\--/:-@\[-`{-~]")
# Characters that no text needs: lone surrogates break JSON, the others hide or turn around what stands beside them.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202d\u202e\ufffe\uffff]")
_MARKER = re.compile(r"\[(\d{1,4})\]", re.ASCII)
_BOLD = re.compile(r"\*\*([^*\n]+)\*\*")
_HEADING = re.compile(r"^#{1,6}[ \t]+(.*)$", re.MULTILINE)
_BULLET = re.compile(r"^[ \t]*[-*+][ \t]+", re.MULTILINE)
_LIST_ITEM = re.compile(r"\s*(?:&#45;|&#42;|•|[0-9]{1,3}&#46;)\s+")


def escape(text: str) -> str:
    """Text that stays text: in HTML, in an attribute, in Markdown and in a template."""
    return _PUNCTUATION.sub(lambda found: f"&#{ord(found[0])};", _UNPRINTABLE.sub("\ufffd", text))


def one_line(text: str, limit: int = _EXCERPT_CHARS) -> str:
    """Text on one line, cut at a space near `limit`; not yet escaped."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[:limit].rsplit(" ", 1)[0].rstrip(".,;:–— ") + "…"


def excerpt(text: str) -> str:
    """The words of a passage on one line, without the signs of Markdown; not yet escaped."""
    return one_line(_BOLD.sub(r"\1", _BULLET.sub("• ", _HEADING.sub(r"\1 —", text))))


def outlet(source: str) -> str:
    """Where an article comes from, short: the host of an address, the name of a file."""
    if source.startswith(("http://", "https://")):
        return (urlsplit(source).hostname or source).removeprefix("www.")
    return PurePath(source.replace("\\", "/")).name or source


def day(published: str | None) -> str:
    """A date as a newspaper prints it; what is not a date stays as it is."""
    if not published:
        return ""
    try:
        when = date.fromisoformat(published[:10])
    except ValueError:
        return published
    return f"{when.day} {when:%B} {when.year}"


def byline(
    source: str,
    published: str | None,
    *,
    also: Sequence[str] = (),
    author: str | None = None,
    page: int | None = None,
) -> str:
    """Outlets, author, date and page, as far as they are known; escaped."""
    outlets = ", ".join(dict.fromkeys(outlet(each) for each in (source, *also)))
    parts = (outlets, one_line(author or "", 80), day(published), f"p. {page}" if page else "")
    return " · ".join(escape(part) for part in parts if part)


def messages(conversation: Conversation) -> list[dict[str, str]]:
    """The conversation as the chat window takes it."""
    shown: list[dict[str, str]] = []
    for turn, exchange in enumerate(conversation.exchanges, start=1):
        shown.append({"role": "user", "content": question_html(exchange.question)})
        shown.append({"role": "assistant", "content": exchange_html(exchange, turn)})
    return shown


def question_html(question: str) -> str:
    """A question as it was typed."""
    return f'<div class="question">{"<br>".join(escape(line) for line in question.strip().splitlines())}</div>'


def exchange_html(exchange: Exchange, turn: int) -> str:
    """The reply to one question: the answer so far, and why it ends where it does."""
    parts = []
    if exchange.answer is not None:
        parts.append(answer_html(exchange.answer, turn, running=exchange.error is None and not exchange.stopped))
    elif exchange.error is None and not exchange.stopped:
        parts.append('<p class="working">Looking through the articles…</p>')
    if exchange.only:
        parts.append(f'<p class="note">Asked only of articles: {escape(one_line(_choice(exchange.only), 200))}</p>')
    if exchange.stopped:
        parts.append('<p class="note">Stopped. What was written so far is kept.</p>')
    if exchange.error is not None:
        message, hint = exchange.error
        detail = f'<span class="hint">{escape(hint)}</span>' if hint else ""
        parts.append(f'<div class="failure"><strong>{escape(message[:1].upper() + message[1:])}</strong>{detail}</div>')
    return f'<div class="reply">{"".join(parts)}</div>'


def _choice(only: Only) -> str:
    """A choice of articles in words, outlets as they are shown elsewhere."""
    return str(replace(only, sources=tuple(map(outlet, only.sources))))


def answer_html(answer: Answer, turn: int, *, running: bool = True) -> str:
    """An answer with clickable markers, a word of support after each sentence, and its sources."""
    parts = [_prose(_marked_text(answer, turn))]
    if running and not answer.done and not answer.text:
        parts = [f'<p class="working">Reading {_passages(len(answer.hits))}…</p>']
    if answer.search_query and answer.search_query.strip() != answer.question.strip():
        parts.append(f'<p class="note">Searched for: {escape(one_line(answer.search_query))}</p>')
    parts += [f'<p class="note">{escape(one_line(note, 400))}</p>' for note in answer.notes]
    parts.append(_sources(answer, turn) if answer.found else _nearest(answer, turn))
    return f'<div class="answer{"" if answer.found else " abstained"}">{"".join(parts)}</div>'


def _marked_text(answer: Answer, turn: int) -> str:
    """The answer's text, escaped, with anchors for the markers of finished sentences and a mark after each of those."""
    if not answer.found:
        return _plain(answer.text)
    order = {(c.number, c.start, c.end): k for k, c in enumerate(answer.citations, start=1)}
    pieces, position = [], 0
    for sentence in answer.sentences:
        pieces.append(_plain(answer.text[position : sentence.start]))
        places = list(zip(sentence.numbers, sentence.evidence, strict=True))
        at = sentence.start
        # What a quoted sentence says is the article's: a [1] inside it is text, the markers come after it.
        quoted = answer.text.startswith(sentence.text, sentence.start)
        if quoted and sentence.focus:
            pieces.append(_plain(answer.text[at : sentence.focus.start]))
            pieces.append(f"<strong>{escape(answer.text[sentence.focus.start : sentence.focus.end])}</strong>")
            at = sentence.focus.end
        begin = sentence.start + len(sentence.text) if quoted else sentence.start
        for marker in _MARKER.finditer(answer.text, begin, sentence.end):
            number = int(marker[1])
            place = next((place for place in places if place[0] == number), None)
            if place is None:
                continue  # a number that points at nothing stays plain text
            if sum(1 for known, _ in places if known == number) > 1:
                places.remove(place)  # the next marker with this number has its own evidence
            before = answer.text[at : marker.start()]
            # A number never begins a line: it stays with the word that it stands behind.
            pieces.append(_plain(before[:-1] + "\u00a0" if before.endswith(" ") else before))
            pieces.append(_anchor(turn, order[number, place[1].start, place[1].end], number))
            at = marker.end()
        pieces.append(_plain(answer.text[at : sentence.end]))
        pieces.append(_support_mark(sentence))
        position = sentence.end
    pieces.append(_plain(answer.text[position:]))
    return "".join(pieces)


def _plain(text: str) -> str:
    """Text of an answer, escaped; the one piece of Markdown that every model writes, `**bold**`, is shown as bold."""
    parts = _BOLD.split(text)  # plain, bold, plain, bold, …
    return "".join(f"<strong>{escape(part)}</strong>" if i % 2 else escape(part) for i, part in enumerate(parts))


def _anchor(turn: int, order: int, number: int) -> str:
    return f'<a href="#cite-{turn}-{order}" class="cite">&#91;{number}&#93;</a>'


def _support_mark(sentence: Sentence) -> str:
    support = sentence.support
    word, help_ = SUPPORT_WORDS[support], _SUPPORT_HELP[support]
    if sentence.moved:
        word, help_ = f"{word}, citation moved", f"{help_}. The model cited something else, or nothing"
    return f' <span class="support {support}" title="{help_}">{word}</span>'


def _prose(html: str) -> str:
    """Lines as paragraphs and list items. A blank line would end the HTML block in Markdown, so none is left."""
    paragraphs = []
    for line in html.splitlines():
        item = _LIST_ITEM.match(line)
        if item:
            paragraphs.append(f'<p class="item">{line}</p>' if line[:1].isdigit() else _bullet(line[item.end() :]))
        elif line.strip():
            paragraphs.append(f"<p>{line}</p>")
    return "".join(paragraphs)


def _bullet(line: str) -> str:
    return f'<p class="item">• {line}</p>'


def _sources(answer: Answer, turn: int) -> str:
    """What the answer cites, then, folded, what was found beside it."""
    citations = answer.citations
    cited = {citation.number for citation in citations}
    others = [number for number in range(1, len(answer.hits) + 1) if number not in cited]
    html = ""
    if citations:
        items = "".join(_cited(citation, turn, k) for k, citation in enumerate(citations, start=1))
        html += f'<p class="sources-title">Sources</p><ol class="sources">{items}</ol>'
    if others and (citations or answer.done):
        rows = "".join(_retrieved(answer.hits[number - 1], turn, number) for number in others)
        more = f"{_passages(len(others))} also found, not cited"
        html += f'<details class="also"><summary>{more}</summary><ol class="sources">{rows}</ol></details>'
    return html


def _nearest(answer: Answer, turn: int) -> str:
    """The passages nearest to a question that the articles do not answer. They are no citations."""
    if not answer.hits:
        return ""
    rows = [_retrieved(hit, turn, number) for number, hit in enumerate(answer.hits, start=1)]
    first, rest = "".join(rows[:_NEAREST_SHOWN]), "".join(rows[_NEAREST_SHOWN:])
    html = f'<p class="sources-title">The nearest passages</p><ol class="sources">{first}</ol>'
    if rest:
        more = f"{_passages(len(rows) - _NEAREST_SHOWN)} further away"
        html += f'<details class="also"><summary>{more}</summary><ol class="sources">{rest}</ol></details>'
    return html


def _cited(citation: Citation, turn: int, order: int) -> str:
    """One cited place. The hover card takes its words from here, by id."""
    line = byline(citation.source, citation.published, also=citation.also, author=citation.author, page=citation.page)
    return (
        f'<li id="source-{turn}-{order}">'
        f'<a href="#cite-{turn}-{order}" class="source"><span class="number">&#91;{citation.number}&#93;</span> '
        f'<span class="quote">“{escape(excerpt(citation.quote))}”</span></a>'
        f'<span class="origin"><span class="title">{escape(one_line(citation.title, 120))}</span>'
        f'<span class="byline">{line}</span></span></li>'
    )


def _retrieved(hit: Hit, turn: int, number: int) -> str:
    line = byline(hit.source, hit.published, also=hit.also, author=hit.author, page=hit.page(hit.passage.start))
    return (
        f'<li><a href="#hit-{turn}-{number}" class="source"><span class="quote">{escape(excerpt(hit.passage.text))}'
        f'</span></a><span class="origin"><span class="title">{escape(one_line(hit.title, 120))}</span>'
        f'<span class="byline">{line}</span></span></li>'
    )


def _passages(count: int) -> str:
    return "one passage" if count == 1 else f"{count} passages"
