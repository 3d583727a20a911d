"""A record of who asked what, when, and how it ended: a JSON line a request."""

from __future__ import annotations

import json
import logging
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from .scopes import is_limited

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

LONGEST_CONTENTS = 100_000
"""Bytes of a request that are kept with its line; of a longer one it is only said how long it was."""

_LONGEST_PATH = 500


class AuditLog:
    """A file that a line is added to for each request; it is made for the eyes of its user alone.

    It is opened for every line, so that it may be moved away at any time and is made anew. What cannot be written fails
    no request: the log of the program says so once, and once more when lines are written again.
    """

    def __init__(self, path: Path, *, contents: bool = False) -> None:
        self.path, self.contents = path, contents
        self._is_failing = False

    def write(self, line: dict[str, Any]) -> None:
        """Add a line."""
        written = (json.dumps(line) + "\n").encode("ascii")
        try:
            file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(file, written)  # in one piece, so that lines of several processes do not mix
            finally:
                os.close(file)
        except OSError as error:
            if not self._is_failing:
                logger.error("the audit log %r cannot be written: %s", str(self.path), error.strerror)  # noqa: TRY400
            self._is_failing = True
            return
        if self._is_failing:
            logger.warning("the audit log %r is written again; lines are missing in it", str(self.path))
        self._is_failing = False


class AuditMiddleware:
    """ASGI middleware: has a line written of each request when it has been answered, whatever came of it.

    Keys, cookies, headers and what stands behind a question mark are never written; what was asked only where the log
    is to hold contents. A request gets an id, which its reply carries in `X-Request-Id`.
    """

    def __init__(self, app: ASGIApp, *, log: AuditLog) -> None:
        self.app, self.log = app, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, at = time.perf_counter(), datetime.now(UTC)
        state = scope.setdefault("state", {})
        id_ = state["request_id"] = uuid4().hex
        status, sent, body = None, 0, bytearray()
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        keeps = self.log.contents and _is_json(scope) and is_limited(scope["method"], path)

        async def counted_send(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message.get("headers", ()), (b"x-request-id", id_.encode("ascii"))]
                message = {**message, "headers": headers}
            sent += len(message.get("body", b""))
            await send(message)

        async def kept_receive() -> Message:
            message = await receive()
            if len(body) <= LONGEST_CONTENTS:
                body.extend(message.get("body", b""))
            return message

        try:
            await self.app(scope, kept_receive if keeps else receive, counted_send)
        finally:
            line = {
                "time": at.isoformat(timespec="milliseconds"),
                "id": id_,
                "caller": state.get("caller"),
                "address": scope["client"][0] if scope.get("client") else None,
                "method": scope["method"],
                "path": path[:_LONGEST_PATH],
                "status": status,  # none where whoever asked had gone
                "ms": round((time.perf_counter() - begun) * 1000, 1),
                "bytes": sent,
            }
            self.log.write(line | ({"contents": _contents(bytes(body))} if keeps else {}))


def _is_json(scope: Scope) -> bool:
    kinds = [value for name, value in scope["headers"] if name == b"content-type"]
    return bool(kinds) and kinds[0].partition(b";")[0].strip().lower() == b"application/json"


def _contents(body: bytes) -> Any:
    """What was asked. A page's request also names its session, by which it can be taken over: only its data is kept."""
    if len(body) > LONGEST_CONTENTS:
        return f"more than {LONGEST_CONTENTS} bytes"
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        return "no JSON"
    return asked.get("data") if isinstance(asked, dict) and "session_hash" in asked else asked
