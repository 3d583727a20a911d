"""Of the page's framework only what the page needs is served, whoever may open the chat; and nothing fetches for it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from servers import serving_chat
from visitors import Parrot, Reply, cookie_of, log_in, visit

from rag import Settings
from ui.security.access import open_accounts
from ui.security.scopes import is_served

# The framework leaves event loops open for the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning"
)

PASSWORD = "correct horse battery"
MODES = ("without settings", "anyone", "keys", "users")

Visit = Callable[..., Reply]


@pytest.fixture(scope="module", params=MODES)
def call(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    """`call(path)` in each mode, as somebody who may open the page."""
    mode, headers = request.param, dict[str, str]()
    settings = Settings(home=tmp_path_factory.mktemp("closed"), rate_limit="none")
    if mode == "keys":
        open_accounts(settings).keys.create("bot")
    if mode == "users":
        open_accounts(settings).users.add("ann", PASSWORD)
    given: dict[str, Any] = {"settings": None if mode == "without settings" else settings}
    with serving_chat(Parrot(), open_to_all=mode == "anyone", **given) as chat:
        if mode == "users":
            headers["Cookie"] = cookie_of(log_in(chat.port, "ann", PASSWORD))
        yield lambda path, **options: visit(chat.port, path, **headers, **options)


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Any]:
    """A server that notices who asks it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append(self.path)  # type: ignore[attr-defined]
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.asked = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


CLOSED = [
    ("GET", "/gradio_api/file=http://93.184.215.14/"),
    ("HEAD", "/gradio_api/file=http://93.184.215.14/"),
    ("GET", "/gradio_api/file=//93.184.215.14/"),
    ("GET", "/gradio_api/file/http://93.184.215.14/"),
    ("GET", "/gradio_api/file=/etc/passwd"),
    ("GET", "/gradio_api/file=%2Fetc%2Fpasswd"),
    ("GET", "/gradio_api/proxy=http://93.184.215.14/"),
    ("GET", "/gradio_api/deep_link?session_hash=s"),
    ("GET", "/gradio_api/token"),
    ("GET", "/gradio_api/dev/reload"),
    ("GET", "/gradio_api/runs"),
    ("GET", "/gradio_api/openapi.json"),
    ("GET", "/gradio_api/call/ask/1"),
    ("GET", "/gradio_api/stream/a/1/2/playlist.m3u8"),
    ("GET", "/gradio_api/stream/a/1/2/playlist-file"),
    ("GET", "/gradio_api/custom_component/a/client/component/x.js"),
    ("GET", "/gradio_api/heartbeat/a/b"),
    ("GET", "/gradio_api/vibe-code"),
    ("GET", "/gradio_api/"),
    ("POST", "/gradio_api/component_server"),
    ("POST", "/gradio_api/process_recording"),
    ("POST", "/gradio_api/stream/a"),
    ("POST", "/gradio_api/stream/a/close"),
    ("POST", "/gradio_api/call/ask"),
    ("POST", "/gradio_api/call/v2/ask"),
    ("POST", "/gradio_api/api/predict"),
    ("POST", "/gradio_api/vibe-edit"),
    ("POST", "/gradio_api/run-history/connect"),
    ("PUT", "/gradio_api/upload"),
    ("GET", "/monitoring"),
    ("GET", "/monitoring/summary"),
    ("GET", "/pwa_icon/10000"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/gradio_api"),
]
OPEN = ["/", "/config", "/theme.css", "/gradio_api/info", "/gradio_api/app_id", "/gradio_api/queue/status", "/healthz"]


def test_what_the_page_does_not_need_is_closed_in_every_mode(call: Visit) -> None:
    for method, path in CLOSED:
        reply = call(path, method=method, body={} if method == "POST" else None)
        assert reply.status == 404, (method, path)
        assert reply.body in (b"", b"Not found, or not yours."), "answered before the framework sees it"
    assert {path: call(path).status for path in OPEN} == dict.fromkeys(OPEN, 200)


def test_an_address_in_place_of_a_file_is_not_fetched(call: Visit, elsewhere: Any) -> None:
    config = call("/config").json
    ids = {each["id"] for each in config["components"] if each["type"] in ("uploadbutton", "textbox")}
    address = f"http://127.0.0.1:{elsewhere.server_address[1]}/story"
    events = [each["id"] for each in config["dependencies"] if ids & set(each["inputs"])]
    assert events
    for path in (address, "http://93.184.215.14/", "https://example.org/x", "/etc/passwd", "uploads/../../x", ""):
        file = {"path": path, "url": address, "meta": {"_type": "gradio.FileData"}}
        for data in ([file], [[file]], [{"value": {"files": [file]}}]):
            for route in ("queue/join", "run/predict"):
                body = {"data": data, "fn_index": events[0], "session_hash": "s"}
                assert call(f"/gradio_api/{route}", body=body).status == 404, (route, path)
    assert elsewhere.asked == []


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_the_list_of_what_is_served_is_closed(method: str, path: str) -> None:
    assert not is_served(method, path.partition("?")[0])


def test_the_parts_of_the_page_are_served(call: Visit) -> None:
    """Each file that the first page names."""
    page = call("/").body.decode()
    named = [each for each in re.findall(r'(?:src|href)="\./([^"]+)"', page) if not each.startswith("gradio_api/file")]
    assert named
    assert [path for path in named if call(f"/{path}").status != 200] == []
