"""Processes that index, are killed, are hindered: each a fork of one that has imported everything and opened nothing.

What a process is to do is a function here, since it is found by its name.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import random
import re
import resource
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
from chromadb import Collection
from chromadb.api.client import Client
from hashing import HashingEncoder

from index import CitechatError, Index, IndexLockedError
from index.retrieval.features import encode_in_context
from index.storage import server_lease
from index.storage.store import Store
from index.storage.vector_cache import load_vectors

DEADLINE = 600  # seconds after which a process that should have ended counts as hanging, on a busy machine, too
NOBODY = 65534
_ROUNDING = 1e-4
_MISSED = 0.02  # Chroma's graph misses 1 of 1,000 of these vectors, undisturbed; damaged ones lose 5 of 100 and more
_SENTENCES = 150  # in an article: thirty passages
_SYNC_THRESHOLD = 200  # vectors after which Chroma writes them to files here; by default it does so after 1,000
_WORDS = ["".join(letters) for letters in itertools.product("bdfgkstvzn", "aeiou", "lmnprst", "aeio")]

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["chromadb", "Stemmer", "sentencex", "filelock", "index.ingest.sync", "processes"])


def article(number: int, edition: int) -> str:
    """The text of an article; each sentence names what is found nowhere else."""
    random_words = random.Random(1000 * edition + number)
    sentences = [
        f"Item {number}x{edition}x{line} tells of {' '.join(random_words.choices(_WORDS, k=18))}."
        for line in range(_SENTENCES)
    ]
    return f"Report {number}, edition {edition}\n\n" + "\n".join(sentences) + "\n"


def write_articles(folder: Path, numbers: range, edition: int) -> Path:
    """Files of articles in a folder, which replace those of another edition."""
    folder.mkdir(exist_ok=True)
    for number in numbers:
        (folder / f"{number:03}.txt").write_text(article(number, edition), encoding="utf-8")
    return folder


def write_short_articles(folder: Path, count: int, *, alike: bool = False) -> Path:
    """Files of articles of one passage each; with more than two hundred, Chroma writes their vectors to files, too."""
    folder.mkdir()
    for number in range(count):
        text = f"Report {number}\n\nItem {number} tells of the same." if alike else article(number, 1)[:150]
        (folder / f"{number:04}.txt").write_text(text, encoding="utf-8")
    return folder


class LetterEncoder(HashingEncoder):
    """One to which three letters are a token, so that passages are shorter and there are more of them."""

    def tokenize(self, text: str) -> list[tuple[int, int]]:
        return [match.span() for match in re.finditer(r"\S{1,3}", text)]


@contextmanager
def running(work: Callable[..., None], *arguments: Any) -> Iterator[tuple[BaseProcess, Connection]]:
    """A process that does `work(connection, *arguments)`, and our end of the connection. It ends with the block."""
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=_work, args=(work, theirs, *arguments))
    process.start()
    theirs.close()
    try:
        yield process, ours
    finally:
        process.kill()
        process.join(DEADLINE)
        ours.close()


def said_by(work: Callable[..., None], *arguments: Any) -> Any:
    """The one thing that a process says that does `work` to its end."""
    with running(work, *arguments) as (process, ours):
        assert ours.poll(DEADLINE), "the process says nothing"
        try:
            said = ours.recv()
        except EOFError:
            process.join(DEADLINE)
            raise AssertionError(f"the process ended with {process.exitcode} and said nothing") from None
        process.join(DEADLINE)
        assert process.exitcode == 0
    return said


def _work(work: Callable[..., None], connection: Connection, *arguments: Any) -> None:
    """Do `work` where Chroma writes vectors to files early, so that a small index has such files."""
    hnsw = {"hnsw": {"space": "cosine", "batch_size": _SYNC_THRESHOLD // 2, "sync_threshold": _SYNC_THRESHOLD}}

    def patched(create: Callable[..., Any]) -> Callable[..., Any]:
        return lambda self, *given, **named: create(self, *given, **{**named, "configuration": hnsw})

    for name in ("create_collection", "get_or_create_collection"):
        setattr(Client, name, patched(getattr(Client, name)))
    work(connection, *arguments)


def _before_each_write(folder: Path, call: Callable[[str], None]) -> None:
    """Call `call(name)` in this process before each write to Chroma and to the small files in `folder` beside it."""

    def patched(write: Callable[..., Any], name_of: Callable[[Any, Any], str]) -> Callable[..., Any]:
        def patch(self: Any, *given: Any, **named: Any) -> Any:
            name = name_of(self, given)
            if name:
                call(f"{write.__name__} {name}")
            return write(self, *given, **named)

        return patch

    def kind(name: str) -> str:
        return name.partition("-")[0]

    for method in ("add", "upsert", "update", "delete", "modify"):
        setattr(Collection, method, patched(getattr(Collection, method), lambda self, _: kind(self.name)))
    for method in ("create_collection", "get_or_create_collection", "delete_collection"):
        setattr(Client, method, patched(getattr(Client, method), lambda _, given: kind(given[0])))
    for method in ("touch", "replace", "unlink"):
        named = patched(getattr(Path, method), lambda self, _: kind(self.name) if self.is_relative_to(folder) else "")
        setattr(Path, method, named)


# What a process does


def sync(connection: Connection, path: Path, folder: Path, url: str | None = None) -> None:
    """Say "begin", index, say what the report says or which error was met."""
    connection.send("begin")
    server_lease.LIFE, server_lease._BEAT, server_lease._RESERVE = (
        3.0,
        0.5,
        0.5,
    )  # who comes after one that was killed waits so long
    try:
        connection.send(Index(path, HashingEncoder(), url).sync([folder]).to_dict())
    except CitechatError as error:
        connection.send(str(error))


def sync_and_wait(connection: Connection, path: Path, folder: Path, url: str | None = None) -> None:
    """Index, and stop after the first article until something comes in."""

    def stop(*_: object) -> None:
        if not waited:
            waited.append(True)
            connection.send(os.getpid())
            connection.recv()

    waited: list[bool] = []
    connection.send(Index(path, HashingEncoder(), url).sync([folder], stop).to_dict())


def sync_and_wait_with_a_short_lease(connection: Connection, path: Path, folder: Path, url: str) -> None:
    """The same, holding the index on a server for two seconds at a time."""
    server_lease.LIFE, server_lease._BEAT, server_lease._RESERVE = 2.0, 0.5, 0.5
    sync_and_wait(connection, path, folder, url)


def hold_again_and_again(connection: Connection, path: Path, url: str, log: Path) -> None:
    """Write a line when the index is held for writing and one before it is let go of, five times over."""
    for _ in range(5):
        while True:
            with suppress(IndexLockedError), server_lease.leased(path, url), log.open("a") as lines:
                for word in ("holds", "lets go"):
                    lines.write(f"{os.getpid()} {word}\n")
                    lines.flush()
                    time.sleep(0.02)
                break
            time.sleep(random.random() / 50)
    connection.send("done")


def sync_to_and_fro(connection: Connection, path: Path, one: Path, other: Path, url: str | None = None) -> None:
    """Index two folders, in turn, under the same names, until something comes in; say how often."""
    turns = 0
    while not connection.poll():
        for source in (one, other):
            for file in source.iterdir():
                (one.parent / "articles" / file.name).write_bytes(file.read_bytes())
            Index(path, HashingEncoder(), url).sync([one.parent / "articles"])
        turns += 1
    connection.send(turns)


def rebuild(connection: Connection, path: Path, encoder: str) -> None:
    """Say "begin", build the index anew with another encoder, say "end"."""
    connection.send("begin")
    try:
        Index(path, HashingEncoder(encoder)).rebuild()
        connection.send("end")
    except CitechatError as error:
        connection.send(str(error))


def sync_by_letters(connection: Connection, path: Path, folder: Path) -> None:
    """Index with another encoder, which makes more passages."""
    connection.send(Index(path, LetterEncoder("letters")).sync([folder]).to_dict())


def name_writes(connection: Connection, path: Path, work: Callable[..., None], *arguments: Any) -> None:
    """Do `work(connection, path, *arguments)`, and send the names of all its writes, one for each, in the end."""
    names: list[str] = []
    _before_each_write(path, names.append)
    work(connection, path, *arguments)
    connection.send(names)


def die_before_write(
    connection: Connection, path: Path, number: int, work: Callable[..., None], *arguments: Any
) -> None:
    """Do `work(connection, path, *arguments)`, and kill this process before its write of this number."""
    numbers = itertools.count()

    def kill(_: str) -> None:
        if next(numbers) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    _before_each_write(path, kill)
    work(connection, path, *arguments)


def rebuild_and_die_at_the_switch(_: Connection, path: Path) -> None:
    """Rebuild the index, and be killed when the new passages answer and the records still count the old ones."""
    Collection.update = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
    Index(path, HashingEncoder()).rebuild()


def rebuild_again_and_again(connection: Connection, path: Path, url: str | None = None) -> None:
    """Build the index anew until something comes in; say how often."""
    turns = 0
    while not connection.poll():
        Index(path, HashingEncoder(), url).rebuild()
        turns += 1
    connection.send(turns)


def content(connection: Connection, path: Path, then_sync: Path | None = None, url: str | None = None) -> None:
    """Index a folder, where one is given, and say what the index holds: see `content_of`."""
    if then_sync is not None:
        Index(path, HashingEncoder(), url).sync([then_sync])
    connection.send(content_of(path, url))


def search_then_sync(connection: Connection, path: Path, folder: Path) -> None:
    """Search, say "searched", wait, and only then index: with what was opened before."""
    opened = Index(path, HashingEncoder())
    opened.search("report")
    connection.send("searched")
    connection.recv()
    connection.send(opened.sync([folder]).to_dict())


def sync_with_files_up_to(connection: Connection, path: Path, folder: Path, limit: int) -> None:
    """Index where no file can grow larger than `limit` bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    sync(connection, path, folder)


def sync_as_nobody(connection: Connection, path: Path, folder: Path) -> None:
    """Index as a user who has no rights, and say which problems such a one finds, too."""
    if os.getuid() == 0:
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    try:
        Index(path, HashingEncoder()).sync([folder])
        said = "done"
    except CitechatError as error:
        said = str(error)
    connection.send((said, [problem.message for problem in Index(path, HashingEncoder()).problems()]))


def content_of(path: Path, url: str | None = None) -> dict[str, Any]:
    """What must be the same however an index came to be, and what must be empty."""
    store = Store(path, url)
    passages = store._passages
    got = passages.get(include=["embeddings"])
    nearest = passages.query(query_embeddings=got["embeddings"], n_results=1, include=[])["ids"] if got["ids"] else []
    texts = {each.id: each.text for each in store.articles()}
    promised = {each.id: count for each, count in store.listing()}
    held = [id_.rpartition(":")[0] for id_ in got["ids"]]
    vectors = dict(zip(got["ids"], np.asarray(got["embeddings"], np.float32), strict=True))
    titled = list(store.titled_passages())
    encoded = encode_in_context(HashingEncoder(), titled)
    ids = np.array(sorted(got["ids"]), dtype=np.bytes_)
    compared = load_vectors(store, [ids])
    cosines = np.zeros((0, 0)) if compared is None else compared @ compared.T
    unreached = [
        id_
        for id_, (first, *_) in zip(got["ids"], nearest, strict=True)
        if first != id_ and float(vectors[first] @ vectors[id_]) < 1 - _ROUNDING
    ]
    return {
        "texts": sorted(texts.values()),
        "passages": sorted(got["ids"]),
        "orphans": sorted(set(held) - set(texts)),
        "unequal": sorted(id_ for id_, count in promised.items() if held.count(id_) != count),
        "wrong": sorted(
            passage.id
            for (_, passage), encoding in zip(titled, encoded, strict=True)
            if float(vectors[passage.id] @ encoding.vector) < 1 - _ROUNDING
        ),
        # By all being compared, as questions to a small index are, and by Chroma's graph.
        "unfound": ids[cosines.diagonal() < cosines.max(axis=1, initial=0) - _ROUNDING].tolist(),
        "unreached": sorted(unreached) if len(unreached) > _MISSED * len(vectors) else [],
        "collections": len([each for each in store._client.list_collections() if not server_lease.is_lease(each.name)]),
    }
