"""Several copies of a server share keys and users on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from pydantic import SecretStr

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
