"""The access policy from the settings, and the keys and users that it applies to."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rag import SettingsError, protect_home

from ..persistence.database import Database, PersistenceError
from .audit_log import AuditLog
from .clients import TrustedProxies
from .keys import Key, Keys
from .rate_limits import CallerLimits
from .users import User, Users

if TYPE_CHECKING:
    from rag import Settings

logger = logging.getLogger(__name__)

ACCOUNTS_FILE = "access.sqlite3"
"""The name of the SQLite file in `CITECHAT_HOME`."""

FRESH = 2.0
"""Time for which cached keys and users are used, in seconds; a revoked key is rejected after this time."""

STALE = 5.0
"""Maximum age of cached keys and users if the database cannot be read, in seconds."""

_SERVER_PROXY_VARIABLE = "FORWARDED_ALLOW_IPS"


@dataclass(frozen=True, slots=True)
class AccountSnapshot:
    """The keys and users as read from the database.

    `keys` maps ids to keys, and `users` maps names to users; `read_at` is the time of reading, in seconds on the
    monotonic clock.
    """

    keys: dict[str, Key] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    read_at: float = -STALE


class AccountRegistry:
    """A registry for the keys and users in a database, cached for a server that needs them at every request."""

    def __init__(self, database: Database) -> None:
        tables = database.tables.tables
        self.keys, self.users = Keys(database, tables["api_keys"]), Users(database, tables["users"])
        self.close = database.close
        self._snapshot = AccountSnapshot()
        self._next_attempt_at = 0.0

    def read(self) -> AccountSnapshot:
        """Read and return the keys and users. Raises `PersistenceError` if the database cannot be read."""
        now = time.monotonic()
        keys = {key.id: key for key in self.keys.listing()}
        self._snapshot = AccountSnapshot(keys, {user.name: user for user in self.users.listing()}, now)
        return self._snapshot

    async def snapshot(self) -> AccountSnapshot:
        """Return keys and users at most `STALE` seconds old. Raises `PersistenceError` if they cannot be read."""
        if time.monotonic() < self._snapshot.read_at + FRESH:
            return self._snapshot
        from anyio import to_thread

        return await to_thread.run_sync(self.current)

    def current(self) -> AccountSnapshot:
        """Return what `snapshot` returns; for other threads than that of the event loop."""
        snapshot, now = self._snapshot, time.monotonic()
        if now < snapshot.read_at + FRESH:
            return snapshot
        if now >= self._next_attempt_at:  # do not query an unavailable database at every request
            try:
                return self.read()
            except PersistenceError as error:
                self._next_attempt_at = now + FRESH / 2
                logger.warning("%s", error)
        if now < snapshot.read_at + STALE:
            return snapshot
        raise PersistenceError("Cannot read keys and users.", "See the server log for the reason.")


def open_accounts(settings: Settings) -> AccountRegistry:
    """Return the accounts in the settings' database, or in a SQLite file in `CITECHAT_HOME`.

    The database is opened at the first use. Reading does not create the file; without a file, no accounts exist.
    """
    from sqlalchemy import URL, Column, MetaData, Table, Text

    tables = MetaData()
    for name, columns in {
        "api_keys": ("id", "name", "digest", "scopes", "created", "expires", "revoked"),
        "users": ("name", "password", "created"),
    }.items():
        Table(name, tables, *(Column(each, Text, primary_key=each == columns[0], nullable=False) for each in columns))
    tables.tables["users"].append_column(Column("id", Text, nullable=True))  # added to the table of older versions
    if settings.database_url is not None:
        url = settings.database_url.get_secret_value()
        return AccountRegistry(Database(url, tables, "keys and users", is_lazy=True))
    protect_home(settings)
    file = settings.home / ACCOUNTS_FILE
    url = str(URL.create("sqlite", database=str(file)))
    return AccountRegistry(Database(url, tables, "keys and users", is_lazy=True, lazy_file=file))


@dataclass(frozen=True)
class AccessPolicy:
    """A server's access rules and limits.

    `user_header` is the header in which a trusted proxy names the logged-in user. With `open_to_all`, callers need
    neither a key nor a login, and limits apply per address. `audit_log` records every request.
    """

    accounts: AccountRegistry
    user_header: str | None = None
    proxies: TrustedProxies = field(default_factory=TrustedProxies)
    limits: CallerLimits = field(default_factory=lambda: CallerLimits("none", 1000))
    open_to_all: bool = False
    audit_log: AuditLog | None = None

    def is_enforced(self, accounts: AccountSnapshot) -> bool:
        """Return whether callers must identify themselves.

        Revoked keys count as keys, so revoking the last valid key does not turn access control off.
        """
        return not self.open_to_all and bool(accounts.keys or accounts.users or self.user_header)


def access_policy(settings: Settings, *, open_to_all: bool = False) -> AccessPolicy:
    """Return the access policy from the settings. Raises `SettingsError` if settings contradict each other."""
    if settings.user_header and not settings.trusted_proxies:
        raise SettingsError(
            f"The setting 'user_header' is {settings.user_header!r}, but no proxy is trusted to send it.",
            "Set CITECHAT_TRUSTED_PROXIES to the proxy's address, such as 127.0.0.1.",
        )
    return AccessPolicy(
        open_accounts(settings),
        settings.user_header,
        TrustedProxies(settings.trusted_proxies),
        CallerLimits(settings.rate_limit, settings.concurrency),
        open_to_all,
        _audit_log(settings),
    )


def _audit_log(settings: Settings) -> AuditLog | None:
    if settings.audit_log is None:
        return None
    return AuditLog(settings.audit_log, contents=settings.audit_contents, most_files=settings.audit_files)


def unrestricted(host: str) -> SettingsError:
    """Return the error for a server address that other machines could use without a key or a login."""
    return SettingsError(
        f"Without access control, other machines could read every article at {host!r} and ask questions at your cost.",
        "Create a key (`citechat keys create NAME`) or a user (`citechat users add NAME`), or have a proxy log users "
        "in (CITECHAT_USER_HEADER). To turn access control off instead: --no-access-control --anyone-may-use-it",
    )


@contextmanager
def real_peer_addresses() -> Iterator[None]:
    """Make a server that starts in this context report each connection's real peer address.

    By default, the server trusts X-Forwarded-For from any sender that is on this machine or named in an environment
    variable; a client could then imitate a trusted proxy.
    """
    before = os.environ.get(_SERVER_PROXY_VARIABLE)
    os.environ[_SERVER_PROXY_VARIABLE] = ""
    try:
        yield
    finally:
        del os.environ[_SERVER_PROXY_VARIABLE]
        if before is not None:
            os.environ[_SERVER_PROXY_VARIABLE] = before
