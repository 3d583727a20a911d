"""The tool for other programs' models, asked by the protocol's own client."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client
from newsroom import newsroom
from servers import close_the_loop

from rag import NOT_FOUND, Answer, SettingsError, load_settings
from ui.api import open_queue
from ui.api.mcp import mcp_routes
from ui.server import ServedChat, start_chat

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning"
)


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedChat]:
    home = tmp_path_factory.mktemp("mcp")
    staged = newsroom(home)
    served = start_chat(staged.assistant, port=0, services=staged.services, settings=load_settings(home=home, mcp=True))
    yield served
    served.close()
    close_the_loop()


def _run(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Done in a thread of its own: a browser test may have left a loop at work in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(work())).result()


def called(chat: ServedChat, name: str, arguments: dict[str, Any]) -> Any:
    async def call() -> Any:
        async with Client(f"{chat.url}mcp") as client:
            return await client.call_tool(name, arguments)

    return _run(call)


def test_there_is_one_tool_and_it_only_reads(chat: ServedChat) -> None:
    async def listed() -> Any:
        async with Client(f"{chat.url}mcp") as client:
            return (await client.list_tools()).tools

    (tool,) = _run(listed)
    assert tool.name == "ask"
    assert tool.annotations.read_only_hint is True
    assert tool.input_schema["required"] == ["question"]
    assert set(tool.input_schema["properties"]) == {"question", "since", "until", "sources", "articles"}


def test_an_answer_comes_as_text_and_with_its_exact_citations(chat: ServedChat) -> None:
    result = called(chat, "ask", {"question": "The harbour?"})
    assert not result.is_error
    assert result.content[0].text.startswith("The harbour reopened on Monday after the storm. [")
    assert result.structured_content["found"] is True
    assert result.structured_content["citations"][0]["quote"] == "The harbour reopened on Monday after the storm."


def test_a_choice_of_articles_is_kept(chat: ServedChat) -> None:
    result = called(chat, "ask", {"question": "The harbour?", "until": "2023"})
    assert {each["title"] for each in result.structured_content["citations"]} <= {"The ferry is late"}


def test_a_filter_with_too_many_names_is_an_error_of_the_tool(chat: ServedChat) -> None:
    result = called(chat, "ask", {"question": "The harbour?", "sources": ["a"] * 101})
    assert result.is_error
    assert "names 101 sources, and at most 100 are allowed" in result.content[0].text


def test_what_the_articles_do_not_say_is_said(chat: ServedChat) -> None:
    result = called(chat, "ask", {"question": "The moon?"})
    assert result.content[0].text.startswith(NOT_FOUND)
    assert result.structured_content["citations"] == []


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("ask", {"question": " "}, "the question is empty"),
        ("ask", {}, "Invalid field 'question'"),
        ("ask", {"question": 5}, "Invalid field 'question'"),
        ("ask", {"question": "Who?", "since": "once"}, "Invalid date 'once'"),
        ("ask", {"question": "Who?", "delete": True}, "Invalid field 'delete'"),
        ("ask", {"question": "It fails?"}, "the LLM 'staged'"),
        ("remove", {"question": "Who?"}, "Unknown tool 'remove'"),
    ],
)
def test_what_is_wrong_is_an_error_of_the_tool(
    chat: ServedChat, name: str, arguments: dict[str, Any], told: str
) -> None:
    result = called(chat, name, arguments)
    assert result.is_error
    assert told in result.content[0].text
    assert "Traceback" not in result.content[0].text


def test_a_page_of_another_site_cannot_use_it(chat: ServedChat) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = {"accept": "application/json, text/event-stream", "origin": "http://evil.example"}
    assert httpx.post(f"{chat.url}mcp", json=body, headers=headers, timeout=300).status_code == 403
    assert httpx.get(f"{chat.url}mcp", timeout=300).status_code == 405


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"jsonrpc": "2.0"}', json.dumps(["x"] * 9).encode()])
def test_what_is_no_message_of_the_protocol_is_no_error_of_the_server(chat: ServedChat, body: bytes) -> None:
    headers = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
    assert httpx.post(f"{chat.url}mcp", content=body, headers=headers, timeout=300).status_code in (400, 406, 415, 202)


def test_it_is_off_unless_it_is_wanted(tmp_path: Path) -> None:
    staged = newsroom(tmp_path)
    served = start_chat(staged.assistant, port=0, services=staged.services, settings=load_settings(home=tmp_path))
    try:
        assert httpx.post(f"{served.url}mcp", json={}, timeout=300).status_code in (404, 405)
    finally:
        served.close()
        close_the_loop()


def test_without_its_package_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp", None)
    with pytest.raises(SettingsError, match="Cannot load the package 'mcp'") as refused:
        mcp_routes(newsroom(tmp_path).assistant, open_queue())
    assert ".[mcp]" in refused.value.hint


def test_a_call_ends_when_its_client_disconnects() -> None:
    """Else calls that nobody waits for would hold the places of all others."""
    began, ended = threading.Event(), threading.Event()

    class Endless:
        def stream(self, question: str, *_: object) -> Iterator[Answer]:
            try:
                while True:
                    began.set()
                    yield Answer(question)
            finally:
                ended.set()

    async def call() -> None:
        (route,) = mcp_routes(Endless(), open_queue())  # type: ignore[arg-type]
        fields = {"name": "ask", "arguments": {"question": "Who?"}}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": fields}).encode()
        messages = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop()
            await asyncio.to_thread(began.wait)
            return {"type": "http.disconnect"}

        async def send(_: object) -> None:
            pass

        headers = [(b"content-type", b"application/json"), (b"accept", b"application/json, text/event-stream")]
        scope = {"type": "http", "method": "POST", "path": "/mcp", "query_string": b"", "headers": headers}
        await route.app(scope, receive, send)  # type: ignore[attr-defined]
        await asyncio.to_thread(ended.wait)

    _run(call)
    assert ended.is_set()
