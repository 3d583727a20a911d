"""A conversation to take along: as a Markdown file, as JSON, and one answer as text for a mail. Pure.

Whatever comes from a reader, an article or a model is text: in Markdown a backslash stands before each character that
would make it anything else.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import groupby

from rag import Answer, Citation

from ...conversation import Conversation, Exchange
from ...html import SUPPORT_LABELS, day, outlet
from ...i18n.translate import Say, english
from .exchange import chosen_in_words

FORMAT = "citechat conversation 1"
"""What a JSON file says that it is."""

LONGEST_NAME = 50
"""Characters of a file name before its suffix: at four bytes each they are fewer than a file system allows."""

_BADLY = ("weak", "unsupported")

# Lone surrogates cannot be written to a file; the others hide or turn around what stands beside them.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202d\u202e\ufffe\uffff]")
_MARKER = re.compile(r"\[(\d{1,4})\]", re.ASCII)
_BOLD = re.compile(r"\*\*(?=\S)([^*\n]+)(?<=\S)\*\*")
# An address that Markdown takes as it is: without brackets, quotes, a password or anything to be escaped.
_ADDRESS = re.compile(r"https?://[\w\-.~:%]+([/?#][\w\-.~:/?#@!$&'()*+,;=%]*)?")
# Where each of these stands, it may begin or end something in one dialect of Markdown or another: emphasis, code, a
# link, a footnote, a tag, a table, a formula, an attribute, a mention, a heading; in some places only, an entity, an
# image, an address that becomes a link by itself, or a comment.
_SPECIAL = re.compile(
    r"[\\`*_\[\]<>{}~^$|#@=]|&(?=#?\w+;)|!(?=\[|$)|:(?=//)|(?<=\])\(|(?<=www)\.|%(?=%)", re.IGNORECASE
)
_AFTER_FOOTNOTE = re.compile(r"^[(:]")  # would turn the footnote before it into a link or a definition
_ITEM = re.compile(r"(?:-|\+|•|\\\*)\s+(?=\S)")
_AT_LINE_START = re.compile(r"^(\d{1,9}(?=[.)](?:\s|$))|(?=[-+:%]))")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(?![^.])", re.IGNORECASE)  # Windows keeps these for itself


def as_markdown(conversation: Conversation, say: Say = english) -> str:
    """The conversation as a Markdown file, in which the citations are footnotes, numbered through the whole file; the
    words that are ours are in the language of `say`."""
    blocks = [f"# {_escaped(_flat(conversation.title)) or say('Conversation')}"]
    last = 0
    for exchange in conversation.exchanges:
        numbers: dict[Citation, int] = {}
        blocks.append(f"## {_escaped(_flat(exchange.question)) or say('(no question)')}")
        if exchange.answer is not None:
            blocks += _answer_blocks(exchange.answer, numbers, last + 1, say)
        blocks += [f"*({_escaped(aside)})*" for aside in _asides(exchange, say)]
        if exchange.error is not None:
            blocks.append(f"**{say('Error:')}** {_escaped(_error(exchange.error, say))}")
        blocks += [f"[^{number}]: {_footnote(citation, say)}" for citation, number in numbers.items()]
        last += len(numbers)
    return "\n\n".join(blocks) + "\n"


def as_json(conversation: Conversation) -> str:
    """The conversation for programs: its questions, each with the answer as the command line prints it."""
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


def with_sources(exchange: Exchange, say: Say = english) -> str:
    """The answer to one question as text for a mail, and what it cites, numbered from 1 in the order of the text."""
    numbers: dict[Citation, int] = {}

    def write(piece: str | Citation, _: bool) -> str:
        if isinstance(piece, str):
            return _BOLD.sub(r"\1", _clean(piece))
        return f"[{numbers.setdefault(piece, len(numbers) + 1)}]"

    answer = exchange.answer
    text = "" if answer is None else _written(answer, write, say).strip()
    asides = [f"({aside})" for aside in _asides(exchange, say)]
    error = [] if exchange.error is None else [_error(exchange.error, say)]
    sources = [f"[{number}] {_quoted(citation)} {_origin(citation, say)}" for citation, number in numbers.items()]
    listed = [say("Sources:") + "\n" + "\n".join(map(str.strip, sources))] if sources else []
    return "\n\n".join(filter(None, [text, *asides, *error, *listed])) + "\n"


def file_name(conversation: Conversation, suffix: str) -> str:
    """A file name after the title, or the first question, that every system takes; letters of any script are kept."""
    first = conversation.exchanges[0].question if conversation.exchanges else ""
    title = unicodedata.normalize("NFC", conversation.title.strip() or first)
    kept = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in title)
    name = "-".join(kept.split())[:LONGEST_NAME].strip("-") or "conversation"
    ending = re.sub(r"[^a-z0-9]", "", suffix.lower())
    return ("_" if _RESERVED.match(name) else "") + name + (f".{ending}" if ending else "")


def _answer_blocks(answer: Answer, numbers: dict[Citation, int], first: int, say: Say) -> list[str]:
    """The lines of an answer as paragraphs and list items; fills in the number of each footnote, from `first`."""

    def write(piece: str | Citation, follows_footnote: bool) -> str:
        if isinstance(piece, Citation):
            return f"[^{numbers.setdefault(piece, first + len(numbers))}]"
        parts = [_escaped(part) for part in _BOLD.split(_clean(piece))]  # plain, bold, plain, bold, …
        if follows_footnote:
            parts[0] = _AFTER_FOOTNOTE.sub(r"\\\g<0>", parts[0])
        return "".join(f"**{part}**" if i % 2 else part for i, part in enumerate(parts))

    lines = filter(None, map(str.strip, _written(answer, write, say).splitlines()))
    return [_line(line) for line in lines]


def _line(line: str) -> str:
    """An escaped line: an item where it begins with a bullet, else text whatever it begins with."""
    item = _ITEM.match(line)
    rest = line[item.end() :] if item else line
    return ("- " if item else "") + _AT_LINE_START.sub(r"\1\\", rest)


def _written(answer: Answer, write: Callable[[str | Citation, bool], str], say: Say) -> str:
    """The answer, each piece of it written by `write`, which learns whether a citation stands before the piece."""
    written, follows_citation = [], False
    for is_text, pieces in groupby(_pieces(answer, say), key=lambda piece: isinstance(piece, str)):
        # What stands side by side is one text: "&" and "amp;" are harmless apart.
        for piece in ["".join(map(str, pieces))] if is_text else list(pieces):
            written.append(write(piece, follows_citation))
        follows_citation = not is_text
    return "".join(written)


def _pieces(answer: Answer, say: Say) -> Iterator[str | Citation]:
    """The answer's text, with citations in place of the markers, and a word after what is badly supported."""
    if not answer.found:
        yield say(answer.text)
        return
    citations = {(c.number, c.start, c.end): c for c in answer.citations}
    position = 0
    for sentence in answer.sentences:
        yield answer.text[position : sentence.start]
        places = list(zip(sentence.numbers, sentence.evidence, strict=True))
        unmarked = dict.fromkeys(places)
        at = sentence.start
        # What a quoted sentence says is the article's: a [1] inside it is text, the markers come after it.
        quoted = answer.text.startswith(sentence.text, sentence.start)
        begin = sentence.start + len(sentence.text) if quoted else sentence.start
        for marker in _MARKER.finditer(answer.text, begin, sentence.end):
            place = next((place for place in places if place[0] == int(marker[1])), None)
            if place is None:
                continue  # a number that points at nothing stays plain text
            if sum(1 for number, _ in places if number == place[0]) > 1:
                places.remove(place)  # the next marker with this number has its own evidence
            yield answer.text[at : marker.start()]
            yield citations[place[0], place[1].start, place[1].end]
            unmarked.pop(place, None)
            at = marker.end()
        rest = answer.text[at : sentence.end]
        yield rest.rstrip()
        yield from (citations[number, span.start, span.end] for number, span in unmarked)
        if sentence.support in _BADLY:
            yield f" ({say(SUPPORT_LABELS[sentence.support])})"
        yield rest[len(rest.rstrip()) :]
        position = sentence.end
    yield answer.text[position:]


def _asides(exchange: Exchange, say: Say) -> Iterator[str]:
    """What a reader must know beside the text: of what was asked, and why it ends as it does."""
    answer = exchange.answer
    if exchange.article_filter:
        yield say("Asked only of articles: {choice}").format(
            choice=_flat(chosen_in_words(exchange.article_filter, say))
        )
    if answer is not None:
        if answer.search_query and _flat(answer.search_query) != _flat(answer.question):
            yield say("Searched for: {query}").format(query=_flat(answer.search_query))
        yield from filter(None, (_flat(say(note)) for note in answer.notes))
        if not answer.found:
            yield say("No answer was found in the articles.")
    if exchange.stopped:
        yield say("Stopped. What was written so far is kept.")
    elif exchange.error is None and (answer is None or not answer.done):
        yield say("The answer is not finished.")


def _error(error: tuple[str, str], say: Say) -> str:
    message, hint = (_flat(say(words)) for words in error)
    message = message[:1].upper() + message[1:].removesuffix(".").removesuffix("。")
    return say("{message}. {hint}").format(message=message, hint=hint).rstrip()


def _footnote(citation: Citation, say: Say) -> str:
    # The title is set in asterisks, and never left out: a quote of one word and a title in quotation marks would be
    # what Markdown without footnotes takes for the address and the title of a link.
    title = _escaped(_flat(citation.title)) or say("untitled")
    origin = ", ".join([f"*{title}*", *map(_escaped, _told(citation, say))])
    address = f", <{citation.source}>" if _ADDRESS.fullmatch(citation.source) else ""
    return f"{_escaped(_quoted(citation))} {origin}{address}"


def _origin(citation: Citation, say: Say) -> str:
    address = [citation.source] if _ADDRESS.fullmatch(citation.source) else []
    return ", ".join(filter(None, [_flat(citation.title), *_told(citation, say), *address]))


def _quoted(citation: Citation) -> str:
    return f"“{_flat(citation.quote)}”"


def _told(citation: Citation, say: Say) -> list[str]:
    """Outlets, author, date and page, as far as they are known."""
    outlets = dict.fromkeys(_flat(_outlet(source)) for source in (citation.source, *citation.also))
    page = say("p. {page}").format(page=citation.page) if citation.page else ""
    told = (*outlets, _flat(citation.author or ""), _flat(day(citation.published, say)), page)
    return [each for each in told if each]


def _outlet(source: str) -> str:
    try:
        return outlet(source)
    except ValueError:  # what looks like an address and is none
        return source


def _escaped(text: str) -> str:
    """Clean text that stays text within a line of Markdown."""
    return _SPECIAL.sub(r"\\\g<0>", text)


def _flat(text: str) -> str:
    """Text on one line, without what cannot be printed."""
    return " ".join(_clean(text).split())


def _clean(text: str) -> str:
    return _UNPRINTABLE.sub("\ufffd", text)
