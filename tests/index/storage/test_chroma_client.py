"""A Chroma server that goes away, hangs, comes back, is emptied, or is behind a gateway."""

from __future__ import annotations

import signal
import threading
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from hashing import HashingEncoder
from servers import free_port, pause, running_chroma

from index import EmptyIndexError, Index, StoreError
from index.storage import chroma_client as chroma
from index.storage.chroma_client import Address, redact_url
from rag import SettingsError, load_settings

OWL = "The owl sat in the old barn and watched."
SECRET = "s3cr3t"


@pytest.fixture
def article(tmp_path: Path) -> Path:
    file = tmp_path / "owl.txt"
    file.write_text(OWL)
    return file


def ask(index: Index) -> list[str]:
    return [hit.passage.text for hit in index.search("Where did the owl sit?")]


def idle(index: Index) -> None:
    """Act as if the index had been idle."""
    index._current._checked = 0


@pytest.mark.slow
def test_questions_fail_while_the_server_is_down_and_are_answered_again_afterwards(
    article: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chroma, "_TIMEOUT", 1.0)
    port, data = free_port(), tmp_path / "server"
    data.mkdir()
    with closing(Index(tmp_path / "home", HashingEncoder(), f"http://127.0.0.1:{port}")) as index:
        with pytest.raises(StoreError, match="Connection refused"):
            index.exists()
        with running_chroma(data, port) as (_, process):
            index.sync([article])
            assert ask(index) == [OWL]
            pause(process)
            idle(index)
            with ThreadPoolExecutor(8) as readers:
                asked = [readers.submit(ask, index) for _ in range(8)]
                for each in asked:
                    with pytest.raises(StoreError, match="timed out") as told:
                        each.result(300)
                    assert "Check that the Chroma server is running" in told.value.hint
            process.send_signal(signal.SIGCONT)
            assert ask(index) == [OWL]
        idle(index)
        with pytest.raises(StoreError, match="Cannot read the index"):
            ask(index)
        with running_chroma(data, port):
            assert ask(index) == [OWL]
        (tmp_path / "emptied").mkdir()
        with running_chroma(tmp_path / "emptied", port):
            idle(index)
            with pytest.raises(EmptyIndexError, match="Nothing is indexed yet"):
                ask(index)


class _Gateway(BaseHTTPRequestHandler):
    """Passes on what has the right credentials."""

    server: _Server

    def _pass_on(self) -> None:
        gateway = self.server
        if gateway.broken:
            self._reply(502, b"<html>\n<h1>Bad Gateway</h1>\n</html>", "text/html")
        elif self.headers.get("Authorization") != gateway.wanted:
            self._reply(401, b'{"detail": "who are you?"}', "application/json")
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            got = httpx.request(self.command, gateway.behind + self.path, content=body, timeout=300)
            self._reply(got.status_code, got.content, got.headers.get("content-type", "application/json"))

    do_GET = do_POST = do_PUT = do_DELETE = _pass_on  # noqa: N815

    def _reply(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    behind: str
    wanted: str
    broken = False

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server_port}"


@contextmanager
def _serving(behind: str, wanted: str) -> Iterator[_Server]:
    with _Server(("127.0.0.1", 0), _Gateway) as server:
        server.behind, server.wanted = behind, wanted
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


BASIC = f"Basic {b64encode(f'ann:{SECRET}/@'.encode()).decode()}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("user", "wanted"),
    [
        (f"ann:{SECRET}%2F%40", BASIC),
        pytest.param(SECRET, f"Bearer {SECRET}", marks=pytest.mark.nightly),
    ],
)
def test_a_gateway_is_given_the_credentials_of_the_address_and_no_message_has_them(
    user: str, wanted: str, url: str, article: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    behind, _, database = url.rpartition("/")
    caplog.set_level("INFO")
    with (
        _serving(behind, wanted) as gateway,
        closing(Index(tmp_path / "home", HashingEncoder(), f"http://{user}@{gateway.place}/{database}")) as index,
    ):
        index.sync([article])
        assert ask(index) == [OWL]
        assert index.problems() == []
        idle(index)
        gateway.broken = True
        with pytest.raises(StoreError, match="502 Bad Gateway <html> <h1>Bad Gateway</h1> </html>") as told:
            ask(index)
        assert gateway.place in told.value.message
        (problem,) = index.problems()
        gateway.broken, gateway.wanted = False, "another"
        with pytest.raises(StoreError, match="401 Unauthorized") as refused:
            ask(index)
        assert "http://USER:PASSWORD@HOST/DATABASE" in refused.value.hint
        for words in (str(told.value), repr(told.value), str(problem), str(refused.value), caplog.text):
            assert SECRET not in words


@pytest.mark.parametrize(
    ("url", "server", "database"),
    [
        ("http://127.0.0.1", "http://127.0.0.1:8000", "default_database"),
        ("https://chroma.example/articles", "https://chroma.example:443", "articles"),
        ("http://ann:pass@[::1]:9000/", "http://[::1]:9000", "default_database"),
    ],
)
def test_an_address_names_server_and_database(url: str, server: str, database: str) -> None:
    address = Address.from_url(url)
    assert (address.server, address.database) == (server, database)
    assert "pass" not in repr(address)
    assert redact_url(url) == url.replace("ann:pass@", "")


def test_settings_hide_credentials_and_reject_an_invalid_address(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, chroma_url=f"https://ann:{SECRET}@chroma.example/articles")
    assert SECRET not in f"{settings!r} {settings.model_dump(mode='json')}"
    with pytest.raises(SettingsError, match="'chroma_url' cannot be its value") as refused:
        load_settings(home=tmp_path, chroma_url=f"ftp://ann:{SECRET}@chroma.example")
    assert SECRET not in str(refused.value)
