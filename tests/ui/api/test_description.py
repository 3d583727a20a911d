"""What the API says of itself is true: programs that believe it meet no error of the server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from newsroom import newsroom
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from servers import serving_chat

from index import Index
from rag import AnswerOptions, Assistant, load_settings
from ui.api.schemas import AnswerReply
from ui.chat.library import State
from ui.chat.services import services_of
from ui.server import ServedChat

pytestmark = [
    pytest.mark.filterwarnings(
        "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning"
    ),
]


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedChat]:
    home = tmp_path_factory.mktemp("described")
    index: Index = newsroom(home).index
    assistant = Assistant(index, options=AnswerOptions(abstention_threshold=-1000))
    with serving_chat(assistant, services_of(load_settings(home=home, evaluate_over_http=True), assistant)) as served:
        yield served


@pytest.fixture(scope="module")
def described(chat: ServedChat) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{chat.url}v1/openapi.json", timeout=300).json()
    return found


OPERATIONS = [
    ("POST", "/ask"),
    ("POST", "/chat/completions"),
    ("GET", "/models"),
    ("GET", "/models/{id}"),
    ("GET", "/articles"),
    ("POST", "/articles"),
    ("GET", "/articles/{id}"),
    ("GET", "/articles/{id}/overview"),
    ("DELETE", "/articles/{id}"),
    ("POST", "/evaluate"),
]


def test_every_route_is_described(described: dict[str, Any]) -> None:
    operations = {(method.upper(), path) for path, each in described["paths"].items() for method in each}
    assert operations == set(OPERATIONS)


@pytest.mark.slow
@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=str)
def test_what_is_sent_after_the_description_meets_no_error_of_the_server(
    chat: ServedChat, method: str, path: str
) -> None:
    schema = schemathesis.openapi.from_url(f"{chat.url}v1/openapi.json")
    checks = [
        not_a_server_error,
        status_code_conformance,
        content_type_conformance,
        response_schema_conformance,
        unsupported_method,
    ]

    @settings(max_examples=25, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def ask(case: Any) -> None:
        case.call_and_validate(checks=checks, timeout=300)

    given(case=schema[path][method].as_strategy())(ask)()


def test_the_page_for_people_shows_every_route_and_loads_nothing(chat: ServedChat, described: dict[str, Any]) -> None:
    reply = httpx.get(f"{chat.url}v1/docs", timeout=300)
    assert reply.headers["content-type"].startswith("text/html")
    assert "content-security-policy" in reply.headers
    for method, path in OPERATIONS:
        assert f"{method} /v1{path}" in unescape(reply.text)
    assert not re.search(r"(?:src|href)=\"(?!#|openapi\.json)|<script|@import|url\(", reply.text)
    links = set(re.findall(r'href="#(\w+)"', reply.text))
    assert links <= set(re.findall(r'id="(\w+)"', reply.text))
    HTMLParser().feed(reply.text)


def test_an_answer_has_the_fields_that_are_described(tmp_path: Path) -> None:
    answer = newsroom(tmp_path).assistant.ask("The harbour?")
    AnswerReply.model_validate(answer.to_dict(), strict=True)


def test_the_states_of_an_added_file_are_those_that_end(described: dict[str, Any]) -> None:
    states = set(described["components"]["schemas"]["AddedFileReply"]["properties"]["state"]["enum"])
    assert states == set(get_args(State)) - {"waiting", "reading"}
