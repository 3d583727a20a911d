"""Short requests to LLM servers: their addresses, and JSON within a time limit."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection, HTTPSConnection
from typing import Any, TypeVar
from urllib.parse import urlsplit

Result = TypeVar("Result")

_MOST_BYTES = 1_000_000
_OLLAMA_PORTS = {"": 11434, "http": 80, "https": 443}  # default port for each scheme, as in Ollama's own client
_WILDCARD_HOSTS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - listening address to connection address


def within(seconds: float, work: Callable[[], Result]) -> Result | None:
    """Return the result of `work`, or None if it fails or takes longer than `seconds`.

    A thread does the work, because a host name lookup has no time limit.
    """
    results: list[Result] = []

    def run() -> None:
        try:
            result = work()
        except Exception:  # after any failure, there is no result
            return
        results.append(result)

    thread = threading.Thread(target=run, name="ask-server", daemon=True)
    thread.start()
    thread.join(seconds)
    return results[0] if results else None


def fetch_json(url: str, seconds: float, *, body: object = None, key: str = "", most_bytes: int = _MOST_BYTES) -> Any:
    """Return the JSON at a URL; a `body` is sent as JSON in a POST request, and a `key` as a bearer token.

    No proxy is used and no redirect is followed, because the server runs on this machine or in the same network. Each
    step may take `seconds`. Raises `ValueError` for any other reply, and `OSError` if the server does not reply.
    """
    parts = urlsplit(url)
    connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    data = None if body is None else json.dumps(body)
    if data is not None:
        headers["Content-Type"] = "application/json"
    with closing(connect(parts.hostname or "", parts.port, timeout=seconds)) as connection:
        connection.request("GET" if data is None else "POST", parts.path or "/", data, headers)
        response = connection.getresponse()
        received = response.read(most_bytes + 1)
        if response.status != HTTPStatus.OK or len(received) > most_bytes:
            raise ValueError("the server did not send the expected JSON")
        return json.loads(received)


def ollama_url(host: str) -> str:
    """Return the URL for the value of `OLLAMA_HOST`: a host, a port, both, or a URL."""
    scheme, colon, rest = host.strip().rpartition("://")
    parts = urlsplit(f"{scheme if colon else 'http'}://{rest}")
    name = parts.hostname or "127.0.0.1"
    name = _WILDCARD_HOSTS.get(name, name)
    port = parts.port or _OLLAMA_PORTS[scheme.lower()]
    return f"{parts.scheme}://{f'[{name}]' if ':' in name else name}:{port}{parts.path.rstrip('/')}"


def compatible_server(base_url: str | None) -> str | None:
    """Return the URL of an OpenAI-compatible server, from the setting or from the variables that the client reads; None
    for OpenAI itself."""
    address = base_url or os.environ.get("OPENAI_API_BASE") or os.environ.get("OPENAI_BASE_URL") or ""
    host = urlsplit(address).hostname or "openai.com"
    return None if host == "openai.com" or host.endswith(".openai.com") else address
