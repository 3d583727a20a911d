"""Open a Chroma client, embedded in this process or connected to a server, and translate its errors."""

from __future__ import annotations

import os
import re
import sys
import threading
import weakref
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from ..errors import CorruptVectorsError, EmptyIndexError, StoreError
from ..private_folders import create_private_folder
from .file_lock import lock_folder, read_mark

BATCH = 1000
"""Maximum number of records in a single write; Chroma rejects more than 5,461."""
WRITE_TIMEOUT = 120.0
"""Timeout for writes and deletions, in seconds. Each handles many records at once; questions use a shorter timeout."""
SERVER_HINT = "Check that the Chroma server is running, and check CITECHAT_CHROMA_URL."
REBUILD_HINT = "Rebuild the index with `citechat rebuild`; the original files are not needed."

_FORMATS = ("rfc3987_syntax", "isoduration", "webcolors")
_IMPORTING = threading.Lock()
_OPENING = threading.Lock()  # Chroma finds the newest client for a folder by the folder's name
_TIMEOUT = 10.0  # maximum time that a question waits for a server, in seconds
_UNAUTHORIZED = re.compile(r"\b(401 Unauthorized|403 Forbidden)\b")
_LONGEST = 300  # maximum number of characters quoted from a server's answer; a gateway may answer with a whole page
_EMBEDDED_HINT = "Run `citechat doctor`. If the folder is damaged, remove it and index the articles again."
_CREDENTIALS_HINT = (
    "Put the credentials into CITECHAT_CHROMA_URL: http://USER:PASSWORD@HOST/DATABASE, or http://TOKEN@HOST/DATABASE."
)

Item = TypeVar("Item")


def slices(items: Sequence[Item], size: int = BATCH) -> Iterator[Sequence[Item]]:
    """Return slices of the items, in order, each with at most `size` items."""
    return (items[at : at + size] for at in range(0, len(items), size))


@dataclass(frozen=True, slots=True)
class Address:
    """A server and database given by a URL; `headers` contain the credentials."""

    host: str
    port: int
    is_secure: bool
    database: str
    headers: dict[str, str] = field(repr=False)

    @classmethod
    def from_url(cls, url: str) -> Address:
        """Parse `http://host:port/database`.

        `user:password@` before the host is sent as basic credentials, and `token@` as a bearer token. Gateways in front
        of Chroma expect these forms.
        """
        parts = urlsplit(url)
        is_secure = parts.scheme == "https"
        user, password = (None if part is None else unquote(part) for part in (parts.username, parts.password))
        headers = {}
        if password is not None and (user or password):
            headers["Authorization"] = f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"
        elif user:
            headers["Authorization"] = f"Bearer {user}"
        return cls(
            host=str(parts.hostname),
            port=parts.port or (443 if is_secure else 8000),
            is_secure=is_secure,
            database=parts.path.strip("/") or "default_database",
            headers=headers,
        )

    @property
    def server(self) -> str:
        """The server's URL without the database, for requests outside Chroma's client."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.is_secure else 'http'}://{host}:{self.port}"


def redact_url(url: str) -> str:
    """Return the URL without credentials, for messages and logs."""
    scheme, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"


def open_client(path: Path, url: str | None, *, writable: bool) -> Any:
    """Return a client for the Chroma database in the folder `path`, or on the server at `url`.

    `url` has the form `http://host:port/database`. With `writable`, the database is created if missing. Raises
    `EmptyIndexError` if nothing has been indexed, `StoreError` if Chroma cannot open the database, and
    `IndexLockedError` if `writable` and another process is writing.
    """
    database = path / "chroma.sqlite3"
    if url is None and not writable and not database.is_file():
        raise nothing_indexed(str(path))
    if url is None and read_mark(path) and database.is_file() and not database.stat().st_size:
        # Something was indexed. Chroma would create a new, empty database.
        raise StoreError(f"The database of the index in {str(path)!r} is empty.", _EMBEDDED_HINT)
    with translate_errors(redact_url(url) if url else str(path), "open", is_server=url is not None):
        create_private_folder(path)  # for caches and the lock, also next to a server
        if not os.access(path, os.W_OK | os.X_OK):
            raise StoreError(
                f"Cannot use the index in {str(path)!r}: permission denied.",
                "Change the permissions of the folder, or set CITECHAT_HOME to a folder that you own.",
            )
        if url is not None:
            return _connect(url, writable=writable)
        with lock_folder(path) if writable else nullcontext():  # two processes cannot create a database at once
            return _embedded(path)


def close_client(client: Any) -> None:
    """Release a client's files and connections."""
    client.close()
    _close_all(_connections(client))


def find_collection(client: Any, name: str) -> Any | None:
    """Return the collection with this name, or None if it does not exist."""
    from chromadb.errors import NotFoundError

    try:
        # Without an explicit None, Chroma would attach an embedding function that downloads a model.
        return client.get_collection(name, embedding_function=None)
    except NotFoundError:
        return None


def is_not_found(error: Exception) -> bool:
    """Return whether a Chroma error means that a collection does not exist."""
    from chromadb.errors import NotFoundError

    return isinstance(error, NotFoundError)


def create_if_absent(client: Any, name: str, metadata: dict[str, Any]) -> Any | None:
    """Create and return a collection; return None if it exists. If several processes try at once, only one succeeds."""
    from chromadb.errors import ChromaError

    try:
        return client.create_collection(name, embedding_function=None, metadata=metadata)
    except ChromaError:
        if find_collection(client, name) is None:
            raise
        return None


def set_timeout(client: Any, seconds: float) -> None:
    """Set the timeout of an HTTP client (by default, it has none), and reject responses that are not from Chroma."""
    for session in _connections(client):
        session.timeout = seconds
        session.event_hooks = {"response": [_require_chroma]}


def nothing_indexed(where: str) -> EmptyIndexError:
    """Return an error for a folder or server without an index."""
    return EmptyIndexError(
        f"Nothing is indexed yet in {where!r}.",
        "Index something first: `citechat index PATH`, with a file or folder of articles.",
    )


def chroma_errors() -> tuple[type[Exception], ...]:
    """Return the exception classes that a Chroma client raises, including disk, network and gateway errors."""
    from chromadb.errors import ChromaError
    from httpx import HTTPError

    return ChromaError, OSError, HTTPError


@contextmanager
def translate_errors(where: str, action: str, *, is_server: bool) -> Iterator[None]:
    """Turn Chroma, disk and network errors into a `StoreError` that names the failed action."""
    try:
        yield
    except chroma_errors() as error:
        hint = _EMBEDDED_HINT
        if is_server:
            hint = _CREDENTIALS_HINT if _UNAUTHORIZED.search(str(error)) else SERVER_HINT
        reason = " ".join(str(error).split())[:_LONGEST] or type(error).__name__
        raise StoreError(f"Cannot {action} the index in {where!r}: {reason}", hint) from error


def is_unreachable(error: Exception) -> bool:
    """Return whether a `StoreError` means that a server did not answer, rather than that it answered with an error."""
    from httpx import HTTPError

    return isinstance(error.__cause__, (OSError, HTTPError))


@contextmanager
def detect_corrupt_vectors(where: str, damages: Iterable[str]) -> Iterator[None]:
    """Raise `CorruptVectorsError` for known damage, and for Chroma errors that reveal damage.

    Opening damaged files may crash this process, so known damage is reported first. After an interrupted change, Chroma
    raises errors when it first reads vectors.
    """
    from chromadb.errors import ChromaError

    hint = f"{REBUILD_HINT} Indexing any article also rebuilds it."
    cause = f"Writing the vectors of the index in {where!r} was interrupted"
    for damage in damages:
        raise CorruptVectorsError(f"{cause}. {damage}", hint)
    try:
        yield
    except ChromaError as error:
        raise CorruptVectorsError(f"{cause}: {error}", hint) from error


def _embedded(path: Path) -> Any:
    """Return a client with its own Chroma system, which stops when the client is closed.

    `PersistentClient` shares one system among all clients in a process; the shared system caches vectors in memory and
    never sees later writes by other processes.
    """
    _import_chromadb()
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
    with suppress(AttributeError):  # raised by Chroma if it is already stopped
        system.stop()


def _connect(url: str, *, writable: bool) -> Any:
    chromadb = _import_chromadb()
    address = Address.from_url(url)
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
    except chroma_errors():
        raise
    except Exception as error:  # raised if there is no answer, or if another program answers
        raise ConnectionError(str(error)) from error
    weakref.finalize(client, _close_all, _connections(client))
    set_timeout(client, _TIMEOUT)
    return client


def _require_chroma(response: Any) -> None:
    """Raise `ConnectionError` for an answer that does not come from Chroma, whose errors have a type and a message.

    Chroma's client would raise a plain `Exception` for a gateway's answer.
    """
    import httpx
    from chromadb.errors import error_types

    response.read()
    with suppress(ValueError):
        body: Any = response.json()
        if response.is_success or (isinstance(body, dict) and body.get("error") in error_types):
            return
    reason = httpx.codes.get_reason_phrase(response.status_code)
    raise ConnectionError(f"{response.status_code} {reason} {response.text[:_LONGEST]}")


def _connections(client: Any) -> list[Any]:
    """Return a client's connections to a server, which Chroma does not close."""
    servers = [getattr(each, "_server", None) for each in (client, getattr(client, "_admin_client", None))]
    sessions = [getattr(server, "_session", None) for server in servers]
    return [session for session in sessions if session is not None]


def _close_all(connections: Sequence[Any]) -> None:
    for each in connections:
        each.close()


def _require_database(address: Address, url: str, *, writable: bool) -> None:
    """Check that the database exists; with `writable`, create it if it is missing.

    This uses Chroma's HTTP API (version 2), because its admin client cannot be closed and waits forever for a server
    that does not answer.
    """
    import httpx

    databases = f"{address.server}/api/v2/tenants/default_tenant/databases"
    with httpx.Client(timeout=_TIMEOUT, headers=address.headers) as http:
        found = http.get(f"{databases}/{address.database}")
        if found.status_code != httpx.codes.NOT_FOUND:
            found.raise_for_status()
        elif writable:
            created = http.post(databases, json={"name": address.database})
            if created.status_code != httpx.codes.CONFLICT:  # another process has just created it
                created.raise_for_status()
        else:
            raise nothing_indexed(redact_url(url))


def _settings() -> Any:
    return _import_chromadb().config.Settings(anonymized_telemetry=False)


def _import_chromadb() -> Any:
    """Import chromadb, without the packages that take most of the time of it if they are installed.

    Chroma loads the schemas of its embedding functions, and with them jsonschema, which imports packages for special
    formats and does without those that cannot be imported. `rfc3987_syntax` builds the grammar of web addresses, which
    takes a second. Chroma uses none of these formats.
    """
    with _IMPORTING:
        hidden = () if "jsonschema" in sys.modules else tuple(name for name in _FORMATS if name not in sys.modules)
        sys.modules |= dict.fromkeys(hidden)  # type: ignore[arg-type]  # None makes an import fail
        try:
            import chromadb
        finally:
            for name in hidden:
                del sys.modules[name]
    return chromadb
