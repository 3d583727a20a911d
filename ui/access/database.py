"""Where keys and users are kept: two tables, in the database of the settings or a SQLite file of their own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from index import CitechatError

from ..saved import HINTS, create_file, prepare_sqlite

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData

    from rag import Settings

FILE = "access.sqlite3"
"""The name of the SQLite file under the home folder."""

_Result = TypeVar("_Result")


class AccessError(CitechatError):
    """Keys and users cannot be read or written, or are not what they should be."""


class Database:
    """The tables `api_keys` and `users` in the database at `url`.

    Nothing is opened or made before something is read or written, and reading makes no SQLite file: where there is
    none, nobody has a key. May be used from many threads. Every method raises `AccessError` where the database does.
    """

    def __init__(self, url: str) -> None:
        import sqlalchemy as sql

        try:
            address = sql.make_url(url)
        except (sql.exc.ArgumentError, ValueError):  # the address may hold a password and is not repeated
            raise AccessError(
                "the address of the database of keys and users cannot be understood",
                "Write it as sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE.",
            ) from None
        in_file = address.get_backend_name() == "sqlite"
        self._file = address.database or "" if in_file else None
        self._place = repr(self._file if in_file else address.render_as_string(hide_password=True))
        self._is_prepared = False
        with self._errors_told():
            pool = sql.NullPool if in_file else sql.QueuePool
            self._engine = sql.create_engine(address, poolclass=pool, pool_pre_ping=True, hide_parameters=True)
            if in_file:
                sql.event.listen(self._engine, "connect", prepare_sqlite)

    def read(self, work: Callable[[Connection], _Result], otherwise: _Result) -> _Result:
        """What `work` finds; `otherwise` where nothing was ever kept."""
        if self._file is not None and not Path(self._file).exists():
            return otherwise
        return self.write(work)

    def write(self, work: Callable[[Connection], _Result]) -> _Result:
        """Do some work in one transaction, the tables being there."""
        with self._errors_told():
            self._prepare()
            with self._engine.begin() as connection:
                return work(connection)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def _prepare(self) -> None:
        import sqlalchemy as sql

        if self._is_prepared and (self._file is None or Path(self._file).exists()):
            return
        if self._file is not None:
            create_file(self._file)
        with self._engine.begin() as connection:
            for table in tables().sorted_tables:  # `create_all` fails where another process does so, too
                connection.execute(sql.schema.CreateTable(table, if_not_exists=True))
        self._is_prepared = True

    @contextmanager
    def _errors_told(self) -> Iterator[None]:
        """Turns what a database or a file system says into an `AccessError`, without what was to be kept."""
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except (SQLAlchemyError, OSError, ImportError) as error:
            said = getattr(error, "orig", None) or error
            reason = (getattr(said, "strerror", None) or str(said) or type(said).__name__).splitlines()[0]
            hint = next(hint for words, hint in HINTS.items() if re.search(words, reason, re.IGNORECASE))
            raise AccessError(f"keys and users in {self._place} cannot be read or written: {reason}", hint) from None


def database_of(settings: Settings) -> Database:
    """The database that the settings name, else the SQLite file in their home."""
    if settings.database_url is not None:
        return Database(settings.database_url.get_secret_value())
    from sqlalchemy import URL

    return Database(str(URL.create("sqlite", database=str(settings.home / FILE))))


@cache
def tables() -> MetaData:
    """What is kept: all of it text, times in UTC and ISO form; no secret and no password is among it."""
    from sqlalchemy import Column, MetaData, Table, Text

    kept = MetaData()
    for name, columns in {
        "api_keys": ("id", "name", "digest", "scopes", "created", "expires", "revoked"),
        "users": ("name", "password", "created"),
    }.items():
        Table(name, kept, *(Column(each, Text, primary_key=each == columns[0], nullable=False) for each in columns))
    return kept


def now() -> str:
    """The time as it is kept."""
    return datetime.now(UTC).isoformat(timespec="seconds")
