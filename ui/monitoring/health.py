"""Health checks for proxies and orchestrators: liveness, and readiness to answer questions."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from index import CitechatError

if TYPE_CHECKING:
    import threading

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from rag import Assistant

logger = logging.getLogger(__name__)

CHECK_TIMEOUT = 2.0
"""Timeout for reading the index, in seconds; an index that takes longer is reported as not ready."""

_CACHE_SECONDS = 1.0  # minimum interval between index checks, for any number of requests
_NO_STORE = {"cache-control": "no-store"}


@dataclass(frozen=True, slots=True)
class IndexState:
    """The state of the index at its last check: its size, and its problem or an empty string."""

    problem: str = ""
    articles: int = 0
    passages: int = 0


class Health:
    """The health checks. Use an instance in one event loop; a thread reads the index, one check at a time."""

    def __init__(self, assistant: Assistant, model_is_loaded: threading.Event) -> None:
        """Create the checks for an assistant; the event `model_is_loaded` is set once the model is loaded."""
        self._assistant = assistant
        self._model_is_loaded = model_is_loaded
        self._check: asyncio.Future[IndexState] | None = None
        self._state = IndexState()
        self._checked_at = float("-inf")

    async def state(self) -> IndexState:
        """Return the index state within `CHECK_TIMEOUT` seconds; a slower check continues and blocks further checks."""
        if time.monotonic() - self._checked_at < _CACHE_SECONDS:
            return self._state
        if self._check is None or self._check.done():
            self._check = asyncio.get_running_loop().run_in_executor(None, self._read_index)
        check = self._check  # another request may start the next one before this one continues
        done, _ = await asyncio.wait({check}, timeout=CHECK_TIMEOUT)
        if not done:
            return IndexState("the index does not answer in time", self._state.articles, self._state.passages)
        self._state, self._checked_at = check.result(), time.monotonic()
        return self._state

    async def ready(self, _: Request) -> Response:
        """Respond with 200 if questions can be answered, else with 503 and the reason."""
        from starlette.responses import JSONResponse

        state = await self.state()
        problems = {"model": "" if self._model_is_loaded.is_set() else "it is being loaded", "index": state.problem}
        body = {name: problem or "ready" for name, problem in problems.items()}
        return JSONResponse(body, 503 if any(problems.values()) else 200, _NO_STORE)

    def _read_index(self) -> IndexState:
        index = getattr(self._assistant, "index", None)
        if index is None:
            return IndexState()
        try:
            return IndexState("", *index.count())
        except CitechatError as error:
            # The message may contain addresses and paths, and callers of this route are not authenticated.
            logger.warning("Cannot read the index: %s", error)
        except Exception:
            logger.exception("Cannot read the index.")
        problem = "it cannot be read; see the server log for the reason"
        return IndexState(problem, self._state.articles, self._state.passages)


def health_routes(health: Health) -> list[BaseRoute]:
    """Return the routes `/healthz` (the event loop runs) and `/readyz` (questions can be answered)."""
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def alive(_: Request) -> Response:
        return JSONResponse({"server": "alive"}, 200, _NO_STORE)

    endpoints = {"/healthz": alive, "/readyz": health.ready}
    return [Route(path, endpoint, methods=["GET"], include_in_schema=False) for path, endpoint in endpoints.items()]
