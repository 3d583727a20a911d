"""The API as one FastAPI application, with its OpenAPI description."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Coroutine
from functools import partial
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Match, Mount, Route

from index import CitechatError
from rag import Assistant

from ..chat.services import Services
from ..security.errors import UNEXPECTED, RequestError
from ..templating import macros
from .articles import MULTIPART, ArticleEndpoints
from .ask import EVENTS, AskEndpoint
from .errors import CLIENT_CLOSED_REQUEST, JSON, error_response, json_response, request_error
from .evaluation import EvaluateEndpoint
from .openai import CompletionEndpoints, CompletionRequest
from .queue import RequestQueue
from .schemas import (
    AddedReply,
    AddRequest,
    AnswerReply,
    ArticleReply,
    ArticleTextReply,
    AskRequest,
    CompletionReply,
    ErrorReply,
    EvaluateRequest,
    ModelReply,
    ModelsReply,
    RemovedReply,
)

logger = logging.getLogger(__name__)

PREFIX = "/v1"

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

_REQUESTS: tuple[type[BaseModel], ...] = (AskRequest, CompletionRequest, AddRequest, EvaluateRequest)
_REFERENCE = "#/components/schemas/{model}"
_ERRORS = {
    400: "Invalid request; the message names the field.",
    401: "The server requires a key, but the key is missing or invalid.",
    403: "A page on another site sent the request, or programs cannot change articles on this server.",
    404: "Not found.",
    408: "The request took too long to arrive.",
    409: "The Idempotency-Key was already used with a different request body.",
    413: "The request is too large.",
    415: "Unsupported content type.",
    422: "Nothing in the request could be added.",
    429: "The caller exceeded a limit; `Retry-After` says when to try again.",
    500: "Something went wrong on the server; see the server log.",
    507: "The temporary files of all uploads, or of yours, are too large; try again in a few minutes.",
    503: "The queue is full, or a service that the answer needs is down; `Retry-After` may say when to try again.",
}
_COMMON_ERRORS = (401, 403, 429, 500, 503)
_BODY_ERRORS = (400, 408, 413, 415)


def create_routes(
    assistant: Assistant, services: Services | None, queue: RequestQueue, *, writable: bool, evaluate: bool
) -> list[BaseRoute]:
    """Return the API routes. An LLM failure is an error, because programs could not detect a fallback to quotes."""
    if isinstance(assistant, Assistant):  # objects of other classes have no fallback
        assistant = assistant.with_options(fallback=False)
    library, model_catalog = (services.library, services.model_catalog) if services else (None, None)
    completions = CompletionEndpoints(assistant, model_catalog, queue)
    articles = ArticleEndpoints(assistant, library, queue, writable=writable)

    app = FastAPI(
        title="citechat",
        version=version("citechat"),
        description="Answers questions about articles. Every sentence cites the text that supports it, and is checked.",
        servers=[{"url": PREFIX}],
        openapi_url=None,
        redirect_slashes=False,
    )
    app.router.route_class = _Route
    add = partial(_add_route, app)
    ask, complete = AskEndpoint(assistant, queue).ask, completions.complete
    add("POST", "/ask", ask, AnswerReply, body=AskRequest, streams=True)
    add("POST", "/chat/completions", complete, CompletionReply, errors=(404,), body=CompletionRequest, streams=True)
    add("GET", "/models", completions.list_models, ModelsReply)
    add("GET", "/models/{id:path}", completions.read_model, ModelReply, errors=(400, 404))
    add("GET", "/articles", articles.list_articles, list[ArticleReply])
    add("POST", "/articles", articles.add, AddedReply, errors=(409, 422, 507), body=AddRequest, takes_files=True)
    add("GET", "/articles/{id}", articles.read, ArticleTextReply, errors=(400, 404))
    add("GET", "/articles/{id}/overview", articles.overview, AnswerReply, errors=(400, 404))
    add("DELETE", "/articles/{id}", articles.remove, RemovedReply, errors=(400, 404))
    if evaluate:
        add("POST", "/evaluate", EvaluateEndpoint(assistant).evaluate, dict[str, Any], body=EvaluateRequest)

    schema = _describe(app)

    async def openapi(_: Request) -> Response:
        return json_response(200, schema)

    async def docs(_: Request) -> Response:
        return HTMLResponse(str(macros("api", "docs").page(schema, PREFIX)))

    for path, endpoint in (("/openapi.json", openapi), ("/docs", docs)):
        app.add_route(path, endpoint, methods=["GET"], include_in_schema=False)
    app.add_exception_handler(HTTPException, _routing_error)
    return [_Mount(PREFIX, app=app), Route(PREFIX, _routing_error, include_in_schema=False)]


class _Mount(Mount):
    """A mount for all paths under a prefix, including those with line breaks, which Starlette's pattern excludes."""

    def __init__(self, path: str, app: FastAPI) -> None:
        super().__init__(path, app=app)
        self.path_regex = re.compile(self.path_regex.pattern, re.DOTALL)


class _Route(APIRoute):
    """A route that converts all errors to error responses with the same structure."""

    def get_route_handler(self) -> Handler:
        handler = super().get_route_handler()

        async def respond(request: Request) -> Response:
            try:
                return await handler(request)
            except ClientDisconnect:
                return json_response(CLIENT_CLOSED_REQUEST, {})
            except RequestError as error:
                return error_response(error)
            except CitechatError as error:
                return error_response(request_error(error))
            except Exception:
                logger.exception("a request to %s failed", request.url.path)
                return error_response(UNEXPECTED)

        return respond


def _add_route(
    app: FastAPI,
    method: str,
    path: str,
    handler: Handler,
    response: Any,
    *,
    errors: tuple[int, ...] = (),
    body: type[BaseModel] | None = None,
    streams: bool = False,
    takes_files: bool = False,
) -> None:
    """Add a route with its OpenAPI description; `errors` are status codes in addition to those common to all routes."""
    description = (handler.__doc__ or "").partition("\n\n")[0]
    statuses = (*_COMMON_ERRORS, *(_BODY_ERRORS if body else ()), *errors)
    responses: dict[Any, dict[str, Any]] = {
        status: {"model": ErrorReply, "description": _ERRORS[status]} for status in statuses
    }
    responses[200] = {"model": response, "description": description}
    if streams:
        responses[200]["content"] = {EVENTS: {"schema": {"description": "One state of the answer per event."}}}
    before, _, after = path.partition("{")
    part = after.partition("}")[2].replace("/", "_")
    name = before.strip("/").replace("/", "_") + (f"_one{part}" if after else "")
    app.router.add_api_route(
        path,
        handler,
        methods=[method],
        summary=description.partition(".")[0],
        operation_id=f"{method.lower()}_{name}",
        responses=dict(sorted(responses.items())),
        response_model=None,
        openapi_extra=_request_description(body, takes_files=takes_files, path=path),
    )


def _request_description(body: type[BaseModel] | None, *, takes_files: bool, path: str) -> dict[str, Any]:
    """Return a request's OpenAPI description. FastAPI does not parse bodies, because it would convert values."""
    extra: dict[str, Any] = {}
    if "{" in path:
        extra["parameters"] = [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]
    if takes_files:
        extra["parameters"] = [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "Repeats with the same key and body have no effect and get the same response.",
                "schema": {"type": "string", "maxLength": 200},
            }
        ]
    if body is not None:
        content: dict[str, Any] = {JSON: {"schema": {"$ref": _REFERENCE.format(model=body.__name__)}}}
        if takes_files:
            file = {"type": "array", "items": {"type": "string", "format": "binary"}, "minItems": 1}
            content[MULTIPART] = {"schema": {"type": "object", "properties": {"file": file}, "required": ["file"]}}
        extra["requestBody"] = {"required": True, "content": content}
    return extra


def _describe(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI description, including the request body schemas."""
    schema = app.openapi()
    _, bodies = models_json_schema([(body, "validation") for body in _REQUESTS], ref_template=_REFERENCE)
    components = schema.setdefault("components", {})
    components["schemas"] = dict(sorted((components.get("schemas", {}) | bodies["$defs"]).items()))
    return schema


async def _routing_error(request: Request, error: Exception | None = None) -> Response:
    """Return the response for an unknown path, or for a method that the path does not allow."""
    if isinstance(error, HTTPException) and error.status_code == 405:
        routes = (route for route in request.app.routes if route.matches(request.scope)[0] != Match.NONE)
        methods = {method for route in routes for method in getattr(route, "methods", None) or ()} - {"HEAD"}
        allow = ", ".join(sorted(methods))
        message = f"{request.method} is not allowed at this address."
        return error_response(RequestError(405, message, f"Use {allow}.", {"allow": allow}))
    return error_response(RequestError(404, "Nothing at this address.", f"See GET {PREFIX}/docs for all addresses."))
