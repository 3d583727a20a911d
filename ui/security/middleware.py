"""Access control as ASGI middleware before every route: it identifies the caller and checks their permissions."""

from __future__ import annotations

import asyncio
import logging
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING

from ..persistence.database import PersistenceError
from .clients import (
    bearer_token,
    caller_or_address,
    is_loopback,
    network_of,
    strip_headers,
    user_from_header,
    was_forwarded,
)
from .errors import RequestError, forbidden, retry_after, send_error, unauthorized
from .keys import Key, find_key
from .login import ATTEMPT, Attempt, Login
from .rate_limits import ANONYMOUS_REQUESTS, CONCURRENT_LOGINS, FAILED_ATTEMPTS, HEARTBEATS, CallerLimits, RateLimit
from .scopes import (
    METRICS,
    READ,
    Area,
    area_of,
    is_heartbeat,
    is_limited,
    is_login,
    is_logout,
    is_queued,
    path_of,
    required_scope,
)

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from .access import AccessPolicy, AccountSnapshot

logger = logging.getLogger(__name__)

RECHECK = 5.0
"""Seconds after which the caller of a request that is still running is checked again, whatever the client sends."""

_SCHEMES = (b"http", b"https")
_TOO_MANY_ATTEMPTS = "Too many wrong keys or passwords from this address."
_TOO_MANY_ANONYMOUS = "Too many requests without a key or a login from this address."


class AccessControl:
    """ASGI middleware that enforces an access policy and passes the caller's identity to the application.

    It sets `scope["state"]["caller"]` to "key:ID" or "user:NAME", `["user"]` to the name alone, `["owner"]` to the
    owner of the user's data, and `["can_log_out"]` to whether the user logged in here; none of them is set if callers
    do not have to identify themselves. `["limited_as"]` is the name under which requests are counted, or "".
    `["is_admitted"]` is set for all requests that reach the application, apart from logins, and
    `["is_still_admitted"]` to a function that returns whether the caller's key or login is still valid, for work that
    goes on after the response. It sets `scope["client"]`
    and the scheme from trusted proxies' headers, and removes such headers from other senders before any other code
    reads them.
    """

    def __init__(self, app: ASGIApp, *, policy: AccessPolicy, login: Login | None = None) -> None:
        """Create the middleware. Without a `login`, only local users or users that a proxy names can open the page."""
        self.app, self.policy, self.login = app, policy, login
        self._failed_attempts, self._anonymous = RateLimit(FAILED_ATTEMPTS), RateLimit(ANONYMOUS_REQUESTS)
        self._heartbeats = RateLimit(HEARTBEATS)
        self._warned: set[str] = set()  # ids of keys
        self._is_enforced = login is not None
        self._logins = CallerLimits("none", CONCURRENT_LOGINS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        inner = scope, receive, send
        with ExitStack() as turns:
            try:
                is_local = await self._admit(scope)
                if self._is_login(scope):
                    network = _network(scope)
                    turns.enter_context(self._logins.turn(network))
                    await self._log_in(network, scope, receive, send)
                    return
                limited, path = self._limited_name(scope, is_local), path_of(scope)
                if limited and is_heartbeat(path) and not self._heartbeats.hit(limited):
                    raise self._heartbeats.error(limited, "Too many requests.")
                if limited and is_limited(scope["method"], path):
                    turns.enter_context(self.policy.limits.turn(limited, is_queued=is_queued(path)))
                scope["state"] |= {"is_admitted": True, "limited_as": limited}
                if "caller" in scope["state"]:
                    scope["state"]["is_still_admitted"] = partial(self._is_still_admitted, dict(scope))
                if "user" in scope["state"] and scope["type"] == "http":
                    inner = _log_out(scope), receive, send
            except RequestError as error:
                await send_error(scope, receive, send, error)
                return
            if "caller" in scope["state"] and scope["type"] == "http":
                await self._run_while_admitted(*inner)
            else:
                await self.app(*inner)

    async def _run_while_admitted(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application, and disconnect the client once its key is revoked or its user removed.

        A response may last for hours, such as the stream of an evaluation, and a body may arrive slowly. The check also
        comes before a message that was received, so the application never gets a complete body from a caller who
        is not admitted any more. Nothing is added to a response that had begun.
        """
        clock = asyncio.get_running_loop().time
        next_check = clock() + RECHECK
        is_removed = is_started = is_complete = is_cut = False

        async def receive_while_admitted() -> Message:
            nonlocal is_removed, next_check, is_cut
            while not is_removed:
                message = None
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(next_check):
                        message = await receive()
                if clock() >= next_check:
                    is_removed = not await self._is_admitted_now(scope)
                    is_cut = is_removed and is_started
                    next_check = clock() + RECHECK
                if message is not None and not is_removed:
                    return message
            return {"type": "http.disconnect"}

        async def watched_send(message: Message) -> None:
            nonlocal is_started, is_complete
            if is_cut:  # the application may send the exception with which it was ended
                return
            is_started = True
            is_complete = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        await self.app(scope, receive_while_admitted, watched_send)
        if is_removed and is_started and not is_complete:
            await send({"type": "http.response.body", "body": b""})

    async def _is_admitted_now(self, scope: Scope) -> bool:
        """Return whether the key or the login of a request that was admitted is still valid."""
        with suppress(PersistenceError):
            await self.policy.accounts.snapshot()  # so that the next line does not have to read them
        return self._is_still_admitted(scope)

    def _is_still_admitted(self, scope: Scope) -> bool:
        """Return what `_is_admitted_now` returns; for other threads than that of the event loop."""
        try:
            accounts = self.policy.accounts.current()
        except PersistenceError:
            return True  # the next request will be refused
        kind, _, name = scope["state"]["caller"].partition(":")
        if kind == "key":
            return name in accounts.keys and accounts.keys[name].state == "good"
        return self.login is None or self.login.user(scope, accounts) is not None

    def _is_login(self, scope: Scope) -> bool:
        return self.login is not None and scope["type"] == "http" and is_login(scope["method"], path_of(scope))

    async def _log_in(self, network: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a login attempt. Raises `RequestError` if there were too many for the user name."""
        assert self.login is not None  # noqa: S101 - for the type checker
        ATTEMPT.set(Attempt(network))
        with self._failed_attempts.reserve(network, _TOO_MANY_ATTEMPTS) as counted:
            await self.app(scope, receive, self.login.harden(scope, send, counted))

    def _limited_name(self, scope: Scope, is_local: bool) -> str:
        """Return the name under which a sender's requests are limited, or '' if they are not.

        If callers do not have to identify themselves, local requests are not limited.
        """
        is_on = self._is_enforced or self.policy.open_to_all
        if not is_on or scope["type"] != "http":
            return ""
        is_free = is_local and not self.policy.open_to_all and "caller" not in scope["state"]
        return "" if is_free else caller_or_address(scope)

    async def _admit(self, scope: Scope) -> bool:
        """Set the caller in the scope, and return whether the sender is on this machine.

        Raises `RequestError` if the caller is not admitted.
        """
        method, path = scope.get("method", "GET"), path_of(scope)
        state = scope.setdefault("state", {})
        for name in ("caller", "user", "owner", "can_log_out", "is_admitted", "limited_as"):
            state.pop(name, None)
        proxy_user, is_local = self._identify_sender(scope)
        area = area_of(method, path)
        if area is Area.OPEN:
            return is_local
        accounts = await self._accounts()
        # Access control remains on: moving the database file while the server runs must not open access.
        self._is_enforced = self._is_enforced or self.policy.is_enforced(accounts)
        if not self._is_enforced:
            return is_local
        if area is Area.API:
            state["caller"] = self._key_caller(scope, accounts, required_scope(method, path))
            return is_local
        logged_in = self.login.user(scope, accounts) if self.login is not None else None
        user = proxy_user if self.login is None else logged_in and logged_in.name
        # A login cookie exempts nobody: users could try passwords of other users.
        if self._is_login(scope) or (user is None and self.login is not None and area is Area.LOGIN):
            self._failed_attempts.check(_network(scope), _TOO_MANY_ATTEMPTS)
        elif user is None and (self.login is not None or self.policy.user_header or accounts.users):
            raise self._anonymous_error(scope, unauthorized("You are not logged in.", self._login_hint()))
        elif user is None and not is_local:
            hint = "Ask the operator to add users: citechat users add NAME"
            raise self._anonymous_error(scope, unauthorized("Only this machine can open the page.", hint))
        if user is not None:
            state |= {"user": user, "caller": f"user:{user}"}
            state |= {"owner": f"user:{logged_in.id if logged_in else user}", "can_log_out": logged_in is not None}
        return is_local

    def _anonymous_error(self, scope: Scope, error: RequestError) -> RequestError:
        """Count a request without a key or a login, and return its error: 429 if there are too many of them."""
        network = _network(scope)
        return error if self._anonymous.hit(network) else self._anonymous.error(network, _TOO_MANY_ANONYMOUS)

    def _identify_sender(self, scope: Scope) -> tuple[str | None, bool]:
        """Return the user that a proxy names, and whether the request originates on this machine.

        Sets the client and the scheme in the scope from trusted headers, and removes untrusted ones. Raises
        `RequestError` if the user header is invalid.
        """
        policy, headers = self.policy, scope["headers"]
        peer = _address(scope)
        is_proxy = policy.proxies.trusts(peer)
        is_here = is_loopback(peer)
        # If the settings do not name a proxy, a proxy on this machine may report the scheme.
        keeps_forwarded = is_proxy or (is_here and not policy.proxies.networks)
        if keeps_forwarded and scope["type"] == "http":
            schemes = [value for name, value in headers if name == b"x-forwarded-proto"]
            if len(schemes) == 1 and schemes[0] in _SCHEMES:
                scope["scheme"] = schemes[0].decode("ascii")
        user = None
        if is_proxy:
            sender = policy.proxies.sender(peer, headers)
            scope["client"] = (sender, scope["client"][1] if sender == peer else 0)
            user = user_from_header(headers, policy.user_header) if policy.user_header else None
        scope["headers"] = strip_headers(headers, user_header=policy.user_header, forwarded=not keeps_forwarded)
        return user, is_here and not was_forwarded(headers)

    async def _accounts(self) -> AccountSnapshot:
        try:
            return await self.policy.accounts.snapshot()
        except PersistenceError as error:
            raise RequestError(503, error.message, error.hint, retry_after(5)) from None

    def _key_caller(self, scope: Scope, accounts: AccountSnapshot, scope_needed: str) -> str:
        """Return the caller from a request's key. Raises `RequestError` without a valid key that has the scope."""
        network = _network(scope)
        self._failed_attempts.check(network, _TOO_MANY_ATTEMPTS)
        secret = bearer_token(scope["headers"])
        if secret is None:
            missing = unauthorized("The key is missing.", "Send the header Authorization: Bearer KEY.")
            raise self._anonymous_error(scope, missing)
        key = find_key(secret, accounts.keys)
        if key is None:
            self._failed_attempts.hit(network)
            raise unauthorized(
                "Invalid key.", "It may have expired or been revoked: see `citechat keys list`.", is_invalid=True
            )
        if scope_needed == METRICS and READ in key.scopes:
            self._warn_about_metrics(key)
        elif scope_needed not in key.scopes:
            raise forbidden(scope_needed)
        return f"key:{key.id}"

    def _warn_about_metrics(self, key: Key) -> None:
        """Log a warning, once for each key, that it will no longer be able to read the metrics."""
        if key.id not in self._warned:
            self._warned.add(key.id)
            logger.warning(
                "The key %s (%r) reads /metrics and may also read articles, which is deprecated: "
                "create a key with `citechat keys create NAME --metrics` for it.",
                key.id,
                key.name,
            )

    def _login_hint(self) -> str:
        if self.policy.user_header:
            return "Use the address of the proxy that logs users in."
        return "Log in at /." if self.login else "Users were added since the chat started: restart it."


def _log_out(scope: Scope) -> Scope:
    """Return the request, in the form that the framework expects if it logs the user out.

    It has no parameters, because one of them would end the login of this browser only.
    Raises a 405 `RequestError` for a logout by GET, because pages on other sites can make a browser send one. They
    cannot send POST requests: see `RequestGuard`.
    """
    if not is_logout(path_of(scope)):
        return scope
    if scope["method"] != "POST":
        raise RequestError(405, "Logging out needs a POST request.", "Use the button on the page.", {"allow": "POST"})
    return {**scope, "method": "GET", "query_string": b""}


def _address(scope: Scope) -> str:
    """Return the sender's address; all requests over a socket without addresses count as one sender."""
    return scope["client"][0] if scope.get("client") else ""


def _network(scope: Scope) -> str:
    """Return the address or network that counts as a request's sender; see `network_of`."""
    return network_of(_address(scope))
