"""Text becomes HTML: escaped, here and nowhere else. Pure: strings in, strings out, no web framework.

Everything that comes from a reader, an article or a model passes through `escape`, here and exactly once. The chat
window runs its text through a Markdown renderer and a sanitizer that keeps `href`, `id`, `class` and `title` only, so
what a click needs to know travels in those.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from pathlib import PurePath
from urllib.parse import urlsplit

from .i18n.translate import Say, english

SUPPORT_LABELS = {"quoted": "quoted", "supported": "supported", "weak": "weak", "unsupported": "not supported"}
"""What the page calls each grade of support."""

_EXCERPT_CHARS = 220

# All ASCII punctuation but the comma. Written as a number, none of it can start a tag, an attribute, a Markdown
# construct, a link, a template expression or a formula.
_PUNCTUATION = re.compile(r"[!-+\--/:-@\[-`{-~]")
# Characters that no text needs: lone surrogates break JSON, the others hide or turn around what stands beside them.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202d\u202e\ufffe\uffff]")
_BOLD = re.compile(r"\*\*([^*\n]+)\*\*")
_HEADING = re.compile(r"^#{1,6}[ \t]+(.*)$", re.MULTILINE)
_BULLET = re.compile(r"^[ \t]*[-*+][ \t]+", re.MULTILINE)


def escape(text: str) -> str:
    """Text that stays text: in HTML, in an attribute, in Markdown and in a template."""
    return _PUNCTUATION.sub(lambda found: f"&#{ord(found[0])};", _UNPRINTABLE.sub("\ufffd", text))


def embedded(page: str) -> str:
    """A whole page, its own texts escaped already, as the value of `srcdoc`."""
    return page.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")


def one_line(text: str, limit: int = _EXCERPT_CHARS) -> str:
    """Text on one line, cut at a space near `limit`; not yet escaped."""
    flat = " ".join(text.split())
    if len(flat) <= limit:
        return flat
    space = flat.rfind(" ", limit // 2, limit)  # Chinese has few: to cut at one far back would leave next to nothing
    return flat[: space if space > 0 else limit].rstrip(".,;:–—，。；： ") + "…"


def excerpt(text: str) -> str:
    """The words of a passage on one line, without the signs of Markdown; not yet escaped."""
    return one_line(_BOLD.sub(r"\1", _BULLET.sub("• ", _HEADING.sub(r"\1 —", text))))


def outlet(source: str) -> str:
    """Where an article comes from, short: the host of an address, the name of a file."""
    if source.startswith(("http://", "https://")):
        try:
            return (urlsplit(source).hostname or source).removeprefix("www.")
        except ValueError:  # no address after all
            return source
    return PurePath(source.replace("\\", "/")).name or source


def day(published: str | None, say: Say = english) -> str:
    """A date as a newspaper prints it; what is not a date stays as it is."""
    if not published:
        return ""
    try:
        when = date.fromisoformat(published[:10])
    except ValueError:
        return published
    return say("{day} {month} {year}").format(day=when.day, month=say(f"{when:%B}"), year=when.year)


def byline(
    source: str,
    published: str | None,
    *,
    also: Sequence[str] = (),
    author: str | None = None,
    page: int | None = None,
    say: Say = english,
) -> str:
    """Outlets, author, date and page, as far as they are known; escaped."""
    outlets = ", ".join(dict.fromkeys(outlet(each) for each in (source, *also)))
    parts = (
        outlets,
        one_line(author or "", 80),
        day(published, say),
        say("p. {page}").format(page=page) if page else "",
    )
    return " · ".join(escape(part) for part in parts if part)
