"""The middleware that stands before every route: who asks, and may they?"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..persistence.database import PersistenceError
from .clients import OddHeaderError, bearer, is_loopback, network_of, user_named, was_forwarded, without
from .denials import Denied, forbidden, unauthorized
from .keys import key_with
from .login import Login, is_login
from .rate_limits import LOGINS_AT_ONCE, FailedAttempts, Limits
from .request_guard import refuse
from .scopes import Area, area_of, is_limited, required_scope
from .session_isolation import SessionIsolation

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from .config import AccessPolicy
    from .registry import AccountSnapshot

_SCHEMES = (b"http", b"https")


@dataclass(frozen=True, slots=True)
class _Sent:
    """What is believed of where a request comes from: the user a trusted proxy names, and whether a program on this
    machine sent it, and no proxy for another machine."""

    user: str | None
    is_local: bool


class AccessControl:
    """ASGI middleware: lets in whom `access` lets in, and says to all behind it who that is.

    `scope["state"]["caller"]` becomes "key:ID" or "user:NAME", and stays away where nobody is asked; `["user"]` is the
    name alone. `scope["client"]`, and the scheme, are told by trusted proxies; headers that others sent in their place
    are taken away before anything reads them.
    """

    def __init__(self, app: ASGIApp, *, access: AccessPolicy, login: Login | None = None) -> None:
        """`login` is where readers log in; without it the page is for those whom a proxy names, or for this machine."""
        self.app, self.access, self.login = app, access, login
        self._wrong_keys = FailedAttempts()
        self._is_on = login is not None
        self._apart = SessionIsolation()
        self._logins = Limits("none", LOGINS_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        inside = scope, receive, send
        with ExitStack() as turn:
            try:
                is_local = await self._admit(scope)
                if self.login is not None and is_login(scope):
                    # Many wrong ones at once would all be under way before the first is noted.
                    turn.enter_context(self._logins.turn(network_of(_address(scope))))
                payer = self._payer(scope, is_local)
                if payer:
                    turn.enter_context(self.access.limits.turn(payer))
                if "user" in scope["state"] and scope["type"] == "http":
                    caller = scope["state"]["caller"]
                    inside = await self._apart.between(caller, scope, receive, send)
            except Denied as denied:
                await refuse(scope, send, denied.status, denied.message, denied.hint, denied.headers)
                return
            if self.login is not None and is_login(scope):
                told = self.login.told(scope, send, lambda: self._wrong_keys.note(network_of(_address(scope))))
                inside = scope, receive, told
            await self.app(*inside)

    def _payer(self, scope: Scope, is_local: bool) -> str:
        """Whose limits a request counts against, the caller's or those of its address; '' where it is not counted, as
        on a machine whose own readers nobody asks who they are."""
        is_asked = self._is_on or self.access.open_to_all
        if not is_asked or scope["type"] != "http" or not is_limited(scope["method"], _path(scope)):
            return ""
        caller = str(scope["state"].get("caller", ""))
        is_free = is_local and not self.access.open_to_all
        return caller or ("" if is_free else f"address:{network_of(_address(scope))}")

    async def _admit(self, scope: Scope) -> bool:
        """Note in the scope who asks; whether it is somebody on this machine. Raises `Denied`."""
        path = _path(scope)
        method = scope.get("method", "GET")
        state = scope.setdefault("state", {})
        for name in ("caller", "user"):
            state.pop(name, None)
        sent = self._believed(scope)
        area = area_of(method, path)
        if area is Area.OPEN:
            return sent.is_local
        known = await self._known()
        # Once anybody was asked, everybody is: a file that is moved away while the server runs opens nothing.
        self._is_on = self._is_on or self.access.is_on(known)
        if not self._is_on:
            return sent.is_local
        if area is Area.PROGRAMS:
            state["caller"] = self._program(scope, known, required_scope(method, path))
            return sent.is_local
        user = sent.user if self.login is None else self.login.user(scope, known)
        if user is not None:
            state["user"], state["caller"] = user, f"user:{user}"
        elif self.login is not None and area is Area.LOGIN:
            self._wrong_keys.check(network_of(_address(scope)))
        elif self.login is not None or self.access.user_header or known.users:
            raise unauthorized("you are not logged in", self._how_to_log_in())
        elif not sent.is_local:
            raise unauthorized(
                "the page is open on its own machine alone", "Somebody has to add users: citechat users add NAME"
            )
        return sent.is_local

    def _believed(self, scope: Scope) -> _Sent:
        """Put into the scope what its sender is believed, and take the other headers of that kind away.

        Raises `Denied` where the header that names a user is odd.
        """
        access, headers = self.access, scope["headers"]
        peer = _address(scope)
        is_proxy = access.proxies.trusts(peer)
        is_here = is_loopback(peer)
        # A proxy on this machine may say by which scheme it was asked where the settings name no proxy at all.
        keeps_forwarded = is_proxy or (is_here and not access.proxies.networks)
        if keeps_forwarded and scope["type"] == "http":
            schemes = [value for name, value in headers if name == b"x-forwarded-proto"]
            if len(schemes) == 1 and schemes[0] in _SCHEMES:
                scope["scheme"] = schemes[0].decode("ascii")
        user = None
        if is_proxy:
            sender = access.proxies.sender(peer, headers)
            scope["client"] = (sender, scope["client"][1] if sender == peer else 0)
            if access.user_header:
                try:
                    user = user_named(headers, access.user_header)
                except OddHeaderError as odd:
                    raise Denied(400, f"the header {access.user_header} is not believed: {odd}") from None
        scope["headers"] = without(headers, user_header=access.user_header, forwarded=not keeps_forwarded)
        return _Sent(user, is_here and not was_forwarded(headers))

    async def _known(self) -> AccountSnapshot:
        try:
            return await self.access.register.known()
        except PersistenceError as error:
            raise Denied(503, error.message, error.hint, [(b"retry-after", b"5")]) from None

    def _program(self, scope: Scope, known: AccountSnapshot, needed: str) -> str:
        """The caller whose key a request brings. Raises `Denied` where there is none that is good for this."""
        address = network_of(_address(scope))
        self._wrong_keys.check(address)
        secret = bearer(scope["headers"])
        if secret is None:
            raise unauthorized("a key is missing", "Send the header Authorization: Bearer KEY.")
        key = key_with(secret, known.keys)
        if key is None:
            self._wrong_keys.note(address)
            raise unauthorized(
                "the key is not good", "It may have expired or been revoked; `citechat keys list` tells.", is_wrong=True
            )
        if needed not in key.scopes:
            raise forbidden(needed)
        return f"key:{key.id}"

    def _how_to_log_in(self) -> str:
        if self.access.user_header:
            return "Come by the proxy that logs readers in."
        return "Log in at /." if self.login else "Users were added since the chat began: start it anew."


def _path(scope: Scope) -> str:
    return str(scope["path"].removeprefix(scope.get("root_path", "")))


def _address(scope: Scope) -> str:
    """The address that a request is from; all that come over a socket without one count as one."""
    return scope["client"][0] if scope.get("client") else ""
