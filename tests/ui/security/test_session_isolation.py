"""What one reader has at the page's framework, another one cannot take by naming it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from gradio.state_holder import StateHolder
from servers import serving_chat
from visitors import Parrot, Reply, cookie_of, log_in, visit

from rag import Settings
from ui.security import session_isolation as apart
from ui.security.access import open_accounts
from ui.security.errors import RequestError
from ui.security.rate_limits import ADDRESS_SHARE, USER_SHARE
from ui.security.session_isolation import PageIsolation, SessionIsolation
from ui.server import ServedChat

# The framework leaves event loops open for the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning"
)

PASSWORD = "correct horse battery"
SECRET = "what ann wrote"

JOIN = "/gradio_api/queue/join"


class Visitor:
    """Somebody who has logged in."""

    def __init__(self, chat: ServedChat, name: str) -> None:
        self.port = chat.port
        self.cookie = cookie_of(log_in(chat.port, name, PASSWORD))

    def __call__(self, path: str, **options: Any) -> Reply:
        return visit(self.port, f"/gradio_api/{path}", Cookie=self.cookie, **options)

    def upload(self, name: str = "story.txt", text: str = SECRET, query: str = "") -> str:
        """Where the framework has put a file."""
        body = (
            f'--x\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
            f"Content-Type: text/plain\r\n\r\n{text}\r\n--x--\r\n"
        ).encode()
        reply = self(f"upload{query}", body=body, Content_Type="multipart/form-data; boundary=x")
        assert reply.status == 200, reply
        return str(reply.json[0])

    def stream(self, path: str) -> str:
        """What comes within a moment of an endless reply."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
            head = f"GET /gradio_api/{path} HTTP/1.1\r\nHost: localhost\r\nCookie: {self.cookie}\r\n\r\n"
            connection.sendall(head.encode())
            got = b""
            try:
                while piece := connection.recv(65536):
                    got += piece
                    if b"close_stream" in got or b"0\r\n\r\n" in got:
                        break
            except TimeoutError:
                pass
        return got.decode("utf-8", "replace")


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedChat]:
    settings = Settings(home=tmp_path_factory.mktemp("apart"), rate_limit="none")
    for name in ("ann", "bob"):
        open_accounts(settings).users.add(name, PASSWORD)
    with serving_chat(Parrot(), settings=settings) as served:
        yield served


@pytest.fixture(scope="module")
def ann(chat: ServedChat) -> Visitor:
    return Visitor(chat, "ann")


@pytest.fixture(scope="module")
def bob(chat: ServedChat) -> Visitor:
    return Visitor(chat, "bob")


def joined(session: str, data: Any = (None,) * 11, **more: Any) -> dict[str, Any]:
    return {"data": list(data), "fn_index": 0, "session_hash": session, "trigger_id": None} | more


def test_no_file_is_given_back_and_each_upload_has_a_name_of_its_own(
    ann: Visitor, bob: Visitor, chat: ServedChat
) -> None:
    path = ann.upload()
    folder, name = os.path.split(path)
    for spelt in (path, f"{folder}/./{name}", f"{folder}//{name}", f"/{path}"):
        for visitor in (ann, bob):
            assert visitor(f"file={spelt}").status == 404, spelt
            assert visitor(f"file/{spelt}").status == 404, spelt
        assert visit(chat.port, f"/gradio_api/file={spelt}").status == 401
    assert bob.upload() != path, "also for the same file"


def test_a_file_cannot_be_handed_to_the_page_by_another(ann: Visitor, bob: Visitor) -> None:
    path = ann.upload("mine.txt", "for ann alone")
    for data in (
        [{"path": path, "meta": {"_type": "gradio.FileData"}}],
        [[{"path": path}]],
        [{"x": {"y": [{"path": path, "url": "x"}]}}],
    ):
        assert bob("queue/join", body=joined("s", data)).status == 404
        assert bob("run/predict", body=joined("s", data)).status == 404
    assert ann("queue/join", body=joined("s", [{"path": path}])).status != 404


def test_the_name_of_a_session_means_another_one_for_each(ann: Visitor, bob: Visitor) -> None:
    reply = ann("queue/join", body=joined("shared"))
    assert reply.status == 200, reply
    assert "process_completed" not in (told := bob.stream("queue/data?session_hash=shared"))
    assert reply.json["event_id"] not in told
    assert reply.json["event_id"] in ann.stream("queue/data?session_hash=shared")


def test_the_state_of_a_session_is_not_reached_by_its_name(chat: ServedChat, ann: Visitor, bob: Visitor) -> None:
    app: Any = chat.app.app
    for visitor in (ann, bob):
        visitor("queue/join", body=joined("state"))
        visitor.stream("queue/data?session_hash=state")
    assert "state" not in app.state_holder.session_data
    assert "state" not in app.get_blocks()._queue.pending_messages_per_session


def test_an_event_is_stopped_only_by_who_began_it(chat: ServedChat, ann: Visitor, bob: Visitor) -> None:
    queue: Any = chat.app.app.get_blocks()._queue  # type: ignore[attr-defined]
    own = SessionIsolation()
    event = type("Event", (), {"session_hash": own._private_name("user:ann", "s")})()
    queue.event_ids_to_events["e1"] = event
    try:
        reply = bob("cancel", body={"session_hash": "s", "fn_index": 0, "event_id": "e1"})
        assert reply.status == 404
    finally:
        del queue.event_ids_to_events["e1"]
    assert ann("cancel", body={"session_hash": "s", "fn_index": 0, "event_id": "gone"}).status == 200


def test_how_far_an_upload_is_is_told_to_who_sends_it() -> None:
    readers = SessionIsolation()

    def asked(caller: str) -> bytes:
        scope = readers._with_private_query(caller, {"query_string": b"upload_id=u1&other=1"})
        return bytes(scope["query_string"])

    assert asked("user:ann") == asked("user:ann") != asked("user:bob")
    assert b"u1" not in asked("user:ann")
    assert asked("user:ann").endswith(b"&other=1")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "call/ask"),
        ("GET", "call/ask/1"),
        ("POST", "component_server"),
        ("GET", "stream/a/1/2/playlist.m3u8"),
        ("POST", "stream/a"),
        ("GET", "proxy=http://127.0.0.1/"),
        ("GET", "deep_link"),
        ("GET", "token"),
        ("GET", "dev/reload"),
        ("POST", "process_recording"),
        ("POST", "vibe-edit"),
        ("GET", "file/etc/passwd"),
        ("GET", "file=/etc/passwd"),
    ],
)
def test_what_the_page_does_not_use_is_closed(ann: Visitor, method: str, path: str) -> None:
    assert ann(path, method=method, body={} if method == "POST" else None).status == 404


def test_what_is_no_json_is_refused(ann: Visitor) -> None:
    assert ann("queue/join", body=b"{").status == 400
    assert ann("queue/join", body=b"[" * 9_000).status == 400
    assert ann("queue/join", body=[]).status == 422
    assert ann("queue/join", body={"session_hash": ["a"]}).status == 404, "no function is named"


def test_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "MOST_FILES", 3)
    files = SessionIsolation()
    for number in range(10):
        files._remember("user:ann", str(number))
        assert files._owns("user:ann", "0") is (number < 10)
    assert not files._owns("user:ann", "5")
    assert not files._owns("user:bob", "0")
    assert json.dumps(list(files._files["user:ann"])) == '["8", "9", "0"]'


def test_calls_that_the_framework_would_print_are_refused(chat: ServedChat) -> None:
    ann = Visitor(chat, "ann")
    for path, number in (("queue/join", 9999), ("queue/join", -1), ("queue/join", None)):
        body = json.dumps({"fn_index": number, "session_hash": "s", "data": []}).encode()
        assert ann(path, body=body, Content_Type="application/json").status == 404, (path, number)
    kinds = [component.get_block_name() for component in chat.app.fns[0].inputs]
    long_choices = [None if kind == "textbox" else "Z" * 10_000 for kind in kinds]
    long_texts = [["x"] if kind == "textbox" else None for kind in kinds]
    for given, told in (("text", b"inputs"), (long_choices, b"choice"), (long_texts, b"not a text")):
        body = json.dumps({"fn_index": 0, "session_hash": "s", "data": given}).encode()
        reply = ann("queue/join", body=body, Content_Type="application/json")
        assert (reply.status, told in reply.body) == (400, True)


def test_files_in_a_call_are_different_uploads(ann: Visitor, chat: ServedChat) -> None:
    """The framework writes an error to the log for each invalid one, and copies each valid one."""
    path = ann.upload()
    given = {"path": path, "meta": {"_type": "gradio.FileData"}}
    function = next(
        each for each in chat.app.fns.values() if [c.get_block_name() for c in each.inputs][:1] == ["uploadbutton"]
    )
    for files in ([1] * 1000, [given, given], [{"path": [path]}], [{}], "x"):
        body = joined("s", [files, *[None] * (len(function.inputs) - 1)], fn_index=function._id)
        reply = ann("queue/join", body=body)
        assert (reply.status, b"different uploads" in reply.body) == (400, True), files
    body = joined("s", [given, *[None] * (len(function.inputs) - 1)], fn_index=function._id)
    assert ann("queue/join", body=body).status == 200


def test_functions_with_a_queue_run_only_in_it(ann: Visitor, chat: ServedChat) -> None:
    for number, function in chat.app.fns.items():
        reply = ann("run/predict", body=joined("s", [None] * len(function.inputs), fn_index=number))
        assert (reply.status == 404) is (function.queue is not False), function.name


def _app_with_sessions(*names: str) -> Any:
    """An application of the framework that keeps the state of these sessions."""
    holder: Any = StateHolder()
    for name in names:
        holder.session_data[name] = holder.time_last_used[name] = object()
    results: dict[str, Any] = {"pending_messages_per_session": {}, "pending_event_ids_session": {}}
    queue = SimpleNamespace(event_queue_per_concurrency_id={}, active_jobs=[], **results)
    blocks = SimpleNamespace(fns={0: SimpleNamespace(inputs=[], concurrency_id="all")}, _queue=queue)
    return SimpleNamespace(get_blocks=lambda: blocks, state_holder=holder)


@pytest.mark.parametrize("is_known", [True, False])
def test_a_connection_of_a_page_alone_keeps_no_state(is_known: bool) -> None:
    """The framework creates a state when an unknown page disconnects."""
    inner: list[str] = []

    async def framework(scope: Any, receive: Any, _send: Any) -> None:
        inner.append(scope["path"].rpartition("/")[2])
        sessions = scope["app"].state_holder.session_data
        if is_known:
            sessions[inner[0]] = "state"
        while (await receive())["type"] != "http.disconnect":
            pass
        sessions.setdefault(inner[0], "created at the end")

    messages = [{"type": "http.request", "body": b"", "more_body": False}, {"type": "http.disconnect"}]

    async def receive() -> Any:
        return messages.pop(0)

    async def ignore(_message: Any) -> None:
        pass

    app = _app_with_sessions("other")
    scope = {"type": "http", "method": "GET", "path": "/gradio_api/heartbeat/mine", "app": app, "headers": []}
    middleware = PageIsolation(framework, is_upload=lambda _: False)
    with ThreadPoolExecutor(1) as elsewhere:
        elsewhere.submit(asyncio.run, middleware(scope, receive, ignore)).result()  # type: ignore[arg-type]
    assert inner[0] != "mine"
    assert set(app.state_holder.session_data) == {"other", *(inner if is_known else [])}


def test_one_user_cannot_evict_the_sessions_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "MOST_SESSIONS", 3)
    app = _app_with_sessions("s1", "s2", "s3", "s4", "of bob")
    isolation = SessionIsolation()

    def call(caller: str, session: str) -> None:
        scope = {"app": app, "path": JOIN, "state": {"limited_as": caller}}
        isolation._check_call(caller, scope, {"fn_index": 0, "data": [], "session_hash": session})
        isolation.limits.release(scope)

    call("user:bob", "of bob")
    for session in ("s1", "s2", "s3", "s1", "s4"):
        call("user:ann", session)
    assert set(app.state_holder.session_data) == {"s1", "s3", "s4", "of bob"}
    assert set(app.state_holder.time_last_used) == {"s1", "s3", "s4", "of bob"}


def test_sessions_with_calls_that_wait_or_run_are_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "MOST_SESSIONS", 3)
    app = _app_with_sessions("waits", "runs", *(f"idle {number}" for number in range(20)))
    waits, runs = (
        SimpleNamespace(session_hash=name, concurrency_id="all", request=SimpleNamespace(scope={"state": {}}))
        for name in ("waits", "runs")
    )
    app.get_blocks()._queue.event_queue_per_concurrency_id["all"] = SimpleNamespace(queue=[waits])
    app.get_blocks()._queue.active_jobs.append([runs])
    isolation = SessionIsolation()
    for session in ("waits", "runs", *(f"idle {number}" for number in range(20))):
        scope = {"app": app, "path": JOIN, "state": {"limited_as": "user:ann"}}
        isolation._check_call("user:ann", scope, {"fn_index": 0, "data": [], "session_hash": session})
        isolation.limits.release(scope)
    assert set(app.state_holder.session_data) == {"waits", "runs", "idle 19"}


def _called(app: Any, isolation: SessionIsolation, caller: str | None, address: str, session: str) -> bool:
    """Call a function whose results nobody fetches, and return whether the call was admitted."""
    scope = {"app": app, "path": JOIN, "state": {"limited_as": caller or address}}
    try:
        isolation._check_call(caller, scope, {"fn_index": 0, "data": [], "session_hash": session})
    except RequestError:
        return False
    finally:
        isolation.limits.release(scope)
    queue = app.get_blocks()._queue
    queue.pending_messages_per_session.setdefault(session, []).append("a result")
    ids = queue.pending_event_ids_session.setdefault(session, set())
    ids.add(len(ids))
    return True


@pytest.mark.parametrize(("caller", "most"), [("user:ann", USER_SHARE.unfetched), (None, ADDRESS_SHARE.unfetched)])
def test_results_that_a_page_does_not_fetch_are_limited(caller: str | None, most: int) -> None:
    """The framework keeps them in memory until the page fetches them."""
    app, isolation = _app_with_sessions(), SessionIsolation()
    admitted = [_called(app, isolation, caller, "address:192.0.2.1", "s") for _ in range(2 * most)]
    assert admitted == [True] * most + [False] * most
    assert _called(app, isolation, "user:bob", "", "of bob"), "another user is not affected"
    app.get_blocks()._queue.pending_event_ids_session["s"].clear()
    assert _called(app, isolation, caller, "address:192.0.2.1", "s"), "the page fetched them"


def test_calls_that_wait_or_run_are_not_results() -> None:
    app, isolation = _app_with_sessions(), SessionIsolation()
    queue = app.get_blocks()._queue
    waiting = [
        SimpleNamespace(session_hash="s", concurrency_id="all", request=SimpleNamespace(scope={"state": {}}))
        for _ in range(2 * USER_SHARE.unfetched)
    ]
    queue.event_queue_per_concurrency_id["all"] = SimpleNamespace(queue=waiting)
    queue.pending_event_ids_session["s"] = set(range(len(waiting)))
    assert _called(app, isolation, "user:ann", "", "s")


@pytest.mark.parametrize("caller", ["user:ann", None])
def test_pages_that_were_left_do_not_keep_their_results(caller: str | None) -> None:
    app, isolation = _app_with_sessions(), SessionIsolation()
    for number in range(300):
        assert _called(app, isolation, caller, "address:192.0.2.1", f"page {number}")
    kept = app.get_blocks()._queue.pending_messages_per_session
    assert list(kept)[-1] == "page 299"
    assert len(kept) <= ADDRESS_SHARE.unfetched


def test_a_page_that_the_server_does_not_know_is_told_so_and_no_error_is_logged(
    ann: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    reply = ann("queue/data?session_hash=never-seen")
    assert reply.status == 200
    assert b'"session_not_found":true' in reply.body.replace(b": ", b":")
    assert caplog.records == []


def _stream(
    isolation: SessionIsolation, framework: Any, caller: str | None, session: str = "s", route: str = "queue/data"
) -> Any:
    async def receive() -> Any:
        return {"type": "http.disconnect"}

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope: Any = {"type": "http", "method": "GET", "path": f"/gradio_api/{route}", "headers": []}
    scope |= {"query_string": f"session_hash={session}".encode(), "state": {"limited_as": caller or "address:1"}}
    return isolation.run_stream(caller, framework, scope, receive, send), sent


@pytest.mark.parametrize("route", ["queue/data", "upload_progress"])
@pytest.mark.parametrize("caller", ["user:ann", None])
def test_open_streams_are_limited(caller: str | None, route: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "MOST_STREAMS" if route == "queue/data" else "MOST_PROGRESS_STREAMS", 2)
    isolation = SessionIsolation()

    async def framework(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(0.2)
        await send({"type": "http.response.body", "body": b""})

    async def statuses() -> list[int]:
        streams = [_stream(isolation, framework, caller, route=route) for _ in range(3)]
        await asyncio.gather(*(work for work, _ in streams))
        again, sent = _stream(isolation, framework, caller, route=route)
        await again
        return [each[0]["status"] for _, each in [*streams, (None, sent)]]

    with ThreadPoolExecutor(1) as elsewhere:
        assert elsewhere.submit(asyncio.run, statuses()).result() == [200, 200, 429, 200]  # type: ignore[arg-type]


def test_the_end_of_several_streams_of_a_session_is_no_error() -> None:
    """The framework deletes the session's results at the end of each."""

    async def framework(_scope: Any, _receive: Any, _send: Any) -> None:
        raise KeyError("s")

    with ThreadPoolExecutor(1) as elsewhere:
        work, _ = _stream(SessionIsolation(), framework, "user:ann")
        elsewhere.submit(asyncio.run, work).result()
        work, _ = _stream(SessionIsolation(), framework, "user:ann", "another")
        with pytest.raises(KeyError):
            elsewhere.submit(asyncio.run, work).result()


def test_there_is_room_for_the_sessions_of_many_users(chat: ServedChat) -> None:
    holder: Any = chat.app.app.state_holder  # type: ignore[attr-defined]
    assert holder.capacity >= 10_000 >= 50 * apart.MOST_SESSIONS
