"""Render the article next to the chat as HTML, with the cited passage marked. Pure functions.

The page shows the complete article text, or, of a very long article, the part around the cited passage. Marks,
boilerplate and light typography are layers of spans over its offsets. No character is added or removed, so offsets are
the same as in the index, counted from the start of the shown text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, islice, pairwise
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

_REACH = 200_000
"""Maximum length of the text shown before and after the cited passage, in characters: together those of a book."""

_MOST_LAYERS = 5_000
"""Maximum number of styled pieces of text; if there are more, less text is shown, since browsers handle many elements
slowly."""

Layer = tuple[int, int, str]


def article_html(
    article: Article, target: str, passage: Span, evidence: Span | None, translate: Translate = english
) -> str:
    """Return HTML for the article, with the passage marked and the evidence emphasized. `target` is the link's id."""
    shown, layers = _shown(article, passage)
    layers.append((passage.start, passage.end, "passage"))
    if evidence is not None:
        layers.append((evidence.start, evidence.end, "evidence"))
    also = [copy.source for copy in article.copies]
    line = byline(article.source, article.published, also=also, author=article.author, translate=translate)
    is_part = shown.start > _first_shown(article, passage) or shown.end < len(article.text)
    story = _story(article.text, shown, layers, evidence or passage)
    return str(
        macros("chat", "article").article(
            translate, article, target, shown.start, line, _web_address(article), is_part, story
        )
    )


def opened_html(article: Article, overview: Sequence[Span], translate: Translate = english) -> str:
    """Return HTML for the article from its beginning, after its overview: sentences that link to their places."""
    start = Span(len(article.text), len(article.text))
    first = _first_shown(article, start)
    shown, layers = _shown(article, Span(first, first))
    also = [copy.source for copy in article.copies]
    line = byline(article.source, article.published, also=also, author=article.author, translate=translate)
    is_part = shown.end < len(article.text)
    story = _story(article.text, shown, layers, Span(first, first))
    brief = [(f"{article.id}-{each.start}-{each.end}", article.text[each.start : each.end]) for each in overview]
    return str(
        macros("chat", "article").article(
            translate,
            article,
            f"article-{article.id}",
            shown.start,
            line,
            _web_address(article),
            is_part,
            story,
            brief,
        )
    )


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
    story = _story(passage.text, Span(0, len(passage.text)), layers, Span(start, end))
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


def _shown(article: Article, passage: Span) -> tuple[Span, list[Layer]]:
    """Return the range of the text to show, which contains the passage, and the layers that style it.

    In a very long article, or one with very many styled pieces, this is the part around the passage.
    """
    first, reach, boilerplate = _first_shown(article, passage), _REACH, article.boilerplate
    while True:
        shown = _around(article.text, first, passage, reach)
        boilerplate = tuple(each for each in boilerplate if each.overlaps(shown))
        dimmed = ((each.start, each.end, "boilerplate") for each in boilerplate)
        layers = list(islice(chain(_typography(article.text, shown), dimmed), _MOST_LAYERS + 1))
        if len(layers) <= _MOST_LAYERS:
            return shown, layers
        if not reach:
            return shown, []
        reach //= 2


def _around(text: str, first: int, passage: Span, reach: int) -> Span:
    """Return the range from `first` to the end of the text, but at most `reach` characters around the passage."""
    start, end = first, len(text)
    if passage.start - first > reach:
        start = passage.start - reach
        start = text.find("\n", start - 1, min(start + _PART, passage.start)) + 1 or start
    if end - passage.end > reach:
        end = passage.end + reach
        end = text.rfind("\n", max(end - _PART, passage.end), end) + 1 or end
    return Span(start, end)


def _typography(text: str, shown: Span) -> Iterator[Layer]:
    """Yield layers that style Markdown text lightly: they dim its syntax and do not move its words."""
    for found in _HEADING.finditer(text, shown.start, shown.end):
        yield (*found.span(1), "sign")
        yield (*found.span(2), "heading")
    for found in _BULLET.finditer(text, shown.start, shown.end):
        yield (*found.span(), "bullet")
    for found in _BOLD.finditer(text, shown.start, shown.end):
        yield (*found.span(1), "sign")
        yield (*found.span(2), "bold")
        yield (*found.span(3), "sign")


def _first_shown(article: Article, passage: Span) -> int:
    """Return the offset at which the shown text begins: after leading boilerplate and a heading that repeats the title,
    but never after the cited passage."""
    text, start = article.text, 0
    for span in sorted(article.boilerplate):
        if text[start : span.start].strip():
            break
        start = max(start, span.end)
    heading = _HEADING.match(text, start + _blank(text, start))
    if heading is not None and heading[2].strip().casefold() == article.title.strip().casefold():
        start = heading.end()
    return min(start + _blank(text, start), passage.start)


def _blank(text: str, start: int) -> int:
    """Return the number of whitespace characters at `start`."""
    rest = text[start:]
    return len(rest) - len(rest.lstrip())


def _story(text: str, shown: Span, layers: list[Layer], cited: Span) -> Markup:
    """Return HTML for the shown text, split at every layer boundary, each piece with its layer names as classes; pieces
    of a long text are grouped in parts."""
    opens: dict[int, list[str]] = {}
    closes: dict[int, list[str]] = {}
    for first, last, name in layers:
        start, end = max(first, shown.start), min(last, shown.end)
        if start < end:
            opens.setdefault(start, []).append(name)
            closes.setdefault(end, []).append(name)
    parts = _parts(text, shown)
    place = min(max(cited.start, shown.start), shown.end)
    edges = sorted({shown.start, shown.end, place, *opens, *closes, *parts})
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
        where = ' id="place" tabindex="-1"' if start == place else ""
        tag = "mark" if "evidence" in names else "span"
        words = escape(text[start:end])
        if names or where:
            words = f'<{tag} class="{" ".join(names)}"{where}>{words}</{tag}>'
        pieces.append(words)
    if parts:
        pieces = [f'<div class="part">{"".join(each)}</div>' for each in story if each]
    return Markup("".join(pieces))  # noqa: S704 - its text is escaped


def _parts(text: str, shown: Span) -> frozenset[int]:
    """Return the start offsets of the second and later parts of a long text."""
    starts = [shown.start]
    for end in _PARAGRAPHS_END.finditer(text, shown.start, shown.end):
        if min(end.end() - starts[-1], shown.end - end.end()) >= _PART:
            starts.append(end.end())
    return frozenset(starts[1:])
