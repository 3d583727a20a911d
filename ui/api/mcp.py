"""The tool `ask` for other programs' LLMs, over the Model Context Protocol (https://modelcontextprotocol.io).

The tool is read-only. It is stateless, so any of several servers can answer any request. Requires the package `mcp`.
"""

from __future__ import annotations

import asyncio
import json
import logging
from contextvars import ContextVar
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from index import CitechatError, RequestFilter
from rag import Answer, Assistant, SettingsError

from ..plain_text import as_text
from ..security.errors import UNEXPECTED, RequestError
from .errors import error_response, request_error
from .queue import RequestQueue
from .schemas import ArticleFilterRequest, first_problem

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from starlette.types import Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

PATH = "/mcp"

_REQUEST: ContextVar[Request | None] = ContextVar("request of the call", default=None)
"""The request whose client waits for the call: the call ends when the client disconnects."""

_DESCRIPTION = (
    "Ask a question about the indexed articles. The answer cites the exact characters that support each sentence, and "
    "says so if the articles do not answer the question. Quote it with its citations."
)


class AskArguments(ArticleFilterRequest):
    """The tool's arguments."""

    question: str


def mcp_routes(assistant: Assistant, queue: RequestQueue) -> list[BaseRoute]:
    """Return the tool's route. Raises `SettingsError` if the package `mcp` is missing."""
    try:
        import mcp  # noqa: F401
    except ImportError as error:
        raise SettingsError(
            f"Cannot load the package 'mcp': {error}",
            'Install it: pip install -c constraints.txt -e ".[mcp]"; or unset CITECHAT_MCP.',
        ) from None
    from starlette.routing import Route

    # Callers show the result to their own users, so an LLM failure is an error and not replaced by quotes.
    if isinstance(assistant, Assistant):
        assistant = assistant.with_options(fallback=False)
    return [Route(PATH, _Endpoint(assistant, queue), include_in_schema=False)]


class _Endpoint:
    """An ASGI application that passes each request to the protocol library."""

    def __init__(self, assistant: Assistant, queue: RequestQueue) -> None:
        from mcp.server.lowlevel import Server

        self._assistant = assistant
        self._queue = queue
        self._server: Any = Server(
            "citechat", version=version("citechat"), on_list_tools=self._list_tools, on_call_tool=self._call_tool
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
        from mcp.server.transport_security import TransportSecuritySettings
        from starlette.requests import ClientDisconnect, Request

        if scope["method"] != "POST":  # without sessions, there is no session to listen to or to end
            error = RequestError(405, "Only POST is allowed at this address.", headers={"allow": "POST"})
            await error_response(error)(scope, receive, send)
            return
        manager = StreamableHTTPSessionManager(
            self._server,
            json_response=True,
            stateless=True,
            # `RequestGuard` has already checked host and origin.
            security_settings=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        )
        request = Request(scope, receive)
        try:
            body = await request.body()  # `RequestGuard` limits the size
        except ClientDisconnect:
            return
        unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def received() -> Message:
            while not unread:  # `RequestQueue` watches for the disconnect
                await asyncio.sleep(3600)
            return unread.pop()

        token = _REQUEST.set(request)  # the library runs the call in a task of its own, which inherits it
        try:
            async with manager.run():
                await manager.handle_request(scope, received, send)
        finally:
            _REQUEST.reset(token)

    async def _list_tools(self, *_: object) -> Any:
        from mcp.types import ListToolsResult, Tool, ToolAnnotations

        tool = Tool(
            name="ask",
            title="Ask the articles",
            description=_DESCRIPTION,
            input_schema=AskArguments.model_json_schema(),
            annotations=ToolAnnotations(read_only_hint=True, open_world_hint=False, idempotent_hint=True),
        )
        return ListToolsResult(tools=[tool])

    async def _call_tool(self, _: object, call: Any) -> Any:
        from mcp.types import CallToolResult, TextContent
        from pydantic import ValidationError
        from starlette.concurrency import run_in_threadpool

        try:
            _require_known_tool(call.name)
            question, article_filter = await run_in_threadpool(_read_arguments, call.arguments or {})
            begin = partial(self._assistant.stream, question, (), article_filter)
            answer = await self._queue.last(_REQUEST.get(), begin) or Answer(question)
        except ValidationError as error:
            field, message = first_problem(error)
            problem = f"Invalid field {field[:80]!r}: {message}"
        except RequestError as error:
            problem = f"{error.message} {error.hint}"
        except CitechatError as error:
            shown = request_error(error)
            problem = f"{shown.message} {shown.hint}"
        except Exception:
            logger.exception("A call to the tool failed.")
            problem = f"{UNEXPECTED.message} {UNEXPECTED.hint}"
        else:
            fields = answer.to_dict()
            content = {name: fields[name] for name in ("text", "found", "sentences", "citations", "notes")}
            return CallToolResult(content=[TextContent(text=as_text(answer))], structured_content=content)
        return CallToolResult(content=[TextContent(text=problem)], is_error=True)


def _read_arguments(arguments: dict[str, Any]) -> tuple[str, RequestFilter]:
    """Return the question and the filter. Raises `ValidationError`, `RequestError` and `FilterError`."""
    parsed = AskArguments.model_validate_json(json.dumps(arguments))
    return parsed.question, parsed.article_filter()


def _require_known_tool(name: str) -> None:
    if name != "ask":
        raise RequestError(404, f"Unknown tool {name[:80]!r}.", "The only tool is `ask`.")
