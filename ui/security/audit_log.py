"""The audit log: one JSON line for each request, with the caller, the path, the status and the duration."""

from __future__ import annotations

import json
import logging
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from index import make_file_private

from .scopes import is_limited, path_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

LONGEST_CONTENTS = 100_000
"""Maximum size of a logged request body, in bytes; longer bodies are not logged."""

_LONGEST_PATH = 500


class AuditLog:
    """A log file with one line for each request. Only its owner can read it.

    The file is opened for every line: it may be moved at any time and is then created again. A write failure does not
    fail the request: the program logs one error, and one warning when writing works again.
    """

    def __init__(self, path: Path, *, contents: bool = False) -> None:
        self.path, self.contents = path, contents
        make_file_private(path)
        self._is_failing = False

    def write(self, line: dict[str, Any]) -> None:
        """Append a line."""
        data = (json.dumps(line) + "\n").encode("ascii")
        try:
            file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(file, data)  # in one call, so that lines from several processes do not mix
            finally:
                os.close(file)
        except OSError as error:
            if not self._is_failing:
                logger.error("Cannot write the audit log %r: %s", str(self.path), error.strerror)  # noqa: TRY400
            self._is_failing = True
            return
        if self._is_failing:
            logger.warning("Writing the audit log %r works again; some lines are missing.", str(self.path))
        self._is_failing = False


class AuditMiddleware:
    """ASGI middleware that logs each request after its response, for successes and failures.

    Keys, cookies, headers and query strings are never logged, and bodies only if the log is configured to include
    contents. The `X-Request-Id` header in each response contains the request id.
    """

    def __init__(self, app: ASGIApp, *, log: AuditLog) -> None:
        self.app, self.log = app, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, start_time = time.perf_counter(), datetime.now(UTC)
        state = scope.setdefault("state", {})
        id_ = state["request_id"] = uuid4().hex
        status, sent, body = None, 0, bytearray()
        path = path_of(scope)
        logs_body = self.log.contents and _is_json(scope) and is_limited(scope["method"], path)

        async def counting_send(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message.get("headers", ()), (b"x-request-id", id_.encode("ascii"))]
                message = {**message, "headers": headers}
            sent += len(message.get("body", b""))
            await send(message)

        async def recording_receive() -> Message:
            message = await receive()
            if len(body) <= LONGEST_CONTENTS:
                body.extend(message.get("body", b""))
            return message

        try:
            await self.app(scope, recording_receive if logs_body else receive, counting_send)
        finally:
            line = {
                "time": start_time.isoformat(timespec="milliseconds"),
                "id": id_,
                "caller": state.get("caller"),
                "address": scope["client"][0] if scope.get("client") else None,
                "method": scope["method"],
                "path": path[:_LONGEST_PATH],
                "status": status,  # None if the client disconnected
                "ms": round((time.perf_counter() - started) * 1000, 1),
                "bytes": sent,
            }
            self.log.write(line | ({"contents": _contents(bytes(body))} if logs_body else {}))


def _is_json(scope: Scope) -> bool:
    types = [value for name, value in scope["headers"] if name == b"content-type"]
    return bool(types) and types[0].partition(b";")[0].strip().lower() == b"application/json"


def _contents(body: bytes) -> Any:
    """Return the logged part of a body: for requests from the page only the data, because the session id is secret."""
    if len(body) > LONGEST_CONTENTS:
        return f"more than {LONGEST_CONTENTS} bytes"
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return "not JSON"
    return value.get("data") if isinstance(value, dict) and "session_hash" in value else value
