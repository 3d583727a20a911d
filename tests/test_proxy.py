"""The proxy of `deploy/Caddyfile`, really run: who is let in, what is passed on, and what if a copy is gone."""

from __future__ import annotations

import http.client
import importlib
import json
import shutil
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from proxies import caddy, proxying, until_ready
from pydantic import SecretStr
from wires import openai_wire, reply, serving

from rag import Settings
from ui.security.access import open_accounts

REPOSITORY = Path(__file__).resolve().parent.parent
DEADLINE = 300.0  # seconds for what must happen at all
PASSWORD = "correct horse battery"


class Copy:
    """Stands in for a copy of the chat: tells what it was sent."""

    def __init__(self, name: str) -> None:
        self.seen: list[str] = []
        self.go_on = threading.Event()
        copy = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path != "/readyz":
                    copy.seen.append(f"{self.command} {self.path}")
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.path == "/v1/cut":
                    return  # without a word
                if self.path == "/v1/events":
                    self.send_response(200)
                    self.send_header("Content-Type", "text/event-stream")
                    self.end_headers()
                    self.wfile.write(b"data: first\n\n")
                    copy.go_on.wait(DEADLINE)
                    self.wfile.write(b"data: last\n\n")
                else:
                    told = json.dumps({"copy": name, "headers": self.headers.items()}).encode()
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(told)))
                    self.end_headers()
                    self.wfile.write(told)

            do_POST = do_GET  # noqa: N815 - the library's name

            def log_message(self, *_: object) -> None:
                """Say nothing of it."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_port}"
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def close(self) -> None:
        self.go_on.set()
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()


@pytest.fixture
def copies() -> Iterator[list[Copy]]:
    both = [Copy("one"), Copy("other")]
    yield both
    for copy in both:
        copy.close()


@pytest.fixture
def proxy(tmp_path: Path, copies: list[Copy]) -> Iterator[str]:
    with proxying(tmp_path, [copy.address for copy in copies]) as address:
        yield address


def send(
    address: str, path: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, Any], list[str]]:
    """Status, what the copy was sent where it told, and the cookies that were set. `_` in a name stands for `-`."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=DEADLINE)
    try:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, sent)
        response = connection.getresponse()
        text = response.read()
    finally:
        connection.close()
    told = json.loads(text) if text.startswith(b"{") else {}
    return response.status, told, response.headers.get_all("set-cookie") or []


def users(told: dict[str, Any]) -> list[str]:
    """Whom the copy was told that it speaks to."""
    return [value for name, value in told["headers"] if name.lower().replace("_", "-") == "x-forwarded-user"]


@pytest.fixture
def organisation(tmp_path: Path, copies: list[Copy]) -> Iterator[str]:
    """A proxy that asks an organisation's login: it knows alice, and somebody whom it lets in without a name."""

    class Login(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = {"session=alice": "alice", "session=nameless": ""}
            user = known.get(self.headers.get("Cookie", ""))
            self.send_response(401 if user is None or self.path != "/verify" else 200)
            if user:
                self.send_header("Remote-User", user)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing of it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Login)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    settings = {"LOGIN": "organisation", "LOGIN_SERVER": f"127.0.0.1:{server.server_port}"}
    settings |= {"LOGIN_PATH": "/verify", "LOGIN_HEADER": "Remote-User"}
    try:
        with proxying(tmp_path, [copy.address for copy in copies], **settings) as address:
            yield address
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_page_is_passed_on_to_the_chat_which_logs_users_in(proxy: str) -> None:
    for path in ("/", "/config", "/gradio_api/queue/join"):
        status, told, _ = send(proxy, path, Cookie="access-token-x=1")
        assert (status, users(told)) == (200, [])
        assert ["Cookie", "access-token-x=1"] in told["headers"]


@pytest.mark.parametrize("name", ["X-Forwarded-User", "x-forwarded-user", "X-FORWARDED-USER"])
@pytest.mark.parametrize("path", ["/", "/login", "/v1/ask", "/mcp", "/healthz"])
def test_nobody_makes_themselves_a_user_by_a_header(proxy: str, path: str, name: str) -> None:
    assert users(send(proxy, path, "POST", b"{}", **{name: "editor"})[1]) == []


def test_with_an_organisations_login_the_copy_is_told_who_it_is(organisation: str, copies: list[Copy]) -> None:
    assert send(organisation, "/")[0] == 401
    assert send(organisation, "/", X_Forwarded_User="editor", Remote_User="editor")[0] == 401
    assert [copy.seen for copy in copies] == [[], []]
    for name in ("X-Forwarded-User", "x-forwarded-user", "Remote-User"):
        assert users(send(organisation, "/", Cookie="session=alice", **{name: "editor"})[1]) == ["alice"]
        told = send(organisation, "/", Cookie="session=nameless", **{name: "editor"})[1]
        assert "editor" not in users(told), "nobody is named by themselves where the login names nobody"
        assert users(send(organisation, "/v1/ask", "POST", b"{}", **{name: "editor"})[1]) == []


@pytest.mark.parametrize("chosen", ["proxy", "organisation"])
def test_a_header_that_is_sent_twice_or_named_in_connection_smuggles_nothing(
    request: pytest.FixtureRequest, chosen: str
) -> None:
    connection = http.client.HTTPConnection(urlsplit(request.getfixturevalue(chosen)).netloc, timeout=DEADLINE)
    for path in ("/", "/v1/articles"):
        connection.putrequest("GET", path)
        connection.putheader("Cookie", "session=alice")
        connection.putheader("X-Forwarded-User", "editor")
        connection.putheader("x-forwarded-user", "owner")
        connection.putheader("Connection", "keep-alive, X-Forwarded-User")
        connection.endheaders()
        # Old versions of Caddy remove the name of the organisation's login as well: then nobody is logged in.
        told = users(json.loads(connection.getresponse().read()))
        assert told == [] or (chosen == "organisation" and path == "/" and told == ["alice"])
    connection.close()


def test_a_program_brings_its_key_to_the_api_without_logging_in(proxy: str) -> None:
    status, told, _ = send(proxy, "/v1/articles", Authorization="Bearer secret-key")
    assert status == 200
    assert ["Authorization", "Bearer secret-key"] in told["headers"]


def test_a_copy_learns_the_callers_address_from_the_proxy_and_not_from_the_caller(proxy: str) -> None:
    told = send(proxy, "/v1/articles", X_Forwarded_For="203.0.113.9")[1]
    assert [value for name, value in told["headers"] if name == "X-Forwarded-For"] == ["127.0.0.1"]


@pytest.mark.parametrize("path", ["/metrics", "/readyz", "//metrics", "/x/../metrics", "/%6detrics"])
def test_what_is_for_the_inside_is_not_shown_to_the_world(proxy: str, path: str) -> None:
    assert send(proxy, path)[0] in (401, 404)


def test_a_body_that_is_too_large_is_refused_by_the_proxy(proxy: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(proxy).netloc, timeout=DEADLINE)
    connection.request("POST", "/v1/ask", b"x" * 100_000_001)
    assert connection.getresponse().status in (413, 502)
    connection.close()


def test_a_reader_stays_with_one_copy(proxy: str) -> None:
    _, told, cookies = send(proxy, "/")
    cookie = next(each.partition(";")[0] for each in cookies if each.startswith("citechat-copy="))
    for _ in range(10):
        assert send(proxy, "/", Cookie=cookie)[1]["copy"] == told["copy"]


def test_events_are_passed_on_as_they_come(proxy: str, copies: list[Copy]) -> None:
    connection = http.client.HTTPConnection(urlsplit(proxy).netloc, timeout=DEADLINE)
    connection.request("GET", "/v1/events")
    response = connection.getresponse()
    assert response.readline() == b"data: first\n", "the last one was not yet sent"
    for copy in copies:
        copy.go_on.set()
    assert response.read().endswith(b"data: last\n\n")
    connection.close()


def test_a_question_that_was_sent_is_not_sent_again(proxy: str, copies: list[Copy]) -> None:
    assert send(proxy, "/v1/cut", "POST", b"{}")[0] == 502
    assert sum(copy.seen.count("POST /v1/cut") for copy in copies) == 1


def test_a_copy_that_is_gone_is_passed_over(proxy: str, copies: list[Copy]) -> None:
    _, told, cookies = send(proxy, "/")
    cookie = next(each.partition(";")[0] for each in cookies if each.startswith("citechat-copy="))
    gone, name = (copies[0], "other") if told["copy"] == "one" else (copies[1], "one")
    gone.server.shutdown()
    gone.server.server_close()
    status, told, _ = send(proxy, "/", Cookie=cookie)
    assert (status, told.get("copy")) == (200, name), "not even the first is lost that can be sent again"
    for _ in range(10):
        status, told, _ = send(proxy, "/v1/ask", "POST", b"{}", Cookie=cookie)
        assert (status, told.get("copy")) == (200, name), "now it is known to be gone"


@pytest.mark.slow
def test_two_real_copies_answer_through_the_proxy_also_when_one_is_killed(
    tmp_path: Path, samples_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    caddy()
    monkeypatch.syspath_prepend(str(REPOSITORY / "bench"))
    pages: Any = importlib.import_module("readers_page")
    rest = threading.Event()
    body = openai_wire(["Zhou Hongyi founded 360 Security Technology [1]."])
    whole = reply("openai", body)
    cut = whole.index(b"data: [DONE]")
    database = f"sqlite:///{tmp_path / 'shared.sqlite3'}"
    accounts = open_accounts(Settings(database_url=SecretStr(database)))
    accounts.users.add("alice", PASSWORD)
    _, secret = accounts.keys.create("program")
    with ExitStack() as stack:
        model = stack.enter_context(serving([whole[:cut], rest, whole[cut:]]))
        copies = []
        for number in range(2):
            home = tmp_path / f"home-{number}"
            shutil.copytree(samples_home, home, symlinks=True)
            settings = {"llm": "openai:tiny", "llm_base_url": f"{model.url}/v1"}
            settings |= {"database_url": database, "trusted_proxies": "127.0.0.1"}
            copies.append(stack.enter_context(pages.serving(pages.environment_of(home, REPOSITORY, **settings))))
        for address, _ in copies:
            until_ready(address)
        hosts = [urlsplit(address).netloc for address, _ in copies]
        proxy = stack.enter_context(proxying(tmp_path, hosts))
        assert send(proxy, "/config", X_Forwarded_User="alice")[0] == 401
        cookie = _log_in(proxy)
        with pages.Page(proxy, Cookie=cookie) as page:
            page.ask("Who founded 360 Security Technology?")
            states = page.states()
            assert any(said["msg"] == "process_generating" for said in states), "nothing comes before the answer ends"
            rest.set()
            for _ in states:
                pass
            assert "Zhou Hongyi" in page.window[1]
        knows = [send(address, "/config", Cookie=cookie)[0] for address, _ in copies]
        assert sorted(knows) == [200, 401], "a login is for one copy"
        gone = copies[knows.index(200)][1]
        gone.kill()
        gone.wait()
        asked = json.dumps({"question": "Who founded 360 Security Technology?"}).encode()
        headers = {"Content-Type": "application/json", "Cookie": cookie, "Authorization": f"Bearer {secret}"}
        for _ in range(4):
            request = urllib.request.Request(f"{proxy}/v1/ask", asked, headers)
            assert _until_served(lambda request=request: _posted(request))["found"]
        assert send(proxy, "/config", Cookie=cookie)[0] == 401, "at the other copy the user logs in again"
        cookie = _until_served(lambda: _log_in(proxy, cookie))
        _until_served(lambda: _asked_on_a_page(pages, proxy, cookie))


def _log_in(proxy: str, cookie: str = "") -> str:
    """The cookies after a login."""
    form = urlencode({"username": "alice", "password": PASSWORD}).encode()
    request = urllib.request.Request(f"{proxy}/login", form, {"Cookie": cookie} if cookie else {})
    with urllib.request.urlopen(request, timeout=DEADLINE) as response:
        return "; ".join(each.partition(";")[0] for each in response.headers.get_all("set-cookie"))


def _until_served(ask: Callable[[], Any]) -> Any:
    """Ask again, at most ten times, while the proxy itself answers 502; what a copy answers is final.

    The proxy's own errors have no body; those of a copy are JSON or a page.
    """
    for _ in range(10):
        try:
            return ask()
        except urllib.error.HTTPError as error:
            if error.code != 502 or error.read():
                raise
        except RuntimeError as error:
            if "answered 502" not in str(error):
                raise
        time.sleep(1)
    return ask()


def _asked_on_a_page(pages: Any, proxy: str, cookie: str) -> None:
    with pages.Page(proxy, Cookie=cookie) as page:
        page.ask("Who founded 360 Security Technology?")
        for _ in page.states():
            pass
        assert "Zhou Hongyi" in page.window[1]


def _posted(request: urllib.request.Request) -> Any:
    with urllib.request.urlopen(request, timeout=DEADLINE) as response:
        return json.load(response)
