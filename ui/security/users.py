"""Users of the page: a name and a password, of which a slow hash is kept."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import unicodedata

from .accounts import AccessError, AccountDatabase, now, tables

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 1024
"""Characters; a longer one would only keep the server busy."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_N, _R, _P = 2**15, 8, 3  # 32 MB and about a quarter of a second; OWASP's password storage cheat sheet names these
_SALT_BYTES = 16
_NOBODY = f"scrypt${_N}${_R}${_P}${'A' * 22}==${'A' * 43}="  # of the same cost; no password is known to give it


class Users:
    """The users in a database."""

    def __init__(self, kept: AccountDatabase) -> None:
        self._kept = kept
        self._table = tables().tables["users"]

    def add(self, name: str, password: str) -> None:
        """Let somebody log in. Raises `AccessError` where the name is taken or odd, or the password too short."""
        if not _NAME.fullmatch(name):
            raise AccessError(
                f"a user cannot be called {name[:64]!r}",
                "Use at most 64 Latin letters, digits and . _ @ -, beginning with a letter or digit.",
            )
        if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
            raise AccessError(
                f"the password has {len(password)} characters",
                f"Choose one of {SHORTEST_PASSWORD} to {LONGEST_PASSWORD}; several words are easy to keep in mind.",
            )
        if name in self.passwords():
            raise AccessError(f"there is a user {name!r}", f"Remove it first: citechat users remove {name}")
        row = {"name": name, "password": hashed(password), "created": now()}
        self._kept.write(lambda connection: connection.execute(self._table.insert().values(row)))

    def listing(self) -> list[tuple[str, str]]:
        """Names, and since when they are known, in alphabetical order."""
        shown = self._table.select().order_by(self._table.c.name)
        return self._kept.read(lambda each: [(row.name, row.created) for row in each.execute(shown)], [])

    def passwords(self) -> dict[str, str]:
        """What is kept of each user's password."""
        return self._kept.read(
            lambda connection: {row.name: row.password for row in connection.execute(self._table.select())}, {}
        )

    def remove(self, name: str) -> bool:
        """Let somebody in no longer; their conversations stay. False where there is no such user."""
        gone = self._table.delete().where(self._table.c.name == name)
        return self._kept.read(lambda connection: bool(connection.execute(gone).rowcount), False)

    def may_log_in(self, name: str, password: str) -> bool:
        """Whether this is the user's password; an unknown user takes as long to refuse as a wrong password."""
        kept = self.passwords().get(name)
        is_same = matches(password[:LONGEST_PASSWORD], kept or _NOBODY)
        return is_same and kept is not None


def hashed(password: str) -> str:
    """What is kept of a password: the parameters, a salt of its own, and the scrypt hash."""
    salt = secrets.token_bytes(_SALT_BYTES)
    encoded = (base64.b64encode(each).decode("ascii") for each in (salt, _scrypt(password, salt, _N, _R, _P)))
    return "$".join(("scrypt", str(_N), str(_R), str(_P), *encoded))


def matches(password: str, kept: str) -> bool:
    """Whether this password was hashed so; False where what is kept cannot be understood."""
    try:
        kind, n, r, p, salt, digest = kept.split("$")
        expected = base64.b64decode(digest, validate=True)
        found = _scrypt(password, base64.b64decode(salt, validate=True), int(n), int(r), int(p))
    except ValueError:
        return False
    return kind == "scrypt" and hmac.compare_digest(found, expected)


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    # The same letters may be typed as other code points on another keyboard.
    typed = unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
    return hashlib.scrypt(typed, salt=salt, n=n, r=r, p=p, maxmem=256 * n * r, dklen=32)
