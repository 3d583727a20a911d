"""The assistant for programs, beside the page and in the same process.

    POST   /v1/ask                the answer as JSON, or as it is written
    POST   /v1/chat/completions   the same for clients of OpenAI's API
    GET    /v1/models             the models that these may name
    GET    /v1/articles           what can be asked about, without the texts
    POST   /v1/articles           add files, a text or a link
    GET    /v1/articles/{id}      one article with its text
    DELETE /v1/articles/{id}      remove it
    POST   /v1/evaluate           run a test set, where that is switched on
    GET    /v1/openapi.json       all of this for programs; /v1/docs for people

What goes wrong is told as {"error": {"message": "…", "hint": "…"}}. A page of another site cannot ask: its requests
name an origin that is not ours, and a form cannot send what is called application/json.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import queue as turns
from .queue import RequestQueue

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from rag import Assistant

    from ..chat.services import Services

__all__ = ["Turns", "api_routes", "open_turns"]


def api_routes(
    assistant: Assistant,
    services: Services | None = None,
    *,
    turns: RequestQueue | None = None,
    writable: bool = True,
    evaluate: bool = False,
) -> list[BaseRoute]:
    """The routes under `/v1`; whatever else is there is answered with 404.

    `services` offer other models and the library; questions wait for their `turns`. Where it is not `writable`, no
    program may add or remove articles; with `evaluate` it may run test sets. Loads the web framework.
    """
    from .app import routes

    return routes(assistant, services, turns or open_queue(), writable=writable, evaluate=evaluate)


def open_queue() -> RequestQueue:
    """Places for the questions of programs."""
    return RequestQueue(turns.AT_ONCE, turns.MOST_WAITING)
