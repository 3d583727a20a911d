"""Where keys and users are kept: two tables, in the database of the settings or a SQLite file of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from index import CitechatError

from ..persistence.database import Database

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData

    from rag import Settings

FILE = "access.sqlite3"
"""The name of the SQLite file under the home folder."""

_Result = TypeVar("_Result")


class AccessError(CitechatError):
    """A key or a user is not what it should be, or is not there."""


class AccountDatabase:
    """Keys and users in the database at `url`, or in a SQLite `file`.

    Nothing is opened before something is read or written, and reading makes no file: where there is none, nobody
    has a key. May be used from many threads. Both methods raise `PersistenceError` where the database cannot be used.
    """

    def __init__(self, url: str, file: Path | None = None) -> None:
        self._url, self._file = url, file
        self._opened: Database | None = None
        self._opening = threading.Lock()

    def read(self, work: Callable[[Connection], _Result], otherwise: _Result) -> _Result:
        """What `work` finds; `otherwise` where nothing was ever kept."""
        return otherwise if self._file is not None and not self._file.exists() else self.write(work)

    def write(self, work: Callable[[Connection], _Result]) -> _Result:
        """Do some work in one transaction."""
        with self._opening:
            if self._opened is None:
                self._opened = Database(self._url, tables(), "keys and users")
        return self._opened.do(work)

    def close(self) -> None:
        """Let go of the database; it is opened again where it is asked."""
        with self._opening:
            if self._opened is not None:
                self._opened.close()
            self._opened = None


def kept_by(settings: Settings) -> AccountDatabase:
    """The database that the settings name, else the SQLite file in their home."""
    if settings.database_url is not None:
        return AccountDatabase(settings.database_url.get_secret_value())
    from sqlalchemy import URL

    file = settings.home / FILE
    return AccountDatabase(str(URL.create("sqlite", database=str(file))), file)


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
