"""The article beside the chat as HTML, with the cited place marked. Pure, and everything escaped once, like `view`.

The article is shown as text, whole. Marks, noise and light typography are layers of spans over its offsets: nothing is
inserted into the text or taken out, so an offset means the same here as in the index.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from index import Article, Span

from .view import byline, escape

_HEADING = re.compile(r"^(#{1,6}[ \t]+)(.*)$", re.MULTILINE)
_BULLET = re.compile(r"^[ \t]*[-*+][ \t]+", re.MULTILINE)
_BOLD = re.compile(r"(\*\*)([^*\n]+)(\*\*)")

Layer = tuple[int, int, str]


def article_html(article: Article, target: str, passage: Span, evidence: Span | None) -> str:
    """The whole article; the passage softly marked, in it the evidence strongly. `target` names what was clicked."""
    layers = list(_typography(article.text))
    layers += [(noise.start, noise.end, "noise") for noise in article.noise]
    layers += _unshown(article, passage)
    layers.append((passage.start, passage.end, "passage"))
    if evidence is not None:
        layers.append((evidence.start, evidence.end, "evidence"))
    also = [copy.source for copy in article.copies]
    line = byline(article.source, article.published, also=also, author=article.author)
    story = _story(article.text, layers, place=evidence or passage)
    return (
        f'<article class="sheet" data-target="{escape(target)}"><header>'
        f'<p class="byline">{line}</p><h2>{escape(article.title)}</h2></header>'
        f'<div class="story" tabindex="0" role="region" aria-label="Text of the article">{story}</div></article>{_BACK}'
    )


def message_html(title: str, text: str, command: str = "") -> str:
    """A few words where an article would be; `command` is something to type in a terminal."""
    code = f"<pre><code>{escape(command)}</code></pre>" if command else ""
    return f'<div class="sheet blank"><h2>{escape(title)}</h2><p>{escape(text)}</p>{code}</div>'


def masthead_html(model: str, articles: int | None) -> str:
    """Name of the paper, and who answers from what; the number of articles is None while it is not known."""
    who = "Quotes only, no language model" if model == "extractive" else f"Answers by {model}, checked"
    what = (
        ""
        if articles is None
        else "1 article"
        if articles == 1
        else f"{articles:,} articles"
        if articles
        else "no articles"
    )
    status = " · ".join(escape(part) for part in (who, what) if part)
    return f'<header class="masthead"><h1>citechat</h1><p class="status">{status}</p></header>'


_BACK = '<p class="back"><a href="#back">Back to the answer</a></p>'


def _typography(text: str) -> Iterator[Layer]:
    """Light typography of Markdown text: its signs are dimmed away, the words stay where they are."""
    for found in _HEADING.finditer(text):
        yield (*found.span(1), "sign")
        yield (*found.span(2), "heading")
    for found in _BULLET.finditer(text):
        yield (*found.span(), "bullet")
    for found in _BOLD.finditer(text):
        yield (*found.span(1), "sign")
        yield (*found.span(2), "bold")
        yield (*found.span(3), "sign")


def _unshown(article: Article, passage: Span) -> Iterator[Layer]:
    """Leading front matter, and a first heading that repeats the title: both already stand above the article."""
    text, start = article.text, 0
    for noise in sorted(article.noise):
        if not text[start : noise.start].strip():
            start = max(start, noise.end)
    heading = _HEADING.match(text, start + _blank(text, start))
    if heading is not None and heading[2].strip().casefold() == article.title.strip().casefold():
        start = heading.end()
    start += _blank(text, start)
    start = min(start, passage.start)  # what is cited is shown, whatever it is
    if start:
        yield (0, start, "unshown")


def _blank(text: str, start: int) -> int:
    """How many characters of white space stand at `start`."""
    rest = text[start:]
    return len(rest) - len(rest.lstrip())


def _story(text: str, layers: list[Layer], place: Span) -> str:
    """The text cut at every edge of a layer; each piece carries the names of the layers that cover it."""
    opens: dict[int, list[str]] = {}
    closes: dict[int, list[str]] = {}
    for start, end, name in layers:
        if start < end:
            opens.setdefault(start, []).append(name)
            closes.setdefault(end, []).append(name)
    edges = sorted({0, len(text), place.start, *opens, *closes})
    active: Counter[str] = Counter()
    pieces = []
    for start, end in pairwise(edges):
        active.subtract(closes.get(start, ()))
        active.update(opens.get(start, ()))
        names = sorted(name for name, count in active.items() if count > 0)
        if "unshown" in names:
            continue
        where = ' id="place" tabindex="-1"' if start == place.start else ""
        tag = "mark" if "evidence" in names else "span"
        words = escape(text[start:end])
        if names or where:
            words = f'<{tag} class="{" ".join(names)}"{where}>{words}</{tag}>'
        pieces.append(words)
    return "".join(pieces)
