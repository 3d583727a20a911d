"""Users of the page: a password that is kept as a slow hash, and that only its user knows."""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rag import Settings
from ui.cli.main import main
from ui.security import users as module
from ui.security.access import open_accounts
from ui.security.errors import AccessError
from ui.security.users import Users, hash_password, is_password

PASSWORD = "correct horse battery"


@pytest.fixture
def users(tmp_path: Path) -> Users:
    return open_accounts(Settings(home=tmp_path)).users


def test_a_user_logs_in_by_their_password_alone(users: Users) -> None:
    users.add("ann", PASSWORD)
    users.add("bob", "another passphrase")
    assert users.may_log_in("ann", PASSWORD)
    for name, password in [("ann", "another passphrase"), ("ann", ""), ("ANN", PASSWORD), ("eve", PASSWORD), ("", "")]:
        assert not users.may_log_in(name, password), (name, password)


def test_the_same_password_is_kept_otherwise_for_each(users: Users) -> None:
    users.add("ann", PASSWORD)
    users.add("bob", PASSWORD)
    kept = users.passwords()
    assert kept["ann"] != kept["bob"]
    assert PASSWORD not in "".join(kept.values())


def test_a_password_is_hashed_with_the_parameters_that_owasp_recommends(password_cost: tuple[int, int, int]) -> None:
    assert password_cost == (2**15, 8, 3)


def test_to_refuse_an_unknown_user_costs_the_same(users: Users, monkeypatch: pytest.MonkeyPatch) -> None:
    users.add("ann", PASSWORD)
    costs = []
    real = module._scrypt
    monkeypatch.setattr(module, "_scrypt", lambda *given: costs.append(given[2:]) or real(*given))
    users.may_log_in("ann", "a wrong password")
    users.may_log_in("eve", "a wrong password")
    assert len(costs) == 2
    assert costs[0] == costs[1]


def test_the_same_letters_typed_as_other_code_points_are_the_same_password() -> None:
    assert is_password("pass\u0065\u0301 of twelve", hash_password("pass\u00e9 of twelve"))


@pytest.mark.parametrize("kept", ["", "x", "scrypt$1$2$3", "scrypt$32768$8$3$?$?", "plain$2$1$1$AA==$AA=="])
def test_what_cannot_be_understood_lets_nobody_in(kept: str) -> None:
    assert not is_password("", kept)


def test_a_removed_user_is_refused(users: Users) -> None:
    users.add("ann", PASSWORD)
    assert users.remove("ann")
    assert not users.may_log_in("ann", PASSWORD)
    assert not users.remove("ann")


@pytest.mark.parametrize("password", ["", "elevenchars", "x" * 1025])
def test_a_password_has_a_length(users: Users, password: str) -> None:
    with pytest.raises(AccessError, match="characters") as told:
        users.add("ann", password)
    assert not password or password not in str(told.value)


@pytest.mark.parametrize("name", ["", " ann", "a,b", "a\nb", "-x", "é", "x" * 65])
def test_a_name_is_plain(users: Users, name: str) -> None:
    with pytest.raises(AccessError, match="Invalid user name"):
        users.add(name, PASSWORD)


def test_an_id_is_never_given_twice(users: Users) -> None:
    users.add("ann", PASSWORD)
    (first,) = users.listing()
    users.remove("ann")
    users.add("ann", PASSWORD)
    (second,) = users.listing()
    assert second.name == first.name
    assert first.id != second.id
    assert not {first.id, second.id} & {"ann", ""}


def test_a_user_of_before_keeps_what_is_theirs_and_their_successor_gets_none_of_it(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "access.sqlite3")) as database, database:
        database.execute("create table users (name text not null primary key, password text not null, created text)")
        database.execute("insert into users values (?, ?, ?)", ("ann", hash_password(PASSWORD), "2026-01-01"))
    users = open_accounts(Settings(home=tmp_path)).users
    assert users.may_log_in("ann", PASSWORD)
    assert [each.id for each in users.listing()] == ["ann"], "her conversations have the owner `user:ann`"
    users.remove("ann")
    users.add("ann", PASSWORD)
    assert [each.id == "ann" for each in users.listing()] == [False]


def test_who_came_through_a_proxy_keeps_their_conversations_if_that_is_wanted(users: Users) -> None:
    users.add("ann", PASSWORD, from_proxy=True)
    assert [each.id for each in users.listing()] == ["ann"]


def test_nobody_takes_the_name_of_another(users: Users) -> None:
    users.add("ann", PASSWORD)
    with pytest.raises(AccessError, match="already exists"):
        users.add("ann", "another passphrase")
    assert users.may_log_in("ann", PASSWORD)


def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, users: Users) -> None:
    monkeypatch.setenv("CITECHAT_HOME", str(tmp_path))
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    assert main(["users", "add", "ann"]) == 0
    assert users.may_log_in("ann", PASSWORD)
    assert main(["users", "list"]) == 0
    printed = capsys.readouterr()
    assert "ann" in printed.out
    assert PASSWORD not in printed.out + printed.err
    assert main(["users", "remove", "ann"]) == 0
    assert main(["users", "remove", "ann"]) == 1
