"""Export a conversation as Markdown or JSON, and an answer as plain text to copy. Pure functions.

Markdown escapes all text from users, articles and models: a backslash precedes each character that could begin markup,
and a word joiner is in each address, because some renderers make links of addresses after they have removed escapes.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import groupby

from index import Span
from rag import Answer, Citation

from ...conversation import Conversation, Exchange
from ...html import abstention_text, answer_notes, break_addresses, is_web_address, origin, reason_text, support_label
from ...i18n.translate import Translate, english
from .exchange import scope_text, segments

FORMAT = "citechat conversation 1"
"""The format identifier in exported JSON files."""

LONGEST_NAME = 50
"""Maximum length of a file name without its suffix, in characters: at four bytes each, below file system limits."""

_BADLY = ("weak", "unsupported")

# Lone surrogates cannot be written to a file; the others hide or reorder adjacent text.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202d\u202e\ufffe\uffff]")
_BOLD = re.compile(r"\*\*(?=\S)([^*\n]+)(?<=\S)\*\*")
# Each of these may begin or end a construct in some Markdown dialect: emphasis, code, a link, a footnote, a tag, a
# table, a formula, an attribute, a mention or a heading; or, only in some contexts, an entity, an image or a comment.
_SPECIAL = re.compile(r"[\\`*_\[\]<>{}~^$|#@=]|&(?=#?\w+;)|!(?=\[|$)|(?<=\])\(|%(?=%)")
_AFTER_FOOTNOTE = re.compile(r"^[(:]")  # would turn the preceding footnote into a link or a definition
_ITEM = re.compile(r"(?:-|\+|•|\\\*)\s+(?=\S)")
_AT_LINE_START = re.compile(r"^(\d{1,9}(?=[.)](?:\s|$))|(?=[-+:%]))")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(?![^.])", re.IGNORECASE)  # reserved by Windows


def as_markdown(conversation: Conversation, translate: Translate = english) -> str:
    """Return the conversation as Markdown with citations as footnotes, numbered continuously."""
    blocks = [f"# {_escaped(_flat(conversation.title)) or translate('Conversation')}"]
    last = 0
    for exchange in conversation.exchanges:
        numbers: dict[Citation, int] = {}
        blocks.append(f"## {_escaped(_flat(exchange.question)) or translate('(no question)')}")
        if exchange.answer is not None:
            blocks += _answer_blocks(exchange.answer, numbers, last + 1, translate)
        blocks += [f"*({_escaped(note)})*" for note in _notes(exchange, translate)]
        if exchange.error is not None:
            blocks.append(f"**{translate('Error:')}** {_escaped(_error(exchange.error, translate))}")
        blocks += [f"[^{number}]: {_footnote(citation, translate)}" for citation, number in numbers.items()]
        last += len(numbers)
    return "\n\n".join(blocks) + "\n"


def as_json(conversation: Conversation) -> str:
    """Return the conversation as JSON: its questions, with answers in the format of `citechat ask --json`."""
    questions = [
        {
            "question": exchange.question,
            "only": asdict(exchange.article_filter),
            "answer": None if exchange.answer is None else exchange.answer.to_dict(),
            "error": None if exchange.error is None else dict(zip(("message", "hint"), exchange.error, strict=True)),
            "stopped": exchange.stopped,
            "verdict": exchange.rating,
        }
        for exchange in conversation.exchanges
    ]
    written = {"format": FORMAT, "title": conversation.title, "questions": questions}
    return re.sub("[\ud800-\udfff]", "\ufffd", json.dumps(written, ensure_ascii=False, indent=2)) + "\n"


def with_sources(exchange: Exchange, translate: Translate = english) -> str:
    """Return an answer as plain text with its sources, numbered from 1 in the order of citation."""
    numbers: dict[Citation, int] = {}

    def write(piece: str | Citation, _: bool) -> str:
        if isinstance(piece, str):
            return _BOLD.sub(r"\1", _clean(piece))
        return f"[{numbers.setdefault(piece, len(numbers) + 1)}]"

    answer = exchange.answer
    text = "" if answer is None else _written(answer, write, translate).strip()
    notes = [f"({note})" for note in _notes(exchange, translate)]
    error = [] if exchange.error is None else [_error(exchange.error, translate)]
    sources = [
        f"[{number}] {_quoted(citation)} {_source_line(citation, translate)}" for citation, number in numbers.items()
    ]
    listed = [translate("Sources:") + "\n" + "\n".join(map(str.strip, sources))] if sources else []
    return "\n\n".join(filter(None, [text, *notes, *error, *listed])) + "\n"


def file_name(conversation: Conversation, suffix: str) -> str:
    """Return a file name from the title or the first question, valid on any system; letters of all scripts are kept."""
    first = conversation.exchanges[0].question if conversation.exchanges else ""
    title = unicodedata.normalize("NFC", conversation.title.strip() or first)
    kept = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in title)
    name = "-".join(kept.split())[:LONGEST_NAME].strip("-") or "conversation"
    ending = re.sub(r"[^a-z0-9]", "", suffix.lower())
    return ("_" if _RESERVED.match(name) else "") + name + (f".{ending}" if ending else "")


def _answer_blocks(answer: Answer, numbers: dict[Citation, int], first: int, translate: Translate) -> list[str]:
    """Return an answer's lines as paragraphs and list items; add each footnote's number, from `first`, to `numbers`."""

    def write(piece: str | Citation, follows_footnote: bool) -> str:
        if isinstance(piece, Citation):
            return f"[^{numbers.setdefault(piece, first + len(numbers))}]"
        parts = [_escaped(part) for part in _BOLD.split(_clean(piece))]  # plain, bold, plain, bold, …
        if follows_footnote:
            parts[0] = _AFTER_FOOTNOTE.sub(r"\\\g<0>", parts[0])
        return "".join(f"**{part}**" if i % 2 else part for i, part in enumerate(parts))

    lines = filter(None, map(str.strip, _written(answer, write, translate).splitlines()))
    return [_line(line) for line in lines]


def _line(line: str) -> str:
    """Return an escaped line as a list item if it begins with a bullet, else as plain text."""
    item = _ITEM.match(line)
    rest = line[item.end() :] if item else line
    return ("- " if item else "") + _AT_LINE_START.sub(r"\1\\", rest)


def _written(answer: Answer, write: Callable[[str | Citation, bool], str], translate: Translate) -> str:
    """Return the answer, with each piece converted by `write(piece, follows_citation)`."""
    written, follows_citation = [], False
    for is_text, pieces in groupby(_pieces(answer, translate), key=lambda piece: isinstance(piece, str)):
        # Join adjacent texts before escaping: "&" and "amp;" are harmless only separately.
        for piece in ["".join(map(str, pieces))] if is_text else list(pieces):
            written.append(write(piece, follows_citation))
        follows_citation = not is_text
    return "".join(written)


def _pieces(answer: Answer, translate: Translate) -> Iterator[str | Citation]:
    """Yield an answer's text, with citations in place of markers and a label after each badly supported sentence."""
    if not answer.found:
        yield abstention_text(answer, translate)
        return
    citations = {(c.number, c.start, c.end): c for c in answer.citations}
    position = 0
    for sentence in answer.sentences:
        yield answer.text[position : sentence.start]
        *parts, rest = segments(answer, sentence, answer.citations)
        yield from (answer.text[each.start : each.end] if isinstance(each, Span) else each for each in parts)
        end = answer.text[rest.start : rest.end]
        yield end.rstrip()
        cited = (
            citations[n, span.start, span.end] for n, span in zip(sentence.numbers, sentence.evidence, strict=True)
        )
        yield from (citation for citation in dict.fromkeys(cited) if citation not in parts)
        if sentence.support in _BADLY:
            label = translate(support_label(sentence.support, sentence.reason))
            reason = _flat(reason_text(sentence.reason, translate))
            yield f" ({translate('{support}: {reason}', support=label, reason=reason) if reason else label})"
        yield end[len(end.rstrip()) :]
        position = sentence.end
    yield answer.text[position:]


def _notes(exchange: Exchange, translate: Translate) -> Iterator[str]:
    """Yield notes on the answer: the articles searched, and the error or stop that ended it."""
    answer = exchange.answer
    if exchange.article_filter:
        yield translate("Limited to: {scope}", scope=_flat(scope_text(exchange.article_filter, translate)))
    if answer is not None:
        yield from filter(None, map(_flat, answer_notes(answer, translate)))
        if not answer.found:
            yield translate("No answer found in the articles.")
    if exchange.stopped:
        yield translate("Stopped. The answer is incomplete.")
    elif exchange.error is None and (answer is None or not answer.done):
        yield translate("The answer is incomplete.")


def _error(error: tuple[str, str], translate: Translate) -> str:
    message, hint = (_flat(translate(text)) for text in error)
    message = message[:1].upper() + message[1:].removesuffix(".").removesuffix("。")
    return translate("{message}. {hint}", message=message, hint=hint).rstrip()


def _footnote(citation: Citation, translate: Translate) -> str:
    # The title is in asterisks and never missing: Markdown without footnotes would parse a one-word quote and a title
    # in quotation marks as a link's address and title.
    title = _escaped(_flat(citation.title)) or translate("Untitled")
    parts = ", ".join([f"*{title}*", *map(_escaped, _origin(citation, translate))])
    address = f", <{citation.source}>" if is_web_address(citation.source) else ""
    return f"{_escaped(_quoted(citation))} {parts}{address}"


def _source_line(citation: Citation, translate: Translate) -> str:
    address = [citation.source] if is_web_address(citation.source) else []
    return ", ".join(filter(None, [_flat(citation.title), *_origin(citation, translate), *address]))


def _quoted(citation: Citation) -> str:
    return f"“{_flat(citation.quote)}”"


def _origin(citation: Citation, translate: Translate) -> list[str]:
    also, author, page = citation.also, citation.author, citation.page
    parts = origin(citation.source, citation.published, also=also, author=author, page=page, translate=translate)
    return list(filter(None, map(_flat, parts)))


def _escaped(text: str) -> str:
    """Escape clean text for use in a Markdown line, with a word joiner in each address."""
    return _SPECIAL.sub(r"\\\g<0>", break_addresses(text))


def _flat(text: str) -> str:
    """Return the text on one line, without unprintable characters."""
    return " ".join(_clean(text).split())


def _clean(text: str) -> str:
    return _UNPRINTABLE.sub("\ufffd", text)
