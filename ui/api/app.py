"""The routes of the API as one application, with the description of all that they take and tell."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Coroutine
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
from ..security.request_guard import FOREIGN, TooLargeError, TooSlowError
from .articles import MULTIPART, Articles
from .ask import EVENTS, AskEndpoint
from .description import description_page
from .errors import HUNG_UP, JSON, UNEXPECTED, ErrorReply, Refused, refusal, reply, told
from .evaluation import Evaluation
from .openai import Completion, Completions
from .origins import is_foreign
from .queue import RequestQueue
from .requests import Asked, Questions, Sent
from .schemas import (
    AddedReply,
    AnswerReply,
    ArticleReply,
    CompletionReply,
    ModelReply,
    ModelsReply,
    RemovedReply,
    WholeArticleReply,
)

logger = logging.getLogger(__name__)

PREFIX = "/v1"

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

_BODIES: tuple[type[BaseModel], ...] = (Asked, Completion, Sent, Questions)
_REFS = "#/components/schemas/{model}"
_REFUSALS = {
    400: "What was sent is wrong; the message names the field.",
    401: "A key is missing or not good, where the server asks for keys.",
    403: "A page of another site may not ask, and not every program may write.",
    404: "There is no such thing.",
    409: "Something else was sent under this Idempotency-Key.",
    408: "The request took too long to arrive.",
    413: "The body is too large.",
    415: "The content type is another one.",
    422: "None of what was sent could be added.",
    429: "The caller asks too much, where the server limits each; `Retry-After` says when to ask again.",
    500: "Something went wrong in the server; its log says what.",
    503: "Too many ask, or what the answer needs cannot be reached; `Retry-After` may say when to ask again.",
}
_ANY = (401, 403, 429, 500, 503)
_SENT = (*_ANY, 400, 408, 413, 415)


def routes(
    assistant: Assistant, services: Services | None, waiting: RequestQueue, *, writable: bool, evaluate: bool
) -> list[BaseRoute]:
    """What is served beside the page. An LLM that fails is told as a failure: a program could not see that quotes stand
    in place of the model's words."""
    if isinstance(assistant, Assistant):  # others have no fallback to switch off
        assistant = assistant.with_options(fallback=False)
    library, model_catalog = (services.library, services.model_catalog) if services else (None, None)
    completions = Completions(assistant, model_catalog, waiting)
    articles = Articles(assistant, library, writable=writable)

    app = FastAPI(
        title="citechat",
        version=version("citechat"),
        description="Answers about articles; each sentence points at the characters that say it, and is checked.",
        servers=[{"url": PREFIX}],
        openapi_url=None,
        redirect_slashes=False,
    )
    app.router.route_class = _Told
    add = _Adding(app)
    add("POST", "/ask", AskEndpoint(assistant, waiting).ask, AnswerReply, _SENT, body=Asked, events=True)
    add("POST", "/chat/completions", completions.complete, CompletionReply, (*_SENT, 404), body=Completion, events=True)
    add("GET", "/models", completions.models, ModelsReply, _ANY)
    add("GET", "/models/{id:path}", completions.model, ModelReply, (*_ANY, 404))
    add("GET", "/articles", articles.listing, list[ArticleReply], _ANY)
    add("POST", "/articles", articles.add, AddedReply, (*_SENT, 409, 422), body=Sent, files=True)
    add("GET", "/articles/{id}", articles.one, WholeArticleReply, (*_ANY, 404))
    add("DELETE", "/articles/{id}", articles.remove, RemovedReply, (*_ANY, 404))
    if evaluate:
        add("POST", "/evaluate", Evaluation(assistant).evaluate, dict[str, Any], _SENT, body=Questions)

    schema = _described(app)

    async def as_json(_: Request) -> Response:
        return reply(200, schema)

    async def as_page(_: Request) -> Response:
        return HTMLResponse(description_page(schema, PREFIX))

    for path, page in (("/openapi.json", as_json), ("/docs", as_page)):
        app.add_route(path, page, methods=["GET"], include_in_schema=False)
    app.add_exception_handler(HTTPException, _not_there)
    return [_Mount(PREFIX, app=app), Route(PREFIX, _nothing_here, include_in_schema=False)]


class _Mount(Mount):
    """All that lies below an address, also where it holds a line break, at which a pattern would stop."""

    def __init__(self, path: str, app: FastAPI) -> None:
        super().__init__(path, app=app)
        self.path_regex = re.compile(self.path_regex.pattern, re.DOTALL)


class _Told(APIRoute):
    """A route whose errors are told in one form, and that pages of other sites cannot use."""

    def get_route_handler(self) -> Handler:
        handler = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                _refuse_foreign(request)
                return await handler(request)
            except ClientDisconnect:
                return reply(HUNG_UP, {})
            except (TooLargeError, TooSlowError) as error:
                status, what = (413, "is too large") if isinstance(error, TooLargeError) else (408, "came too slowly")
                return told(Refused(status, f"the request {what}", "Send less at a time."))
            except Refused as refused:
                return told(refused)
            except CitechatError as error:
                return told(refusal(error))
            except Exception:
                logger.exception("a request to %s failed", request.url.path)
                return told(UNEXPECTED)

        return answer


def _refuse_foreign(request: Request) -> None:
    if is_foreign(request.headers):
        raise Refused(403, *FOREIGN)


class _Adding:
    """Adds routes with what they take and tell."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def __call__(
        self,
        method: str,
        path: str,
        handler: Handler,
        tells: Any,
        refusals: tuple[int, ...],
        *,
        body: type[BaseModel] | None = None,
        events: bool = False,
        files: bool = False,
    ) -> None:
        responses: dict[int | str, dict[str, Any]] = {
            status: {"model": ErrorReply, "description": _REFUSALS[status]} for status in refusals
        }
        responses[200] = {"model": tells, "description": (handler.__doc__ or "").partition("\n\n")[0]}
        if events:
            responses[200]["content"] = {EVENTS: {"schema": {"description": "States of the answer, one an event."}}}
        self._app.router.add_api_route(
            path,
            handler,
            methods=[method],
            summary=(handler.__doc__ or "").partition(".")[0],
            operation_id=f"{method.lower()}_{path.strip('/').partition('{')[0].strip('/').replace('/', '_')}"
            + ("_one" if "{" in path else ""),
            responses=responses,
            response_model=None,
            openapi_extra=_taken(body, files=files, path=path),
        )


def _taken(body: type[BaseModel] | None, *, files: bool, path: str) -> dict[str, Any]:
    """What a route takes, as OpenAPI has it: bodies are read by ourselves, so that nothing is taken for another."""
    extra: dict[str, Any] = {}
    if "{" in path:
        extra["parameters"] = [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]
    if files:
        extra["parameters"] = [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "Sent again with the same body, nothing is done again, and the reply is the same.",
                "schema": {"type": "string", "maxLength": 200},
            }
        ]
    if body is not None:
        content: dict[str, Any] = {JSON: {"schema": {"$ref": _REFS.format(model=body.__name__)}}}
        if files:
            file = {"type": "array", "items": {"type": "string", "format": "binary"}, "minItems": 1}
            content[MULTIPART] = {"schema": {"type": "object", "properties": {"file": file}, "required": ["file"]}}
        extra["requestBody"] = {"required": True, "content": content}
    return extra


def _described(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI description, with the bodies that we read ourselves."""
    schema = app.openapi()
    _, bodies = models_json_schema([(body, "validation") for body in _BODIES], ref_template=_REFS)
    schema.setdefault("components", {}).setdefault("schemas", {}).update(bodies["$defs"])
    return schema


async def _nothing_here(_: Request) -> Response:
    return told(_nothing())


async def _not_there(request: Request, error: Exception) -> Response:
    """What the router itself refuses."""
    if isinstance(error, HTTPException) and error.status_code == 405:
        allow = ", ".join(_methods(request))
        return told(Refused(405, f"this address takes no {request.method}", f"Use {allow}.", allow=allow))
    return told(_nothing())


def _methods(request: Request) -> list[str]:
    """What the address of a request takes."""
    matching = (route for route in request.app.routes if route.matches(request.scope)[0] != Match.NONE)
    return sorted({method for route in matching for method in getattr(route, "methods", None) or ()} - {"HEAD"})


def _nothing() -> Refused:
    return Refused(404, "there is nothing at this address", f"GET {PREFIX}/docs shows what there is.")
