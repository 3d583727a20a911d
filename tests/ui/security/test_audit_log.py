"""The record of who asked what: a line a request, nothing secret in it, and no request that fails for it."""

from __future__ import annotations

import asyncio
import json
import logging
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from servers import run_elsewhere, serving_chat
from visitors import Parrot, cookie_of, log_in, visit

from rag import Settings
from ui.chat.library import LONGEST_TEXT
from ui.security import audit_log
from ui.security.access import open_accounts
from ui.security.audit_log import AuditLog, AuditMiddleware
from ui.security.body_limits import LARGEST_BODY, LARGEST_TEXT_BODY

# The framework leaves event loops open for the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning"
)

PASSWORD = "correct horse battery"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def wait_for_line(path: Path, asked: str) -> None:
    """A reply is there a moment before its line."""
    deadline = time.monotonic() + 300
    while asked not in [line["path"] for line in lines(path)]:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_each_request_has_its_line(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, audit_log=tmp_path / "audit.jsonl")
    key, secret = open_accounts(settings).keys.create("bot")
    open_accounts(settings).users.add("ann", PASSWORD)
    with serving_chat(Parrot(), settings=settings) as chat:
        cookie = cookie_of(log_in(chat.port, "ann", PASSWORD))
        wait_for_line(tmp_path / "audit.jsonl", "/login")
        (tmp_path / "audit.jsonl").rename(tmp_path / "audit.jsonl.1")
        asked = visit(
            chat.port, "/v1/ask?token=hidden", body={"question": "Where is ann?"}, Authorization=f"Bearer {secret}"
        )
        visit(chat.port, "/v1/articles", Authorization="Bearer wrong-one")
        visit(chat.port, "/config", Cookie=cookie)
        visit(chat.port, "/config", Host="evil.example")
        visit(chat.port, "/gradio_api/no%0A%00%E2%80%A8such")
    kept = lines(tmp_path / "audit.jsonl")
    told = [(line["caller"], line["method"], line["path"], line["status"]) for line in kept[:4]]
    assert told == [
        (f"key:{key.id}", "POST", "/v1/ask", 200),
        (None, "GET", "/v1/articles", 401),
        ("user:ann", "GET", "/config", 200),
        (None, "GET", "/config", 400),
    ]
    assert [line["path"] for line in kept[4:]] == ["/gradio_api/no\n\x00\u2028such"]
    assert kept[0]["bytes"] == len(asked.body)
    assert kept[0]["id"] == asked.headers["x-request-id"]
    assert kept[0]["address"] == "127.0.0.1"
    assert kept[0]["ms"] >= 0
    assert kept[0]["time"].endswith("+00:00")
    everything = "".join(path.read_text(encoding="utf-8") for path in tmp_path.glob("audit.jsonl*"))
    for hidden in (secret, "wrong-one", cookie, cookie.partition("=")[2], PASSWORD, "hidden", "Where is", "contents"):
        assert hidden not in everything
    for path in tmp_path.glob("audit.jsonl*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_was_asked_is_kept_where_that_is_wanted(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, audit_log=tmp_path / "audit.jsonl", audit_contents=True, mcp=True)
    paths = ("/v1/ask", "/v1/chat/completions", "/gradio_api/queue/join", "/mcp", "/login")
    with serving_chat(Parrot(), settings=settings) as chat:
        visit(chat.port, "/v1/ask", body={"question": "Where?"})
        visit(chat.port, "/v1/ask", body=b"{")
        visit(chat.port, "/v1/ask", body=b'{"question": "Who, at length?"}' + b" " * 200_000)
        visit(chat.port, "/v1/ask", body=b'{"question": "How many?", "n": 1%b, "m": 1e999}' % (b"0" * 5000))
        visit(chat.port, "/v1/chat/completions", body={"session_hash": "x", "data": "Hello", "question": "Which?"})
        joined = {"data": ["Who?"], "fn_index": 0, "session_hash": "mysession", "trigger_id": None}
        visit(chat.port, "/gradio_api/queue/join", body=joined)
        visit(chat.port, "/gradio_api/queue/join", body=joined | {"event_data": {"what": "remove-now", "id": "a1"}})
        for type_ in ("application/x+json", "text/plain", "multipart/form-data, application/json"):
            visit(chat.port, "/gradio_api/queue/join", body=joined, Content_Type=type_)
            visit(chat.port, "/mcp", body={"question": "When?"}, Content_Type=type_)
        log_in(chat.port, "ann", PASSWORD)
    kept = [line for line in lines(tmp_path / "audit.jsonl") if line["method"] == "POST"]
    told = {path: [line.get("contents") for line in kept if line["path"] == path] for path in paths}
    # A line is written after its response, and long contents take longer than the next request.
    told["/v1/ask"].sort(key=str)
    assert told == {
        "/v1/ask": [
            "not JSON",
            {"question": "How many?", "n": "1" + "0" * 5000, "m": "1e999"},
            {"question": "Where?"},
            {"question": "Who, at length?"},
        ],
        "/v1/chat/completions": [{"session_hash": "x", "data": "Hello", "question": "Which?"}],
        "/gradio_api/queue/join": [
            ["Who?"],
            {"data": ["Who?"], "event": {"what": "remove-now", "id": "a1"}},
            *([["Who?"]] * 3),
        ],
        "/mcp": [{"question": "When?"}] * 3,
        "/login": [None],
    }
    written = (tmp_path / "audit.jsonl").read_text(encoding="utf-8")
    assert PASSWORD.replace(" ", "+") not in written
    assert "mysession" not in written


def _logged(tmp_path: Path, body: bytes) -> Any:
    """The contents that the log has for an article in JSON."""
    pieces = [body[at : at + 65_536] for at in range(0, len(body), 65_536)]

    async def read_all(_scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> Any:
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def ignore(_message: Any) -> None:
        pass

    path = tmp_path / "padded.jsonl"
    audit = AuditMiddleware(read_all, log=AuditLog(path, contents=True))
    scope = {"type": "http", "method": "POST", "path": "/v1/articles", "headers": [], "client": ("192.0.2.1", 1)}
    scope["state"] = {"is_admitted": True}
    run_elsewhere(audit(scope, receive, ignore))
    (line,) = lines(path)
    return line["contents"]


ARTICLE = {"title": "The quay", "text": "The quay was closed on Friday."}


@pytest.mark.parametrize(
    "body",
    [
        b" " * 1_000_001 + json.dumps(ARTICLE).encode(),
        json.dumps(ARTICLE).encode() + b"\n" * 3_000_000,
        json.dumps(ARTICLE).replace(", ", "," + "\t\r\n " * 500_000).encode(),
        b'{"title": "The quay", "text": "The quay' + b" " * 1_500_000 + b' was closed on Friday."}',
        b'{"title": "The quay", "text": "' + b"\\u0020" * 400_000 + b'The quay was closed on Friday."}',
        b'{"title": "The quay' + b"\\u2003" * 200_000 + b'", "text": "The quay was closed on Friday."}',
    ],
    ids=["before", "after", "between", "inside", "escaped", "in the title"],
)
def test_no_padding_hides_contents(tmp_path: Path, body: bytes) -> None:
    assert len(body) > LARGEST_BODY
    assert {name: " ".join(text.split()) for name, text in _logged(tmp_path, body).items()} == ARTICLE


def test_of_a_long_article_the_log_has_its_beginning(tmp_path: Path) -> None:
    for letter in "xé港":
        text = letter * LONGEST_TEXT
        body = json.dumps({"title": "The quay", "text": text}).encode()
        assert LARGEST_BODY < len(body) <= LARGEST_TEXT_BODY
        logged = _logged(tmp_path, body)
        assert logged["title"] == "The quay"
        assert logged["text"] == letter * 50_000 + "… (2,000,000 characters)"
        assert (tmp_path / "padded.jsonl").stat().st_size < LARGEST_BODY
        (tmp_path / "padded.jsonl").unlink()


def test_contents_without_a_bound_are_not_logged(tmp_path: Path) -> None:
    many = json.dumps([[str(number)] for number in range(200_000)]).encode()
    assert _logged(tmp_path, many) == f"more than {LARGEST_BODY} bytes"


def test_every_accepted_article_fits_into_a_body() -> None:
    assert LARGEST_TEXT_BODY == 6 * LONGEST_TEXT + 1_000_000


def test_long_contents_are_read_outside_the_event_loop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The reader waits for the event loop, so it would wait forever inside it."""
    is_running = threading.Event()
    read = audit_log._contents

    def waiting_read(path: str, body: bytes) -> Any:
        assert is_running.wait(60)
        return read(path, body)

    async def answer(_scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        asyncio.get_running_loop().call_later(0.01, is_running.set)

    async def receive() -> Any:
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def ignore(_message: Any) -> None:
        pass

    monkeypatch.setattr(audit_log, "_contents", waiting_read)
    audit = AuditMiddleware(answer, log=AuditLog(tmp_path / "audit.jsonl", contents=True))
    scope = {"type": "http", "method": "POST", "path": "/v1/ask", "headers": [], "client": ("192.0.2.1", 1)}
    pieces = [b'{"question": "Who?"}', b" " * 70_000]
    run_elsewhere(audit(scope, receive, ignore))
    (line,) = lines(audit.log.path)
    assert line["contents"] == {"question": "Who?"}


class TestLinesThatAreLeftOut:
    @staticmethod
    def ask(
        log: AuditLog, *requests: tuple[str, str, int | None, str | None, bool], type_: str = "http"
    ) -> list[dict[str, Any]]:
        """The lines for requests: a method, a path, a status, a caller, and whether access control admitted it."""

        async def answer(scope: Any, _receive: Any, send: Any) -> None:
            _, _, status, caller, is_admitted = scope["request"]
            scope["state"] |= {"caller": caller} if caller else {}
            scope["state"] |= {"is_admitted": True} if is_admitted else {}
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            elif status is not None:
                await send({"type": "http.response.start", "status": status, "headers": []})

        async def ignore(_message: Any) -> None:
            pass

        audit = AuditMiddleware(answer, log=log)

        async def run() -> None:
            for request in requests:
                scope = {"type": type_, "path": request[1], "headers": [], "client": ("192.0.2.1", 1)}
                scope |= {"method": request[0]} if type_ == "http" else {}
                await audit(scope | {"request": request}, ignore, ignore)  # type: ignore[arg-type]
            audit.write_summary()

        run_elsewhere(run())
        return lines(log.path)

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/v1/articles"),
            ("DELETE", "/v1/articles/a1"),
            ("POST", "/v1/ask"),
            ("POST", "/mcp"),
            ("POST", "/gradio_api/upload"),
            ("POST", "/gradio_api/queue/join"),
        ],
    )
    def test_a_change_or_a_question_always_has_its_line(self, tmp_path: Path, method: str, path: str) -> None:
        """Also if its client disconnects after many refused requests."""
        before = [("GET", "/v1/articles/none", 404, "key:k", True)] * 30
        kept = self.ask(AuditLog(tmp_path / "a"), *before, *[(method, path, None, "key:k", True)] * 30)
        assert [line.get("omitted") for line in kept if line.get("method") != method] == [None] * 20 + [10]
        assert len([line for line in kept if line.get("method") == method]) == 30

    def test_one_that_access_control_refuses_has_not(self, tmp_path: Path) -> None:
        kept = self.ask(AuditLog(tmp_path / "a"), *[("POST", "/v1/articles", 429, "key:k", False)] * 30)
        assert kept[-1]["omitted"] == 10

    def test_requests_without_a_caller_have_so_many(self, tmp_path: Path) -> None:
        log = AuditLog(tmp_path / "a")
        stranger = [("GET", "/", 200, None, True), ("GET", f"/theme.css{'/' * 4000}", 307, None, True)] * 100
        kept = self.ask(log, *stranger, ("POST", "/v1/ask", 200, None, True), ("GET", "/", 200, "user:ann", True))
        assert [line["path"] for line in kept[-3:-1]] == ["/v1/ask", "/"]
        assert (len(kept), kept[-1]["omitted"]) == (123, 80)
        assert max(len(line.get("path", "")) for line in kept) == 500

    def test_websockets_have_so_many(self, tmp_path: Path) -> None:
        kept = self.ask(AuditLog(tmp_path / "a"), *[("", "/healthz", None, None, False)] * 25, type_="websocket")
        assert [(line["method"], line["status"], line["path"]) for line in kept[:-1]] == [
            ("WEBSOCKET", 403, "/healthz")
        ] * 20
        assert kept[-1]["omitted"] == 5


def test_a_served_websocket_is_refused_with_a_line(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, audit_log=tmp_path / "audit.jsonl")
    with serving_chat(Parrot(), settings=settings) as chat:
        sent = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
        sent["Sec-WebSocket-Key"] = "AAAAAAAAAAAAAAAAAAAAAA=="
        assert visit(chat.port, "/gradio_api/queue/join", headers=[*sent.items()]).status == 403
    assert [line["status"] for line in lines(tmp_path / "audit.jsonl") if line["method"] == "WEBSOCKET"] == [403]


def test_the_line_of_a_login_names_the_user(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, audit_log=tmp_path / "audit.jsonl")
    open_accounts(settings).users.add("ann", PASSWORD)
    with serving_chat(Parrot(), settings=settings) as chat:
        for password in ("wrong", PASSWORD):
            log_in(chat.port, "ann", password)
    assert [line["caller"] for line in lines(tmp_path / "audit.jsonl") if line["path"] == "/login"] == [
        None,
        "user:ann",
    ]


def test_a_log_that_cannot_be_written_fails_no_request(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(home=tmp_path, audit_log=tmp_path / "missing" / "audit.jsonl")
    with serving_chat(Parrot(), settings=settings) as chat:
        assert [visit(chat.port, "/v1/articles").status for _ in range(3)] == [200] * 3
    told = [record for record in caplog.records if "audit log" in record.message]
    assert len(told) == 1
    assert told[0].levelno == logging.ERROR


def test_health_checks_have_no_lines_and_refusals_only_some(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, audit_log=tmp_path / "audit.jsonl")
    _, secret = open_accounts(settings).keys.create("bot")
    with serving_chat(Parrot(), settings=settings) as chat:
        for path in ("/healthz", "/readyz"):
            visit(chat.port, path)
        refused = [visit(chat.port, "/v1/articles").status for _ in range(30)]
        refused += [visit(chat.port, "/config", Host="evil.example").status for _ in range(5)]
        visit(chat.port, "/v1/articles", Authorization=f"Bearer {secret}")
    assert refused == [401] * 30 + [400] * 5
    *kept, summary = lines(tmp_path / "audit.jsonl")
    assert not [line for line in kept if line["path"] in ("/healthz", "/readyz")]
    assert [line["status"] for line in kept if line["path"] == "/v1/articles"] == [401] * 20 + [200]
    del summary["time"]
    assert summary == {"caller": None, "address": "127.0.0.1", "omitted": 15}


def test_what_is_left_out_is_reported_while_the_server_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    now = 1000.0
    monkeypatch.setattr("ui.security.audit_log.time.monotonic", lambda: now)

    async def refuse(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": []})

    async def ignore(_message: Any) -> None:
        pass

    audit = AuditMiddleware(refuse, log=AuditLog(tmp_path / "audit.jsonl"))
    scope = {"type": "http", "method": "GET", "path": "/nothing", "headers": []}

    async def ask(addresses: list[str]) -> None:
        for address in addresses:
            await audit({**scope, "client": (address, 1), "state": {}}, ignore, ignore)  # type: ignore[arg-type]

    run_elsewhere(ask(["2001:db8::1", "2001:db8::2"] * 15 + ["192.0.2.1"]))
    assert len(lines(audit.log.path)) == 21
    now += 61
    run_elsewhere(ask(["192.0.2.1"]))
    *_, summary, last = lines(audit.log.path)
    assert (summary["address"], summary["omitted"]) == ("2001:db8::/64", 10)
    assert last["address"] == "192.0.2.1"


def test_the_log_has_a_bound_and_loses_no_line_before_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if several processes write to it; a size is reached by each of them now and then."""
    code = (
        "import sys; from pathlib import Path; from ui.security import audit_log\n"
        "audit_log.LARGEST_FILE = 2000\n"
        "log = audit_log.AuditLog(Path(sys.argv[1]), most_files=200)\n"
        "for number in range(300): log.write({'who': sys.argv[2], 'number': number})\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "audit.jsonl")]
    writers = [subprocess.Popen([*command, name], stderr=subprocess.PIPE) for name in ("one", "other")]
    assert [writer.communicate()[1] for writer in writers] == [b"", b""]
    files = [path for path in tmp_path.iterdir() if path.suffix != ".lock"]
    kept = [(line["who"], line["number"]) for path in files for line in lines(path)]
    assert sorted(kept) == sorted((who, number) for who in ("one", "other") for number in range(300))
    assert max(path.stat().st_size for path in files) < 2200
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}

    monkeypatch.setattr("ui.security.audit_log.LARGEST_FILE", 2000)
    for most in (3, 1):
        log = AuditLog(tmp_path / f"{most}.jsonl", most_files=most)
        for number in range(500):
            log.write({"number": number})
        found = sorted(path.name for path in tmp_path.glob(f"{most}.jsonl*") if path.suffix != ".lock")
        assert found == [f"{most}.jsonl", f"{most}.jsonl.1", f"{most}.jsonl.2"][:most]
    assert lines(tmp_path / "3.jsonl")[-1] == {"number": 499}
    assert lines(tmp_path / "3.jsonl.1")[-1]["number"] + 1 == lines(tmp_path / "3.jsonl")[0]["number"]


def test_it_is_said_when_lines_are_written_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = AuditLog(tmp_path / "missing" / "audit.jsonl")
    log.write({})
    (tmp_path / "missing").mkdir()
    log.write({"path": "\u2028\udfff\n"})
    log.write({})
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert lines(log.path) == [{"path": "\u2028\udfff\n"}, {}]
