"""Requests that are not let in, and what they are told."""

from __future__ import annotations

from collections.abc import Sequence


class Denied(Exception):  # noqa: N818 - it is an answer, not a bug
    """A request that is not let in: the status, what is wrong, what to do, and headers of the reply."""

    def __init__(self, status: int, message: str, hint: str = "", headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        super().__init__(message)
        self.status, self.message, self.hint, self.headers = status, message, hint, headers


def unauthorized(message: str, hint: str, *, is_wrong: bool = False) -> Denied:
    """401: it is not known who asks; `is_wrong` where they said who, and it is not so."""
    told = b', error="invalid_token"' if is_wrong else b""
    return Denied(401, message, hint, [(b"www-authenticate", b'Bearer realm="citechat"' + told)])


def forbidden(scope: str) -> Denied:
    """403: the key is good, but not for this."""
    challenge = f'Bearer realm="citechat", error="insufficient_scope", scope="{scope}"'
    return Denied(
        403,
        f"the key has not the scope {scope!r}",
        f"Make one that has: citechat keys create NAME{' --write' if scope == 'write' else ''}",
        [(b"www-authenticate", challenge.encode("ascii"))],
    )


def too_many(message: str, seconds: int) -> Denied:
    """429: ask again after so many seconds."""
    hint = f"Ask again in {seconds} second{'' if seconds == 1 else 's'}."
    return Denied(429, message, hint, [(b"retry-after", str(seconds).encode("ascii"))])
