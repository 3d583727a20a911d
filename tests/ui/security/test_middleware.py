"""Access control by itself: what it tells to those behind it, for callers of any address."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import Settings, SettingsError
from ui.persistence.database import PersistenceError
from ui.security import access as access_module
from ui.security import middleware as middleware_module
from ui.security.access import access_policy, open_accounts
from ui.security.clients import TrustedProxies, is_loopback, strip_headers, was_forwarded
from ui.security.middleware import AccessControl
from ui.security.scopes import Area, area_of, required_scope

HERE, THERE = "127.0.0.1", "192.0.2.7"
USER = "X-Forwarded-User"


def call(
    control: Any, path: str = "/", *, method: str = "GET", peer: str = HERE, headers: Any = (), **more: Any
) -> tuple[int, dict[str, Any]]:
    """The status, and the scope as the application behind has it."""
    seen: dict[str, Any] = {}
    sent: list[Any] = []
    sent_headers = [(name.lower().encode(), value.encode()) for name, value in headers]
    scope = {"type": "http", "method": method, "path": path, "scheme": "http", "headers": sent_headers}
    scope |= {"client": (peer, 1234), "state": {}} | more

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        seen.update(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: Any) -> None:
        sent.append(message)

    control.app = app
    with ThreadPoolExecutor(1) as elsewhere:  # a browser that is open keeps an event loop running in this thread
        elsewhere.submit(asyncio.run, control(scope, None, send)).result()
    return sent[0].get("status", 0), seen


def control(home: Path, **settings: Any) -> AccessControl:
    return AccessControl(None, policy=access_policy(Settings(home=home, **settings)))  # type: ignore[arg-type]


def proxied(home: Path) -> AccessControl:
    return control(home, user_header=USER, trusted_proxies=("10.0.0.0/8", "::1"))


def test_with_keys_alone_other_machines_get_the_api_and_not_the_page(tmp_path: Path) -> None:
    _, secret = open_accounts(Settings(home=tmp_path)).keys.create("bot")
    key = [("Authorization", f"Bearer {secret}")]
    assert call(control(tmp_path), "/", peer=HERE)[0] == 200
    for peer in (THERE, "::ffff:192.0.2.7", "", "2001:db8::1"):
        assert call(control(tmp_path), "/", peer=peer)[0] == 401, peer
        assert call(control(tmp_path), "/v1/articles", peer=peer, headers=key)[0] == 200, peer
        assert call(control(tmp_path), "/v1/articles", peer=peer)[0] == 401, peer


def test_what_is_behind_is_told_who_asks(tmp_path: Path) -> None:
    key, secret = open_accounts(Settings(home=tmp_path)).keys.create("bot")
    _, scope = call(control(tmp_path), "/v1/ask", method="POST", headers=[("authorization", f"bearer {secret}")])
    assert scope["state"]["caller"] == f"key:{key.id}"
    _, scope = call(proxied(tmp_path), peer="10.1.1.1", headers=[(USER, "ann")])
    told = {"caller": "user:ann", "user": "ann", "owner": "user:ann", "can_log_out": False, "is_admitted": True}
    assert scope["state"].pop("is_still_admitted")()
    assert scope["state"] == told | {"limited_as": "user:ann"}


def test_work_that_goes_on_after_a_request_can_ask_whether_its_key_is_still_valid(tmp_path: Path) -> None:
    keys = open_accounts(Settings(home=tmp_path)).keys
    key, secret = keys.create("bot")
    guard = control(tmp_path)
    _, scope = call(guard, "/v1/ask", method="POST", headers=[("authorization", f"bearer {secret}")])
    assert scope["state"]["is_still_admitted"]()
    keys.revoke(key.id)
    guard.policy.accounts.read()
    assert not scope["state"]["is_still_admitted"]()


def test_nobody_can_say_who_they_are_by_themselves(tmp_path: Path) -> None:
    status, scope = call(control(tmp_path), headers=[(USER, "ann")], state={"caller": "user:ann", "user": "ann"})
    assert (status, scope["state"]) == (200, {"is_admitted": True, "limited_as": ""})


@pytest.mark.parametrize("name", [USER, USER.lower(), USER.upper(), USER.replace("-", "_"), "X-Forwarded_User"])
def test_the_header_of_who_is_no_proxy_is_gone_before_anything_reads_it(tmp_path: Path, name: str) -> None:
    open_accounts(Settings(home=tmp_path)).keys.create("bot")
    for path in ("/healthz", "/"):
        status, scope = call(proxied(tmp_path), path, peer=THERE, headers=[(name, "ann"), ("accept", "x")])
        assert status == (200 if path == "/healthz" else 401)
        assert scope.get("headers", [(b"accept", b"x")]) == [(b"accept", b"x")]


def test_a_proxy_tells_from_where_and_how_it_was_asked(tmp_path: Path) -> None:
    headers = [(USER, "ann"), ("X-Forwarded-For", "6.6.6.6, 192.0.2.9, 10.0.0.5"), ("X-Forwarded-Proto", "https")]
    _, scope = call(proxied(tmp_path), peer="10.1.1.1", headers=headers)
    assert (scope["client"][0], scope["scheme"]) == ("192.0.2.9", "https")
    status, scope = call(proxied(tmp_path), "/healthz", peer=THERE, headers=headers)
    assert (status, scope["client"][0], scope["scheme"], scope["headers"]) == (200, THERE, "http", [])


@pytest.mark.parametrize(
    ("forwarded", "sender"),
    [
        ([], "10.0.0.1"),
        (["192.0.2.9"], "192.0.2.9"),
        (["192.0.2.9:4711"], "192.0.2.9"),
        (["[2001:db8::1]:80"], "2001:db8::1"),
        (["2001:db8::1"], "2001:db8::1"),
        (["6.6.6.6", "192.0.2.9"], "192.0.2.9"),
        (["6.6.6.6,192.0.2.9 , 10.0.0.7"], "192.0.2.9"),
        (["10.0.0.8, 10.0.0.7"], "10.0.0.8"),
        (["6.6.6.6, unknown"], "10.0.0.1"),
        (["unknown, 192.0.2.9"], "192.0.2.9"),
        ([""], "10.0.0.1"),
        (["192.0.2.9,"], "10.0.0.1"),
    ],
)
def test_the_sender_is_the_last_address_that_is_no_proxy(forwarded: list[str], sender: str) -> None:
    headers = [(b"x-forwarded-for", each.encode()) for each in forwarded]
    assert TrustedProxies(["10.0.0.0/8"]).sender("10.0.0.1", headers) == sender
    assert TrustedProxies(["10.0.0.0/8"]).sender(THERE, headers) == THERE
    assert TrustedProxies().sender(THERE, headers) == THERE


@given(st.lists(st.binary(max_size=40), max_size=4))
def test_whatever_stands_before_the_proxys_own_word_changes_nothing(written: list[bytes]) -> None:
    headers = [(b"x-forwarded-for", b", ".join([*written, b"192.0.2.9"]))]
    assert TrustedProxies(["10.0.0.0/8"]).sender("10.0.0.1", headers) == "192.0.2.9"


@pytest.mark.parametrize("written", ["localhost", "10.0.0.1/8", "*", "", "1.2.3"])
def test_a_proxy_is_an_address_or_a_network(tmp_path: Path, written: str) -> None:
    with pytest.raises(SettingsError, match="trusted_proxies"):
        access_policy(Settings(home=tmp_path, trusted_proxies=(written,)))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.9.9.9", "localhost", "LOCALHOST", "::1", "[::1]", "::ffff:127.0.0.1"]
)
def test_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "*", "localhost.evil.example", "127.0.0.1.nip.io", "10.0.0.1"])
def test_other_machines(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("method", "path", "needed"),
    [
        ("GET", "/v1/articles", "read"),
        ("HEAD", "/v1/articles/a1", "read"),
        ("POST", "/v1/ask", "read"),
        ("POST", "/v1/articles", "write"),
        ("POST", "/v1/articles/", "write"),
        ("POST", "/v1//articles", "write"),
        ("DELETE", "/v1/articles/a1", "write"),
        ("PUT", "/v1/articles/a1", "write"),
        ("PATCH", "/v1/articles/a1", "write"),
        ("POST", "/v1/evaluate", "write"),
        ("GET", "/v1/evaluate", "read"),
        ("POST", "/v1/articlesque", "write"),
        ("POST", "/v1/articles\n", "write"),
        ("POST", "/v1/ask\n", "write"),
        ("POST", "/v1/chat/completions", "read"),
        ("POST", "/v1/something/new", "write"),
        ("MERGE", "/v1/articles", "write"),
        ("OPTIONS", "/v1/articles", "read"),
        ("GET", "/metrics", "metrics"),
        ("GET", "//metrics", "metrics"),
        ("POST", "/mcp", "read"),
    ],
)
def test_what_a_key_has_to_be_good_for(method: str, path: str, needed: str) -> None:
    assert required_scope(method, path) == needed
    assert area_of(method, path) is (Area.PAGE if path.startswith("//") else Area.API)


@given(st.sampled_from(["GET", "POST", "DELETE", "OPTIONS", "X"]), st.text(max_size=20))
def test_what_is_not_known_is_closed(method: str, path: str) -> None:
    """Nothing of a random path is open: the parts that are open are few and whole."""
    known = ("/v1", "/mcp", "/metrics", "/assets/", "/static/", "/svelte/", "/healthz", "/readyz")
    if path not in ("/", "/assets", "/static", "/svelte") and not path.startswith(known):
        assert area_of(method, f"/gradio_api/{path}") is Area.PAGE or path in ("login_check", "startup-events")
        assert area_of(method, path) is Area.PAGE


def test_a_websocket_is_closed_to_who_is_not_let_in(tmp_path: Path) -> None:
    status, scope = call(proxied(tmp_path), "/x", type="websocket")
    assert (status, scope) == (0, {})


def test_who_sends_no_key_is_limited_and_who_sends_one_is_not(tmp_path: Path) -> None:
    _, secret = open_accounts(Settings(home=tmp_path)).keys.create("bot")
    control_ = control(tmp_path)
    for path in ("/v1/articles", "/"):
        peer = f"192.0.2.{len(path)}"
        assert [call(control_, path, peer=peer)[0] for _ in range(122)] == [401] * 120 + [429] * 2
        assert call(control_, "/v1/articles", peer=peer, headers=[("authorization", f"bearer {secret}")])[0] == 200
        assert call(control_, path, peer=THERE)[0] == 401, "other addresses are not concerned"


@pytest.mark.parametrize("change", ["revoked", "kept"])
def test_an_open_stream_ends_when_its_key_is_revoked(
    tmp_path: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(middleware_module, "RECHECK", 0.01)
    monkeypatch.setattr(access_module, "FRESH", 0.0)
    accounts = open_accounts(Settings(home=tmp_path))
    key, secret = accounts.keys.create("bot")
    guarded = control(tmp_path)
    sent: list[Any] = []
    ended: list[str] = []

    async def stream(_scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        if change == "revoked":
            accounts.keys.revoke(key.id)
        try:
            async with asyncio.timeout(30 if change == "revoked" else 0.3):
                ended.append((await receive())["type"])
        except TimeoutError:
            ended.append("still open")
        await send({"type": "http.response.body", "body": b"last", "more_body": change == "revoked"})

    async def never() -> None:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    guarded.app = stream
    headers = [(b"authorization", f"Bearer {secret}".encode())]
    scope = {"type": "http", "method": "POST", "path": "/v1/ask", "scheme": "http", "headers": headers}
    with ThreadPoolExecutor(1) as elsewhere:
        elsewhere.submit(asyncio.run, guarded(scope | {"client": (HERE, 1), "state": {}}, never, send)).result()  # type: ignore[arg-type]
    assert ended == ["http.disconnect" if change == "revoked" else "still open"]
    bodies = [each["body"] for each in sent if each["type"] == "http.response.body"]
    assert bodies == [b"first", b"" if change == "revoked" else b"last"], "no more is sent, such as the exception"
    assert not sent[-1].get("more_body")


class TestACallerWhoIsRemovedMeanwhile:
    """A client cannot postpone the check of its key by sending, and it is checked before its body is complete."""

    def received(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, app: Any, receive: Any) -> list[Any]:
        """What the application receives from a caller whose key is revoked after the first message."""
        monkeypatch.setattr(middleware_module, "RECHECK", 0.2)
        monkeypatch.setattr(access_module, "FRESH", 0.0)
        accounts = open_accounts(Settings(home=tmp_path))
        key, secret = accounts.keys.create("bot")
        guarded = control(tmp_path)
        got: list[Any] = []

        async def receiving(scope: Any, receive: Any, send: Any) -> None:
            async def recorded() -> Any:
                got.append(await receive())
                if len(got) == 1:
                    accounts.keys.revoke(key.id)
                return got[-1]

            await app(scope, recorded, send)

        guarded.app = receiving
        headers = [(b"authorization", f"Bearer {secret}".encode())]
        scope = {"type": "http", "method": "POST", "path": "/v1/ask", "scheme": "http", "headers": headers}

        async def ignore(_message: Any) -> None:
            pass

        scope |= {"client": (HERE, 1), "state": {}}
        with ThreadPoolExecutor(1) as elsewhere:
            elsewhere.submit(asyncio.run, guarded(scope, receive, ignore)).result()  # type: ignore[arg-type]
        return got

    def test_is_disconnected_while_it_sends_a_byte_at_a_time(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def drip() -> Any:
            await asyncio.sleep(0)
            return {"type": "http.request", "body": b"x", "more_body": True}

        async def read(_scope: Any, receive: Any, _send: Any) -> None:
            async with asyncio.timeout(60):
                while (await receive())["type"] != "http.disconnect":
                    pass

        assert self.received(tmp_path, monkeypatch, read, drip)[-1] == {"type": "http.disconnect"}

    def test_is_disconnected_before_the_end_of_its_body(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        pieces = [{"type": "http.request", "body": b"x", "more_body": more} for more in (True, False)]

        async def at_once() -> Any:
            return pieces.pop(0)

        async def read(_scope: Any, receive: Any, _send: Any) -> None:
            await receive()
            await asyncio.sleep(0.3)  # more than `RECHECK`
            assert await receive() == await receive() == {"type": "http.disconnect"}

        assert len(self.received(tmp_path, monkeypatch, read, at_once)) == 3


def test_pages_of_one_caller_connect_so_often(tmp_path: Path) -> None:
    """Each connection of a new page costs memory."""
    control_ = proxied(tmp_path)
    for user in ("ann", "bob"):
        statuses = [
            call(control_, f"/gradio_api/heartbeat/{number}", peer="10.1.1.1", headers=[(USER, user)])[0]
            for number in range(62)
        ]
        assert statuses == [200] * 60 + [429] * 2
        assert call(control_, "/gradio_api/queue/data", peer="10.1.1.1", headers=[(USER, user)])[0] == 200


@pytest.mark.parametrize("route", ["cancel", "reset", "reset/"])
def test_requests_that_stop_an_answer_count_towards_the_rate_and_not_towards_those_at_a_time(
    tmp_path: Path, route: str
) -> None:
    control_ = control(
        tmp_path, user_header=USER, trusted_proxies=("10.0.0.0/8",), rate_limit="3/minute", concurrency=1
    )
    with control_.policy.limits.turn("user:ann"):
        statuses = [
            call(control_, f"/gradio_api/{route}", method="POST", peer="10.1.1.1", headers=[(USER, "ann")])[0]
            for _ in range(3)
        ]
    assert statuses == [200, 200, 429]


class TestTheRegister:
    def test_is_read_anew_within_five_seconds(self) -> None:
        assert 0 < access_module.FRESH < access_module.STALE <= 5

    def test_is_not_read_at_every_request(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        _, secret = open_accounts(Settings(home=tmp_path)).keys.create("bot")
        at, control_ = 1000.0, control(tmp_path)
        monkeypatch.setattr("ui.security.access.time.monotonic", lambda: at)
        key = [("Authorization", f"Bearer {secret}")]
        assert call(control_, "/v1/articles", headers=key)[0] == 200
        control_.policy.accounts.keys.revoke(secret.split("_")[1])
        assert call(control_, "/v1/articles", headers=key)[0] == 200
        at += access_module.FRESH
        assert call(control_, "/v1/articles", headers=key)[0] == 401

    def test_a_database_that_is_away_closes_the_door_and_not_at_once(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _, secret = open_accounts(Settings(home=tmp_path)).keys.create("bot")
        at, control_ = 1000.0, control(tmp_path)
        monkeypatch.setattr("ui.security.access.time.monotonic", lambda: at)
        key = [("Authorization", f"Bearer {secret}")]
        assert call(control_, "/v1/articles", headers=key)[0] == 200
        asked = threading.Semaphore(0)

        def away() -> Any:
            asked.release()
            raise PersistenceError("it is away", "Wait.")

        monkeypatch.setattr(control_.policy.accounts.keys, "listing", away)
        at += access_module.FRESH
        assert [call(control_, "/v1/articles", headers=key)[0] for _ in range(3)] == [200] * 3
        assert asked.acquire(blocking=False)
        assert not asked.acquire(blocking=False), "it is not asked again by every request"
        at += access_module.STALE
        assert call(control_, "/v1/articles", headers=key)[0] == 503
        assert call(control_, "/healthz")[0] == 200


@pytest.mark.parametrize("forwarded", [True, False])
def test_the_header_that_sets_the_address_of_the_page_is_removed_and_is_a_sign_of_a_proxy(forwarded: bool) -> None:
    headers = [(b"host", b"localhost"), (b"X-Gradio_Server", b"http://evil.example")]
    assert was_forwarded(headers)
    assert strip_headers(headers, user_header=None, forwarded=forwarded) == headers[:1]
