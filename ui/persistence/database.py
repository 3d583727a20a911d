"""The chat's database: a SQLite file, or a database server that several chat servers share.

All SQL works in both SQLite and PostgreSQL.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from index import CitechatError, create_private_folder, make_file_private

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine, MetaData

TIMEOUT = 5.0
"""Timeout, in seconds, for a write to a SQLite file that waits for another write, and for a server's response."""

_CONNECTION_LIFETIME = 1800  # seconds; firewalls drop connections that are idle longer
_ATTEMPTS = 3  # for a change that conflicts with another server's change

_HINTS = {  # by the error that the database reports
    r"locked|unique": "Another process is writing to the database: try again in a moment.",
    r"full|disk I/O": "Free some disk space, then try again.",
    r"not a database|malformed": "Move the file away and restart to create a new one, or restore a backup.",
}
_FILE_HINTS = {
    r"read-?only|permission|unable to open": "Make the file and its folder writable.",
    r"no such (table|column)|has no column": "Another version or program created the file: move it away and restart.",
}
_SERVER_HINTS = {
    r"read-?only|permission": "Give the database user the right to create and change tables.",
    r"does not exist": "Create the database; if it contains other tables with this name, use another database.",
}
_DRIVER_HINT = "Install the driver for this database; the PostgreSQL driver comes with citechat[postgresql]."
_OTHER_HINT = {r"": "Check the address of the database, and that the database is reachable."}

_Result = TypeVar("_Result")


class PersistenceError(CitechatError):
    """Error for a database that cannot be used or whose contents are damaged."""


class Database:
    """The database at a URL such as `sqlite:////home/me/conversations.sqlite3`, with a set of tables.

    Thread-safe. A missing SQLite file is created, readable only by its owner. Tables are created when a file is opened,
    or when a database server first responds. Every method raises `PersistenceError` if the database cannot be used.
    """

    def __init__(
        self, url: str, tables: MetaData, content: str, *, is_lazy: bool = False, lazy_file: Path | None = None
    ) -> None:
        """Open the database now or, if `is_lazy`, at its first use.

        `content` names the stored data in error messages. `read` does not create the SQLite file `lazy_file`. Raises
        `PersistenceError` for an invalid URL, a missing driver, or a file that cannot be opened.
        """
        self.tables = tables
        self._url, self._content, self._lazy_file = url, content, lazy_file
        self._engine: Engine | None = None
        self._has_tables = False
        self._lock = threading.RLock()
        self._location = ""
        if not is_lazy:
            self._open()

    def read(self, work: Callable[[Connection], _Result], default: _Result) -> _Result:
        """Run `work` in a transaction, or return `default` if the lazy file does not exist."""
        is_missing = self._lazy_file is not None and not self._lazy_file.exists()
        return default if is_missing else self.run(work)

    def run(self, work: Callable[[Connection], _Result]) -> _Result:
        """Run `work` in a transaction; retry if another server changed the same rows at the same time."""
        from sqlalchemy.exc import IntegrityError

        engine = self._open()
        with self._reported_errors():
            if not self._has_tables:
                self._create_tables(engine)
            return _transact(engine, work, IntegrityError)

    def close(self) -> None:
        """Close all connections; the next call opens the database again."""
        with self._lock:
            if self._engine is not None:
                self._engine.dispose()
            self._engine, self._has_tables = None, False

    def _open(self) -> Engine:
        import sqlalchemy as sql

        with self._lock:
            if self._engine is not None:
                return self._engine
            try:
                address = sql.make_url(self._url)
            except (sql.exc.ArgumentError, ValueError):  # do not show the URL: it may contain a password
                raise PersistenceError(
                    f"Invalid database address for {self._content}.",
                    "Write it as sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE.",
                ) from None
            is_file = address.get_backend_name() == "sqlite"
            # The URL's query string may also contain a password.
            shown = address.database if is_file else address.set(query={}).render_as_string(hide_password=True)
            self._location = repr(shown)
            with self._reported_errors():
                if is_file:
                    _create_file(address.database or "")
                    # Opening a file is cheap, and a pooled connection would keep writing to a file after it was moved.
                    options: dict[str, Any] = {"poolclass": sql.NullPool}
                else:
                    options = {"poolclass": sql.QueuePool, "pool_timeout": TIMEOUT}
                    options |= {"pool_recycle": _CONNECTION_LIFETIME, "connect_args": _timeouts(address)}
                engine = sql.create_engine(address, pool_pre_ping=True, hide_parameters=True, **options)
                if is_file:
                    sql.event.listen(engine, "connect", _prepare_sqlite)
                    self._create_tables(engine)
            self._engine = engine
            return engine

    def _create_tables(self, engine: Engine) -> None:
        """Create missing tables, and add missing columns that may be null to tables from older versions.

        If another process does so at the same time, `create_all` would fail, and `if_not_exists` and adding a column
        may fail.
        """
        from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError
        from sqlalchemy.schema import CreateIndex, CreateTable

        def create(connection: Connection) -> None:
            for table in self.tables.sorted_tables:
                connection.execute(CreateTable(table, if_not_exists=True))
                for index in table.indexes:
                    connection.execute(CreateIndex(index, if_not_exists=True))

        with self._lock:
            _transact(engine, create, IntegrityError, ProgrammingError)
            _transact(engine, self._add_columns, OperationalError, ProgrammingError)
            self._has_tables = True

    def _add_columns(self, connection: Connection) -> None:
        from sqlalchemy import inspect, text

        inspector = inspect(connection)
        for table in self.tables.sorted_tables:
            new = [column for column in table.columns if column.nullable]
            present = {column["name"] for column in inspector.get_columns(table.name)} if new else set()
            for column in new:
                if column.name not in present:
                    kind = column.type.compile(connection.dialect)
                    connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {kind}"))

    @contextmanager
    def _reported_errors(self) -> Iterator[None]:
        """Convert database and file system errors to a `PersistenceError` without any stored content."""
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except (SQLAlchemyError, OSError, ImportError) as error:
            cause = getattr(error, "orig", None) or error
            reason = (getattr(cause, "strerror", None) or str(cause) or type(cause).__name__).splitlines()[0]
            is_file = self._url.startswith("sqlite")
            hints = _HINTS | (_FILE_HINTS if is_file else _SERVER_HINTS) | _OTHER_HINT
            hint = next(hint for words, hint in hints.items() if re.search(words, reason, re.IGNORECASE))
            if isinstance(error, ImportError):
                hint = _DRIVER_HINT
            raise PersistenceError(f"Cannot use the {self._content} in {self._location}: {reason}", hint) from None


def _transact(engine: Engine, work: Callable[[Connection], _Result], *conflicts: type[Exception]) -> _Result:
    """Run `work` in a transaction; retry if it conflicts with another process's change."""
    for _ in range(_ATTEMPTS - 1):
        with suppress(*conflicts), engine.begin() as connection:
            return work(connection)
    with engine.begin() as connection:
        return work(connection)


def utc_now(timespec: str = "seconds") -> str:
    """Return the current time in UTC, in the format in which it is stored."""
    return datetime.now(UTC).isoformat(timespec=timespec)


def _timeouts(address: URL) -> dict[str, Any]:
    """Return driver options that prevent an unresponsive server from blocking a caller for minutes."""
    if address.drivername not in ("postgresql", "postgresql+psycopg"):
        return {}
    wanted = {"connect_timeout": int(TIMEOUT), "tcp_user_timeout": int(2 * TIMEOUT * 1000)}
    return {name: value for name, value in wanted.items() if name not in address.query}


def _prepare_sqlite(connection: Any, _record: object) -> None:
    """Configure a connection so that reads proceed during a write, and a write waits for another write."""
    from sqlite3 import OperationalError

    connection.execute(f"PRAGMA busy_timeout = {int(TIMEOUT * 1000)}").close()
    with suppress(OperationalError):  # a file in use keeps its journal mode and still works
        connection.execute("PRAGMA journal_mode = WAL").close()


def _create_file(name: str) -> None:
    """Create an empty file that only its owner can read; a file created by SQLite would be readable by everyone."""
    if name not in ("", ":memory:") and not name.startswith("file:"):
        create_private_folder(Path(name).parent)
        with suppress(FileExistsError):
            os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        make_file_private(Path(name))
