"""A removal waits only for a moment while others add articles: its thread is one of few, which all users share."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from index import Index, IndexLockedError
from ui.chat import library as module
from ui.chat.library import BEING_CHANGED, Library


@pytest.fixture
def library(index: Index, tmp_path: Path) -> Library:
    library = Library(index, tmp_path / "kept")
    list(library.add_text("", "The harbour reopened on Monday. Ships came back."))
    return library


def test_what_is_not_there_is_removed_without_waiting(library: Library) -> None:
    with library._lock:
        assert library.remove([]) == ()
        assert library.remove(["0" * 16]) == ()


def test_a_removal_does_not_wait_for_long_while_an_article_is_added(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REMOVAL_TIMEOUT", 0.0)
    (entry,) = library.listing()
    with library._lock, pytest.raises(IndexLockedError) as told:
        library.remove([entry.id])
    assert (told.value.message, told.value.hint) == BEING_CHANGED
    assert [article.id for article, _ in library.remove([entry.id])] == [entry.id], "later it is removed"


def test_of_several_removals_only_one_waits(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    (entry,) = library.listing()
    waits, goes_on = threading.Event(), threading.Event()

    class Held:
        """A lock that is held until `goes_on` is set."""

        def acquire(self, *, timeout: float) -> bool:
            waits.set()
            return goes_on.wait()

        def release(self) -> None:
            pass

    monkeypatch.setattr(library, "_lock", Held())
    removed: list[int] = []
    thread = threading.Thread(target=lambda: removed.append(len(library.remove([entry.id]))))
    thread.start()
    try:
        waits.wait()
        with pytest.raises(IndexLockedError):
            library.remove([entry.id])
    finally:
        goes_on.set()
        thread.join()
    assert removed == [1]
