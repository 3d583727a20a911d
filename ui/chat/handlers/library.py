"""Event handlers for the library: add articles, select the articles to search, and remove articles."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from index import CitechatError, UploadBudget

from ...html import public_error
from ...persistence.uploads import using
from ...security.middleware import RECHECK
from ..library import STOPPED, Library, UploadResult, Uploads
from ..render.library import library_html, status_html, uploads_html
from ..session import Action, Visitor
from .answers import Update

logger = logging.getLogger(__name__)

Selected = frozenset[str]


@contextmanager
def _watching(visitor: Visitor, budget: UploadBudget) -> Iterator[None]:
    """Stop the upload soon after the user is removed."""
    is_done = threading.Event()

    def watch() -> None:
        while not is_done.wait(RECHECK):
            if not visitor.is_admitted():
                budget.cancellation.request(*STOPPED)
                return

    threading.Thread(target=watch, name="upload watcher", daemon=True).start()
    try:
        yield
    finally:
        is_done.set()


class LibraryHandlers:
    """The library panel's event handlers. The browser sends each user action as `{what, id, value}`."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self._budgets: dict[str, list[UploadBudget]] = {}  # of the uploads that each open page is adding
        self._lock = threading.Lock()

    def load(self, visitor: Visitor) -> Update:
        """List the articles on a new page, with no article selected."""
        return {"library": self._articles(visitor, frozenset())}

    def choose(self, visitor: Visitor, data: object, selected: Selected) -> Update:
        """Select, search or remove articles, and update the list; or stop the page's uploads."""
        action = Action.parse(data)
        name, search = action.name, action.value
        if name == "stop":
            self.leave(visitor)
            return {}
        removal: Update = {}
        if name in ("tick", "search"):
            known = self._known()
            selected = selected ^ {action.id} if name == "tick" and action.id in known else selected & known
        elif name == "untick":
            selected = frozenset()
        elif name == "remove-now":
            status, selected = self._remove(visitor, selected)
            removal = {"upload_status": status}
        articles = self._articles(visitor, selected, search, confirming=name == "remove")
        return {"library": articles, "selected": selected, **removal}

    def add_files(self, visitor: Visitor, files: Sequence[str] | None, selected: Selected) -> Iterator[Update]:
        """Index uploaded files, then delete the uploads, update the list and clear the field."""
        paths, budget = [Path(file) for file in files or ()], UploadBudget()
        with using(paths):
            uploads = self.library.add_files(paths, budget)
            # Always clear the field: rejected files are still on the user's disk.
            yield from self._add(visitor, uploads, budget, selected, {"files": None}, empty_if_failed=True)

    def add_text(self, visitor: Visitor, title: str | None, text: str | None, selected: Selected) -> Iterator[Update]:
        """Index pasted text; clear its fields unless it was rejected."""
        budget = UploadBudget()
        uploads = self.library.add_text(title or "", text or "", budget)
        yield from self._add(visitor, uploads, budget, selected, {"title": "", "text": ""})

    def add_link(self, visitor: Visitor, address: str | None, selected: Selected) -> Iterator[Update]:
        """Index the page at a web address; clear the field unless the address was rejected."""
        budget = UploadBudget()
        uploads = self.library.add_link((address or "").strip(), budget)
        yield from self._add(visitor, uploads, budget, selected, {"link": ""})

    def leave(self, visitor: Visitor) -> None:
        """Stop the uploads of a page that was closed, or whose user asked for it; what was added remains."""
        with self._lock:
            budgets = list(self._budgets.get(visitor.session, ()))
        for budget in budgets:
            budget.cancellation.request(*STOPPED)

    def _add(
        self,
        visitor: Visitor,
        uploads: Uploads,
        budget: UploadBudget,
        selected: Selected,
        emptied: Update,
        *,
        empty_if_failed: bool = False,
    ) -> Iterator[Update]:
        """Yield the upload progress, then the updated list and the cleared fields."""
        results: tuple[UploadResult, ...] = ()
        with self._lock:
            self._budgets.setdefault(visitor.session, []).append(budget)
        try:
            with _watching(visitor, budget):
                for results in uploads:
                    yield {"upload_status": uploads_html(results, visitor.translate)}
        finally:
            with self._lock:
                self._budgets[visitor.session].remove(budget)
                if not self._budgets[visitor.session]:
                    del self._budgets[visitor.session]
        failed = any(each.state == "failed" for each in results)
        fields = {} if failed and not empty_if_failed else emptied
        yield {"library": self._articles(visitor, selected), **fields}

    def _articles(self, visitor: Visitor, selected: Selected, search: str = "", *, confirming: bool = False) -> str:
        """Return HTML that lists the articles, or an error message."""
        try:
            entries = self.library.listing()
        except CitechatError as error:
            logger.warning("cannot list the articles: %s", error)
            return status_html(" ".join(public_error(error)))
        return library_html(entries, selected, visitor.translate, search=search, confirming=confirming)

    def _known(self) -> Selected:
        try:
            return frozenset(entry.id for entry in self.library.listing())
        except CitechatError:  # the list shows the error
            return frozenset()

    def _remove(self, visitor: Visitor, selected: Selected) -> tuple[str, Selected]:
        """Remove the selected articles; return a message and the articles that are still selected."""
        translate = visitor.translate
        try:
            removed = self.library.remove(sorted(selected))
        except CitechatError as error:
            failed = UploadResult(translate("Removal"), "failed", *public_error(error))
            return uploads_html((failed,), translate), selected
        return status_html(translate("{count} removed from the index", count=len(removed))), frozenset()
