"""Health checks for proxies and orchestrators: whether the server runs, and whether it can answer questions."""

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
"""Seconds that the index has to answer; one that takes longer is not ready."""

_CACHE_SECONDS = 1.0  # between two checks of the index, however many clients ask
_NO_STORE = {"cache-control": "no-store"}


@dataclass(frozen=True, slots=True)
class IndexState:
    """The index at its last check: its size, and what is wrong, or an empty string."""

    problem: str = ""
    articles: int = 0
    passages: int = 0


class Health:
    """Checks what questions need. Use it in one event loop; the index is read in a thread, once at a time."""

    def __init__(self, assistant: Assistant, model_is_loaded: threading.Event) -> None:
        """`model_is_loaded` is set when a question does not have to wait for the model."""
        self._assistant = assistant
        self._model_is_loaded = model_is_loaded
        self._check: asyncio.Future[IndexState] | None = None
        self._state = IndexState()
        self._checked_at = float("-inf")

    async def state(self) -> IndexState:
        """Return the state of the index within `CHECK_TIMEOUT` seconds; a slower check goes on, and no other starts."""
        if time.monotonic() - self._checked_at < _CACHE_SECONDS:
            return self._state
        if self._check is None or self._check.done():
            self._check = asyncio.get_running_loop().run_in_executor(None, self._read_index)
        done, _ = await asyncio.wait({self._check}, timeout=CHECK_TIMEOUT)
        if not done:
            return IndexState("the index does not answer in time", self._state.articles, self._state.passages)
        self._state, self._checked_at = self._check.result(), time.monotonic()
        return self._state

    async def ready(self, _: Request) -> Response:
        """Respond with 200 if questions can be answered, else with 503 and what is missing."""
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
            # The message may contain addresses and paths, and callers here have no key.
            logger.warning("Cannot read the index: %s", error)
        except Exception:
            logger.exception("Cannot read the index.")
        problem = "it cannot be read; see the log of the server for the reason"
        return IndexState(problem, self._state.articles, self._state.passages)


def health_routes(health: Health) -> list[BaseRoute]:
    """Return `/healthz`, which responds if the event loop runs, and `/readyz`, if questions can be answered."""
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def alive(_: Request) -> Response:
        return JSONResponse({"server": "alive"}, 200, _NO_STORE)

    endpoints = {"/healthz": alive, "/readyz": health.ready}
    return [Route(path, endpoint, methods=["GET"], include_in_schema=False) for path, endpoint in endpoints.items()]
