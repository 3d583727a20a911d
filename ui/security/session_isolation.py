"""Isolation of users' sessions, uploads and files in the page's web framework.

The framework lets anyone who knows the name of such an object access it. This module replaces each name that a user
sends with a private name, so that the same name sent by another user refers to a different object. Without logins, each
browser counts as a user here. Only the uploader can access a file.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from .errors import RequestError, send_error, too_many_requests
from .rate_limits import CallerLimits, PageCallLimits, call_of, share_of
from .request_guard import browser_id
from .scopes import HEARTBEAT, RUN, framework_route, is_call, is_heartbeat, is_progress, is_served, is_stream, path_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_FILES = 1000
"""Maximum number of files recorded per user; the least recently used one is removed first."""

MOST_SESSIONS, MOST_ADDRESS_SESSIONS = 50, 1000
"""Maximum number of open pages whose state is kept, per logged-in user and per address without logins; all users share
the memory for it."""

MOST_STREAMS = 200
"""Maximum number of open responses per user or address that wait for the results of calls; a page has one."""

MOST_PROGRESS_STREAMS = 10
"""Maximum number of open responses per user or address that report the progress of an upload; a page opens one for each
upload, and the framework looks for news of each 20 times a second."""

MOST_GIVEN = 1000
"""Maximum number of files in a call."""

_NAME_PARAMETERS = ("session_hash", "upload_id")


class PageIsolation:
    """ASGI middleware that closes all routes that the page does not need, and isolates users from each other.

    Without logins, an open page belongs to the browser, which its secret cookie identifies, and anyone who knows the
    random name of an upload can use it. All browsers without the cookie count as one.
    """

    def __init__(self, app: ASGIApp, *, is_upload: Callable[[str], bool]) -> None:
        """`is_upload` returns whether a path is that of an uploaded file."""
        self.app = app
        self._isolation = SessionIsolation(is_upload)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        caller = str(state["owner"]) if "user" in state else None
        try:
            await self._run(caller, scope, receive, send)
        finally:
            self._isolation.limits.release(scope)

    async def _run(self, caller: str | None, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if not is_served(scope["method"], path_of(scope)) or _names_unknown_page(scope):
                raise _not_found()
            inner = await self._isolation.isolate(caller, scope, receive, send)
        except RequestError as error:
            await send_error(scope, receive, send, error)
            return
        if is_heartbeat(path_of(scope)):
            await _run_heartbeat(self.app, *inner)
        elif is_stream(path_of(scope)) or is_progress(path_of(scope)):
            await self._isolation.run_stream(caller, self.app, *inner)
        else:
            await self.app(*inner)


_CHOICES = frozenset({"dropdown", "radio", "slider", "number", "checkbox"})  # components with short values
_FILES = frozenset({"file", "uploadbutton"})
_TEXTS = frozenset({"textbox", "button"})
_LONGEST_TEXT = 1_000_000  # characters of a pasted text; the server keeps the values of each page
_LONGEST_CHOICE, _LONGEST_CHOICES = 1000, 20_000  # characters of a choice, and of several


class SessionIsolation:
    """An isolation layer for the sessions, uploads and files of all users on one server."""

    def __init__(self, is_upload: Callable[[str], bool] = lambda _: False) -> None:
        self._is_upload = is_upload
        self._secret = secrets.token_bytes(32)
        self._files: dict[str, OrderedDict[str, None]] = {}
        self._sessions: dict[str, OrderedDict[str, None]] = {}
        self._streams = CallerLimits("none", MOST_STREAMS)
        self._progress = CallerLimits("none", MOST_PROGRESS_STREAMS)
        self.limits = PageCallLimits()

    async def isolate(
        self, caller: str | None, scope: Scope, receive: Receive, send: Send
    ) -> tuple[Scope, Receive, Send]:
        """Return a request with private names. Raises `RequestError` if it names another user's object, or a file that
        nobody uploaded, such as a web address."""
        route = framework_route(path_of(scope))
        if route is None:
            return scope, receive, send
        if scope["method"] in ("GET", "HEAD"):
            return self._isolate_get(caller, route, scope), receive, send
        if route == "upload":
            remembering = send if caller is None else self._remember_uploads(caller, send)
            return self._with_private_query(_holder(caller, scope), scope), receive, remembering
        return *(await self._isolate_post(caller, scope, receive)), send

    async def run_stream(self, caller: str | None, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Run a request for the results of a page's calls, or for the progress of an upload.

        Answer with 429 if the caller has too many of them.
        """
        is_upload = is_progress(path_of(scope))
        limits, run = (self._progress, app) if is_upload else (self._streams, partial(_run_stream, app))
        owner = _limited_owner(caller, scope)
        with ExitStack() as turn:
            try:
                if owner:
                    turn.enter_context(limits.turn(owner))
            except RequestError as error:
                await send_error(scope, receive, send, error)
            else:
                await run(scope, receive, send)

    def _isolate_get(self, caller: str | None, route: str, scope: Scope) -> Scope:
        if route.startswith(HEARTBEAT):
            name = self._private_name(_holder(caller, scope), route.removeprefix(HEARTBEAT))
            path = scope["path"].partition(HEARTBEAT)[0] + HEARTBEAT + name
            return {**scope, "path": path, "raw_path": path.encode("ascii", "replace")}
        return self._with_private_query(_holder(caller, scope), scope)

    async def _isolate_post(self, caller: str | None, scope: Scope, receive: Receive) -> tuple[Scope, Receive]:
        """Return a request whose JSON body names a private session.

        Raises `RequestError` for other users' files, and for a body that is not JSON in UTF-8.
        """
        from starlette.requests import ClientDisconnect, Request

        try:
            # `RequestGuard` limits the size. Given bytes, the parser would also guess UTF-16 and UTF-32.
            value = json.loads(str(await Request(scope, receive).body(), "utf-8"))
        except ClientDisconnect:
            return scope, receive  # the framework receives the disconnect again
        except (ValueError, RecursionError):
            raise _not_json() from None
        if isinstance(value, dict):
            if isinstance(value.get("session_hash"), str):
                value["session_hash"] = self._private_name(_holder(caller, scope), value["session_hash"])
            if not all(self._owns(caller, path) for path in _paths(value)) or _is_event_of_others(scope, value):
                raise _not_found()
            if is_call(path_of(scope)):
                self._check_call(caller, scope, value)
        try:
            body = json.dumps(value).encode("ascii")
        except RecursionError:
            raise _not_json() from None
        headers = [(name, value) for name, value in scope["headers"] if name != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode("ascii")))
        first: Iterator[Message] = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def received() -> Message:
            return next(first, None) or await receive()

        return {**scope, "headers": headers}, received

    def _check_call(self, caller: str | None, scope: Scope, fields: dict[str, Any]) -> None:
        """Raise `RequestError` for a call of an unknown function, without its inputs, or of too many at a time."""
        number, inputs = fields.get("fn_index"), fields.get("data")
        blocks = scope["app"].get_blocks()
        function = blocks.fns.get(number) if type(number) is int else None
        if function is None:
            raise _not_found()
        if not isinstance(inputs, list) or len(inputs) < len(function.inputs):
            raise RequestError(400, f"The function needs {len(function.inputs)} inputs.", "Reload the page.")
        if (framework_route(path_of(scope)) or "").startswith(RUN) and function.queue is not False:
            raise _not_found()  # it would run beside those in the queue
        for component, given in zip(function.inputs, inputs, strict=False):
            _check_input(component, given)
        session, calls = str(fields.get("session_hash")), self.limits.calls(blocks._queue)
        self.limits.admit(scope, call_of(scope, function.concurrency_id, session), calls)
        owner = _limited_owner(caller, scope)
        if not owner:
            return
        own = self._sessions.setdefault(owner, OrderedDict())
        own[session] = None
        own.move_to_end(session)
        active = Counter(each.session for each in calls)
        busy = {session, *active}  # their calls need the state and the results
        idle = [each for each in own if each not in busy]
        surplus = max(0, len(own) - (MOST_SESSIONS if caller else MOST_ADDRESS_SESSIONS))
        for oldest in idle[:surplus]:
            del own[oldest]
            _forget_session(scope, oldest)
        pending = blocks._queue.pending_event_ids_session
        unfetched = {each: max(0, len(pending.get(each, ())) - active[each]) for each in own}
        _limit_results(blocks._queue, unfetched, idle[surplus:], share_of(owner).unfetched)
        others = [each for each, sessions in self._sessions.items() if each != owner and busy.isdisjoint(sessions)]
        for other in others[: max(0, len(self._sessions) - MOST_FILES)]:
            del self._sessions[other]

    def _remember_uploads(self, caller: str, send: Send) -> Send:
        """Return a `send` function that records the paths of uploaded files before the caller receives them."""
        status, body = 0, bytearray()

        async def remembering_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            elif status == 200:
                body.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    for path in json.loads(body):
                        self._remember(caller, str(path))
            await send(message)

        return remembering_send

    def _remember(self, caller: str, path: str) -> None:
        files = self._files.setdefault(caller, OrderedDict())
        files[path] = None
        files.move_to_end(path)
        while len(files) > MOST_FILES:
            files.popitem(last=False)

    def _owns(self, caller: str | None, path: str) -> bool:
        if caller is None:
            return self._is_upload(path)
        is_owner = path in self._files.get(caller, ())
        if is_owner:
            self._remember(caller, path)
        return is_owner

    def _with_private_query(self, holder: str | None, scope: Scope) -> Scope:
        private = [
            (name, self._private_name(holder, value) if name in _NAME_PARAMETERS else value)
            for name, value in _query(scope)
        ]
        return {**scope, "query_string": urlencode(private).encode("ascii")}

    def _private_name(self, holder: str | None, name: str) -> str:
        """Return the private name that replaces a name from a user or a browser; others cannot construct it."""
        message = json.dumps([holder, name]).encode("ascii")
        return hmac.new(self._secret, message, hashlib.sha256).hexdigest()[:32]


def _check_input(component: Any, given: object) -> None:
    """Raise `RequestError` for values that the framework would write to the log, or copy, many times over."""
    kind = component.get_block_name()
    longest = _LONGEST_CHOICES if getattr(component, "multiselect", False) else _LONGEST_CHOICE
    if kind in _CHOICES and len(json.dumps(given)) > longest:
        raise RequestError(400, "A choice is too long.", "Reload the page.")
    if kind in _TEXTS and given is not None:
        most = _LONGEST_CHOICES if kind == "button" else getattr(component, "max_length", None) or _LONGEST_TEXT
        if not isinstance(given, str) or len(given) > most:
            raise RequestError(400, f"A field is not a text of at most {most:,} characters.", "Reload the page.")
    if kind in _FILES and given is not None:
        files = given if isinstance(given, list) else [given]
        paths = {each.get("path") for each in files if isinstance(each, dict) and isinstance(each.get("path"), str)}
        if len(files) > MOST_GIVEN or len(paths) < len(files):
            raise RequestError(
                400, f"The files are not up to {MOST_GIVEN} different uploads.", "Upload each file once."
            )


def _holder(caller: str | None, scope: Scope) -> str | None:
    """Return the user or, without logins, the browser to which the names in a request belong; None for a browser
    without the secret cookie."""
    return caller or browser_id(scope["headers"])


def _query(scope: Scope) -> list[tuple[str, str]]:
    """Return the parameters in a request's address, as the framework reads them."""
    return parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)


def _names_unknown_page(scope: Scope) -> bool:
    """Return whether a request names a page of the framework other than the only one, which has no name."""
    return path_of(scope) == "/" and any(name == "page" and value for name, value in _query(scope))


def _limited_owner(caller: str | None, scope: Scope) -> str:
    """Return the user or the address whose open pages are limited; "" without limits."""
    return caller or str(scope["state"].get("limited_as", ""))


def _not_json() -> RequestError:
    return RequestError(400, "Invalid request body: not JSON.")


def _not_found() -> RequestError:
    return RequestError(404, "Not found, or not yours.")


async def _run_heartbeat(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Run a request that keeps a session alive, and delete the state that the framework creates at its end.

    At a disconnect, the framework calls the page's functions for it, which creates a state for unknown sessions.
    """
    session, is_unknown = path_of(scope).rpartition("/")[2], False

    async def watched_receive() -> Message:
        nonlocal is_unknown
        message = await receive()
        if message["type"] == "http.disconnect":
            is_unknown = session not in scope["app"].state_holder.session_data
        return message

    try:
        await app(scope, watched_receive, send)
    finally:
        if is_unknown:
            _forget_session(scope, session)


async def _run_stream(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Run a request for the results of a page's calls, and end its response properly.

    For a session that it does not know, or that was closed, the framework sends an event that says so, and then raises
    an HTTP error in place of ending the response. If several streams of one session are closed, it raises a `KeyError`.
    """
    from starlette.exceptions import HTTPException

    is_complete = True

    async def watched_send(message: Message) -> None:
        nonlocal is_complete
        is_complete = message["type"] == "http.response.body" and not message.get("more_body", False)
        await send(message)

    try:
        await app(scope, receive, watched_send)
    except RuntimeError as error:
        if is_complete or not isinstance(error.__cause__, HTTPException):
            raise
    except KeyError as error:
        if error.args != (_session_of(scope),):
            raise
    if not is_complete:
        await send({"type": "http.response.body", "body": b""})


def _session_of(scope: Scope) -> str:
    """Return the session that a request for results names."""
    return next((value for name, value in _query(scope) if name == "session_hash"), "")


def _forget_session(scope: Scope, session: str) -> None:
    """Delete the state and the results of a session that the framework keeps."""
    holder = scope["app"].state_holder
    with holder.lock:
        holder.session_data.pop(session, None)
        holder.time_last_used.pop(session, None)
    _forget_results(scope["app"].get_blocks()._queue, session)


def _limit_results(queue: Any, unfetched: dict[str, int], idle: Iterable[str], most: int) -> None:
    """Delete the results of an owner's oldest idle sessions if too many results were not fetched.

    `unfetched` contains the number of calls of each session that have ended and whose results were not fetched. Raises
    a 429 `RequestError` if there are still too many: the session of this call has them.
    """
    total = sum(unfetched.values())
    for session in idle:
        if total < most:
            return
        _forget_results(queue, session)
        total -= unfetched[session]
    if total >= most:
        raise too_many_requests("Too many results that the page did not fetch.", 1)


def _forget_results(queue: Any, session: str) -> None:
    """Delete the results that the framework keeps for a page until it fetches them."""
    queue.pending_messages_per_session.pop(session, None)
    queue.pending_event_ids_session.pop(session, None)


def _paths(request: Any) -> Iterator[str]:
    """Yield every file path in a request, at any depth."""
    stack = [request]
    while stack:
        each = stack.pop()
        if isinstance(each, dict):
            if isinstance(each.get("path"), str):
                yield each["path"]
            stack.extend(each.values())
        elif isinstance(each, list):
            stack.extend(each)


def _is_event_of_others(scope: Scope, request: dict[str, Any]) -> bool:
    """Return whether a request would cancel another session's event."""
    id_ = request.get("event_id")
    event = scope["app"].get_blocks()._queue.event_ids_to_events.get(id_) if isinstance(id_, str) else None
    return event is not None and event.session_hash != request.get("session_hash")
