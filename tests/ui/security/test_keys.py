"""Keys of programs: shown once, kept as a hash, good until they expire or are revoked."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rag import Settings
from ui.cli.main import main
from ui.persistence.database import PersistenceError
from ui.security.access import AccountRegistry, open_accounts
from ui.security.errors import AccessError
from ui.security.keys import Key, find_key


@pytest.fixture
def register(tmp_path: Path) -> AccountRegistry:
    return open_accounts(Settings(home=tmp_path))


def known(register: AccountRegistry) -> dict[str, Key]:
    return register.read().keys


def test_a_key_is_found_by_its_secret_and_by_no_other(register: AccountRegistry) -> None:
    (ours, secret), (_, other) = register.keys.create("bot"), register.keys.create("other")
    assert find_key(secret, known(register)) == ours
    prefix, id_, _ = secret.split("_", 2)
    swapped = other.replace(other.split("_")[1], id_)
    for wrong in (swapped, secret[:-1], f"{secret}A", secret.upper(), id_, f"{prefix}_{id_}_", ""):
        assert find_key(wrong, known(register)) is None, wrong
    assert find_key(f"{secret}\n", known(register)) is None


def test_the_secret_has_the_keys_id_and_256_random_bits(register: AccountRegistry) -> None:
    key, secret = register.keys.create("bot")
    assert secret.startswith(f"citechat_{key.id}_")
    assert len(secret.removeprefix(f"citechat_{key.id}_")) == 43  # 32 bytes
    assert secret != register.keys.create("bot")[1]


def test_the_secret_is_kept_nowhere(register: AccountRegistry, tmp_path: Path) -> None:
    key, secret = register.keys.create("bot")
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert secret.removeprefix(f"citechat_{key.id}_").encode() not in kept
    assert b"bot" in kept, "the key itself is there"
    assert key.digest not in repr(key)


def test_only_its_user_can_read_the_file(register: AccountRegistry, tmp_path: Path) -> None:
    register.keys.create("bot")
    assert stat.S_IMODE((tmp_path / "access.sqlite3").stat().st_mode) == 0o600


def test_to_look_makes_no_file(register: AccountRegistry, tmp_path: Path) -> None:
    assert not register.read().keys
    assert not register.keys.revoke("no such key")
    assert not list(tmp_path.iterdir())


def test_a_revoked_key_is_refused(register: AccountRegistry) -> None:
    key, secret = register.keys.create("bot")
    assert register.keys.revoke(key.id)
    assert find_key(secret, known(register)) is None
    assert not register.keys.revoke(key.id), "twice"
    assert [each.state for each in register.keys.listing()] == ["revoked"]


def test_an_expired_key_is_refused(register: AccountRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    _, secret = register.keys.create("bot", days=1)
    assert find_key(secret, known(register))
    later = datetime(2999, 1, 1, tzinfo=UTC).isoformat(timespec="seconds")
    monkeypatch.setattr("ui.security.keys.utc_now", lambda: later)
    assert find_key(secret, known(register)) is None


def test_a_key_reads_and_writes_only_where_it_was_made_to(register: AccountRegistry) -> None:
    assert register.keys.create("reader")[0].scopes == {"read"}
    assert register.keys.create("writer", write=True)[0].scopes == {"read", "write"}
    assert register.keys.create("prometheus", metrics=True)[0].scopes == {"metrics"}
    assert {each.name: set(each.scopes) for each in known(register).values()} == {
        "reader": {"read"},
        "writer": {"read", "write"},
        "prometheus": {"metrics"},
    }
    with pytest.raises(AccessError, match="cannot also change articles"):
        register.keys.create("all", write=True, metrics=True)


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\nb", "a\x00"])
def test_a_key_has_a_name_that_can_be_read(register: AccountRegistry, name: str) -> None:
    with pytest.raises(AccessError, match="Invalid key name"):
        register.keys.create(name)


@pytest.mark.parametrize("days", [0, -1, 3651])
def test_a_key_expires_some_day(register: AccountRegistry, days: int) -> None:
    with pytest.raises(AccessError, match="cannot expire"):
        register.keys.create("bot", days=days)


def test_a_file_that_is_no_database_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "access.sqlite3").write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(PersistenceError, match="not a database"):
        open_accounts(Settings(home=tmp_path)).read()


def test_the_address_of_a_database_is_not_repeated() -> None:
    with pytest.raises(PersistenceError) as told:
        open_accounts(Settings(database_url="nonsense of hunter2")).read()
    assert "hunter2" not in str(told.value)


class TestCommands:
    @pytest.fixture(autouse=True)
    def _home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CITECHAT_HOME", str(tmp_path))
        self.register = open_accounts(Settings(home=tmp_path))

    def test_create_prints_the_secret_alone(self, capsys: Any) -> None:
        assert main(["keys", "create", "bot", "--write", "--expires", "7"]) == 0
        printed = capsys.readouterr()
        key = find_key(printed.out.rstrip("\n"), known(self.register))
        assert key is not None
        assert key.scopes == {"read", "write"}
        assert key.expires
        assert printed.out.strip() not in printed.err

    def test_create_a_key_for_metrics(self, capsys: Any) -> None:
        assert main(["keys", "create", "prometheus", "--metrics"]) == 0
        printed = capsys.readouterr()
        key = find_key(printed.out.rstrip("\n"), known(self.register))
        assert key is not None
        assert key.scopes == {"metrics"}
        assert "may read metrics" in printed.err
        assert main(["keys", "create", "all", "--metrics", "--write"]) == 1

    def test_list_shows_no_secret(self, capsys: Any) -> None:
        key, secret = self.register.keys.create("bot")
        assert main(["keys", "list"]) == main(["keys", "list", "--json"]) == 0
        printed = capsys.readouterr().out
        assert key.id in printed
        assert secret.rpartition("_")[2] not in printed
        assert key.digest not in printed

    def test_revoke(self, capsys: Any) -> None:
        key, _ = self.register.keys.create("bot")
        assert main(["keys", "revoke", key.id]) == 0
        assert main(["keys", "revoke", key.id]) == 1
        assert "there is no such key" in capsys.readouterr().err
