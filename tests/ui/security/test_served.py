"""A served chat lets in who has a key, who logged in, or whom a trusted proxy names, and nobody else."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from servers import serving_chat
from visitors import Parrot, cookie_of, log_in, visit

from rag import Settings, SettingsError
from ui.chat.services import Services
from ui.persistence.conversations import ConversationStore
from ui.security.access import AccountRegistry, open_accounts
from ui.security.rate_limits import CONCURRENT_LOGINS
from ui.server import ServedChat, start_chat

# The framework leaves event loops open for the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning"
)

PASSWORD = "correct horse battery"
ASK = {"question": "When did it reopen?"}
PAGE_ROUTES = [
    ("GET", "/"),
    ("GET", "/config"),
    ("GET", "/config/"),
    ("GET", "/gradio_api/info"),
    ("GET", "/gradio_api/app_id"),
    ("GET", "/gradio_api/token"),
    ("GET", "/gradio_api/user"),
    ("POST", "/gradio_api/queue/join"),
    ("GET", "/gradio_api/queue/data?session_hash=abc"),
    ("GET", "/gradio_api/queue/status"),
    ("POST", "/gradio_api/upload"),
    ("GET", "/gradio_api/upload_progress?upload_id=x"),
    ("GET", "/gradio_api/file=/etc/passwd"),
    ("GET", "/gradio_api/file//etc/passwd"),
    ("GET", "/gradio_api/proxy=http://127.0.0.1/"),
    ("POST", "/gradio_api/call/ask"),
    ("POST", "/gradio_api/run/predict"),
    ("POST", "/gradio_api/api/predict"),
    ("POST", "/gradio_api/cancel"),
    ("POST", "/gradio_api/reset"),
    ("GET", "/gradio_api/heartbeat/abc"),
    ("GET", "/gradio_api/stream/abc/1/2/playlist.m3u8"),
    ("POST", "/gradio_api/component_server"),
    ("GET", "/monitoring"),
    ("GET", "/logout"),
    ("GET", "/no/such/route"),
]


@pytest.fixture(autouse=True)
def _always_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept is read at every request, so that no test has to wait; `test_control.py` looks at the time."""
    monkeypatch.setattr("ui.security.access.FRESH", 0.0)


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServedChat, AccountRegistry]]:
    """A chat with a key of each kind."""
    settings = Settings(home=tmp_path_factory.mktemp("keyed"))
    register = open_accounts(settings)
    register.keys.create("first")
    with serving_chat(Parrot(), settings=settings) as chat:
        yield chat, register


@pytest.fixture(scope="module")
def with_users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServedChat, AccountRegistry]]:
    """A chat that ann and bob may log in to."""
    settings = Settings(home=tmp_path_factory.mktemp("users"))
    register = open_accounts(settings)
    register.users.add("ann", PASSWORD)
    register.users.add("bob", PASSWORD)
    with serving_chat(Parrot(), settings=settings) as chat:
        yield chat, register


@pytest.fixture(scope="module")
def behind_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedChat]:
    """A chat whose proxy is on this machine."""
    settings = Settings(
        home=tmp_path_factory.mktemp("proxied"), user_header="X-Forwarded-User", trusted_proxies=("127.0.0.1",)
    )
    with serving_chat(Parrot(), settings=settings) as chat:
        yield chat


class TestKeys:
    def test_a_key_opens_the_api(self, keyed: tuple[ServedChat, AccountRegistry]) -> None:
        chat, register = keyed
        _, secret = register.keys.create("bot")
        reply = visit(chat.port, "/v1/ask", body=ASK, Authorization=f"Bearer {secret}")
        assert (reply.status, reply.json["text"]) == (200, "It reopened on Monday.")

    @pytest.mark.parametrize("path", ["/v1/articles", "/v1/articles/a1", "/v1/nothing", "/metrics", "/mcp", "/mcp/"])
    def test_without_one_it_is_closed(self, keyed: tuple[ServedChat, AccountRegistry], path: str) -> None:
        reply = visit(keyed[0].port, path)
        assert reply.status == 401
        assert reply.headers["www-authenticate"] == 'Bearer realm="citechat"'
        assert set(reply.json["error"]) == {"message", "hint"}
        assert "Bearer" in reply.json["error"]["hint"]

    def test_a_wrong_one_is_told_to_be_wrong_and_not_repeated(self, tmp_path: Path) -> None:
        settings = Settings(home=tmp_path)
        _, secret = open_accounts(settings).keys.create("bot")
        with serving_chat(Parrot(), settings=settings) as chat:
            wrong = [secret[:-2] + "AA", secret[:20], "x", ""]
            for each in wrong:
                reply = visit(chat.port, "/v1/articles", Authorization=f"Bearer {each}")
                assert reply.status == 401
                assert "invalid_token" in reply.headers["www-authenticate"]
                assert len(each) < 2 or each not in reply.body.decode()
            twice = [("Authorization", f"Bearer {secret}"), ("Authorization", "Bearer x")]
            assert visit(chat.port, "/v1/articles", headers=twice).status == 401
            assert visit(chat.port, "/v1/articles", Authorization=f"Basic {secret}").status == 401
            statuses = {visit(chat.port, "/v1/articles", Authorization="Bearer x").status for _ in range(20)}
            assert statuses == {401, 429}, "guessing is slowed down"
            slowed = visit(chat.port, "/v1/articles", Authorization="Bearer x")
            assert int(slowed.headers["retry-after"]) >= 1

    def test_a_key_to_read_changes_nothing(self, keyed: tuple[ServedChat, AccountRegistry]) -> None:
        chat, register = keyed
        _, secret = register.keys.create("reader")
        for method, path in [("POST", "/v1/articles"), ("DELETE", "/v1/articles/a1"), ("POST", "/v1/evaluate")]:
            reply = visit(chat.port, path, method=method, Authorization=f"Bearer {secret}")
            assert reply.status == 403, path
            assert "'write'" in reply.json["error"]["message"]
            assert 'scope="write"' in reply.headers["www-authenticate"]
        for ending in ("%0a", "%0A", "%0d", "%00", "%85", "%c2%85", "%e2%80%a8", "%7f"):
            reply = visit(chat.port, f"/v1/articles{ending}", body={"text": "Rain."}, Authorization=f"Bearer {secret}")
            assert reply.status in ((400, 403) if ending == "%85" else (400,)), ending
        assert visit(chat.port, "/v1/articles", Authorization=f"Bearer {secret}").status == 200

    def test_a_key_that_is_revoked_while_the_server_runs_is_refused(
        self, keyed: tuple[ServedChat, AccountRegistry]
    ) -> None:
        chat, register = keyed
        key, secret = register.keys.create("bot")
        assert visit(chat.port, "/v1/articles", Authorization=f"Bearer {secret}").status == 200
        register.keys.revoke(key.id)
        assert visit(chat.port, "/v1/articles", Authorization=f"Bearer {secret}").status == 401

    def test_the_page_stays_open_on_this_machine_and_not_through_a_proxy(
        self, keyed: tuple[ServedChat, AccountRegistry]
    ) -> None:
        assert visit(keyed[0].port, "/").status == 200
        for header in ("X-Forwarded-For", "Forwarded", "X_Forwarded_For", "Via", "X-Real-IP"):
            assert visit(keyed[0].port, "/", headers=[(header, "10.1.2.3")]).status == 401, header

    def test_whether_it_lives_is_told_to_anybody(self, keyed: tuple[ServedChat, AccountRegistry]) -> None:
        for path in ("/healthz", "/readyz"):
            assert visit(keyed[0].port, path).status in (200, 503)

    def test_what_prometheus_reads_needs_a_key(self, keyed: tuple[ServedChat, AccountRegistry]) -> None:
        chat, register = keyed
        _, secret = register.keys.create("prometheus", metrics=True)
        assert visit(chat.port, "/metrics", Authorization=f"Bearer {secret}").status == 200
        assert visit(chat.port, "/metrics").status == 401
        for path, body in (("/v1/articles", None), ("/v1/ask", ASK), ("/mcp", {})):
            reply = visit(chat.port, path, body=body, Authorization=f"Bearer {secret}")
            assert reply.status == 403, path
            assert "'read'" in reply.json["error"]["message"]

    def test_a_key_of_before_reads_the_metrics_with_a_warning(
        self, keyed: tuple[ServedChat, AccountRegistry], caplog: pytest.LogCaptureFixture
    ) -> None:
        chat, register = keyed
        key, secret = register.keys.create("old prometheus")
        for _ in range(3):
            assert visit(chat.port, "/metrics", Authorization=f"Bearer {secret}").status == 200
        (warning,) = [record.getMessage() for record in caplog.records if key.id in record.getMessage()]
        assert "--metrics" in warning


class TestUsers:
    @pytest.mark.parametrize(("method", "path"), PAGE_ROUTES[1:])
    def test_every_route_of_the_page_needs_a_login(
        self, with_users: tuple[ServedChat, AccountRegistry], method: str, path: str
    ) -> None:
        body = {} if method == "POST" else None
        reply = visit(with_users[0].port, path, method=method, body=body)
        assert reply.status == 401
        for forged in ("access-token-unsecure-x=1", "access-token-=ann", "citechat=" + "0" * 32):
            assert visit(with_users[0].port, path, method=method, body=body, Cookie=forged).status == 401

    def test_who_is_not_logged_in_sees_where_to(self, with_users: tuple[ServedChat, AccountRegistry]) -> None:
        reply = visit(with_users[0].port, "/")
        assert reply.status == 200
        assert b'"auth_required":true' in reply.body.replace(b" ", b"")
        assert b"The port" not in reply.body

    def test_a_login_opens_the_page_under_ones_own_name(self, with_users: tuple[ServedChat, AccountRegistry]) -> None:
        chat, _ = with_users
        cookie = cookie_of(log_in(chat.port, "ann", PASSWORD))
        assert visit(chat.port, "/config", Cookie=cookie).json["username"] == "ann"
        assert visit(chat.port, "/v1/articles", Cookie=cookie).status == 401, "programs need a key"

    def test_no_other_site_can_use_the_login(self, with_users: tuple[ServedChat, AccountRegistry]) -> None:
        reply = log_in(with_users[0].port, "ann", PASSWORD)
        assert "SameSite=Lax" in reply.headers["set-cookie"]
        assert "SameSite=none" not in reply.headers["set-cookie"]

    def test_a_user_who_is_removed_is_out(self, with_users: tuple[ServedChat, AccountRegistry]) -> None:
        chat, register = with_users
        register.users.add("eve", PASSWORD)
        cookie = cookie_of(log_in(chat.port, "eve", PASSWORD))
        assert visit(chat.port, "/config", Cookie=cookie).status == 200
        register.users.remove("eve")
        assert visit(chat.port, "/config", Cookie=cookie).status == 401
        assert log_in(chat.port, "eve", PASSWORD).status == 400
        assert b"auth_required" in visit(chat.port, "/", Cookie=cookie).body

    def test_passwords_are_not_guessed_at(self, tmp_path: Path) -> None:
        settings = Settings(home=tmp_path)
        open_accounts(settings).users.add("ann", PASSWORD)
        with serving_chat(Parrot(), settings=settings) as chat:
            with ThreadPoolExecutor(12) as guessers:
                statuses = [*guessers.map(lambda _: log_in(chat.port, "ann", "wrong password").status, range(40))]
            statuses += [log_in(chat.port, "ann", "wrong password").status for _ in range(21)]
            assert statuses.count(400) <= 20 + CONCURRENT_LOGINS, "all at once as well as one by one"
            assert log_in(chat.port, "ann", PASSWORD).status == 429, "nor is it told which one was right"

    def test_a_login_is_no_licence_to_guess(self, tmp_path: Path) -> None:
        settings = Settings(home=tmp_path)
        register = open_accounts(settings)
        register.users.add("ann", PASSWORD)
        register.users.add("bob", PASSWORD)
        with serving_chat(Parrot(), settings=settings) as chat:
            cookie = cookie_of(log_in(chat.port, "bob", PASSWORD))
            form = b"username=%b&password=wrong+password"
            sent = {"content_type": "application/x-www-form-urlencoded", "Cookie": cookie}
            replies = [visit(chat.port, "/login", body=form % b"ann", **sent) for _ in range(15)]
            assert [each.status for each in replies] == [400] * 10 + [429] * 5, "by account and address"
            assert int(replies[-1].headers["retry-after"]) >= 1
            assert b"user name" in replies[-1].body
            unknown = [visit(chat.port, "/login", body=form % b"eve", **sent).status for _ in range(15)]
            assert unknown == [400] * 10 + [429] * 5, "an unknown account counts alike, and then the address does"
            assert log_in(chat.port, "bob", PASSWORD).status == 429, "by address, whatever the account"
            assert visit(chat.port, "/config", Cookie=cookie).status == 200, "who is logged in stays so"

    def test_behind_a_proxy_each_address_has_its_own_limit(self, tmp_path: Path) -> None:
        settings = Settings(home=tmp_path, trusted_proxies=("127.0.0.1",))
        open_accounts(settings).users.add("ann", PASSWORD)
        with serving_chat(Parrot(), settings=settings) as chat:
            form, type_ = b"username=ann&password=wrong+password", "application/x-www-form-urlencoded"
            for address in ("203.0.113.1", "203.0.113.2"):
                sent = {"content_type": type_, "X-Forwarded-For": address}
                statuses = [visit(chat.port, "/login", body=form, **sent).status for _ in range(12)]
                assert statuses == [400] * 10 + [429] * 2

    def test_who_gets_the_name_of_a_removed_user_gets_nothing_else_of_theirs(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "bench"))
        pages: Any = importlib.import_module("readers_page")
        settings = Settings(home=tmp_path)
        register = open_accounts(settings)
        services = Services(ConversationStore(f"sqlite:///{tmp_path / 'conversations.sqlite3'}"))
        assert services.conversations is not None
        with closing(services.conversations) as saved:
            register.users.add("ann", PASSWORD)
            with serving_chat(Parrot(), services, settings=settings) as chat:
                for _ in range(2):
                    owner = f"user:{register.users.listing()[0].id}"
                    assert saved.listing(owner) == []
                    with pages.Page(chat.url, Cookie=cookie_of(log_in(chat.port, "ann", PASSWORD))) as page:
                        page.ask("When did it reopen?")
                        for _ in page.states():
                            pass
                    assert len(saved.listing(owner)) == 1
                    register.users.remove("ann")
                    register.users.add("ann", PASSWORD)
            assert saved.listing("user:ann") == []

    def test_a_login_that_a_removed_user_never_used_is_not_one_of_their_successor(self, tmp_path: Path) -> None:
        settings = Settings(home=tmp_path)
        register = open_accounts(settings)
        register.users.add("ann", PASSWORD)
        with serving_chat(Parrot(), settings=settings) as chat:
            unused = cookie_of(log_in(chat.port, "ann", PASSWORD))
            register.users.remove("ann")
            register.users.add("ann", "another long passphrase")
            assert visit(chat.port, "/config", Cookie=unused).status == 401

    def test_who_logs_out_does_it_by_post(self, with_users: tuple[ServedChat, AccountRegistry]) -> None:
        chat, register = with_users
        register.users.add("dora", PASSWORD)
        cookie = cookie_of(log_in(chat.port, "dora", PASSWORD))
        for path in ("/logout", "/logout/", "/logout?all_session=true"):
            reply = visit(chat.port, path, Cookie=cookie)
            assert (reply.status, reply.headers["allow"]) == (405, "POST")
        for other in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert visit(chat.port, "/logout", method="POST", headers=[*other.items()], Cookie=cookie).status == 403
        assert visit(chat.port, "/config", Cookie=cookie).status == 200
        reply = visit(chat.port, "/logout", method="POST", Cookie=cookie, Origin=f"http://127.0.0.1:{chat.port}")
        assert reply.status == 302
        assert reply.headers["location"].rstrip("/") == f"http://127.0.0.1:{chat.port}"
        assert visit(chat.port, "/config", Cookie=cookie).status == 401

    @pytest.mark.parametrize("query", ["", "?all_session=false", "?all_session=0", "?x=1&all_session=no"])
    def test_logging_out_ends_the_logins_of_the_user_in_all_browsers(
        self, with_users: tuple[ServedChat, AccountRegistry], query: str
    ) -> None:
        chat, register = with_users
        for name in ("emma", "finn"):
            register.users.remove(name)
            register.users.add(name, PASSWORD)
        one, two, other = (cookie_of(log_in(chat.port, name, PASSWORD)) for name in ("emma", "emma", "finn"))
        assert visit(chat.port, f"/logout{query}", method="POST", Cookie=one).status == 302
        assert [visit(chat.port, "/config", Cookie=each).status for each in (one, two, other)] == [401, 401, 200]


class TestProxy:
    def ask(self, chat: ServedChat, *headers: tuple[str, str | bytes]) -> Any:
        return visit(chat.port, "/config", headers=list(headers))

    def test_whom_the_proxy_names_is_who_the_page_knows(self, behind_proxy: ServedChat) -> None:
        reply = self.ask(behind_proxy, ("X-Forwarded-User", "ann"), ("X-Forwarded-For", "10.1.2.3"))
        assert (reply.status, reply.json["username"]) == (200, "ann")
        assert self.ask(behind_proxy, ("x-forwarded-user", "Zoë".encode())).json["username"] == "Zoë"
        assert self.ask(behind_proxy, ("X-Forwarded-User", "DOMAIN\\ann-$1 (dpa)")).status == 200

    def test_who_is_not_named_is_not_let_in(self, behind_proxy: ServedChat) -> None:
        for method, path in PAGE_ROUTES:
            reply = visit(behind_proxy.port, path, method=method, body={} if method == "POST" else None)
            assert reply.status == 401, path

    @pytest.mark.parametrize(
        "headers",
        [
            [("X-Forwarded-User", "ann"), ("X-Forwarded-User", "eve")],
            [("X-Forwarded-User", "ann"), ("X_Forwarded_User", "eve")],
            [("X_Forwarded_User", "eve")],
            [("X-Forwarded_User", "eve")],
            [("X-Forwarded-User", "ann,eve")],
            [("X-Forwarded-User", "ann; eve")],
            [("X-Forwarded-User", "#0123456789abcdef0123456789abcdef")],
            [("X-Forwarded-User", "{http.reverse_proxy.header.Remote-User}")],
            [("X-Forwarded-User", "(null)")],
            [("X-Forwarded-User", "-")],
            [("X-Forwarded-User", "$remote_user")],
            [("X-Forwarded-User", "%{REMOTE_USER}e")],
            [("X-Forwarded-User", "<no value>")],
            [("X-Forwarded-User", "x" * 201)],
            [("X-Forwarded-User", "ann\teve")],
            [("X-Forwarded-User", b"ann\xff")],
            [("X-Forwarded-User", "ann\u202eeve".encode())],
            [("X-Forwarded-User", "ann\u2028eve".encode())],
            [("X-Forwarded-User", "\u3164".encode())],
            [("X-Forwarded-User", "\u115f\u1160".encode())],
            [("X-Forwarded-User", "\uffa0-\uffa0".encode())],
            [("X-Forwarded-User", "ann\u115f".encode())],
            [("X-Forwarded-User", "\u3164ann".encode())],
            [("X-Forwarded-User", "ann\ufe0f".encode())],
            [("X-Forwarded-User", "ann\u034f".encode())],
            [("X-Forwarded-User", "ann\U000e0100".encode())],
            [("X-Forwarded-User", "ann\u2800".encode())],
            [("X-Forwarded-User", "\u0301\u200b".encode())],
        ],
    )
    def test_an_odd_name_is_refused(self, behind_proxy: ServedChat, headers: Any) -> None:
        assert self.ask(behind_proxy, *headers).status == 400

    @pytest.mark.parametrize("empty", ["", " ", "\t"])
    def test_an_empty_name_is_nobody(self, behind_proxy: ServedChat, empty: str) -> None:
        assert self.ask(behind_proxy, ("X-Forwarded-User", empty)).status == 401

    def test_who_is_no_proxy_is_not_believed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Also where the web server would take the address that a header names for the one at the other end."""
        monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
        settings = Settings(home=tmp_path, user_header="X-Forwarded-User", trusted_proxies=("10.0.0.0/8",))
        with serving_chat(Parrot(), settings=settings) as chat:
            for name in ("X-Forwarded-User", "X_Forwarded_User", "x-forwarded-user"):
                for forwarded in ("10.0.0.1", "127.0.0.1, 10.0.0.1"):
                    reply = self.ask(chat, (name, "ann"), ("X-Forwarded-For", forwarded))
                    assert reply.status == 401, (name, forwarded)


class TestWithoutAccessControl:
    def test_nothing_changes_on_this_machine(self, tmp_path: Path) -> None:
        with serving_chat(Parrot(), settings=Settings(home=tmp_path)) as chat:
            assert visit(chat.port, "/v1/ask", body=ASK).status == 200
            assert visit(chat.port, "/config").status == 200
        assert not (tmp_path / "access.sqlite3").exists()

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "chat.example.org", "", "127.0.0.1.example.org"])
    def test_other_machines_are_not_served(self, tmp_path: Path, host: str) -> None:
        for settings in (None, Settings(home=tmp_path)):
            with pytest.raises(SettingsError, match="Without access control") as told:
                start_chat(Parrot(), settings=settings, host=host)  # type: ignore[arg-type]
            assert "citechat keys create" in told.value.hint

    def test_unless_it_is_said_twice(self, capsys: pytest.CaptureFixture[str]) -> None:
        from ui.cli.main import main

        for one in ("--no-access-control", "--anyone-may-use-it"):
            assert main(["chat", "--host", "0.0.0.0", one]) == 1
            assert "go together" in capsys.readouterr().err

    def test_a_header_without_a_proxy_is_a_mistake(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match="no proxy is trusted"):
            start_chat(Parrot(), settings=Settings(home=tmp_path, user_header="X-User"))  # type: ignore[arg-type]
