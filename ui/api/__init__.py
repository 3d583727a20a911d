"""The assistant for programs, beside the page and in the same process.

    POST   /v1/ask                the answer as JSON, or streamed while it is written
    POST   /v1/chat/completions   the same for clients of OpenAI's API
    GET    /v1/models             the models that these may name
    GET    /v1/articles           the indexed articles, without their texts
    POST   /v1/articles           add files, a text or a link
    GET    /v1/articles/{id}      one article with its text
    DELETE /v1/articles/{id}      remove it
    POST   /v1/evaluate           run a test set, if that is enabled
    GET    /v1/openapi.json       the description of all of this for programs; /v1/docs for people

Errors are {"error": {"message": "…", "hint": "…"}}. Pages of other sites cannot use the API: `RequestGuard` refuses
their origin, and a form cannot send the content type application/json.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .queue import LONGEST_QUEUE, WORKERS, RequestQueue

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from rag import Assistant

    from ..chat.services import Services

__all__ = ["RequestQueue", "api_routes", "open_queue"]


def api_routes(
    assistant: Assistant,
    services: Services | None = None,
    *,
    queue: RequestQueue | None = None,
    writable: bool = True,
    evaluate: bool = False,
) -> list[BaseRoute]:
    """Return the routes under `/v1`; any other path there gets 404.

    `services` have the other models and the library. Programs may add and remove articles if it is `writable`, and run
    test sets with `evaluate`. Loads the web framework.
    """
    from .app import create_routes

    return create_routes(assistant, services, queue or open_queue(), writable=writable, evaluate=evaluate)


def open_queue() -> RequestQueue:
    """Return a queue for the questions of programs."""
    return RequestQueue(WORKERS, LONGEST_QUEUE)
