"""A database of what a chat keeps: one SQLite file, or on a server that SQLAlchemy knows, which several copies share.

Only plain SQL is used.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from index import CitechatError

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, MetaData

PATIENCE = 5.0
"""Seconds that a write waits while another one holds the SQLite file, and a reader for a server to answer."""

_LONGEST_USE = 1800  # seconds after which a connection is made anew: firewalls forget those that are quiet
_TRIES = 3  # of a change at the same time as another copy's

_HINTS = {  # what a database says, and what a person can do about it
    r"locked|unique": "Someone else is writing to the database: try again in a moment.",
    r"full|disk I/O": "Make room on the disk, then try again.",
    r"not a database|malformed": "Move the file away and start again: a new one is made. Or put a backup in its place.",
}
_HINTS_OF_FILES = {
    r"read-?only|permission|unable to open": "Make the file and its folder writable.",
    r"no such (table|column)|has no column": "Another version or program made the file: move it away and start again.",
}
_HINTS_OF_SERVERS = {
    r"read-?only|permission": "Give the database's user the right to make tables and to change them.",
    r"does not exist": "Make the database if it is missing; if it holds other tables of this name, name another one.",
}
_HINT_WITHOUT_DRIVER = "Install the driver of this database; PostgreSQL's comes with citechat[postgresql]."
_ELSE = {r"": "Check the address of the database, and that it can be reached."}

_Result = TypeVar("_Result")


class PersistenceError(CitechatError):
    """What is kept in a database cannot be read or written."""


class Database:
    """The database at `url`, such as `sqlite:////home/me/conversations.sqlite3`, with these tables in it.

    May be used from many threads. A SQLite file is made where there is none, for the eyes of its user alone; tables are
    made at once in a file, and on a server when it first answers. Opening a file and using either raises
    `PersistenceError`
    where that cannot be; `kept` is what the error says is in it. What a server may not be asked is told at once, too:
    an address that is none, a driver that is missing.
    """

    def __init__(self, url: str, tables: MetaData, kept: str) -> None:
        import sqlalchemy as sql

        try:
            address = sql.make_url(url)
        except (sql.exc.ArgumentError, ValueError):  # the address may hold a password and is not repeated
            raise PersistenceError(
                f"the address of the database of {kept} cannot be understood",
                "Write it as sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE.",
            ) from None
        self._kept, self._tables = kept, tables
        self._in_file = address.get_backend_name() == "sqlite"
        # What stands behind the question mark may be a password, too.
        shown = address.database if self._in_file else address.set(query={}).render_as_string(hide_password=True)
        self._place = repr(shown)
        self._has_tables, self._making = False, threading.Lock()
        with self._errors_told():
            if self._in_file:
                _create_file(address.database or "")
                # To open a file is quick, and one that is kept open would be written to even when it was moved away.
                options: dict[str, Any] = {"poolclass": sql.NullPool}
            else:
                options = {"poolclass": sql.QueuePool, "pool_timeout": PATIENCE, "pool_recycle": _LONGEST_USE}
                options["connect_args"] = _impatience(address)
            self._engine = sql.create_engine(address, pool_pre_ping=True, hide_parameters=True, **options)
            if self._in_file:
                sql.event.listen(self._engine, "connect", _prepare_sqlite)
                self._make_tables()

    def do(self, work: Callable[[Connection], _Result]) -> _Result:
        """Do some work in one transaction; again where another copy has changed the same at the same time."""
        from sqlalchemy.exc import IntegrityError

        with self._errors_told():
            if not self._has_tables:
                self._make_tables()
            for _ in range(_TRIES - 1):
                with suppress(IntegrityError), self._engine.begin() as connection:
                    return work(connection)
            with self._engine.begin() as connection:
                return work(connection)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def _make_tables(self) -> None:
        """`create_all` fails where another process does so, too; and two may meet in spite of `if_not_exists`."""
        from sqlalchemy.exc import IntegrityError, ProgrammingError
        from sqlalchemy.schema import CreateIndex, CreateTable

        with self._making:
            for tries_left in reversed(range(_TRIES)):
                try:
                    with self._engine.begin() as connection:
                        for table in self._tables.sorted_tables:
                            connection.execute(CreateTable(table, if_not_exists=True))
                            for index in table.indexes:
                                connection.execute(CreateIndex(index, if_not_exists=True))
                    break
                except (IntegrityError, ProgrammingError):
                    if not tries_left:
                        raise
            self._has_tables = True

    @contextmanager
    def _errors_told(self) -> Iterator[None]:
        """Turns what a database says into a `PersistenceError`; never with what was asked or answered."""
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except (SQLAlchemyError, OSError, ImportError) as error:
            said = getattr(error, "orig", None) or error
            reason = (getattr(said, "strerror", None) or str(said) or type(said).__name__).splitlines()[0]
            hints = _HINTS | (_HINTS_OF_FILES if self._in_file else _HINTS_OF_SERVERS) | _ELSE
            hint = next(hint for words, hint in hints.items() if re.search(words, reason, re.IGNORECASE))
            if isinstance(error, ImportError):
                hint = _HINT_WITHOUT_DRIVER
            raise PersistenceError(f"{self._kept} in {self._place} cannot be read or written: {reason}", hint) from None


def _impatience(address: URL) -> dict[str, Any]:
    """What keeps a server that does not answer from holding a reader for minutes, where its driver is told so."""
    if address.drivername not in ("postgresql", "postgresql+psycopg"):
        return {}
    wanted = {"connect_timeout": int(PATIENCE), "tcp_user_timeout": int(2 * PATIENCE * 1000)}
    return {name: value for name, value in wanted.items() if name not in address.query}


def _prepare_sqlite(connection: Any, _record: object) -> None:
    """Readers do not wait for a writer, and a writer waits for another one."""
    from sqlite3 import OperationalError

    connection.execute(f"PRAGMA busy_timeout = {int(PATIENCE * 1000)}").close()
    with suppress(OperationalError):  # the file keeps its mode where that cannot be changed now, and works all the same
        connection.execute("PRAGMA journal_mode = WAL").close()


def _create_file(name: str) -> None:
    """Make an empty file that no other user can read: SQLite would make one that all can, and fills it as it is."""
    if name not in ("", ":memory:") and not name.startswith("file:"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
