"""The article beside the chat as HTML, with the cited place marked. Pure, and everything escaped once, like `view`.

The article is shown as text, whole. Marks, noise and light typography are layers of spans over its offsets: nothing is
inserted into the text or taken out, so an offset means the same here as in the index.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from urllib.parse import urlsplit

from index import Article, Hit, Span

from ...html import byline, escape
from ...i18n.translate import Say, english

_HEADING = re.compile(r"^(#{1,6}[ \t]+)(.*)$", re.MULTILINE)
_BULLET = re.compile(r"^[ \t]*[-*+][ \t]+", re.MULTILINE)
_BOLD = re.compile(r"(\*\*)([^*\n]+)(\*\*)")

_PARAGRAPHS_END = re.compile(r"\n[ \t]*\n\s*")

_PART = 4000
"""Characters after which a long article goes on in a part of its own, with its next paragraph. The browser lays out
only the parts that are seen, and after a mark only those that it is in."""

Layer = tuple[int, int, str]


def article_html(article: Article, target: str, passage: Span, evidence: Span | None, say: Say = english) -> str:
    """The whole article; the passage softly marked, in it the evidence strongly. `target` names what was clicked."""
    layers = list(_typography(article.text))
    layers += [(boilerplate.start, boilerplate.end, "noise") for boilerplate in article.boilerplate]
    start = _first_shown(article, passage)
    layers.append((0, start, "unshown"))
    layers.append((passage.start, passage.end, "passage"))
    if evidence is not None:
        layers.append((evidence.start, evidence.end, "evidence"))
    also = [copy.source for copy in article.copies]
    line = byline(article.source, article.published, also=also, author=article.author, say=say)
    story = _story(article.text, layers, place=evidence or passage)
    # With these the page's script marks another place of the same article by itself: see `sources.pointing_at`.
    data = f'data-target="{escape(target)}" data-article="{escape(article.id)}" data-start="{start}"'
    return _sheet(article.title, f"{line}{_original(article, say)}", story, data, say)


def kept_html(hit: Hit, target: str, evidence: Span | None, say: Say = english) -> str:
    """What is left of an article that is no longer indexed: the passage as it was when the question was asked."""
    passage = hit.passage
    layers = [(0, len(passage.text), "passage")]
    start, end = 0, len(passage.text)
    if evidence is not None:
        start, end = evidence.start - passage.start, evidence.end - passage.start
        layers.append((start, end, "evidence"))
    line = byline(hit.source, hit.published, also=hit.also, author=hit.author, page=hit.page(passage.start), say=say)
    note = say("No longer indexed: this is the passage as it was when you asked.")
    story = _story(passage.text, layers, place=Span(start, end))
    return _sheet(
        hit.title, f'{line} <strong class="gone">{note}</strong>', story, f'data-target="{escape(target)}"', say
    )


def _sheet(title: str, line: str, story: str, data: str, say: Say) -> str:
    """`line`, `story` and `data`, its attributes, are HTML already."""
    name = say("Text of the article")
    return (
        f'<article class="sheet" {data}><header>'
        f'<p class="back"><a href="#back">{say("Back to the answer")}</a></p>'
        f'<p class="byline">{line}</p><h2>{escape(title)}</h2></header>'
        f'<div class="story" tabindex="0" role="region" aria-label="{name}">{story}</div></article>'
    )


def _original(article: Article, say: Say) -> str:
    """Where the article can be read on the web. Followed only when a reader chooses it, and telling nothing of here."""
    try:
        parts = urlsplit(article.source)
        is_page = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None
    except ValueError:
        is_page = False
    if not is_page:  # a name before the host passes for the host
        return ""
    follow = 'target="_blank" rel="noopener noreferrer nofollow"'
    return f' · <a class="original" href="{escape(article.source)}" {follow}>{say("Read the original")}</a>'


def message_html(title: str, text: str, command: str = "") -> str:
    """A few words where an article would be; `command` is something to type in a terminal."""
    code = f"<pre><code>{escape(command)}</code></pre>" if command else ""
    return f'<div class="sheet blank"><h2>{escape(title)}</h2><p>{escape(text)}</p>{code}</div>'


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


def _first_shown(article: Article, passage: Span) -> int:
    """Where the story begins: leading front matter, and a first heading that repeats the title, stand above it
    already. What is cited is shown, whatever it is."""
    text, start = article.text, 0
    for boilerplate in sorted(article.boilerplate):
        if not text[start : boilerplate.start].strip():
            start = max(start, boilerplate.end)
    heading = _HEADING.match(text, start + _blank(text, start))
    if heading is not None and heading[2].strip().casefold() == article.title.strip().casefold():
        start = heading.end()
    return min(start + _blank(text, start), passage.start)


def _blank(text: str, start: int) -> int:
    """How many characters of white space stand at `start`."""
    rest = text[start:]
    return len(rest) - len(rest.lstrip())


def _story(text: str, layers: list[Layer], place: Span) -> str:
    """The text cut at every edge of a layer; each piece carries the names of the layers that cover it. Of a long text
    the pieces stand in parts, to which no character is added and from which none is taken."""
    opens: dict[int, list[str]] = {}
    closes: dict[int, list[str]] = {}
    for start, end, name in layers:
        if start < end:
            opens.setdefault(start, []).append(name)
            closes.setdefault(end, []).append(name)
    parts = _parts(text)
    edges = sorted({0, len(text), place.start, *opens, *closes, *parts})
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
        where = ' id="place" tabindex="-1"' if start == place.start else ""
        tag = "mark" if "evidence" in names else "span"
        words = escape(text[start:end])
        if names or where:
            words = f'<{tag} class="{" ".join(names)}"{where}>{words}</{tag}>'
        pieces.append(words)
    if not parts:
        return "".join(pieces)
    return "".join(f'<div class="part">{"".join(each)}</div>' for each in story if each)


def _parts(text: str) -> frozenset[int]:
    """Where the parts of a long text begin, but the first; none where it is short."""
    starts = [0]
    for end in _PARAGRAPHS_END.finditer(text):
        if min(end.end() - starts[-1], len(text) - end.end()) >= _PART:
            starts.append(end.end())
    return frozenset(starts[1:])
