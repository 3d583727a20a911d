"""Escape, shorten and format text for the page. Pure functions on strings, without the web framework.

All text from a user, an article or a model passes through `escape` exactly once. The chat window passes its text
through a Markdown renderer and a sanitizer that keeps only `href`, `id`, `class` and `title`, so these attributes
contain the data that click handlers need.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import PurePath
from typing import Any
from urllib.parse import urlsplit

from index import CitechatError, public_name
from rag import NOT_FOUND, SHOWING, Answer, is_contradiction, parse_note, parse_reason

from .i18n.translate import Translate, counted, english

SUPPORT_LABELS = {
    "quoted": "quoted",
    "supported": "supported",
    "weak": "partly supported",
    "unsupported": "not confirmed",
}
"""The label for each level of support."""

CONTRADICTED = "contradicted"
"""The label of a sentence that is not confirmed because the passage says something else."""

_EXCERPT_CHARS = 220

# All ASCII punctuation except the comma. As numeric character references, these characters cannot start a tag, an
# attribute, a Markdown construct, a link, a template expression or a formula.
_PUNCTUATION = re.compile(r"[!-+\--/:-@\[-`{-~]")
# Characters to remove: lone surrogates break JSON, and the others hide or reorder adjacent text.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202d\u202e\ufffe\uffff]")
_QUOTED = re.compile(r"""(?<!\w)(?:'[^'\n]*'|"[^"\n]*")""")
# An absolute path, which may follow the name of a provider: /home/ann/x.txt, C:\x.txt, gguf:/models/x.gguf
_PATH = re.compile(r"((?:[a-z_]{2,20}:)?)((?:[A-Za-z]:)?[/\\](?!/).*)")
# A URL that Markdown does not change: without brackets, quotes, a password or characters to escape.
_ADDRESS = re.compile(r"https?://[\w\-.~:%]+([/?#][\w\-.~:/?#@!$&'()*+,;=%]*)?")
# Where a word joiner prevents that a renderer makes a link of a text such as http://x, //x, www.x or a@x.
_IN_ADDRESS = re.compile(r"(?<=/)/|(?<=www)\.|@", re.IGNORECASE)
WORD_JOINER = "\u2060"
"""An invisible character that is not a part of any word, address or Markdown construct."""

_BOLD = re.compile(r"\*\*([^*\n]+)\*\*")
_HEADING = re.compile(r"^#{1,6}[ \t]+(.*)$", re.MULTILINE)
_BULLET = re.compile(r"^[ \t]*[-*+][ \t]+", re.MULTILINE)


def escape(text: str) -> str:
    """Escape text for use in HTML, attributes, Markdown and templates."""
    return _PUNCTUATION.sub(lambda found: f"&#{ord(found[0])};", _UNPRINTABLE.sub("\ufffd", text))


def is_web_address(source: str) -> bool:
    """Return whether an article's source is a web address that can be written into Markdown as it is."""
    return _ADDRESS.fullmatch(source) is not None


def break_addresses(text: str) -> str:
    """Return the text with a word joiner in each web or e-mail address, so Markdown renderers do not make it a link.

    Escapes are not enough: some renderers, such as remark-gfm, look for addresses after they have removed all escapes.
    What is inserted depends only on the text before it.
    """
    return _IN_ADDRESS.sub(rf"{WORD_JOINER}\g<0>", text)


def embedded(page: str) -> str:
    """Return a complete page, whose text is already escaped, as a `srcdoc` attribute value."""
    return page.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")


def one_line(text: str, limit: int = _EXCERPT_CHARS) -> str:
    """Return the text on one line, cut at a space near `limit`; not yet escaped."""
    flat = " ".join(text.split())
    if len(flat) <= limit:
        return flat
    space = flat.rfind(" ", limit // 2, limit)  # Chinese has few spaces: the last one may be far before `limit`
    return flat[: space if space > 0 else limit].rstrip(".,;:–—，。；： ") + "…"


def excerpt(text: str) -> str:
    """Return a passage's text on one line, without Markdown syntax; not yet escaped."""
    return one_line(_BOLD.sub(r"\1", _BULLET.sub("• ", _HEADING.sub(r"\1 —", text))))


def sentence(message: str) -> str:
    """Return a message with its first letter capitalized, unless it begins with a name such as a file or model name."""
    return message[:1].upper() + message[1:] if message.partition(" ")[0].isalpha() else message


def without_folders(message: str) -> str:
    """Return a message in which quoted local paths are replaced by their last part: users must not see folder names."""

    def shown(quoted: re.Match[str]) -> str:
        path = _PATH.fullmatch(quoted[0][1:-1])
        return f"{quoted[0][0]}{path[1]}{public_name(path[2])}{quoted[0][-1]}" if path else quoted[0]

    return _QUOTED.sub(shown, message)


def public_error(error: CitechatError) -> tuple[str, str]:
    """Return an error's message and hint without folder names."""
    return without_folders(error.message), without_folders(error.hint)


def support_label(support: str, reason: str = "") -> str:
    """Return the label for a sentence's level of support, in English."""
    return CONTRADICTED if support == "unsupported" and is_contradiction(reason) else SUPPORT_LABELS[support]


def reason_text(reason: str, translate: Translate = english) -> str:
    """Return the reason why a sentence is not confirmed, translated; not yet escaped."""
    template, words = parse_reason(reason)
    return translate(template, **words)


def abstention_text(answer: Answer, translate: Translate = english) -> str:
    """Return the text of an abstention, translated, with the number of articles if it is known; not yet escaped."""
    if answer.searched and answer.text == NOT_FOUND:
        articles = counted(translate, answer.searched, "1 article", "{count} articles")
        return translate("I found nothing about this in {articles}.", articles=articles)
    return translate(answer.text)


def answer_notes(answer: Answer, translate: Translate = english) -> list[str]:
    """Return the notes on an answer, translated: first the search query if it is not the question; not yet escaped."""
    query = one_line(answer.search_query)
    corrected = SHOWING.format(query=answer.search_query)
    notes = [_note_text(note, translate) for note in answer.notes if note != corrected]
    if not query or query == one_line(answer.question):
        return notes
    template = SHOWING if corrected in answer.notes else "Searched for: {query}"
    return [translate(template, query=query), *notes]


def _note_text(note: str, translate: Translate) -> str:
    """Return a note, translated, as are the dates in it."""
    template, words = parse_note(note)
    return translate(
        template, **{slot: word if slot == "title" else _day_in(word, translate) for slot, word in words.items()}
    )


def _day_in(written: str, translate: Translate) -> str:
    """Return a date such as "5 June 2025", translated; any other text is returned unchanged."""
    try:
        return day(datetime.strptime(written, "%d %B %Y").date().isoformat(), translate)
    except ValueError:
        return written


def outlet(source: str) -> str:
    """Return a short name for an article's source: the host of a URL, or the file name."""
    if source.startswith(("http://", "https://")):
        try:
            return (urlsplit(source).hostname or source).removeprefix("www.")
        except ValueError:  # not a valid URL
            return source
    return PurePath(source.replace("\\", "/")).name or source


def day(published: str | None, translate: Translate = english) -> str:
    """Return a date with its month as a word; return text that is not a date unchanged, and "" for None."""
    if not published:
        return ""
    try:
        when = date.fromisoformat(published[:10])
    except ValueError:
        return published
    return translate("{day} {month} {year}", day=when.day, month=translate(f"{when:%B}"), year=when.year)


def origin(
    source: str,
    published: str | None,
    *,
    also: Sequence[str] = (),
    author: str | None = None,
    page: int | None = None,
    translate: Translate = english,
) -> list[str]:
    """Return a passage's outlets, author, date and page, without those that are unknown; not yet escaped."""
    outlets = ", ".join(dict.fromkeys(map(outlet, (source, *also))))
    on_page = translate("p. {page}", page=page) if page else ""
    return [part for part in (outlets, author, day(published, translate), on_page) if part]


def byline(source: str, published: str | None, *, author: str | None = None, **more: Any) -> str:
    """Return the parts from `origin` joined on one line; not yet escaped."""
    return " · ".join(origin(source, published, author=one_line(author or "", 80), **more))
