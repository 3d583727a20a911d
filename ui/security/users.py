"""Page users, each with a name and a slow password hash."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from ..persistence.database import Database, utc_now
from .errors import AccessError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

SHORTEST_PASSWORD = 12
"""Minimum password length, in characters."""

LONGEST_PASSWORD = 1024
"""Maximum password length, in characters; hashing longer passwords would only occupy the server."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_N, _R, _P = 2**15, 8, 3  # 32 MB and about a quarter of a second, as in OWASP's password storage cheat sheet
_SALT_BYTES = 16
_NO_PASSWORD = f"scrypt${_N}${_R}${_P}${'A' * 22}==${'A' * 43}="  # as slow to check; no known password has this hash


@dataclass(frozen=True, slots=True)
class User:
    """A user: the name, the time at which the user was added, and an id under which conversations are stored.

    No other user ever gets the same id. Users who were added before there were ids have their name as the id.
    """

    name: str
    created: str
    id: str


class Users:
    """A store for the users in a database."""

    def __init__(self, database: Database, table: Table) -> None:
        self._database, self._table = database, table

    def add(self, name: str, password: str, *, from_proxy: bool = False) -> None:
        """Add a user; with `from_proxy`, one who gets the conversations that are stored under the name.

        Raises `AccessError` if the name is taken or invalid, or the password's length is invalid.
        """
        if not _NAME.fullmatch(name):
            raise AccessError(
                f"Invalid user name: {name[:64]!r}.",
                "Use at most 64 Latin letters, digits and . _ @ -, beginning with a letter or digit.",
            )
        if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
            raise AccessError(
                f"The password has {len(password)} characters.",
                f"Use {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters; several words are easy to remember.",
            )
        if name in self.passwords():
            raise AccessError(
                f"The user {name!r} already exists.", f"Remove the user first: citechat users remove {name}"
            )
        id_ = name if from_proxy else f"#{uuid4().hex}"
        row = {"name": name, "password": hash_password(password), "created": utc_now(), "id": id_}
        self._database.run(lambda connection: connection.execute(self._table.insert().values(row)))

    def listing(self) -> list[User]:
        """Return the users in alphabetical order."""
        query = self._table.select().order_by(self._table.c.name)

        def read(connection: Connection) -> list[User]:
            return [User(row.name, row.created, row.id or row.name) for row in connection.execute(query)]

        return self._database.read(read, [])

    def passwords(self) -> dict[str, str]:
        """Return password hashes by user name."""
        query = self._table.select()
        return self._database.read(lambda each: {row.name: row.password for row in each.execute(query)}, {})

    def remove(self, name: str) -> bool:
        """Remove a user but not their conversations, which nobody can open then; return False for an unknown name."""
        removal = self._table.delete().where(self._table.c.name == name)
        return self._database.read(lambda connection: bool(connection.execute(removal).rowcount), False)

    def may_log_in(self, name: str, password: str) -> bool:
        """Return whether this is the user's password; an unknown user takes as long as a wrong password."""
        return self.user_with(name, password) is not None

    def user_with(self, name: str, password: str) -> User | None:
        """Return the user with this name and password, or None; an unknown user takes as long as a wrong password."""
        query = self._table.select().where(self._table.c.name == name)
        row = self._database.read(lambda each: each.execute(query).one_or_none(), None)
        is_same = is_password(password[:LONGEST_PASSWORD], _NO_PASSWORD if row is None else row.password)
        return User(row.name, row.created, row.id or row.name) if is_same and row is not None else None


def hash_password(password: str) -> str:
    """Return the stored form of a password: the parameters, a random salt, and the scrypt hash."""
    salt = secrets.token_bytes(_SALT_BYTES)
    encoded = (base64.b64encode(each).decode("ascii") for each in (salt, _scrypt(password, salt, _N, _R, _P)))
    return "$".join(("scrypt", str(_N), str(_R), str(_P), *encoded))


def is_password(password: str, stored: str) -> bool:
    """Return whether `stored` is a hash of this password; False if it is malformed."""
    try:
        algorithm, n, r, p, salt, digest = stored.split("$")
        expected = base64.b64decode(digest, validate=True)
        actual = _scrypt(password, base64.b64decode(salt, validate=True), int(n), int(r), int(p))
    except ValueError:
        return False
    return algorithm == "scrypt" and hmac.compare_digest(actual, expected)


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    # Other keyboards may produce the same letters with different code points.
    typed = unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
    return hashlib.scrypt(typed, salt=salt, n=n, r=r, p=p, maxmem=256 * n * r, dklen=32)
