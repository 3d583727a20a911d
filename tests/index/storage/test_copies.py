"""Several copies, each with a home of its own as on a machine of its own, share one index on a Chroma server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from hashing import HashingEncoder
from processes import (
    content_of,
    hold_again_and_again,
    running,
    sync_and_wait,
    sync_and_wait_with_a_short_lease,
    write_articles,
)

from index import EmptyIndexError, Index, IndexLockedError, StoreError, live_index
from index.retrieval.retriever import Retriever
from index.storage import server_lease
from index.storage.store import Store

pytestmark = pytest.mark.slow

DEADLINE = 300  # seconds
FOX = "The fox crossed the river at night."
OWL = "The owl sat in the old barn and watched."
HEN = "The hen laid an egg."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "fox.txt").write_text(FOX)
    (folder / "owl.txt").write_text(OWL)
    return folder


@pytest.fixture
def here(url: str, tmp_path: Path) -> Iterator[Index]:
    with closing(Index(tmp_path / "here", HashingEncoder(), url)) as index:
        yield index


@pytest.fixture
def there(url: str, tmp_path: Path) -> Iterator[Index]:
    with closing(Index(tmp_path / "there", HashingEncoder(), url)) as index:
        yield index


def found(index: Index, question: str) -> list[str]:
    return [hit.passage.text for hit in index.search(question)]


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "it has not come"
        time.sleep(0.05)


# What one writes the others notice


def test_what_is_indexed_here_is_found_there_by_what_is_open(here: Index, there: Index, folder: Path) -> None:
    here.sync([folder])
    assert HEN not in found(there, "What did the hen lay?")
    (folder / "hen.txt").write_text(HEN)
    here.sync([folder])
    wait_for(lambda: found(there, "What did the hen lay?")[0] == HEN)
    assert there.count() == (3, 3)


def test_what_is_removed_or_rebuilt_here_is_so_there(here: Index, there: Index, folder: Path) -> None:
    here.sync([folder])
    assert sorted(found(there, "fox owl")) == [FOX, OWL]
    here.remove(*(article.id for article in here.article_metadata() if article.path.endswith("owl.txt")))
    wait_for(lambda: found(there, "fox owl") == [FOX])
    there_passages = there.searcher.store._passages.name
    here.rebuild()
    wait_for(lambda: found(there, "fox owl") == [FOX] and there.searcher.store._passages.name != there_passages)


def test_an_idle_copy_answers_from_the_newest_state(
    here: Index, there: Index, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_index, "_WAIT", DEADLINE)  # a busy machine may take longer than a user would wait
    here.sync([folder])
    assert found(there, "hen")
    (folder / "hen.txt").write_text(HEN)
    here.sync([folder])
    there._current._checked = 0
    assert found(there, "What did the hen lay?")[0] == HEN


def test_the_writer_finds_its_change_at_once(here: Index, folder: Path) -> None:
    here.sync([folder])
    assert found(here, "fox")
    (folder / "hen.txt").write_text(HEN)
    here.sync([folder])
    assert found(here, "What did the hen lay?")[0] == HEN


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, list[Retriever]]]:
    """Delay the caches of a changed index until the event is set; the list holds the retrievers that wait."""
    event, begun, make_searchable = threading.Event(), [], Retriever.make_searchable

    def wait(self: Retriever) -> None:
        begun.append(self)
        event.wait(DEADLINE)
        make_searchable(self)

    monkeypatch.setattr(Retriever, "make_searchable", wait)
    monkeypatch.setattr("index.live_index._WAIT", 0.1)
    yield event, begun
    event.set()


def test_during_a_renewal_questions_are_answered_without_removed_articles(
    here: Index, there: Index, folder: Path, held: tuple[threading.Event, list[Retriever]]
) -> None:
    event, begun = held
    here.sync([folder])
    assert sorted(found(there, "fox owl")) == [FOX, OWL]  # and kept in memory as they were read
    (folder / "owl.txt").write_text(HEN)
    here.sync([folder])
    there._current._checked = 0
    with ThreadPoolExecutor(8) as readers:
        for _ in range(2):
            answers = list(readers.map(lambda _: found(there, "fox owl hen"), range(40)))
            assert answers == [[FOX]] * 40, "from the old tables, which do not know the hen"
            wait_for(lambda: bool(begun))
    assert len(begun) == 1, "one thread makes the new ones"
    event.set()
    wait_for(lambda: sorted(found(there, "fox owl hen")) == [FOX, HEN])


def test_questions_are_answered_while_another_rebuilds_again_and_again(here: Index, there: Index, folder: Path) -> None:
    here.sync([folder])
    with ThreadPoolExecutor(1) as others:
        rebuilding = others.submit(lambda: [here.rebuild() for _ in range(6)])
        asked = 0
        while not rebuilding.done() or not asked:
            assert sorted(found(there, "fox owl")) == [FOX, OWL]
            asked += 1
        rebuilding.result()


def test_an_index_that_another_model_has_rebuilt_is_rejected(
    here: Index, there: Index, folder: Path, url: str, tmp_path: Path
) -> None:
    here.sync([folder])
    assert found(there, "fox")
    with closing(Index(tmp_path / "third", HashingEncoder("another"), url)) as third:
        third.rebuild()
    there._current._checked = 0
    with pytest.raises(StoreError, match="was built with another encoder"):
        found(there, "fox")


# One writes at a time


def test_a_second_writer_gets_an_error_naming_the_first(here: Index, folder: Path, url: str, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "hen.txt").write_text(HEN)
    with running(sync_and_wait, tmp_path / "there", folder, url) as (process, ours):
        assert ours.recv() == process.pid
        with pytest.raises(IndexLockedError, match=f"pid {process.pid} on "):
            here.sync([other])
        ours.send("go on")
        assert ours.recv()["articles"] == 2
    wait_for(lambda: _is_done(here, other))
    assert sorted(article.text for article in here.articles()) == [FOX, HEN, OWL]


def _is_done(index: Index, folder: Path) -> bool:
    try:
        index.sync([folder])
    except IndexLockedError:
        return False
    return True


def test_after_a_kill_a_writer_on_another_machine_cleans_up_and_continues(
    here: Index, url: str, tmp_path: Path
) -> None:
    folder = write_articles(tmp_path / "articles", range(9), 1)
    with running(sync_and_wait_with_a_short_lease, tmp_path / "there", folder, url) as (process, ours):
        ours.recv()
        with closing(Store(tmp_path / "third", url)) as store:
            store._passages.upsert(
                ids=["gone:0-9"],
                embeddings=store._passages.get(include=["embeddings"], limit=1)["embeddings"],
                metadatas=[{"article": "gone"}],
            )  # of a batch whose records he has not come to
        process.kill()
        process.join()
    wait_for(lambda: _is_done(here, folder))
    content = content_of(here.path, url)
    assert len(content["texts"]) == 9
    assert content["collections"] == 2
    assert not any(content[name] for name in ("orphans", "unequal", "wrong", "unfound", "unreached"))


def test_a_writer_that_lost_its_lease_stops_writing(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_lease, "LIFE", 2.0)
    monkeypatch.setattr(server_lease, "_BEAT", 0.4)
    monkeypatch.setattr(server_lease, "_RESERVE", 0.0)
    monkeypatch.setattr(server_lease.Lease, "_beat", lambda self: None)  # as of one that is cut off
    one, other = (Store(tmp_path / name, url, writable=True) for name in ("one", "other"))

    def write_too_late() -> None:
        with one.writing():
            with pytest.raises(IndexLockedError), other.writing():
                pass
            monkeypatch.setattr(server_lease, "_BEAT", 0.0)  # so that it is late at once, and is waited for
            with other.writing():
                assert other._lease is not None
                assert other._lease.was_interrupted
                one.put([])

    with closing(one), closing(other):
        with pytest.raises(StoreError, match="Lost the write lock"):
            write_too_late()
        with other.writing():
            assert other._lease is not None
            assert other._lease.was_interrupted, "an error ended the second one, too"
        with other.writing():
            assert other._lease is not None
            assert not other._lease.was_interrupted


def test_of_many_writers_one_holds_the_lease_at_a_time(url: str, tmp_path: Path) -> None:
    with closing(Store(tmp_path / "here", url, writable=True)):
        pass
    log = tmp_path / "log"
    with ExitStack() as stack:
        ours = [stack.enter_context(running(hold_again_and_again, tmp_path / str(n), url, log))[1] for n in range(4)]
        for each in ours:
            assert each.poll(DEADLINE)
            assert each.recv() == "done"
    lines = [line.split(" ", 1) for line in log.read_text().splitlines()]
    assert len(lines) == 4 * 5 * 2
    for (one, word), (other, next_word) in zip(lines[::2], lines[1::2], strict=True):
        assert (one, word, next_word) == (other, "holds", "lets go")


def test_a_slow_client_never_takes_a_number_that_was_used(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client sees lease 1 expired; before it creates lease 2, others have used 2, and hold 3."""
    path = tmp_path / "here"
    with closing(Store(path, url, writable=True)), server_lease.leased(path, url):
        pass
    look, looks = server_lease._leases, []

    def look_first_long_ago(client):  # type: ignore[no-untyped-def]
        found = look(client)
        if not looks:
            looks.append(found)
            monkeypatch.setattr(server_lease, "_leases", look)
            with server_lease.leased(path, url):
                pass
            stack.enter_context(server_lease.leased(path, url))
            monkeypatch.setattr(server_lease, "_leases", look_first_long_ago)
        return found

    monkeypatch.setattr(server_lease, "_leases", look_first_long_ago)
    with ExitStack() as stack, pytest.raises(IndexLockedError), server_lease.leased(path, url):
        pass
    assert list(looks[0]) == [1]


def test_an_index_that_was_deleted_is_reported_as_empty(here: Index, there: Index, folder: Path) -> None:
    here.sync([folder])
    assert found(there, "fox")
    with closing(Store(here.path, here.url)) as store:
        for collection in store._client.list_collections():
            store._client.delete_collection(collection.name)
    there._current._checked = 0
    with pytest.raises(EmptyIndexError, match="Nothing is indexed yet"):
        found(there, "fox")


def test_a_holder_whose_lease_was_removed_stops_at_the_next_renewal(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a jump of the server clock: another client has taken over before the lease expired."""
    monkeypatch.setattr(server_lease, "_BEAT", 0.1)
    path = tmp_path / "one"
    with closing(Store(path, url, writable=True)) as store, server_lease.leased(path, url) as held:
        held.require()
        store._client.delete_collection(held._lease.name)
        held._beating.join(DEADLINE)
        with pytest.raises(StoreError, match="Lost the write lock"):
            held.require()
