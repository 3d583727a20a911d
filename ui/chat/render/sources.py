"""Where an answer's words stand: the cited places, and what was found beside them, as lists in HTML. Pure."""

from __future__ import annotations

import re

from index import Hit, Span
from rag import Answer, Citation

from ...html import byline, escape, excerpt, one_line
from ...i18n.translate import Say, english

_NEAREST_SHOWN = 3
_PLAIN = re.compile(r"\w+", re.ASCII)


def sources_html(answer: Answer, turn: int, say: Say = english) -> str:
    """What the answer cites, then, folded, what was found beside it."""
    citations = answer.citations
    cited = {citation.number for citation in citations}
    others = [number for number in range(1, len(answer.hits) + 1) if number not in cited]
    html = ""
    if citations:
        items = "".join(_cited(answer, citation, turn, k, say) for k, citation in enumerate(citations, start=1))
        html += f'<p class="sources-title">{say("Sources")}</p><ol class="sources">{items}</ol>'
    if others:
        rows = "".join(_retrieved(answer.hits[number - 1], turn, number, say) for number in others)
        beside = say("{passages} also found, not cited") if citations or answer.done else say("{passages} found")
        more = beside.format(passages=passages(len(others), say))
        html += f'<details class="also"><summary>{more}</summary><ol class="sources">{rows}</ol></details>'
    return html


def nearest_html(answer: Answer, turn: int, say: Say = english) -> str:
    """The passages nearest to a question that the articles do not answer. They are no citations."""
    if not answer.hits:
        return ""
    rows = [_retrieved(hit, turn, number, say) for number, hit in enumerate(answer.hits, start=1)]
    first, rest = "".join(rows[:_NEAREST_SHOWN]), "".join(rows[_NEAREST_SHOWN:])
    html = f'<p class="sources-title">{say("The nearest passages")}</p><ol class="sources">{first}</ol>'
    if rest:
        more = say("{passages} further away").format(passages=passages(len(rows) - _NEAREST_SHOWN, say))
        html += f'<details class="also"><summary>{more}</summary><ol class="sources">{rest}</ol></details>'
    return html


def _cited(answer: Answer, citation: Citation, turn: int, order: int, say: Say) -> str:
    """One cited place. The hover card takes its words from here, by id."""
    place = pointing_at(answer.hits[citation.number - 1], Span(citation.start, citation.end))
    line = byline(
        citation.source,
        citation.published,
        also=citation.also,
        author=citation.author,
        page=citation.page,
        say=say,
    )
    return (
        f'<li id="source-{turn}-{order}"><a href="#cite-{turn}-{order}" class="source {place}">'
        f'<span class="number">&#91;{citation.number}&#93;</span> '
        f'<span class="quote">“{escape(excerpt(citation.quote))}”</span></a>'
        f'<span class="origin"><span class="title">{escape(one_line(citation.title, 120))}</span>'
        f'<span class="byline">{line}</span></span></li>'
    )


def _retrieved(hit: Hit, turn: int, number: int, say: Say) -> str:
    page = hit.page(hit.passage.start)
    line = byline(hit.source, hit.published, also=hit.also, author=hit.author, page=page, say=say)
    return (
        f'<li><a href="#hit-{turn}-{number}" class="source {pointing_at(hit)}">'
        f'<span class="quote">{escape(excerpt(hit.passage.text))}</span></a>'
        f'<span class="origin"><span class="title">{escape(one_line(hit.title, 120))}</span>'
        f'<span class="byline">{line}</span></span></li>'
    )


def pointing_at(hit: Hit, evidence: Span | None = None) -> str:
    """A class that tells the page's script where a link points, `at-ARTICLE-START-END[-START-END]`: the passage, and in
    it the evidence, in the article's offsets. A class is what the chat window's sanitizer lets through."""
    passage = hit.passage
    if not _PLAIN.fullmatch(passage.article_id):
        return ""
    spans = [passage.start, passage.end, *((evidence.start, evidence.end) if evidence else ())]
    return f"at-{passage.article_id}-{'-'.join(map(str, spans))}"


def passages(count: int, say: Say = english) -> str:
    """So many passages, in words."""
    return say("one passage") if count == 1 else say("{count} passages").format(count=count)
