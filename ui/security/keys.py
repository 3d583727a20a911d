"""API keys for programs: the secret is shown once and stored as a hash."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ..persistence.database import Database, utc_now
from .errors import AccessError
from .scopes import METRICS, READ, WRITE

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

LONGEST_NAME = 100
"""Maximum length of a key's name, in characters."""

LONGEST_LIFETIME = 3650
"""Maximum lifetime of a key with an expiry date, in days."""

_ID_BYTES, _SECRET_BYTES = 6, 32
_SECRET_FORMAT = re.compile(r"citechat_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class Key:
    """A stored key. `expires` is empty without an expiry date, and `revoked` unless the key was revoked.

    `digest` is the secret's SHA-256 hash. The secret has 256 random bits, so it cannot be guessed even with a fast
    hash; a slow hash would cost time at every request.
    """

    id: str
    name: str
    digest: str = field(repr=False)
    scopes: frozenset[str]
    created: str
    expires: str = ""
    revoked: str = ""

    @property
    def state(self) -> str:
        """The key's state: 'good', 'expired' or 'revoked'."""
        if self.revoked:
            return "revoked"
        return "expired" if self.expires and self.expires <= utc_now() else "good"


def find_key(secret: str, keys: Mapping[str, Key]) -> Key | None:
    """Look up a key by the id in its secret, and return it if the secret is right and the key valid, else None.

    The secrets are compared in constant time.
    """
    match = _SECRET_FORMAT.fullmatch(secret)
    if match is None:
        return None
    key = keys.get(match[1])
    is_same = hmac.compare_digest(key.digest if key else _digest(""), _digest(secret))
    return key if key is not None and is_same and key.state == "good" else None


class Keys:
    """A store for the API keys in a database."""

    def __init__(self, database: Database, table: Table) -> None:
        self._database, self._table = database, table

    def create(
        self, name: str, *, write: bool = False, metrics: bool = False, days: int | None = None
    ) -> tuple[Key, str]:
        """Create a key and return it with its secret, which is not stored.

        The key may read articles and, with `write`, also change them; with `metrics`, it may only read metrics. It
        expires after `days`. Raises `AccessError` if the name is blank or too long, `days` is not between 1 and 3650,
        or both `write` and `metrics` are set.
        """
        if write and metrics:
            raise AccessError("A key for metrics cannot also change articles.", "Create two keys.")
        if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
            raise AccessError(
                f"Invalid key name: {name[:LONGEST_NAME]!r}.",
                f"Name the program that will use the key, in at most {LONGEST_NAME} characters.",
            )
        if days is not None and not 1 <= days <= LONGEST_LIFETIME:
            raise AccessError(f"A key cannot expire in {days!r} days.", f"Use a number from 1 to {LONGEST_LIFETIME}.")
        id_ = secrets.token_hex(_ID_BYTES)
        secret = f"citechat_{id_}_{secrets.token_urlsafe(_SECRET_BYTES)}"
        scopes = frozenset({METRICS} if metrics else {READ, WRITE} if write else {READ})
        expires = "" if days is None else (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="seconds")
        key = Key(id_, name, _digest(secret), scopes, utc_now(), expires)
        row = asdict(key) | {"scopes": " ".join(sorted(scopes))}
        self._database.run(lambda connection: connection.execute(self._table.insert().values(row)))
        return key, secret

    def listing(self) -> list[Key]:
        """Return all keys, oldest first, including expired and revoked keys."""
        query = self._table.select().order_by(self._table.c.created, self._table.c.id)

        def read(connection: Connection) -> list[Key]:
            rows = connection.execute(query).mappings()
            return [Key(**{**row, "scopes": frozenset(row["scopes"].split())}) for row in rows]

        return self._database.read(read, [])

    def revoke(self, id_: str) -> bool:
        """Revoke a key; return False if no active key has this id."""
        is_active = (self._table.c.id == id_) & (self._table.c.revoked == "")
        change = self._table.update().where(is_active).values(revoked=utc_now())
        return self._database.read(lambda connection: bool(connection.execute(change).rowcount), False)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8")).hexdigest()
