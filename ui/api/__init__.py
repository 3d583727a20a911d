"""The HTTP API for programs, which runs in the same process as the page.

    POST   /v1/ask                the answer as JSON, or streamed while it is written
    POST   /v1/chat/completions   the answer in the format of the OpenAI API
    GET    /v1/models             the models that clients of the OpenAI API can select
    GET    /v1/articles           the indexed articles without their text
    POST   /v1/articles           add files, text or a link
    GET    /v1/articles/{id}      one article with its text
    GET    /v1/articles/{id}/overview  its most central sentences
    DELETE /v1/articles/{id}      remove one article
    POST   /v1/evaluate           run a test set, if evaluation is enabled
    GET    /v1/openapi.json       the OpenAPI description; /v1/docs is the readable version

The body of an error response is {"error": {"message": "…", "hint": "…"}}. Pages on other sites cannot use the API:
`RequestGuard` rejects requests from other origins, and a form cannot send the content type application/json.
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
    """Return the routes under `/v1`; unknown paths under `/v1` return 404.

    `services` provides the other models and the library. With `writable`, programs may add and remove articles; with
    `evaluate`, they may run test sets. Calling this function imports the web framework.
    """
    from .app import create_routes

    return create_routes(assistant, services, queue or open_queue(), writable=writable, evaluate=evaluate)


def open_queue() -> RequestQueue:
    """Return a queue for questions from programs."""
    return RequestQueue(WORKERS, LONGEST_QUEUE)
