"""Readers who log in at the page: the web framework shows where and keeps who did, and here it is read and hardened."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..persistence.database import PersistenceError

if TYPE_CHECKING:
    from anyio import CapacityLimiter
    from starlette.types import Message, Scope, Send

    from .registry import AccountSnapshot
    from .users import Users

logger = logging.getLogger(__name__)

_AT_ONCE = 2
"""Passwords that are hashed at a time; each takes a processor and 32 MB."""


class Login:
    """The page's login, for the users that there are."""

    def __init__(self, users: Users) -> None:
        self._users = users
        self._since: dict[str, str] = {}
        self._turns: CapacityLimiter | None = None

    async def may_log_in(self, name: str, password: str) -> bool:
        """Whether this is the user's password, found out without holding up other requests."""
        import anyio

        if self._turns is None:
            self._turns = anyio.CapacityLimiter(_AT_ONCE)
        try:
            return await anyio.to_thread.run_sync(self._users.may_log_in, name, password, limiter=self._turns)
        except PersistenceError as error:
            logger.warning("nobody can log in: %s", error)
            return False

    def user(self, scope: Scope, known: AccountSnapshot) -> str | None:
        """Who has logged in where a request comes from, and is a user still and the same one."""
        app: Any = scope.get("app")
        if app is None or scope["type"] != "http":
            return None
        from starlette.requests import Request

        cookies = Request(scope).cookies
        # In the framework's own order, so that both mean the same person.
        token = cookies.get(f"access-token-{app.cookie_id}") or cookies.get(f"access-token-unsecure-{app.cookie_id}")
        name = app.tokens.get(token)
        since = known.users.get(name)
        # Who was removed and added again has another password, and the logins of before are over.
        if since is not None and self._since.setdefault(str(token), since) == since:
            return str(name)
        app.tokens.pop(token, None)
        self._since.pop(str(token), None)
        return None

    def told(self, scope: Scope, send: Send, note_wrong: Callable[[], None]) -> Send:
        """Send what comes of an attempt to log in: a wrong one is noted, and no page of another site may use the
        cookies of a right one."""

        async def hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                if message["status"] == 400:
                    note_wrong()
                headers = [(name, _hardened(name, value, scope["scheme"])) for name, value in message["headers"]]
                message = {**message, "headers": headers}
            await send(message)

        return hardened


def is_login(scope: Scope) -> bool:
    """Whether a request is an attempt to log in."""
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    return scope["type"] == "http" and scope["method"] == "POST" and path in ("/login", "/login/")


def _hardened(name: bytes, value: bytes, scheme: str) -> bytes:
    """A cookie that other sites' requests do not bring (`Lax`), and that travels encrypted where the page does."""
    if name.lower() != b"set-cookie":
        return value
    kept = [part.strip() for part in value.split(b";")]
    kept = [part for part in kept if part.lower() != b"secure" and not part.lower().startswith(b"samesite")]
    return b"; ".join([*kept, b"SameSite=Lax", *([b"Secure"] if scheme == "https" else [])])
