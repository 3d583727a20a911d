"""Chroma, in this process or as a server; what it raises becomes an error of ours."""

from __future__ import annotations

import os
import re
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from ..errors import CorruptVectorsError, EmptyIndexError, StoreError
from .address import Address, shown
from .changes import mark_of
from .file_lock import hold

_OPENING = threading.Lock()  # Chroma finds the newest of a folder by the folder's name
_PATIENCE = 10.0  # seconds that a question waits for a server
_PATIENCE_OF_WRITERS = 120.0  # who write and remove many rows at once
_UNKNOWN = re.compile(r"\b(401 Unauthorized|403 Forbidden)\b")
_LONGEST = 300  # characters that are told of what a server says: a gateway answers with a page
_EMBEDDED_HINT = "See `citechat doctor`. If the folder is damaged, remove it and index the articles again."
_SERVER_HINT = "Check that the Chroma server runs, and CITECHAT_CHROMA_URL."
_CREDENTIALS_HINT = (
    "Write the credentials into CITECHAT_CHROMA_URL: http://USER:PASSWORD@HOST/DATABASE, or http://TOKEN@HOST/DATABASE."
)


def open_client(path: Path, url: str | None, *, writable: bool) -> Any:
    """A client of the Chroma in the folder `path`, or of the server at `url`, `http://host:port/database`.

    What is not there yet is made when `writable`. Raises `EmptyIndexError` where nothing was indexed, `StoreError`
    where Chroma cannot open what is there, `IndexLockedError` where it may be made and another process is writing.
    """
    if url is None and not writable and not (path / "chroma.sqlite3").is_file():
        raise nothing_indexed(str(path))
    if url is None and is_emptied(path):
        # Chroma would make a new one, in which nothing is found.
        raise StoreError(f"the database of the index in {str(path)!r} is empty", _EMBEDDED_HINT)
    with refusals(shown(url) if url else str(path), "opened", is_server=url is not None):
        path.mkdir(parents=True, exist_ok=True)  # caches and the lock lie there, also beside a server
        if not os.access(path, os.W_OK | os.X_OK):
            raise StoreError(
                f"no permission to use the index in {str(path)!r}",
                "Change the folder's permissions, or set CITECHAT_HOME to a folder of yours.",
            )
        if url is not None:
            return _of_server(url, writable=writable)
        with hold(path) if writable else nullcontext():  # two processes cannot make a database at once
            return _embedded(path)


def close_client(client: Any) -> None:
    """Let go of what a client holds open."""
    client.close()
    _close_all(_connections(client))


def find_collection(client: Any, name: str) -> Any | None:
    """The collection of this name, or None."""
    from chromadb.errors import NotFoundError

    try:
        # Without a function of ours Chroma would attach one of its own, which fetches a model.
        return client.get_collection(name, embedding_function=None)
    except NotFoundError:
        return None


def create_alone(client: Any, name: str, metadata: dict[str, Any]) -> Any | None:
    """Create a collection; None where there is one. Of several who do so at once, one succeeds."""
    from chromadb.errors import ChromaError

    try:
        return client.create_collection(name, embedding_function=None, metadata=metadata)
    except ChromaError:
        if find_collection(client, name) is None:
            raise
        return None


def is_gone(error: Exception) -> bool:
    """Whether Chroma says that a collection is not there."""
    from chromadb.errors import NotFoundError

    return isinstance(error, NotFoundError)


def be_patient(client: Any) -> None:
    """Give a server the time that large writes take; a question shall not wait for it so long."""
    _wait_at_most(client, _PATIENCE_OF_WRITERS)


def is_emptied(path: Path) -> bool:
    """Whether the database in the folder of an index holds nothing, though something was indexed."""
    database = path / "chroma.sqlite3"
    return bool(mark_of(path)) and database.is_file() and not database.stat().st_size


def nothing_indexed(where: str) -> EmptyIndexError:
    """The error that nothing is indexed there."""
    return EmptyIndexError(
        f"nothing is indexed yet in {where!r}",
        "Index something first: `citechat index PATH`, with a file or folder of articles.",
    )


def manifest_lacks(where: str, name: str) -> StoreError:
    """The error that the index there does not say what built it."""
    return StoreError(
        f"the manifest of the index in {where!r} is damaged: it says nothing of {name!r}",
        "Build it anew with `citechat rebuild` (it needs no files).",
    )


def refused() -> tuple[type[Exception], ...]:
    """What a client of Chroma raises, for the disk, the network and a gateway, too."""
    from chromadb.errors import ChromaError
    from httpx import HTTPError

    return ChromaError, OSError, HTTPError


@contextmanager
def refusals(where: str, done: str, *, is_server: bool) -> Iterator[None]:
    """Turn what Chroma, the disk and the network raise into one error of ours; `done` is what could not be."""
    try:
        yield
    except refused() as error:
        hint = _EMBEDDED_HINT
        if is_server:
            hint = _CREDENTIALS_HINT if _UNKNOWN.search(str(error)) else _SERVER_HINT
        said = " ".join(str(error).split())[:_LONGEST] or type(error).__name__
        raise StoreError(f"the index in {where!r} could not be {done}: {said}", hint) from error


def is_unreachable(error: StoreError) -> bool:
    """Whether a server has not answered, rather than answered that something is wrong."""
    from httpx import HTTPError

    return isinstance(error.__cause__, (OSError, HTTPError))


@contextmanager
def torn_by_a_kill(where: str, damages: Iterable[str]) -> Iterator[None]:
    """Raise `CorruptVectorsError` for known damage, which may crash this process when opened, and for what Chroma
    raises when it first reads vectors after an interrupted change."""
    from chromadb.errors import ChromaError

    hint = "Build it anew with `citechat rebuild` (it needs no files), or index something: that does so, too."
    cause = f"the index in {where!r} was cut short while its vectors were written"
    for damage in damages:
        raise CorruptVectorsError(f"{cause}: {damage}", hint)
    try:
        yield
    except ChromaError as error:
        raise CorruptVectorsError(f"{cause}: {error}", hint) from error


def _embedded(path: Path) -> Any:
    """A client with a Chroma of its own, which ends with it: the one that `PersistentClient` shares among all clients
    of a process keeps vectors in memory, and never sees what another process has written since."""
    from chromadb.api import ServerAPI
    from chromadb.api.client import Client
    from chromadb.config import System

    settings = _settings()
    settings.persist_directory, settings.is_persistent = str(path), True
    system = System(settings)
    with _OPENING:
        system.instance(ServerAPI)  # type: ignore[type-abstract]
        system.start()
        client = Client.from_system(system)
    weakref.finalize(client, _stop, system).atexit = False
    return client


def _stop(system: Any) -> None:
    with suppress(AttributeError):  # Chroma's complaint that it was stopped already
        system.stop()


def _of_server(url: str, *, writable: bool) -> Any:
    import chromadb

    address = Address.of(url)
    _require_database(address, url, writable=writable)
    try:
        client = chromadb.HttpClient(
            host=address.host,
            port=address.port,
            ssl=address.is_secure,
            headers=dict(address.headers),
            database=address.database,
            settings=_settings(),
        )
    except refused():
        raise
    except Exception as error:  # so it tells that nobody answers, or somebody else does
        raise ConnectionError(str(error)) from error
    weakref.finalize(client, _close_all, _connections(client))
    _wait_at_most(client, _PATIENCE)
    return client


def _wait_at_most(client: Any, seconds: float) -> None:
    """Chroma's client would wait for ever, and tell what a gateway says as an `Exception` of no type to catch."""
    for session in _connections(client):
        session.timeout = seconds
        session.event_hooks = {"response": [_require_chroma]}


def _require_chroma(response: Any) -> None:
    """Raise `ConnectionError` for what does not come from Chroma, whose own errors have a type and a message."""
    import httpx
    from chromadb.errors import error_types

    said: Any = None
    response.read()
    with suppress(ValueError):
        said = response.json()
        if response.is_success or (isinstance(said, dict) and said.get("error") in error_types):
            return
    reason = httpx.codes.get_reason_phrase(response.status_code)
    raise ConnectionError(f"{response.status_code} {reason} {response.text[:_LONGEST]}")


def _connections(client: Any) -> list[Any]:
    """Those to a server, which Chroma leaves open."""
    servers = [getattr(each, "_server", None) for each in (client, getattr(client, "_admin_client", None))]
    sessions = [getattr(server, "_session", None) for server in servers]
    return [session for session in sessions if session is not None]


def _close_all(connections: Sequence[Any]) -> None:
    for each in connections:
        each.close()


def _require_database(address: Address, url: str, *, writable: bool) -> None:
    """Make the database where it is missing and may be made. By Chroma's own HTTP API (version 2): its client for this
    cannot be closed, and waits for ever for a server that does not answer."""
    import httpx

    databases = f"{address.server}/api/v2/tenants/default_tenant/databases"
    with httpx.Client(timeout=_PATIENCE, headers=address.headers) as http:
        found = http.get(f"{databases}/{address.database}")
        if found.status_code != httpx.codes.NOT_FOUND:
            found.raise_for_status()
        elif writable:
            made = http.post(databases, json={"name": address.database})
            if made.status_code != httpx.codes.CONFLICT:  # another one has just made it
                made.raise_for_status()
        else:
            raise nothing_indexed(shown(url))


def _settings() -> Any:
    import chromadb

    return chromadb.config.Settings(anonymized_telemetry=False)
