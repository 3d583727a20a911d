"""Render the library as HTML: the selectable articles and the state of uploads. Pure functions.

`data-do` names a click's action and `data-id` its article; the server validates both when the browser sends them back.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...html import day, one_line
from ...i18n.translate import Translate, counted, english
from ...templating import macros
from ..library import LibraryEntry, UploadResult

MOST_ROWS = 500
"""Maximum number of rows in the list; search finds the other articles."""

MOST_WORDS = 20
"""Maximum number of words in a search of the list."""

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
    """Return the articles whose title, outlets and date contain all words in `search`, ignoring case.

    Only the first `MOST_WORDS` different words count.
    """
    words = list(dict.fromkeys(search.casefold().split()))[:MOST_WORDS]
    texts = ((entry, _words(entry, translate) if words else "") for entry in entries)
    return tuple(entry for entry, text in texts if all(word in text for word in words))


def library_html(
    entries: Sequence[LibraryEntry],
    selected: frozenset[str],
    translate: Translate,
    *,
    confirming: bool = False,
    search: str = "",
) -> str:
    """Return HTML that lists the articles matching `search`, with checkboxes and the actions for selected articles.

    With `confirming`, the HTML asks whether to remove the selected articles.
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
    """Return HTML that shows the state of each upload, with a summary for screen readers."""
    if not results:
        return ""
    done = sum(result.state not in ("waiting", "reading") for result in results)
    failed = sum(result.state == "failed" for result in results)
    summary = translate("{done} of {count} done", done=done, count=len(results))
    if failed:
        summary += ", " + translate("{count} could not be added", count=failed)
    rows = [(result, _state(result, translate)) for result in results[:MOST_ROWS]]
    return str(
        macros("chat", "library").uploads(translate, summary, rows, len(results) - len(rows), done < len(results))
    )


def status_html(text: str) -> str:
    """Return HTML for a message about the library."""
    return str(macros("chat", "library").status(text))


def _words(entry: LibraryEntry, translate: Translate) -> str:
    """Return the searchable text, with the date in both the stored and the displayed form."""
    words = " ".join([entry.title, *entry.outlets, entry.published or "", day(entry.published, translate)])
    return " ".join(words.casefold().split())


def _byline(entry: LibraryEntry, translate: Translate) -> str:
    outlets = one_line(", ".join(entry.outlets), _LONGEST_OUTLETS)
    passages = counted(translate, entry.passages, "1 passage", "{count} passages")
    gone = translate("file no longer exists") if entry.is_gone else ""
    pages = counted(translate, entry.skipped_pages, "1 page without text", "{count} pages without text")
    parts = (outlets, day(entry.published, translate), passages, pages if entry.skipped_pages else "", gone)
    return " · ".join(part for part in parts if part)


def _state(result: UploadResult, translate: Translate) -> str:
    state = translate(_STATES[result.state])
    if result.state in ("added", "changed") and result.articles > 1:
        return translate("{state}, {count} articles", state=state, count=result.articles)
    return state
