"""Keys of programs: made once, shown once, and from then on known by a hash alone."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from .accounts import AccessError, AccountDatabase, now, tables

if TYPE_CHECKING:
    from sqlalchemy import Connection

READ, WRITE = "read", "write"

LONGEST_NAME = 100
LONGEST_LIFE = 3650
"""Days that a key may be good for."""

_ID_BYTES, _SECRET_BYTES = 6, 32
_WRITTEN = re.compile(r"citechat_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is kept. `digest` is the SHA-256 of its secret: 256 random bits cannot be guessed however fast a hash
    is, and a slow one would be paid at every request. `expires` and `revoked` are empty where that has not happened."""

    id: str
    name: str
    digest: str = field(repr=False)
    scopes: frozenset[str]
    created: str
    expires: str = ""
    revoked: str = ""

    @property
    def state(self) -> str:
        """'good', 'expired' or 'revoked'."""
        if self.revoked:
            return "revoked"
        return "expired" if self.expires and self.expires <= now() else "good"


def key_with(secret: str, keys: Mapping[str, Key]) -> Key | None:
    """The key whose secret this is and that is good; it is looked up by its id, and compared in constant time."""
    written = _WRITTEN.fullmatch(secret)
    if written is None:
        return None
    key = keys.get(written[1])
    is_same = hmac.compare_digest(key.digest if key else _digest(""), _digest(secret))
    return key if key is not None and is_same and key.state == "good" else None


class Keys:
    """The keys in a database."""

    def __init__(self, kept: AccountDatabase) -> None:
        self._kept = kept
        self._table = tables().tables["api_keys"]

    def create(self, name: str, *, write: bool = False, days: int | None = None) -> tuple[Key, str]:
        """A new key and its secret, which is kept nowhere; it may read, with `write` also change, for so many days.

        Raises `AccessError` where the name is blank or too long, or the days are not from 1 to 3650.
        """
        if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
            raise AccessError(
                f"a key cannot be called {name[:LONGEST_NAME]!r}",
                f"Name the program that will use it, in at most {LONGEST_NAME} characters.",
            )
        if days is not None and not 1 <= days <= LONGEST_LIFE:
            raise AccessError(f"a key cannot expire in {days!r} days", f"Give a number from 1 to {LONGEST_LIFE}.")
        id_ = secrets.token_hex(_ID_BYTES)
        secret = f"citechat_{id_}_{secrets.token_urlsafe(_SECRET_BYTES)}"
        scopes = frozenset({READ, WRITE} if write else {READ})
        expires = "" if days is None else (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="seconds")
        key = Key(id_, name, _digest(secret), scopes, now(), expires)
        row = {"id": id_, "name": name, "digest": key.digest, "scopes": " ".join(sorted(scopes))}
        row |= {"created": key.created, "expires": expires, "revoked": ""}
        self._kept.write(lambda connection: connection.execute(self._table.insert().values(row)))
        return key, secret

    def listing(self) -> list[Key]:
        """All keys that were ever made, the oldest first."""
        chosen = self._table.select().order_by(self._table.c.created, self._table.c.id)

        def read(connection: Connection) -> list[Key]:
            rows = connection.execute(chosen).mappings()
            return [Key(**{**row, "scopes": frozenset(row["scopes"].split())}) for row in rows]

        return self._kept.read(read, [])

    def revoke(self, id_: str) -> bool:
        """Have a key refused from now on; False where there is none that is not revoked."""
        ours = (self._table.c.id == id_) & (self._table.c.revoked == "")
        change = self._table.update().where(ours).values(revoked=now())
        return self._kept.read(lambda connection: bool(connection.execute(change).rowcount), False)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8")).hexdigest()
