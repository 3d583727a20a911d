"""Without logins, an open page belongs to the browser that opened it, even if others know its name."""

from __future__ import annotations

from collections.abc import Iterator
from http.client import HTTPConnection
from types import SimpleNamespace
from typing import Any

import pytest
from servers import run_elsewhere, serving_chat
from visitors import Parrot, cookie_of, visit

from rag import Settings
from ui.security.access import open_accounts
from ui.security.session_isolation import PageIsolation
from ui.server import ServedChat

# The framework leaves event loops open for the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning"
)

QUESTION, ANSWER = "What did Ann ask about the harbour", "It reopened on Monday"
PAGE = "shared-hash"


@pytest.fixture(scope="module", params=["without settings", "keys only", "anyone"])
def chat(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedChat]:
    """A chat in each mode without logins."""
    settings = Settings(home=tmp_path_factory.mktemp("browsers"), rate_limit="none")
    if request.param == "keys only":
        open_accounts(settings).keys.create("bot")
    given: dict[str, Any] = {} if request.param == "without settings" else {"settings": settings}
    with serving_chat(Parrot(), open_to_all=request.param == "anyone", **given) as served:
        yield served


class Browser:
    """A browser with the cookie that its first page gave it, or one that refuses cookies."""

    def __init__(self, chat: ServedChat, *, has_cookie: bool = True) -> None:
        self.chat = chat
        self.headers = {"Cookie": cookie_of(visit(chat.port, "/"))} if has_cookie else {}

    def post(self, route: str, body: Any) -> Any:
        return visit(self.chat.port, f"/gradio_api/{route}", body=body, **self.headers)

    def call(self, number: int, data: list[Any]) -> str:
        """Call a function of the page, and return the whole stream of its results."""
        joined = self.post("queue/join", {"data": data, "fn_index": number, "session_hash": PAGE})
        assert joined.status == 200, joined
        connection = HTTPConnection("127.0.0.1", self.chat.port, timeout=300)
        connection.request("GET", f"/gradio_api/queue/data?session_hash={PAGE}", headers=self.headers)
        told = connection.getresponse().read().decode()
        connection.close()
        assert "process_completed" in told
        return told

    def ask(self) -> str:
        box = next(each for each in self.chat.app.fns.values() if each.inputs[0].get_block_name() == "textbox")
        _, *others = (getattr(each, "value", None) for each in box.inputs)
        settings = [value if isinstance(value, bool | int | float) else None for value in others]
        return self.call(box._id, [QUESTION, *settings])

    def look(self) -> str:
        """Stop the answer of an open page, which shows the conversation again."""
        stop = next(
            number
            for number, each in self.chat.app.fns.items()
            if [component.get_block_name() for component in each.inputs] == ["state", "state"]
            and "chatbot" in {component.get_block_name() for component in each.outputs}
        )
        return self.call(stop, [None, None])


def test_a_conversation_is_shown_to_the_browser_that_asked_and_to_no_other(chat: ServedChat) -> None:
    ann = Browser(chat)
    assert ANSWER in ann.ask()
    for other in (Browser(chat), Browser(chat, has_cookie=False)):
        assert QUESTION not in (told := other.look())
        assert ANSWER not in told
    assert QUESTION in ann.look(), "her own page still has it"


def test_browsers_without_cookies_can_use_the_page(chat: ServedChat) -> None:
    nobody = Browser(chat, has_cookie=False)
    assert ANSWER in nobody.ask()


def test_an_answer_is_stopped_by_the_browser_that_asked_only(chat: ServedChat) -> None:
    ann, bob, nobody = Browser(chat), Browser(chat), Browser(chat, has_cookie=False)
    queue: Any = chat.app._queue
    before = set(_sessions(chat))
    ann.look()
    (name,) = set(_sessions(chat)) - before
    queue.event_ids_to_events["e1"] = SimpleNamespace(session_hash=name)
    body = {"session_hash": PAGE, "fn_index": 0, "event_id": "e1"}
    try:
        for route in ("cancel", "reset"):
            assert [each.post(route, body).status for each in (bob, nobody)] == [404, 404]
        assert ann.post("reset", body).status == 200
    finally:
        del queue.event_ids_to_events["e1"]


def _sessions(chat: ServedChat) -> Any:
    return chat.app.app.state_holder.session_data  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("method", "route"),
    [("GET", f"heartbeat/{PAGE}"), ("GET", "queue/data"), ("GET", "upload_progress"), ("POST", "upload")],
)
def test_a_name_in_an_address_means_another_object_in_each_browser(method: str, route: str) -> None:
    seen: list[tuple[str, bytes]] = []

    async def framework(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append((scope["path"], scope["query_string"]))

    async def nothing(*_: Any) -> Any:
        raise AssertionError

    isolation = PageIsolation(framework, is_upload=lambda _: False)
    one, two = (f"citechat={digit * 32}".encode() for digit in "12")
    for cookie in (one, two, None, one, None):
        scope: Any = {"type": "http", "method": method, "path": f"/gradio_api/{route}", "state": {}}
        scope["headers"] = [(b"cookie", cookie)] if cookie else []
        scope["query_string"] = f"session_hash={PAGE}&upload_id={PAGE}".encode()
        run_elsewhere(isolation(scope, nothing, nothing))
    of_one, of_two, of_nobody, *again = seen
    assert len({of_one, of_two, of_nobody}) == 3
    assert again == [of_one, of_nobody]
