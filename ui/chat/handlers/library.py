"""What the server does with the library: a reader adds articles, ticks those to ask, and removes some."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from index import CitechatError

from ...html import escape
from ..library import Library, Row
from ..render.library import progress_html, shelf_html
from ..session import Reader

logger = logging.getLogger(__name__)

Ticked = frozenset[str]


class Shelving:
    """Replies to what happens in the library. What is chosen comes from the browser as `{what, id, value}`."""

    def __init__(self, gr: Any, library: Library) -> None:
        self.gr = gr
        self.library = library

    def shelf(self, reader: Reader, ticked: Ticked, search: str = "", *, confirming: bool = False) -> str:
        """The list of articles, or why it cannot be had."""
        try:
            listing = self.library.listing()
        except CitechatError as error:
            logger.warning("the articles cannot be listed: %s", error)
            return f'<p class="sum" role="status">{escape(f"{error.message}. {error.hint}")}</p>'
        return shelf_html(listing, ticked, reader.say, search=search, confirming=confirming)

    def load(self, reader: Reader) -> str:
        """The list of articles as the page opens: none is ticked."""
        return self.shelf(reader, frozenset())

    def choose(self, reader: Reader, data: object, ticked: Ticked) -> list[Any]:
        """Do what was chosen in the list: gives it anew, what is ticked, and what is told of it."""
        given = data if isinstance(data, dict) else {}
        what, chosen, search = given.get("what"), given.get("id"), given.get("value")
        chosen, search = (each if isinstance(each, str) else "" for each in (chosen, search))
        told: Any = self.gr.skip()
        if what in ("tick", "search"):
            known = self._known()
            ticked = ticked ^ {chosen} if what == "tick" and chosen in known else ticked & known
        elif what == "untick":
            ticked = frozenset()
        elif what == "remove":
            return [self.shelf(reader, ticked, search, confirming=True), ticked, told]
        elif what == "remove-now":
            told, ticked = self._remove(reader, ticked)
        return [self.shelf(reader, ticked, search), ticked, told]

    def _known(self) -> Ticked:
        try:
            return frozenset(row.id for row in self.library.listing())
        except CitechatError:  # the list says so
            return frozenset()

    def _remove(self, reader: Reader, ticked: Ticked) -> tuple[str, Ticked]:
        """What is told, and what is ticked then: what could not be removed stays so."""
        try:
            removed = self.library.remove(sorted(ticked))
        except CitechatError as error:
            failed = Row(reader.say("Removing"), "failed", error.message, error.hint)
            return progress_html((failed,), reader.say), ticked
        told = reader.say("{count} removed from the index").format(count=len(removed))
        return f'<p class="sum" role="status">{escape(told)}</p>', frozenset()

    def add_files(self, reader: Reader, files: Sequence[str] | None, ticked: Ticked) -> Iterator[list[Any]]:
        """Index files that were uploaded; then the list anew, and an empty field for more."""
        rows = self.library.add_files([Path(file) for file in files or ()])
        yield from self._told(reader, rows, ticked, [None])

    def add_text(self, reader: Reader, title: str | None, text: str | None, ticked: Ticked) -> Iterator[list[Any]]:
        """Index a text that was pasted."""
        yield from self._told(reader, self.library.add_text(title or "", text or ""), ticked, ["", ""])

    def add_link(self, reader: Reader, address: str | None, ticked: Ticked) -> Iterator[list[Any]]:
        """Index what is at a web address."""
        yield from self._told(reader, self.library.add_link((address or "").strip()), ticked, [""])

    def _told(
        self, reader: Reader, states: Iterator[tuple[Row, ...]], ticked: Ticked, emptied: list[Any]
    ) -> Iterator[list[Any]]:
        """Each state as it comes; in the end the list, and the fields emptied unless something failed."""
        rows: tuple[Row, ...] = ()
        skips = [self.gr.skip()] * len(emptied)
        for rows in states:
            yield [progress_html(rows, reader.say), self.gr.skip(), *skips]
        failed = any(row.state == "failed" for row in rows)
        keep = failed and emptied != [None]  # text that was refused is not lost; files are still on the reader's disk
        yield [self.gr.skip(), self.shelf(reader, ticked), *(skips if keep else emptied)]
