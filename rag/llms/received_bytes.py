"""Check an LLM call whenever its connection receives bytes, also if they do not complete a chunk of the reply.

A server may send comments, headers or a line without end, so checks between two chunks are not enough. The clients of
OpenAI, Anthropic and Ollama use httpx or its successor httpx2, whose connections come from a network backend of
httpcore or httpcore2.
`check_received_bytes` puts a backend with checks in front of it; all settings of the client, such as proxies and TLS,
remain.
"""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from index import CancelledWorkError

from ..errors import LLMError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

Check = Callable[[int, float | None], None]
"""A check that is called with the number of received bytes and the client's timeout for a read, in seconds."""

# Clients share connections, so the check belongs to the thread that reads: the clients read in the calling thread.
_CHECK: ContextVar[Check | None] = ContextVar("check of received bytes", default=None)
_STOP: ContextVar[threading.Event | None] = ContextVar("stop of LLM calls", default=None)

_POLL = 0.5  # seconds after which a silent connection is left if nobody waits for the answer any more

_LONGEST_CONNECT = 10.0  # seconds for connecting, and for the TLS handshake

_HTTP_CLIENTS: dict[str, Callable[[Any], Any]] = {
    "openai": lambda llm: llm.root_client._client,
    "anthropic": lambda llm: llm._client._client,
    "ollama": lambda llm: llm._client._client,
}
"""The httpx client of each provider's client; the clients have no public name for it."""


@contextmanager
def stopping_llm_calls(stop: threading.Event) -> Iterator[None]:
    """End the LLM calls of this thread with `CancelledWorkError` soon after `stop` is set.

    Calls of clients with httpx end within `_POLL` seconds, those of others at the next chunk.
    """
    token = _STOP.set(stop)
    try:
        yield
    finally:
        _STOP.reset(token)


def check_stop() -> None:
    """Raise `CancelledWorkError` if the LLM calls of this thread should end."""
    stop = _STOP.get()
    if stop is not None and stop.is_set():
        raise CancelledWorkError("The answer was stopped.", "Ask again.")


def pause(seconds: float) -> None:
    """Sleep, at most until the LLM calls of this thread should end."""
    stop = _STOP.get()
    if stop is None:
        time.sleep(seconds)
    else:
        stop.wait(seconds)


@contextmanager
def checking_bytes(check: Check) -> Iterator[None]:
    """Call `check` for all bytes that this thread receives meanwhile; it may raise an exception to end the request."""
    token = _CHECK.set(check)
    try:
        yield
    finally:
        _CHECK.reset(token)


def check_received_bytes(llm: BaseChatModel, provider: str) -> None:
    """Let `checking_bytes` see the bytes that this client receives; has no effect for a provider without httpx.

    Compressed replies are neither asked for nor accepted: a few bytes could become any amount of text. Redirects are
    not followed: a server could make citechat send the prompt to an address that only citechat can reach.
    """
    if provider not in _HTTP_CLIENTS:
        return
    client = _HTTP_CLIENTS[provider](llm)
    client.headers["accept-encoding"] = "identity"
    client.follow_redirects = False
    hooks = client.event_hooks
    if _refuse_compressed not in hooks["response"]:  # LangChain shares httpx clients
        client.event_hooks = {**hooks, "response": [*hooks["response"], _refuse_compressed]}
    for transport in (client._transport, *client._mounts.values()):
        if transport is not None:  # addresses that need no proxy are mapped to None and use `client._transport`
            pool = transport._pool
            if not isinstance(pool._network_backend, _CheckedBackend):
                pool._network_backend = _CheckedBackend(pool._network_backend)


def is_compressed(response: Any) -> bool:
    """Return whether the body of an httpx response is compressed: a few kilobytes may expand to gigabytes."""
    return bool(response.headers.get("content-encoding", "identity").strip().lower() != "identity")


def _refuse_compressed(response: Any) -> None:
    if is_compressed(response):
        message = "the server of the LLM sent a compressed reply, which it was not asked for"
        raise LLMError(message, "Check the server, and the proxy in front of it.", kind="invalid response")


def _to_connect(timeout: float | None) -> float:
    """Return the time for a connection, which cannot end earlier: a server that is reachable does not need longer."""
    return _LONGEST_CONNECT if timeout is None else min(timeout, _LONGEST_CONNECT)


def _read_timeouts() -> tuple[type[Exception], ...]:
    """Return the exceptions of a read that times out; the library of the client has been imported."""
    libraries = (sys.modules.get(name) for name in ("httpcore", "httpcore2"))
    return tuple(library.ReadTimeout for library in libraries if library is not None)


class _CheckedBackend:
    """A network backend of httpcore that opens connections with checks."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    def connect_tcp(self, *args: Any, timeout: float | None = None, **kwargs: Any) -> _CheckedStream:
        return _CheckedStream(self._backend.connect_tcp(*args, timeout=_to_connect(timeout), **kwargs))

    def connect_unix_socket(self, *args: Any, **kwargs: Any) -> _CheckedStream:
        return _CheckedStream(self._backend.connect_unix_socket(*args, **kwargs))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)


class _CheckedStream:
    """A connection that calls the current check after each read."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> Any:
        received = self._stream.read(max_bytes, timeout) if _STOP.get() is None else self._polled(max_bytes, timeout)
        if (check := _CHECK.get()) is not None:
            check(len(received), timeout)
        return received

    def _polled(self, max_bytes: int, timeout: float | None) -> Any:
        """Read, and look every `_POLL` seconds whether the call should end."""
        ends = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            check_stop()
            left = ends - time.monotonic()
            try:
                return self._stream.read(max_bytes, max(0.001, min(_POLL, left)))
            except _read_timeouts():
                if left <= _POLL:
                    raise

    def start_tls(self, *args: Any, timeout: float | None = None, **kwargs: Any) -> _CheckedStream:
        return _CheckedStream(self._stream.start_tls(*args, timeout=_to_connect(timeout), **kwargs))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
