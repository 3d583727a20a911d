"""Keeps what readers have with the page's framework apart: their sessions, their uploads, and the files they brought.

The framework gives all of these to whoever names them. Here a name that a reader sends is replaced by one that is
theirs alone, so that the same name sent by somebody else means another, empty thing; and a file is given to who brought
it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections import OrderedDict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from .denials import Denied

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

MOST_FILES = 1000
"""Files of one reader that are remembered to be theirs; the ones that were not asked for longest are forgotten."""

_FRAMEWORK = "/gradio_api/"
# What the page uses. The rest of the framework's own routes hands things out by other names, and is closed.
_READ = ("app_id", "info", "login_check", "queue/data", "queue/status", "theme.css", "upload_progress", "user")
_SENT = ("cancel", "queue/join", "reset", "upload")
_SENT_UNDER = ("api/", "run/")
_HEARTBEAT, _FILE = "heartbeat/", "file="
_NAMES = ("session_hash", "upload_id")


class SessionIsolation:
    """The sessions, uploads and files of all readers of one server."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._files: dict[str, OrderedDict[str, None]] = {}

    async def between(self, caller: str, scope: Scope, receive: Receive, send: Send) -> tuple[Scope, Receive, Send]:
        """A reader's request to the framework as it may go on. Raises `Denied` for what is not theirs."""
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if not path.startswith(_FRAMEWORK):
            return scope, receive, send
        asked = path.removeprefix(_FRAMEWORK).rstrip("/")
        if scope["method"] in ("GET", "HEAD"):
            return self._reading(caller, asked, scope), receive, send
        if asked == "upload":
            return self._with_own_query(caller, scope), receive, self._noting(caller, send)
        if asked in _SENT or asked.startswith(_SENT_UNDER):
            return *(await self._sending(caller, scope, receive)), send
        raise _nothing()

    def _reading(self, caller: str, asked: str, scope: Scope) -> Scope:
        if asked.startswith(_HEARTBEAT):
            path = scope["path"].rpartition("/")[0] + "/" + self._own(caller, asked.removeprefix(_HEARTBEAT))
            return {**scope, "path": path, "raw_path": path.encode("ascii", "replace")}
        if asked.startswith(_FILE):
            # As it was sent, for the framework does not take a slash at the end for nothing.
            if not self._is_theirs(caller, scope["path"].partition(_FILE)[2]):
                raise _nothing()
            return scope
        if asked not in _READ:
            raise _nothing()
        return self._with_own_query(caller, scope)

    async def _sending(self, caller: str, scope: Scope, receive: Receive) -> tuple[Scope, Receive]:
        """A request whose body is JSON, with the reader's own session in it and no file but theirs."""
        body = await _whole(receive)
        if body is None:
            return scope, receive  # whoever sent it has gone, and that is what is received again
        try:
            sent = json.loads(body)
        except (ValueError, RecursionError):
            raise Denied(400, "the request cannot be read: it is no JSON") from None
        if isinstance(sent, dict):
            if isinstance(sent.get("session_hash"), str):
                sent["session_hash"] = self._own(caller, sent["session_hash"])
            if not all(self._is_theirs(caller, path) for path in _paths(sent)):
                raise _nothing()
            _refuse_foreign_event(scope, sent)
        body = json.dumps(sent).encode("ascii")
        headers = [(name, value) for name, value in scope["headers"] if name != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode("ascii")))
        return {**scope, "headers": headers}, _again(body, receive)

    def _noting(self, caller: str, send: Send) -> Send:
        """Remembers the files that an upload has become as the caller's, before they are told of them."""
        started: Message = {"status": 0}
        told = bytearray()

        async def noting(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = message
            elif started["status"] == 200:
                told.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    for path in json.loads(told):
                        self._note(caller, str(path))
            await send(message)

        return noting

    def _note(self, caller: str, path: str) -> None:
        files = self._files.setdefault(caller, OrderedDict())
        files[path] = None
        files.move_to_end(path)
        while len(files) > MOST_FILES:
            files.popitem(last=False)

    def _is_theirs(self, caller: str, path: str) -> bool:
        is_theirs = path in self._files.get(caller, ())
        if is_theirs:
            self._note(caller, path)
        return is_theirs

    def _with_own_query(self, caller: str, scope: Scope) -> Scope:
        sent = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        own = [(name, self._own(caller, value) if name in _NAMES else value) for name, value in sent]
        return {**scope, "query_string": urlencode(own).encode("ascii")}

    def _own(self, caller: str, name: str) -> str:
        """The name that this one, sent by the caller, stands for; it cannot be made up by anybody else."""
        written = json.dumps([caller, name]).encode("ascii")
        return hmac.new(self._secret, written, hashlib.sha256).hexdigest()[:32]


def _nothing() -> Denied:
    return Denied(404, "there is nothing here that is yours")


def _paths(sent: Any) -> Iterator[str]:
    """Every file that a request names, however deep."""
    waiting = [sent]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if isinstance(each.get("path"), str):
                yield each["path"]
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)


def _refuse_foreign_event(scope: Scope, sent: dict[str, Any]) -> None:
    """Raise `Denied` where a request names an event, to stop it, that is not of the session that it names."""
    id_ = sent.get("event_id")
    if isinstance(id_, str):
        event = scope["app"].get_blocks()._queue.event_ids_to_events.get(id_)
        if event is not None and event.session_hash != sent.get("session_hash"):
            raise _nothing()


async def _whole(receive: Receive) -> bytes | None:
    """All of a request's body, which the guard has limited; None where its sender has gone."""
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body.extend(message.get("body", b""))
        more = message.get("more_body", False)
    return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """Receives this body, and then what there is to receive after it."""
    waiting = [body]

    async def received() -> Message:
        return {"type": "http.request", "body": waiting.pop(), "more_body": False} if waiting else await receive()

    return received
