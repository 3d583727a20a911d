"""The address of a Chroma server, and what of it may be shown."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

_DEFAULT_DATABASE = "default_database"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server and the database on it are; `headers` say who asks."""

    host: str
    port: int
    is_secure: bool
    database: str
    headers: dict[str, str] = field(repr=False)

    @classmethod
    def of(cls, url: str) -> Address:
        """What `http://host:port/database` says. `user:password@` before the host is sent as a basic credential, a
        word alone as a bearer token, as gateways in front of Chroma ask for them."""
        parts = urlsplit(url)
        is_secure = parts.scheme == "https"
        return cls(
            host=str(parts.hostname),
            port=parts.port or (443 if is_secure else 8000),
            is_secure=is_secure,
            database=parts.path.strip("/") or _DEFAULT_DATABASE,
            headers=_headers(*(None if said is None else unquote(said) for said in (parts.username, parts.password))),
        )

    @property
    def server(self) -> str:
        """The server alone, as other requests than those of Chroma's client need it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.is_secure else 'http'}://{host}:{self.port}"


def shown(url: str) -> str:
    """The address as a message or a log may name it: without credentials."""
    scheme, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"


def _headers(user: str | None, password: str | None) -> dict[str, str]:
    if not user and not password:
        return {}
    if password is None:
        return {"Authorization": f"Bearer {user}"}
    return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}
