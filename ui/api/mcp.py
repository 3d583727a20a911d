"""The tool `ask` for other programs' language models, after the Model Context Protocol (https://modelcontextprotocol.io).

It reads and changes nothing. Each request stands by itself: no session is kept, so any copy answers it. Needs the
package `mcp`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from index import CitechatError
from rag import Answer, Assistant, SettingsError

from ..plain_text import as_text
from .errors import UNEXPECTED, Refused, refusal, reply, told
from .origins import is_foreign
from .queue import RequestQueue
from .requests import Choice

if TYPE_CHECKING:
    from starlette.routing import BaseRoute
    from starlette.types import Receive, Scope, Send

logger = logging.getLogger(__name__)

PATH = "/mcp"

_ABOUT = (
    "Ask a question about the indexed articles. The answer cites the exact characters that say each sentence, and says "
    "so where the articles do not tell. Quote it with its citations."
)


class ToolAsked(Choice):
    """What a model may say to the tool."""

    question: str


def mcp_routes(assistant: Assistant, turns: RequestQueue) -> list[BaseRoute]:
    """The tool at `/mcp`. Raises `SettingsError` where the package is missing."""
    try:
        import mcp  # noqa: F401
    except ImportError as error:
        raise SettingsError(
            f"the package 'mcp' cannot be loaded: {error}",
            'Install it: pip install -c constraints.txt -e ".[mcp]"; or unset CITECHAT_MCP.',
        ) from None
    from starlette.routing import Route

    # Whoever asks here shows what comes to its own user: a model that failed is told, not replaced by quotes.
    if isinstance(assistant, Assistant):
        assistant = assistant.with_options(fallback=False)
    return [Route(PATH, _Endpoint(assistant, turns), include_in_schema=False)]


class _Endpoint:
    """An ASGI application that hands each request to the protocol's own library."""

    def __init__(self, assistant: Assistant, turns: RequestQueue) -> None:
        from mcp.server.lowlevel import Server

        self._assistant = assistant
        self._turns = turns
        self._server: Any = Server(
            "citechat", version=version("citechat"), on_list_tools=self._tools, on_call_tool=self._call
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
        from mcp.server.transport_security import TransportSecuritySettings
        from starlette.requests import Request

        if is_foreign(Request(scope).headers):
            refused = Refused(403, "a page of another site may not ask", "Ask from a program.")
            await told(refused)(scope, receive, send)
            return
        if scope["method"] != "POST":  # without sessions there is nothing to listen to, and none to end
            await reply(405, {"error": {"message": "this address takes POST", "hint": ""}}, {"allow": "POST"})(
                scope, receive, send
            )
            return
        manager = StreamableHTTPSessionManager(
            self._server,
            json_response=True,
            stateless=True,
            # The guard has looked at the host already, and what came before at the origin.
            security_settings=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        )
        async with manager.run():
            await manager.handle_request(scope, receive, send)

    async def _tools(self, *_: object) -> Any:
        from mcp.types import ListToolsResult, Tool, ToolAnnotations

        tool = Tool(
            name="ask",
            title="Ask the articles",
            description=_ABOUT,
            input_schema=ToolAsked.model_json_schema(),
            annotations=ToolAnnotations(read_only_hint=True, open_world_hint=False, idempotent_hint=True),
        )
        return ListToolsResult(tools=[tool])

    async def _call(self, _: object, asked: Any) -> Any:
        from mcp.types import CallToolResult, TextContent
        from pydantic import ValidationError

        try:
            _require_known(asked.name)
            answer = await self._answer(ToolAsked.model_validate_json(json.dumps(asked.arguments or {})))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            problem = f"the field {'.'.join(map(str, first['loc']))[:80]!r}: {first['msg']}"
        except Refused as refused:
            problem = f"{refused.message}. {refused.hint}"
        except CitechatError as error:
            problem = f"{refusal(error).message}. {error.hint}"
        except Exception:
            logger.exception("a question of another program failed")
            problem = f"{UNEXPECTED.message}. {UNEXPECTED.hint}"
        else:
            whole = answer.to_dict()
            proof = {name: whole[name] for name in ("text", "found", "sentences", "citations", "notes")}
            return CallToolResult(content=[TextContent(text=as_text(answer))], structured_content=proof)
        return CallToolResult(content=[TextContent(text=problem)], is_error=True)

    async def _answer(self, asked: ToolAsked) -> Answer:
        article_filter = asked.article_filter()

        def begin() -> Iterator[Answer]:
            return self._assistant.stream(asked.question, (), article_filter)

        answer = await self._turns.last(None, begin)
        return answer or Answer(asked.question)


def _require_known(name: str) -> None:
    if name != "ask":
        raise Refused(404, f"there is no tool {name[:80]!r}", "There is only `ask`.")
