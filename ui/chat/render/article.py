"""Render the article next to the chat as HTML, with the cited passage marked. Pure functions.

The page shows the complete article text. Marks, boilerplate and light typography are layers of spans over its offsets.
No character is added or removed, so offsets are the same as in the index.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from urllib.parse import urlsplit

from markupsafe import Markup

from index import Article, Hit, Span

from ...html import byline, escape
from ...i18n.translate import Translate, english
from ...templating import macros

_HEADING = re.compile(r"^(#{1,6}[ \t]+)(.*)$", re.MULTILINE)
_BULLET = re.compile(r"^[ \t]*[-*+][ \t]+", re.MULTILINE)
_BOLD = re.compile(r"(\*\*)([^*\n]+)(\*\*)")

_PARAGRAPHS_END = re.compile(r"\n[ \t]*\n\s*")

_PART = 4000
"""Minimum length of a part of a long article, in characters; the next paragraph begins a new part. The browser lays out
only visible parts and, for a new mark, only the parts that contain the mark."""

Layer = tuple[int, int, str]


def article_html(
    article: Article, target: str, passage: Span, evidence: Span | None, translate: Translate = english
) -> str:
    """Return HTML for the article, with the passage marked and the evidence emphasized. `target` is the link's id."""
    layers = list(_typography(article.text))
    layers += [(span.start, span.end, "boilerplate") for span in article.boilerplate]
    start = _first_shown(article, passage)
    layers.append((0, start, "unshown"))
    layers.append((passage.start, passage.end, "passage"))
    if evidence is not None:
        layers.append((evidence.start, evidence.end, "evidence"))
    also = [copy.source for copy in article.copies]
    line = byline(article.source, article.published, also=also, author=article.author, translate=translate)
    story = _story(article.text, layers, evidence or passage)
    return str(macros("chat", "article").article(translate, article, target, start, line, _web_address(article), story))


def passage_html(hit: Hit, target: str, evidence: Span | None, translate: Translate = english) -> str:
    """Return HTML for a passage whose article is no longer indexed, as it was when the question was asked."""
    passage = hit.passage
    layers = [(0, len(passage.text), "passage")]
    start, end = 0, len(passage.text)
    if evidence is not None:
        start, end = evidence.start - passage.start, evidence.end - passage.start
        layers.append((start, end, "evidence"))
    page = hit.page(passage.start)
    line = byline(hit.source, hit.published, also=hit.also, author=hit.author, page=page, translate=translate)
    story = _story(passage.text, layers, Span(start, end))
    return str(macros("chat", "article").passage(translate, hit, target, line, story))


def message_html(title: str, text: str, command: str = "") -> str:
    """Return HTML for a message that replaces the article; `command` is a terminal command."""
    return str(macros("chat", "article").message(title, text, command))


def _web_address(article: Article) -> str:
    """Return the article's web address, or an empty string."""
    try:
        parts = urlsplit(article.source)
        is_page = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None
    except ValueError:
        return ""
    return article.source if is_page else ""  # a user name before the host could look like the host


def _typography(text: str) -> Iterator[Layer]:
    """Yield layers that style Markdown text lightly: they dim its syntax and do not move its words."""
    for found in _HEADING.finditer(text):
        yield (*found.span(1), "sign")
        yield (*found.span(2), "heading")
    for found in _BULLET.finditer(text):
        yield (*found.span(), "bullet")
    for found in _BOLD.finditer(text):
        yield (*found.span(1), "sign")
        yield (*found.span(2), "bold")
        yield (*found.span(3), "sign")


def _first_shown(article: Article, passage: Span) -> int:
    """Return the offset at which the shown text begins: after leading boilerplate and a heading that repeats the title,
    but never after the cited passage."""
    text, start = article.text, 0
    for span in sorted(article.boilerplate):
        if not text[start : span.start].strip():
            start = max(start, span.end)
    heading = _HEADING.match(text, start + _blank(text, start))
    if heading is not None and heading[2].strip().casefold() == article.title.strip().casefold():
        start = heading.end()
    return min(start + _blank(text, start), passage.start)


def _blank(text: str, start: int) -> int:
    """Return the number of whitespace characters at `start`."""
    rest = text[start:]
    return len(rest) - len(rest.lstrip())


def _story(text: str, layers: list[Layer], cited: Span) -> Markup:
    """Return HTML for the text, split at every layer boundary, each piece with its layer names as classes; pieces of a
    long text are grouped in parts."""
    opens: dict[int, list[str]] = {}
    closes: dict[int, list[str]] = {}
    for start, end, name in layers:
        if start < end:
            opens.setdefault(start, []).append(name)
            closes.setdefault(end, []).append(name)
    parts = _parts(text)
    edges = sorted({0, len(text), cited.start, *opens, *closes, *parts})
    active: Counter[str] = Counter()
    pieces: list[str] = []
    story: list[list[str]] = [pieces]
    for start, end in pairwise(edges):
        active.subtract(closes.get(start, ()))
        active.update(opens.get(start, ()))
        names = sorted(name for name, count in active.items() if count > 0)
        if start in parts:
            pieces = []
            story.append(pieces)
        if "unshown" in names:
            continue
        where = ' id="place" tabindex="-1"' if start == cited.start else ""
        tag = "mark" if "evidence" in names else "span"
        words = escape(text[start:end])
        if names or where:
            words = f'<{tag} class="{" ".join(names)}"{where}>{words}</{tag}>'
        pieces.append(words)
    if parts:
        pieces = [f'<div class="part">{"".join(each)}</div>' for each in story if each]
    return Markup("".join(pieces))  # noqa: S704 - its text is escaped


def _parts(text: str) -> frozenset[int]:
    """Return the start offsets of the second and later parts of a long text."""
    starts = [0]
    for end in _PARAGRAPHS_END.finditer(text):
        if min(end.end() - starts[-1], len(text) - end.end()) >= _PART:
            starts.append(end.end())
    return frozenset(starts[1:])
