"""The record of who asked what: a line a request, nothing secret in it, and no request that fails for it."""

from __future__ import annotations

import json
import logging
import stat
import time
from pathlib import Path
from typing import Any

import pytest
from servers import serving_chat
from visitors import Parrot, cookie_of, log_in, visit

from rag import Settings
from ui.security.access import open_accounts
from ui.security.audit_log import AuditLog

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
    settings = Settings(home=tmp_path, audit_log=tmp_path / "audit.jsonl", audit_contents=True)
    with serving_chat(Parrot(), settings=settings) as chat:
        visit(chat.port, "/v1/ask", body={"question": "Where?"})
        visit(chat.port, "/v1/ask", body=b"{")
        visit(chat.port, "/v1/ask", body={"question": "x" * 200_000})
        joined = {"data": ["Who?"], "fn_index": 0, "session_hash": "mysession", "trigger_id": None}
        visit(chat.port, "/gradio_api/queue/join", body=joined)
        log_in(chat.port, "ann", PASSWORD)
    kept = [line.get("contents") for line in lines(tmp_path / "audit.jsonl") if line["method"] == "POST"]
    assert kept == [{"question": "Where?"}, "not JSON", "more than 100000 bytes", ["Who?"], None]
    written = (tmp_path / "audit.jsonl").read_text(encoding="utf-8")
    assert PASSWORD.replace(" ", "+") not in written
    assert "mysession" not in written


def test_a_log_that_cannot_be_written_fails_no_request(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(home=tmp_path, audit_log=tmp_path / "missing" / "audit.jsonl")
    with serving_chat(Parrot(), settings=settings) as chat:
        assert [visit(chat.port, "/v1/articles").status for _ in range(3)] == [200] * 3
    told = [record for record in caplog.records if "audit log" in record.message]
    assert len(told) == 1
    assert told[0].levelno == logging.ERROR


def test_it_is_said_when_lines_are_written_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = AuditLog(tmp_path / "missing" / "audit.jsonl")
    log.write({})
    (tmp_path / "missing").mkdir()
    log.write({"path": "\u2028\udfff\n"})
    log.write({})
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert lines(log.path) == [{"path": "\u2028\udfff\n"}, {}]
