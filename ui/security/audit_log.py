"""The audit log: one JSON line for each request, with the caller, the path, the status and the duration.

Its size has a limit: full files are renamed and the oldest is deleted, and health checks are left out. So are refused
and anonymous requests of senders that have too many of them; these are counted. Questions and changes always have a
line.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import os
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from index import make_file_private

from .body_limits import LARGEST_BODY, LARGEST_TEXT_BODY
from .clients import network_of
from .rate_limits import MOST_NAMES, RateLimit
from .scopes import HEALTH_CHECKS, framework_route, is_limited, may_ask, may_change, path_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

LARGEST_FILE = 10_000_000
"""Size from which a log file is renamed, in bytes."""

REFUSED_LINES = "20/minute"
"""Maximum rate of lines for refused requests other than questions and changes, per caller or else per address."""

ANONYMOUS_LINES = "120/minute"
"""Maximum rate of lines for requests without a caller that are not refused, such as for the login form, per address."""

_LONG_BODY = 64_000  # bytes; a longer body is parsed in a thread
_MOST_DIGITS = 1000
_LONGEST_STRING = 50_000  # characters of a string in long contents: those of an article with three of them fit
_LONGEST_PATH = 500  # characters
_SUMMARY_INTERVAL = 60.0  # between lines that report how many requests were left out, in seconds


class AuditLog:
    """A log file with one line for each request. Only its owner can read it.

    The file is opened for every line, so it may be moved at any time, and is then created again. A file of
    `LARGEST_FILE` bytes is renamed to end in `.1`, the previous one in `.2` and so on, up to `most_files` files in
    total. Several processes can write to the same log. If writing fails, the request continues: the program logs one
    error, and one warning when writing works again.
    """

    def __init__(self, path: Path, *, contents: bool = False, most_files: int = 10) -> None:
        self.path, self.contents, self.most_files = path, contents, most_files
        make_file_private(path)
        self._is_failing = False

    def write(self, line: dict[str, Any]) -> None:
        """Append a line to the file; if that fails, log an error."""
        data = (json.dumps(line) + "\n").encode("ascii")
        try:
            file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(file, data)  # in one call, so that lines from several processes do not mix
                is_full = os.fstat(file).st_size >= LARGEST_FILE
            finally:
                os.close(file)
            if is_full:
                self._rotate()
        except OSError as error:
            if not self._is_failing:
                logger.error("Cannot write or rename the audit log %r: %s", str(self.path), error.strerror)  # noqa: TRY400
            self._is_failing = True
            return
        if self._is_failing:
            logger.warning("Writing the audit log %r works again; some lines are missing.", str(self.path))
        self._is_failing = False

    def _rotate(self) -> None:
        """Rename the files, unless another process is doing it or has done it. Raises `OSError` if that fails."""
        from filelock import FileLock, Timeout

        files = [self.path, *(self.path.with_name(f"{self.path.name}.{n}") for n in range(1, self.most_files))]
        with suppress(Timeout), FileLock(f"{self.path}.lock", timeout=0, mode=0o600):
            if not self.path.exists() or self.path.stat().st_size < LARGEST_FILE:
                return
            if len(files) == 1:
                self.path.unlink()
            for newer, older in reversed([*pairwise(files)]):
                with suppress(FileNotFoundError):
                    newer.replace(older)


class AuditMiddleware:
    """ASGI middleware that logs each request after its response, for successes and failures.

    Keys, cookies, headers and query strings are never logged, and bodies only if the log is configured to include
    contents. The `X-Request-Id` header in each response contains the request id.

    Health checks are not logged. Questions and changes that access control admitted always get a line. Of the other
    requests, a caller's refused ones (4xx, or no response) get up to `REFUSED_LINES`, and an address's ones without a
    caller up to `ANONYMOUS_LINES`; a line with `omitted` later reports the number of the rest.
    """

    def __init__(self, app: ASGIApp, *, log: AuditLog) -> None:
        self.app, self.log = app, log
        self._refused_lines, self._anonymous_lines = RateLimit(REFUSED_LINES), RateLimit(ANONYMOUS_LINES)
        self._omitted: Counter[tuple[str | None, str | None]] = Counter()
        self._next_summary_at = time.monotonic() + _SUMMARY_INTERVAL

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_request = scope["type"] in ("http", "websocket")
        if is_request and time.monotonic() >= self._next_summary_at:
            self.write_summary()
        method, path = str(scope.get("method", "WEBSOCKET")), path_of(scope) if is_request else ""
        if not is_request or (method in ("GET", "HEAD") and path in HEALTH_CHECKS):
            await self.app(scope, receive, send)
            return
        started, start_time = time.perf_counter(), datetime.now(UTC)
        state = scope.setdefault("state", {})
        id_ = state["request_id"] = uuid4().hex
        status, sent, body = None, 0, bytearray()
        logs_body = self.log.contents and may_ask(method, path) and not _is_form(scope)

        async def counting_send(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message.get("headers", ()), (b"x-request-id", id_.encode("ascii"))]
                message = {**message, "headers": headers}
            elif message["type"] == "websocket.close":
                status = 403  # the web server's response to a handshake
            sent += len(message.get("body", b""))
            await send(message)

        async def recording_receive() -> Message:
            message = await receive()
            if len(body) <= LARGEST_TEXT_BODY:
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
                "method": method,
                "path": path[:_LONGEST_PATH],
                "status": status,  # None if the client disconnected
                "ms": round((time.perf_counter() - started) * 1000, 1),
                "bytes": sent,
            }
            if self._is_logged(line, is_admitted=bool(state.get("is_admitted")), path=path):
                await self._write(line, path, body)

    async def _write(self, line: dict[str, Any], path: str, body: bytearray) -> None:
        """Write a line with the contents of a body, in a thread if the body is long."""

        def write() -> None:
            self.log.write(line | ({"contents": _contents(path, bytes(body))} if body else {}))

        if len(body) > _LONG_BODY:
            await asyncio.to_thread(write)
        else:
            write()

    def write_summary(self) -> None:
        """Write a line for each caller and address with the number of requests that were left out."""
        omitted, self._omitted = self._omitted, Counter()
        self._next_summary_at = time.monotonic() + _SUMMARY_INTERVAL
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        for (caller, address), count in omitted.items():
            self.log.write({"time": now, "caller": caller, "address": address, "omitted": count})

    def _is_logged(self, line: dict[str, Any], *, is_admitted: bool, path: str) -> bool:
        """Return whether a line is logged; count it if it is left out."""
        status, caller, network = line["status"], line["caller"], network_of(line["address"] or "")
        is_refused = status is None or 400 <= status < 500
        if is_admitted and (may_change(line["method"], path) or may_ask(line["method"], path)):
            return True
        if is_refused and self._refused_lines.hit(caller or network):
            return True
        # Other limits apply to admitted requests that cause work.
        is_known = caller is not None or (is_admitted and is_limited(line["method"], path))
        if not is_refused and (is_known or self._anonymous_lines.hit(network)):
            return True
        if len(self._omitted) >= MOST_NAMES:
            self.write_summary()
        self._omitted[caller, None if caller else network] += 1
        return False


def _is_form(scope: Scope) -> bool:
    """Return whether a body contains files; the routes that accept them compare the type in the same way."""
    types = [value for name, value in scope["headers"] if name == b"content-type"]
    return bool(types) and types[0].partition(b";")[0].strip().lower() == b"multipart/form-data"


def _contents(path: str, body: bytes) -> Any:
    """Return the logged part of a body.

    For calls from the page, it is the data and what the user clicked, because the session id is secret. The strings in
    long contents are shortened; spaces in or between them do not make contents long.
    """
    if len(body) > LARGEST_TEXT_BODY:
        return f"more than {LARGEST_TEXT_BODY} bytes"
    try:
        # NaN and infinity are not JSON, and Python limits the digits of integers.
        value = json.loads(str(body, "utf-8"), parse_constant=str, parse_float=_float, parse_int=_int)
        written = json.dumps([[value]])  # the line is nested more deeply than the value
        if len(body) > LARGEST_BODY and len(written) > LARGEST_BODY:
            value = _shortened(value)
            written = json.dumps(value)
    except (ValueError, RecursionError):
        return "not JSON"
    if len(body) > LARGEST_BODY and len(written) > LARGEST_BODY:
        return f"more than {LARGEST_BODY} bytes"
    if framework_route(path) is None:
        return value
    if not isinstance(value, dict):
        return None
    clicked = value.get("event_data")
    return value.get("data") if clicked is None else {"data": value.get("data"), "event": clicked}


def _shortened(value: Any) -> Any:
    """Return a value whose strings have single spaces and are cut off at `_LONGEST_STRING` characters."""
    if isinstance(value, dict):
        return {_shortened(name): _shortened(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_shortened(each) for each in value]
    if not isinstance(value, str):
        return value
    text = " ".join(value.split())
    if len(text) <= _LONGEST_STRING:
        return text
    return f"{text[:_LONGEST_STRING]}… ({len(text):,} characters)"


def _float(written: str) -> float | str:
    number = float(written)
    return number if math.isfinite(number) else written


def _int(written: str) -> int | str:
    return int(written) if len(written) <= _MOST_DIGITS else written
