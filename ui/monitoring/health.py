"""Whether the server lives, and whether it can answer: for proxies, orchestrators and people with `curl`."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from index import CitechatError

if TYPE_CHECKING:
    import threading

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from rag import Assistant

logger = logging.getLogger(__name__)

LONGEST_LOOK = 2.0
"""Seconds that the index has to answer; one that takes longer is not ready."""

_GOOD_FOR = 1.0  # seconds: however many ask, the index is looked at so often


@dataclass(frozen=True, slots=True)
class State:
    """How the index was when it was last looked at: what is wrong, nothing where all is well, and its size."""

    problem: str = ""
    articles: int = 0
    passages: int = 0


class Health:
    """Looks at what questions need. To be used in one event loop; the index is read in a thread, one at a time."""

    def __init__(self, assistant: Assistant, model_is_loaded: threading.Event) -> None:
        """`model_is_loaded` is set once the first question would not wait for it."""
        self._assistant = assistant
        self._loaded = model_is_loaded
        self._looking: asyncio.Future[State] | None = None
        self._seen = State()
        self._seen_at = float("-inf")

    async def state(self) -> State:
        """How the index is, known within `LONGEST_LOOK` seconds; a look that takes longer goes on, and no other one
        begins beside it."""
        if time.monotonic() - self._seen_at < _GOOD_FOR:
            return self._seen
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().run_in_executor(None, self._look)
        done, _ = await asyncio.wait({self._looking}, timeout=LONGEST_LOOK)
        if not done:
            return State("the index does not answer in time", self._seen.articles, self._seen.passages)
        self._seen, self._seen_at = self._looking.result(), time.monotonic()
        return self._seen

    async def ready(self, _: Request) -> Response:
        """200 where a question would be answered; 503 otherwise, with which part is not there."""
        state = await self.state()
        parts = {"model": "" if self._loaded.is_set() else "it is being loaded", "index": state.problem}
        told = {name: problem or "ready" for name, problem in parts.items()}
        return _reply(503 if any(parts.values()) else 200, told)

    def _look(self) -> State:
        index = getattr(self._assistant, "index", None)
        if index is None:
            return State()
        try:
            articles, passages = index.count()
        except CitechatError as error:
            # Its message may name addresses and paths, and whoever asks here has no key.
            logger.warning("the index cannot be read: %s", error)
            return State("it cannot be read; the log of the server says more", self._seen.articles, self._seen.passages)
        except Exception:
            logger.exception("the index cannot be read")
            return State("it cannot be read; the log of the server says more", self._seen.articles, self._seen.passages)
        return State("", articles, passages)


def health_routes(health: Health) -> list[BaseRoute]:
    """`/healthz`: the event loop turns. `/readyz`: questions can be answered."""
    from starlette.routing import Route

    async def alive(_: Request) -> Response:
        return _reply(200, {"server": "alive"})

    routes = {"/healthz": alive, "/readyz": health.ready}
    return [Route(path, told, methods=["GET"], include_in_schema=False) for path, told in routes.items()]


def _reply(status: int, value: dict[str, Any]) -> Response:
    from starlette.responses import JSONResponse

    return JSONResponse(value, status, {"cache-control": "no-store"})
