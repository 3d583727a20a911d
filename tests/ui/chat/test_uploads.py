"""Files that are really uploaded to a served page, and to its API: nothing of them is left, whatever happens."""

from __future__ import annotations

import json
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from newsroom import newsroom
from servers import serving_chat
from visitors import Reply, visit

from rag import Settings
from ui.persistence import uploads
from ui.server import ServedChat

# The framework leaves event loops open for the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning"
)

FORM = "multipart/form-data; boundary=x"
STORY = "The quay\n\nThe quay was closed on Friday after a crane fell into the basin."
DEADLINE = 300.0  # seconds for what must happen at all


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uploading")


@pytest.fixture(scope="module")
def chat(home: Path) -> Iterator[ServedChat]:
    """A chat whose temporary files would be seen if they were anywhere else."""
    (home / "tmp").mkdir()
    made = newsroom(home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(home / "tmp"))
        patch.setattr(uploads, "_process", uploads._Process())  # another test file may have a chat that still runs
        with serving_chat(made.assistant, made.services, settings=Settings(home=home)) as served:
            yield served
        assert _stored(home) == []
        assert [each.name for each in (home / "uploads").iterdir()] == [".lock"]


def _stored(home: Path) -> list[Path]:
    """Every temporary file that is there now."""
    folders = [each for each in (home / "uploads").iterdir() if each.is_dir()]
    files = [file for folder in (*folders, home / "tmp") for file in folder.rglob("*") if file.is_file()]
    return [file for file in files if file.stat().st_size]


def _wait_until_empty(home: Path) -> None:
    deadline = time.monotonic() + DEADLINE
    while _stored(home):
        assert time.monotonic() < deadline, _stored(home)
        time.sleep(0.02)


def _form(name: str, text: str) -> bytes:
    head = f'Content-Disposition: form-data; name="files"; filename="{name}"\r\nContent-Type: text/plain\r\n\r\n'
    return f"--x\r\n{head}{text}\r\n--x--\r\n".encode()


def _upload(chat: ServedChat, name: str = "quay.txt", text: str = STORY) -> Reply:
    return visit(
        chat.port, "/gradio_api/upload", body=_form(name, text), Content_Type="multipart/form-data; boundary=x"
    )


def _call(chat: ServedChat, kind: str, path: str) -> str:
    """Hand an uploaded file to the page's component of a kind as the page does; returns all that the page is told."""
    config = visit(chat.port, "/config").json
    component = next(each["id"] for each in config["components"] if each["type"] == kind)
    event = next(each for each in config["dependencies"] if [component, "upload"] in each["targets"])
    values = {each["id"]: each["props"].get("value") for each in config["components"]}
    file = {"path": path, "orig_name": Path(path).name, "meta": {"_type": "gradio.FileData"}}
    data = [[file] if kind == "file" else file, *(values[each] for each in event["inputs"][1:])]
    body = {"data": data, "fn_index": event["id"], "session_hash": path[-60:], "trigger_id": component}
    joined = visit(chat.port, "/gradio_api/queue/join", body=body)
    assert joined.status == 200, joined
    with socket.create_connection(("127.0.0.1", chat.port), timeout=DEADLINE) as client:
        head = f"GET /gradio_api/queue/data?session_hash={path[-60:]} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        client.sendall(head.encode())
        told = b""
        while b"close_stream" not in told:
            told += client.recv(65536)
    return told.decode()


def test_what_was_added_or_refused_is_deleted(chat: ServedChat, home: Path) -> None:
    for name, text, state in (("quay.txt", STORY, "added"), ("broken.pdf", "this is no PDF", "failed")):
        (path,) = _upload(chat, name, text).json
        assert Path(path).is_relative_to(home / "uploads")
        assert Path(path).stat().st_mode & 0o077 == 0
        assert f'class=\\"{state}\\"' in _call(chat, "file", path)
        _wait_until_empty(home)
    titles = [each["title"] for each in visit(chat.port, "/v1/articles").json]
    assert "The quay" in titles


def test_a_test_set_is_deleted_when_it_was_run(chat: ServedChat, home: Path) -> None:
    (path,) = _upload(chat, "questions.jsonl", json.dumps({"question": ""})).json
    assert "questions.jsonl" in _call(chat, "uploadbutton", path).replace("&#46;", ".")
    _wait_until_empty(home)


def test_of_an_upload_that_is_cut_off_nothing_is_left(chat: ServedChat, home: Path) -> None:
    body = _form("cut.txt", "x" * 200_000)
    head = f"POST /gradio_api/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    with socket.create_connection(("127.0.0.1", chat.port)) as client:
        client.sendall(f"{head}Content-Type: multipart/form-data; boundary=x\r\n\r\n".encode() + body[:150_000])
        deadline = time.monotonic() + DEADLINE
        while not _stored(home):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    _wait_until_empty(home)


@pytest.mark.parametrize(
    "body", [b"--x\r\nno form", _form("large.txt", "x" * 20_000_001)], ids=["no form", "too large"]
)
def test_of_an_upload_that_is_refused_nothing_is_left(chat: ServedChat, home: Path, body: bytes) -> None:
    reply = visit(chat.port, "/gradio_api/upload", body=body, Content_Type=FORM)
    assert reply.status in (200, 400, 413)
    assert reply.status != 200 or reply.json == []
    assert _stored(home) == []


def test_what_a_program_uploads_is_deleted(chat: ServedChat, home: Path) -> None:
    form = _form("bridge.txt", STORY.replace("quay", "bridge"))
    reply = visit(chat.port, "/v1/articles", body=form, Content_Type=FORM)
    assert [row["state"] for row in reply.json["added"]] == ["added"]
    assert _stored(home) == []


def test_where_there_is_no_room_an_upload_is_refused(
    chat: ServedChat, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = _upload(chat, "kept.txt").json
    monkeypatch.setattr(uploads, "LARGEST_TOTAL", uploads.LEAST_SIZE * 2)
    for path_of, name in (("/gradio_api/upload", "page"), ("/v1/articles", "API")):
        reply = visit(chat.port, path_of, body=_form("a", STORY * 2000), Content_Type=FORM)
        assert reply.status == 507, name
        assert b"Try again in a few minutes" in reply.body
    monkeypatch.setattr(uploads, "LARGEST_TOTAL", 1_000_000_000)
    monkeypatch.setattr(uploads, "LARGEST_SHARE", uploads.LEAST_SIZE * 2)
    reply = _upload(chat, "large.txt", STORY * 2000)
    assert (reply.status, reply.body[:12]) == (507, b"Your uploads")
    assert _stored(home) == [Path(path)]
    with uploads.using([path]):
        pass
    assert _upload(chat, "next.txt").status == 200
