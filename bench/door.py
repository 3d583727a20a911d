"""Measure the overhead of access control: one request without it, and with each way to identify the caller.

    python bench/door.py [--requests 5000] [--json]

No network is involved: the benchmark calls the middleware as the server does, with an application that answers at once.
It prints the median time per request in the fastest round, in microseconds: other load can only make a round slower.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from rag import Settings
from ui.security.access import access_policy
from ui.security.audit_log import AuditMiddleware
from ui.security.middleware import AccessControl

_ROUNDS = 5


async def _answers(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


async def _median(app: Callable[..., Awaitable[None]], requests: int, path: str, headers: Any) -> float:
    """Return the median duration of a request to the path, in microseconds."""

    async def send(_message: Any) -> None:
        pass

    took = []
    for _ in range(requests):
        scope = {"type": "http", "method": "GET", "path": path, "scheme": "http", "headers": list(headers)}
        scope |= {"client": ("127.0.0.1", 1), "state": {}, "query_string": b""}
        begun = time.perf_counter()
        await app(scope, None, send)
        took.append(time.perf_counter() - begun)
    return statistics.median(took) * 1e6


def measure(requests: int) -> dict[str, float]:
    """Return the median duration of a request for each case, in microseconds, from the fastest round."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        off = AccessControl(_answers, policy=access_policy(Settings(home=home / "off")))
        keyed = Settings(home=home, rate_limit="1000000/second", audit_log=home / "audit.jsonl")
        _, secret = access_policy(keyed).accounts.keys.create("bench")
        on = access_policy(keyed)
        proxied = access_policy(Settings(home=home, user_header="X-User", trusted_proxies=("127.0.0.1",)))
        assert on.audit_log is not None
        key = [(b"authorization", f"Bearer {secret}".encode())]
        cases: dict[str, tuple[Any, str, Any]] = {
            "nothing before it": (_answers, "/v1/articles", []),
            "access control that is off": (off, "/v1/articles", []),
            "a key, counted against its rate": (AccessControl(_answers, policy=on), "/v1/articles", key),
            "a user whom a proxy names": (AccessControl(_answers, policy=proxied), "/config", [(b"x-user", b"ann")]),
            "a key, and a line in the audit log": (
                AuditMiddleware(AccessControl(_answers, policy=on), log=on.audit_log),
                "/v1/articles",
                key,
            ),
        }
        return {
            name: min(asyncio.run(_median(app, requests, path, headers)) for _ in range(_ROUNDS))
            for name, (app, path, headers) in cases.items()
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=5000, help="requests of a round (default: 5000)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    figures = measure(options.requests)
    if options.json:
        print(json.dumps(figures))
        return
    for name, microseconds in figures.items():
        print(f"{microseconds:7.1f} µs  {name}")


if __name__ == "__main__":
    main()
