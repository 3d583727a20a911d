"""The page login. The web framework shows the form and stores logins; this module checks and hardens them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..persistence.database import PersistenceError

if TYPE_CHECKING:
    from anyio import CapacityLimiter
    from starlette.types import Message, Scope, Send

    from .access import AccountSnapshot
    from .users import Users

logger = logging.getLogger(__name__)

_CONCURRENT_HASHES = 2
"""Maximum number of passwords hashed concurrently; each one uses a CPU core and 32 MB."""


class Login:
    """The page login for a set of users."""

    def __init__(self, users: Users) -> None:
        self._users = users
        self._user_added: dict[str, str] = {}
        self._limiter: CapacityLimiter | None = None

    async def may_log_in(self, name: str, password: str) -> bool:
        """Return whether this is the user's password, without blocking other requests."""
        import anyio

        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(_CONCURRENT_HASHES)
        try:
            return await anyio.to_thread.run_sync(self._users.may_log_in, name, password, limiter=self._limiter)
        except PersistenceError as error:
            logger.warning("Login failed: %s", error)
            return False

    def user(self, scope: Scope, accounts: AccountSnapshot) -> str | None:
        """Return the user from a request's login cookie, or None if the user has since been removed or replaced."""
        app: Any = scope.get("app")
        if app is None or scope["type"] != "http":
            return None
        from starlette.requests import Request

        cookies = Request(scope).cookies
        # Check the cookies in the framework's order, so that both find the same user.
        token = cookies.get(f"access-token-{app.cookie_id}") or cookies.get(f"access-token-unsecure-{app.cookie_id}")
        name = app.tokens.get(token)
        added = accounts.users.get(name)
        # After a user was removed and added again, earlier logins are no longer valid: the password may differ.
        if added is not None and self._user_added.setdefault(str(token), added) == added:
            return str(name)
        app.tokens.pop(token, None)
        self._user_added.pop(str(token), None)
        return None

    def harden(self, scope: Scope, send: Send, on_failure: Callable[[], object]) -> Send:
        """Return a `send` for a login response; it calls `on_failure` for a failed login, and hardens the cookies."""

        async def hardened_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                if message["status"] == 400:
                    on_failure()
                headers = [(name, _hardened_cookie(name, value, scope["scheme"])) for name, value in message["headers"]]
                message = {**message, "headers": headers}
            await send(message)

        return hardened_send


def _hardened_cookie(name: bytes, value: bytes, scheme: str) -> bytes:
    """Return a cookie that is not sent with requests from other sites (`Lax`) and, if set over HTTPS, not over HTTP."""
    if name.lower() != b"set-cookie":
        return value
    kept = [part.strip() for part in value.split(b";")]
    kept = [part for part in kept if part.lower() != b"secure" and not part.lower().startswith(b"samesite")]
    return b"; ".join([*kept, b"SameSite=Lax", *([b"Secure"] if scheme == "https" else [])])
