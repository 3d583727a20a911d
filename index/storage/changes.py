"""Whoever has the index open notices when another process has changed it, and a change that was cut short is known.

Two small files in the index's folder. The mark holds a new word after every change; a reader compares it before each
question, which takes some 20 microseconds. The other file is there while somebody writes, and stays when he is killed.
Of an index on a server the mark stands in the metadata of its articles, and the rest is told by the `lease`.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .batch_writes import rewrite
from .file_lock import hold
from .serialization import article_id_of

MARK = "changed"
"""The file, or of an index on a server the name in the manifest."""
_UNFINISHED = ".unfinished"
UNCOUNTED = "uncounted"
"""In the manifest from the switch of a rebuild until the articles' records count the new passages."""
_BATCH = 1000  # rows that are removed at once


def mark_of(folder: Path) -> str:
    """A word that is another one after every change of the index in `folder`; empty before the first."""
    try:
        return (folder / MARK).read_text(encoding="utf-8")
    except OSError:
        return ""


def mark_in(articles: Any | None) -> str:
    """The same of an index on a server, from the collection of its articles."""
    return "" if articles is None else str((articles.metadata or {}).get(MARK, ""))


def leave_mark(articles: Any) -> str:
    """Put another word into the collection of the articles, and return it."""
    mark = new_mark()
    articles.modify(metadata={**(articles.metadata or {}), MARK: mark})
    return mark


def new_mark() -> str:
    """A word that was never one."""
    return uuid.uuid4().hex


@contextmanager
def changing(folder: Path) -> Iterator[bool]:
    """Hold the index in `folder` for writing; gives whether the change before this one was cut short.

    Raises `IndexLockedError` where another process holds it, `OSError` where the folder cannot be written to.
    """
    unfinished = folder / _UNFINISHED
    with hold(folder):
        was_cut_short = unfinished.exists()
        unfinished.touch()
        try:
            yield was_cut_short
        except BaseException:
            _set_mark(folder)  # what was written until now is there to be read
            raise
        if _set_mark(folder):
            unfinished.unlink(missing_ok=True)


def _set_mark(folder: Path) -> bool:
    """Put another word into the mark, in one step. False where the disk is full: the next change makes up for it."""
    beside = folder / f"{MARK}.new"
    with suppress(OSError):
        beside.write_text(new_mark(), encoding="utf-8")
        beside.replace(folder / MARK)
        return True
    return False


def sweep_collections(client: Any, kept: str) -> None:
    """Remove every collection of passages but one: others are of a rebuild cut short, or of before a rebuild."""
    for collection in client.list_collections():
        if collection.name.startswith("passages-") and collection.name != kept:
            client.delete_collection(collection.name)


def recount(articles: Any, passages: Any) -> None:
    """Write into the records of all articles how many passages they have, and into the manifest that this is done."""
    held = Counter(article_id_of(id_) for id_ in passages.get(include=[])["ids"])
    rewrite(articles, {id_: {"passages": held[id_]} for id_ in articles.get(include=[])["ids"]})
    articles.modify(metadata={name: value for name, value in articles.metadata.items() if name != UNCOUNTED})


def sweep_passages(passages: Any, articles: set[str]) -> None:
    """Remove the passages of a collection whose article is not among `articles`."""
    lost = [id_ for id_ in passages.get(include=[])["ids"] if article_id_of(id_) not in articles]
    for at in range(0, len(lost), _BATCH):
        passages.delete(ids=lost[at : at + _BATCH])
