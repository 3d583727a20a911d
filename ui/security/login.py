"""The page login. The web framework shows the form and stores logins; this module checks and hardens them."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ..persistence.database import PersistenceError
from .rate_limits import (
    ACCOUNT_ATTEMPTS,
    ACCOUNT_ATTEMPTS_PER_ADDRESS,
    MOST_NAMES,
    RIGHT_PASSWORDS,
    RateLimit,
    Reservation,
)

if TYPE_CHECKING:
    from anyio import CapacityLimiter
    from starlette.types import Message, Scope, Send

    from .access import AccountSnapshot
    from .users import User, Users

logger = logging.getLogger(__name__)

MOST_LOGINS = 100
"""Maximum number of valid logins per user; the oldest ones end first."""

_CONCURRENT_HASHES = 2
"""Maximum number of passwords hashed concurrently; each one uses a CPU core and 32 MB."""


class Attempt:
    """A login attempt from an address or network, and the user whose password was right."""

    def __init__(self, sender: str = "") -> None:
        self.sender = sender
        self.user: User | None = None


ATTEMPT: ContextVar[Attempt] = ContextVar("ATTEMPT", default=Attempt())  # noqa: B039 - never changed without a request
"""The attempt that the current request makes; the web framework does not pass the sender to the password check."""

_TOO_MANY_FOR_ACCOUNT = "Too many wrong passwords for this user name."
_TOO_MANY_LOGINS = "Too many logins of this user name from this address."


class AccountLimits:
    """The limits on passwords per user name. They apply to unknown names alike, so they do not reveal names.

    A few attempts from one address block the user name at this address only. Many attempts from several addresses
    block it at all addresses at which the user has not logged in since the server started, so strangers cannot lock
    users out of their usual addresses. Right passwords from one address have a higher limit.
    """

    def __init__(self) -> None:
        self._per_address, self._per_name = RateLimit(ACCOUNT_ATTEMPTS_PER_ADDRESS), RateLimit(ACCOUNT_ATTEMPTS)
        self._right = RateLimit(RIGHT_PASSWORDS)
        self._known: set[str] = set()  # a user name and an address at which this user has logged in

    @contextmanager
    def attempt(self, name: str, address: str) -> Iterator[Callable[[bool], None]]:
        """Count an attempt, and yield a function that is called with whether the password was right.

        Until then, the attempt counts towards all limits; afterwards as right, as wrong, or not at all if the function
        was not called. A right password makes the address known. Raises a 429 `RequestError` if a limit is reached.
        """
        account, pair = _names(name, address)
        with ExitStack() as counted:
            wrong = [counted.enter_context(self._per_address.reserve(pair, _TOO_MANY_FOR_ACCOUNT))]
            right = counted.enter_context(self._right.reserve(pair, _TOO_MANY_LOGINS))
            if pair not in self._known:
                wrong.append(counted.enter_context(self._per_name.reserve(account, _TOO_MANY_FOR_ACCOUNT)))

            def end(is_right: bool) -> None:
                for each in [right] if is_right else wrong:
                    each.keep()
                if is_right:
                    if len(self._known) >= MOST_NAMES:
                        self._known.clear()
                    self._known.add(pair)

            yield end


class Login:
    """The page login for a set of users."""

    def __init__(self, users: Users) -> None:
        self._users = users
        self._users_by_token: dict[str, User] = {}
        self._limits = AccountLimits()
        self._turns: CapacityLimiter | None = None

    async def may_log_in(self, name: str, password: str) -> bool:
        """Return whether this is the user's password, without blocking other requests.

        Raises a 429 `RequestError` if there were too many wrong passwords for this name. Attempts are counted in their
        turn and before they are checked, so that concurrent ones cannot exceed the limits.
        """
        import anyio

        if self._turns is None:
            self._turns = anyio.CapacityLimiter(_CONCURRENT_HASHES)
        async with self._turns:
            attempt = ATTEMPT.get()
            with self._limits.attempt(name, attempt.sender) as end:
                name, password = (text.encode("utf-8", "replace").decode("utf-8") for text in (name, password))
                try:
                    user = await anyio.to_thread.run_sync(self._users.user_with, name, password)
                except PersistenceError as error:
                    logger.warning("Login failed: %s", error)
                    return False
                end(user is not None)
            attempt.user = user
            return user is not None

    def user(self, scope: Scope, accounts: AccountSnapshot) -> User | None:
        """Return the user from a request's login cookie, or None if the user has since been removed or replaced."""
        app: Any = scope.get("app")
        if app is None or scope["type"] != "http":
            return None
        from starlette.requests import Request

        cookies = Request(scope).cookies
        # Check the cookies in the framework's order, so that both find the same user.
        token = cookies.get(f"access-token-{app.cookie_id}") or cookies.get(f"access-token-unsecure-{app.cookie_id}")
        name = app.tokens.get(token)
        user = accounts.users.get(name)
        # After a user was removed and added again, earlier logins are no longer valid: this may be another person.
        if user is not None and self._users_by_token.get(str(token)) == user:
            return user
        app.tokens.pop(token, None)
        self._users_by_token.pop(str(token), None)
        return None

    def _remember(self, scope: Scope, tokens: Iterable[str], user: User) -> None:
        """Record whose login tokens these are, and end the user's oldest logins if there are too many."""
        app: Any = scope["app"]
        self._users_by_token |= dict.fromkeys(tokens, user)
        own = [token for token, owner in self._users_by_token.items() if owner.name == user.name]
        for token in own[:-MOST_LOGINS]:
            del self._users_by_token[token]
            app.tokens.pop(token, None)

    def harden(self, scope: Scope, send: Send, counted: Reservation) -> Send:
        """Return a `send` for a login response; it keeps `counted` for a failed login, and hardens the cookies.

        After a successful login, it sets the caller in the scope, for the audit log.
        """

        async def hardened_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                if message["status"] >= 400 and message["status"] != 429:
                    counted.keep()
                counted.release()
                if message["status"] < 400 and (user := ATTEMPT.get().user) is not None:
                    self._remember(scope, _tokens(message["headers"]), user)
                    scope["state"]["caller"] = f"user:{user.name}"
                headers = [(name, _hardened_cookie(name, value, scope["scheme"])) for name, value in message["headers"]]
                message = {**message, "headers": headers}
            await send(message)

        return hardened_send


def _names(name: str, address: str) -> tuple[str, str]:
    """Return the names under which a user name, and the same with an address, are counted; they have a fixed size."""
    account = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return account, f"{account} {address}"


def _tokens(headers: Iterable[tuple[bytes, bytes]]) -> Iterator[str]:
    """Yield the login tokens that a response sets."""
    for name, value in headers:
        if name.lower() == b"set-cookie" and value.startswith(b"access-token-"):
            yield value.partition(b";")[0].partition(b"=")[2].decode("ascii").strip('"')


def _hardened_cookie(name: bytes, value: bytes, scheme: str) -> bytes:
    """Return a cookie that is not sent with requests from other sites (`Lax`) and, if set over HTTPS, not over HTTP."""
    if name.lower() != b"set-cookie":
        return value
    kept = [part.strip() for part in value.split(b";")]
    kept = [part for part in kept if part.lower() != b"secure" and not part.lower().startswith(b"samesite")]
    return b"; ".join([*kept, b"SameSite=Lax", *([b"Secure"] if scheme == "https" else [])])
