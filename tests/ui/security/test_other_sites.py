"""Pages of other sites neither read nor change anything, and no reply leaves without its headers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import serving_chat
from visitors import Parrot, visit

from rag import Settings
from ui.security.request_guard import SECURITY_HEADERS
from ui.server import ServedChat

# The framework leaves event loops open for the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning"
)

ROUTES = ("/", "/config", "/v1/articles", "/v1/nothing", "/gradio_api/info", "/gradio_api/startup-events", "/nothing")
EVIL = "http://evil.example"


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedChat]:
    settings = Settings(home=tmp_path_factory.mktemp("sites"), hosts=("chat.example.org",))
    with serving_chat(Parrot(), settings=settings) as served:
        yield served


@pytest.mark.parametrize("host", ["127.0.0.1", "chat.example.org", "192.0.2.7"])
@pytest.mark.parametrize("path", ROUTES)
def test_no_reply_may_be_read_by_another_site(chat: ServedChat, path: str, host: str) -> None:
    replies = [
        visit(chat.port, path, Host=host, Origin=EVIL),
        visit(
            chat.port,
            path,
            method="OPTIONS",
            headers=[("Host", host), ("Origin", EVIL), ("Access-Control-Request-Method", "POST")],
            Access_Control_Request_Headers="authorization,content-type",
        ),
    ]
    for reply in replies:
        assert not [name for name in reply.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "path", ["/gradio_api/upload", "/gradio_api/queue/join", "/login", "/v1/ask", "/gradio_api/cancel"]
)
def test_no_page_of_another_site_changes_anything(chat: ServedChat, path: str) -> None:
    for site in (
        {"Origin": EVIL},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        for host in ("127.0.0.1", "chat.example.org"):
            assert visit(chat.port, path, body={}, Host=host, **site).status == 403, (site, host)
    another = {"Origin": "http://127.0.0.1:3000"}
    assert visit(chat.port, path, body={}, Host=f"127.0.0.1:{chat.port}", **another).status == 403


def test_our_own_pages_and_programs_do(chat: ServedChat) -> None:
    ours: tuple[dict[str, str], ...] = (
        {},
        {"Origin": f"http://127.0.0.1:{chat.port}", "Host": f"127.0.0.1:{chat.port}"},
        {"Origin": "https://chat.example.org", "Host": "chat.example.org"},
        {"Origin": "https://chat.example.org", "Host": "127.0.0.1"},
        {"Origin": "https://elsewhere.example", "Host": "127.0.0.1", "Sec-Fetch-Site": "same-origin"},
    )
    for site in ours:
        assert visit(chat.port, "/gradio_api/cancel", body={}, **site).status == 422, site


def test_every_reply_has_the_security_headers(chat: ServedChat, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    replies = [visit(chat.port, path) for path in ROUTES]
    replies += [visit(chat.port, "/", method="PUT"), visit(chat.port, "/", Host="evil.example")]
    monkeypatch.setattr("gradio.route_utils.get_root_url", fail)
    broken = visit(chat.port, "/config")
    assert broken.status == 500
    for reply in [*replies, broken]:
        for name, value in SECURITY_HEADERS:
            assert reply.headers[name.decode()] == value.decode(), reply.status
        assert "strict-transport-security" not in reply.headers


def test_what_came_encrypted_is_to_stay_so(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, trusted_proxies=("127.0.0.1",))
    with serving_chat(Parrot(), settings=settings) as chat:
        assert "max-age" in visit(chat.port, "/", X_Forwarded_Proto="https").headers["strict-transport-security"]
        assert "strict-transport-security" not in visit(chat.port, "/", X_Forwarded_Proto="http").headers
    settings = Settings(home=tmp_path, trusted_proxies=("10.0.0.1",))
    with serving_chat(Parrot(), settings=settings) as chat:
        assert "strict-transport-security" not in visit(chat.port, "/", X_Forwarded_Proto="https").headers
