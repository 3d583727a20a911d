"""The library beside the chat as HTML: the articles to tick, and how far those are that are being added. Pure, and
everything escaped once, like `view`.

What a click means is told by `data-do`, which article by `data-id`; neither is trusted when it comes back.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...html import day, escape, one_line
from ...i18n.translate import Say, english
from ..library import Listed, Row

MOST_ROWS = 500
"""Rows that a page holds; the others are found by searching."""

_LONGEST_TITLE = 160
_LONGEST_OUTLETS = 120
_LONGEST_DETAIL = 400


def matching(rows: Sequence[Listed], search: str, say: Say = english) -> tuple[Listed, ...]:
    """The articles in whose title, outlets and date all words of `search` stand, in any case; all for none."""
    words = search.casefold().split()
    return tuple(row for row in rows if all(word in _words(row, say) for word in words))


def shelf_html(
    rows: Sequence[Listed], ticked: frozenset[str], say: Say, *, confirming: bool = False, search: str = ""
) -> str:
    """The articles that match `search`, each with a box to tick, and what becomes of those that are ticked.

    With `confirming`, the reader is asked whether these are really to be removed.
    """
    if not rows:
        return f'<section class="shelf"><p class="count">{escape(say("No articles yet. Add some."))}</p></section>'
    found = matching(rows, search, say)
    count = sum(row.id in ticked for row in rows)
    ask = confirming and count > 0
    items = "".join(_item(row, row.id in ticked, say) for row in found[:MOST_ROWS])
    return (
        f'<section class="shelf"><label for="shelf-search">{escape(say("Search the articles"))}</label>'
        f'<input type="search" id="shelf-search" autocomplete="off" value="{escape(one_line(search))}">'
        f'<p class="count" role="status">{escape(_count(len(rows), count, say))}</p>'
        f"{_question(count, say) if ask else _buttons(say) if count else ''}"
        f'<ul class="articles">{items}</ul>{_rest(len(found), say)}</section>'
    )


def progress_html(rows: Sequence[Row], say: Say) -> str:
    """How far each thing is that is being added; a line that is read aloud sums them up."""
    if not rows:
        return ""
    done = sum(row.state not in ("waiting", "reading") for row in rows)
    failed = sum(row.state == "failed" for row in rows)
    sums = [say("{done} of {count} done").format(done=done, count=len(rows))]
    sums += [say("{count} could not be added").format(count=failed)] if failed else []
    items = "".join(_progress(row, say) for row in rows[:MOST_ROWS])
    return (
        f'<section class="adding"><p class="sum" role="status" aria-live="polite">{escape(", ".join(sums))}</p>'
        f"<ul>{items}</ul>{_rest(len(rows), say)}</section>"
    )


def _words(row: Listed, say: Say) -> str:
    """All that a search looks at; the date both as it is stored and as it is shown."""
    words = " ".join([row.title, *row.outlets, row.published or "", day(row.published, say)])
    return " ".join(words.casefold().split())


def _item(row: Listed, is_ticked: bool, say: Say) -> str:
    passages = say("1 passage") if row.passages == 1 else say("{count} passages").format(count=row.passages)
    parts = (one_line(", ".join(row.outlets), _LONGEST_OUTLETS), day(row.published, say), passages)
    name = f"shelf-{escape(row.id)}"
    return (
        f'<li data-words="{escape(_words(row, say))}">'
        f'<input type="checkbox" id="{name}" data-id="{escape(row.id)}"{" checked" if is_ticked else ""}>'
        f'<label for="{name}"><span class="title">{escape(one_line(row.title, _LONGEST_TITLE))}</span>'
        f'<span class="byline">{" · ".join(escape(part) for part in parts if part)}</span></label></li>'
    )


def _count(articles: int, ticked: int, say: Say) -> str:
    if ticked:
        return say("Questions go only to the {count} ticked").format(count=ticked)
    if articles == 1:
        return say("Questions go to the one article")
    return say("Questions go to all {count} articles").format(count=articles)


def _buttons(say: Say) -> str:
    return f'<p class="ticked">{_button("untick", say("Untick all"))}{_button("remove", say("Remove"))}</p>'


def _question(count: int, say: Say) -> str:
    """Whether the ticked articles are to go."""
    words = (
        say("Remove 1 article from the index? Its files elsewhere stay.")
        if count == 1
        else say("Remove {count} articles from the index? Their files elsewhere stay.").format(count=count)
    )
    return (
        f'<div class="ticked" role="group" aria-labelledby="shelf-question"><p id="shelf-question">{escape(words)}</p>'
        f"{_button('remove-now', say('Yes, remove'))}{_button('keep', say('Keep'))}</div>"
    )


def _button(does: str, words: str) -> str:
    return f'<button type="button" id="shelf-{does}" data-do="{does}">{escape(words)}</button>'


def _rest(count: int, say: Say) -> str:
    """How many rows are not shown."""
    if count == 0:
        return f'<p class="rest">{escape(say("No article has these words."))}</p>'
    if count <= MOST_ROWS:
        return ""
    return f'<p class="rest">{escape(say("{count} more are not shown.").format(count=count - MOST_ROWS))}</p>'


def _progress(row: Row, say: Say) -> str:
    detail = f'<span class="detail">{escape(one_line(say(row.detail), _LONGEST_DETAIL))}</span>' if row.detail else ""
    hint = f'<span class="hint">{escape(one_line(say(row.hint), _LONGEST_DETAIL))}</span>' if row.hint else ""
    return (
        f'<li class="{row.state}"><span class="name">{escape(one_line(row.name))}</span> '
        f'<span class="state">{escape(_state(row, say))}</span>{detail}{hint}</li>'
    )


def _state(row: Row, say: Say) -> str:
    states = {
        "waiting": say("waiting"),
        "reading": say("being read"),
        "added": say("added"),
        "changed": say("changed"),
        "unchanged": say("there already"),
        "failed": say("not added"),
    }
    if row.state in ("added", "changed") and row.articles > 1:
        return say("{state}, {count} articles").format(state=states[row.state], count=row.articles)
    return states[row.state]
