"""The library as HTML: the articles to select, and the state of uploads. Pure.

`data-do` names the action of a click, `data-id` its article; the server trusts neither when it comes back.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...html import day, one_line
from ...i18n.translate import Translate, counted, english
from ...templating import macros
from ..library import LibraryEntry, UploadResult

MOST_ROWS = 500
"""The most rows of a list; search finds the others."""

_LONGEST_OUTLETS = 120
_STATES = {
    "waiting": "waiting",
    "reading": "reading",
    "added": "added",
    "changed": "updated",
    "unchanged": "already indexed",
    "failed": "not added",
}


def matching(entries: Sequence[LibraryEntry], search: str, translate: Translate = english) -> tuple[LibraryEntry, ...]:
    """Return the articles whose title, outlets and date contain all words of `search`, in any case."""
    words = search.casefold().split()
    return tuple(entry for entry in entries if all(word in _words(entry, translate) for word in words))


def library_html(
    entries: Sequence[LibraryEntry],
    selected: frozenset[str],
    translate: Translate,
    *,
    confirming: bool = False,
    search: str = "",
) -> str:
    """Return the articles that match `search`, each with a check box, and the actions on the selected ones.

    With `confirming`, ask whether to remove the selected articles.
    """
    template = macros("chat", "library")
    if not entries:
        return str(template.empty(translate))
    found = matching(entries, search, translate)
    rows = [(entry, _words(entry, translate), _byline(entry, translate)) for entry in found[:MOST_ROWS]]
    count = sum(entry.id in selected for entry in entries)
    hidden = len(found) - len(rows)
    return str(template.library(translate, rows, hidden, selected, count, len(entries), search, confirming))


def uploads_html(results: Sequence[UploadResult], translate: Translate) -> str:
    """Return the state of each upload; screen readers read a summary."""
    if not results:
        return ""
    done = sum(result.state not in ("waiting", "reading") for result in results)
    failed = sum(result.state == "failed" for result in results)
    summary = translate("{done} of {count} done", done=done, count=len(results))
    if failed:
        summary += ", " + translate("{count} could not be added", count=failed)
    rows = [(result, _state(result, translate)) for result in results[:MOST_ROWS]]
    return str(macros("chat", "library").uploads(translate, summary, rows, len(results) - len(rows)))


def status_html(text: str) -> str:
    """Return a message about the library."""
    return str(macros("chat", "library").status(text))


def _words(entry: LibraryEntry, translate: Translate) -> str:
    """Return the text that a search covers, with the date both as it is stored and as it is shown."""
    words = " ".join([entry.title, *entry.outlets, entry.published or "", day(entry.published, translate)])
    return " ".join(words.casefold().split())


def _byline(entry: LibraryEntry, translate: Translate) -> str:
    outlets = one_line(", ".join(entry.outlets), _LONGEST_OUTLETS)
    passages = counted(translate, entry.passages, "1 passage", "{count} passages")
    return " · ".join(part for part in (outlets, day(entry.published, translate), passages) if part)


def _state(result: UploadResult, translate: Translate) -> str:
    state = translate(_STATES[result.state])
    if result.state in ("added", "changed") and result.articles > 1:
        return translate("{state}, {count} articles", state=state, count=result.articles)
    return state
