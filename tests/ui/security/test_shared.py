"""Several copies of a server share keys and users on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine, text

from rag import Settings
from ui.persistence.conversations import ConversationStore
from ui.persistence.database import PersistenceError
from ui.security.access import AccountRegistry, open_accounts
from ui.security.keys import find_key

PASSWORD = "correct horse battery"


@pytest.fixture
def copies(database: str) -> Iterator[tuple[AccountRegistry, AccountRegistry]]:
    """Two servers with the same settings."""
    settings = Settings(database_url=SecretStr(database))
    one, other = open_accounts(settings), open_accounts(settings)
    yield one, other
    one.close()
    other.close()


def test_a_key_that_one_copy_makes_is_good_at_the_other_until_it_is_revoked(
    copies: tuple[AccountRegistry, AccountRegistry],
) -> None:
    one, other = copies
    assert not one.read().keys
    key, secret = one.keys.create("bot", write=True, days=1)
    assert find_key(secret, other.read().keys) == key
    assert other.keys.revoke(key.id)
    assert find_key(secret, one.read().keys) is None


def test_a_user_logs_in_at_each(copies: tuple[AccountRegistry, AccountRegistry]) -> None:
    one, other = copies
    one.users.add("ann", PASSWORD)
    assert other.users.may_log_in("ann", PASSWORD)
    assert not other.users.may_log_in("ann", "another passphrase")
    assert other.users.remove("ann")
    assert not one.users.may_log_in("ann", PASSWORD)


def test_users_of_an_older_version_keep_their_conversations(
    copies: tuple[AccountRegistry, AccountRegistry], database: str
) -> None:
    """Also if two copies of the new version are the first to read them, at the same time."""
    engine = create_engine(database)
    with engine.begin() as connection:
        connection.execute(text("create table users (name text primary key, password text, created text)"))
        connection.execute(text("insert into users values ('ann', 'x', '2026-01-01')"))
    engine.dispose()
    with ThreadPoolExecutor(2) as threads:
        found = [*threads.map(lambda copy: copy.users.listing(), copies)]
    assert [[user.id for user in users] for users in found] == [["ann"], ["ann"]]
    copies[0].users.remove("ann")
    copies[0].users.add("ann", PASSWORD)
    assert [user.id == "ann" for user in copies[1].users.listing()] == [False]


def test_they_lie_beside_the_conversations(copies: tuple[AccountRegistry, AccountRegistry], database: str) -> None:
    with closing(ConversationStore(database)) as saved:
        copies[0].keys.create("bot")
        assert saved.listing("user:ann") == []
        assert len(copies[1].read().keys) == 1


def test_where_it_does_not_answer_nobody_is_said_to_have_no_key() -> None:
    gone = open_accounts(Settings(database_url=SecretStr("postgresql+psycopg://ann:hunter2@127.0.0.1:1/x")))
    with pytest.raises(PersistenceError, match="keys and users") as told:
        gone.read()
    assert "hunter2" not in str(told.value)
