"""What is peculiar to conversations in a database on a server, which several copies of the chat share: PostgreSQL."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from postgresql import PASSWORD, PostgreSQL, programs, running_postgresql
from servers import free_port

from index import Index
from rag import Answer, Assistant, load_settings
from ui.chat.services import services_of
from ui.conversation import Conversation, Exchange
from ui.persistence import database as module
from ui.persistence.conversations import ConversationStore, PersistenceError

SAID = Conversation((Exchange("When did it reopen?"),))


@contextmanager
def copies(url: str, count: int = 2) -> Iterator[list[ConversationStore]]:
    made = [ConversationStore(url) for _ in range(count)]
    try:
        yield made
    finally:
        for each in made:
            each.close()


def test_what_one_copy_keeps_another_one_shows(database: str) -> None:
    with copies(database) as (one, other):
        kept = one.save("ann", SAID)
        assert other.load("ann", kept.id) == kept
        assert other.rename("ann", kept.id, "The port")
        assert [each.title for each in one.listing("ann")] == ["The port"]


def test_copies_that_first_save_one_conversation_at_once_both_succeed(database: str) -> None:
    with copies(database, 4) as all_copies:
        together = threading.Barrier(len(all_copies))

        def save(saved: ConversationStore) -> None:
            for number in range(15):
                together.wait(300)
                saved.save("ann", replace(SAID, id=f"c{number}"))

        with ThreadPoolExecutor(len(all_copies)) as pool:
            list(pool.map(save, all_copies))
        assert len(all_copies[0].listing("ann")) == 15


def test_copies_that_judge_one_answer_at_once_leave_one_verdict(database: str) -> None:
    with copies(database, 4) as all_copies:
        kept = all_copies[0].save("ann", Conversation((Exchange("When?", Answer("When?", "On Monday.", done=True)),)))
        together = threading.Barrier(len(all_copies))

        def judge(saved: ConversationStore) -> None:
            for _ in range(10):
                together.wait(300)
                saved.record_feedback("ann", kept.id, 1, "good", "")

        with ThreadPoolExecutor(len(all_copies)) as pool:
            list(pool.map(judge, all_copies))
        assert len(list(all_copies[0].feedback())) == 1


def test_a_reader_who_has_no_right_to_make_tables_is_told_what_to_do(postgresql: PostgreSQL, database: str) -> None:
    name = database.rpartition("/")[2]
    postgresql.run(f"create role {name} login password 'other'")
    url = database.replace(database.partition("//")[2].partition("@")[0], f"{name}:other")
    with closing(ConversationStore(url)) as saved, pytest.raises(PersistenceError, match="permission denied") as told:
        saved.listing("ann")
    assert "right to create" in told.value.hint
    assert "other" not in told.value.message.replace("cannot", "")


def test_a_wrong_password_is_told_and_no_password_is(database: str, caplog: pytest.LogCaptureFixture) -> None:
    user = database.partition("//")[2].partition("@")[0]
    for url in (database.replace(user, "ann:wr0ng"), f"{database.replace(user + '@', '')}?user=ann&password=wr0ng"):
        with (
            closing(ConversationStore(url)) as saved,
            caplog.at_level(logging.DEBUG),
            pytest.raises(PersistenceError) as told,
        ):
            saved.listing("ann")
        assert "authentication failed" in told.value.message
        for words in (str(told.value), repr(told.value), caplog.text):
            assert "wr0ng" not in words


def test_a_missing_driver_is_told_with_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(PersistenceError, match="psycopg") as told:
        ConversationStore("postgresql+psycopg://ann:s3cr3t@127.0.0.1/x")
    assert "citechat[postgresql]" in told.value.hint
    assert "s3cr3t" not in str(told.value)


def test_a_server_that_does_not_answer_holds_a_reader_for_seconds_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    monkeypatch.setattr(module, "TIMEOUT", 2.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql+psycopg://ann:s3cr3t@127.0.0.1:{silent.getsockname()[1]}/x"
        with closing(ConversationStore(url)) as saved, pytest.raises(PersistenceError, match="timeout expired"):
            saved.listing("ann")


# The chat with it


def test_a_chat_keeps_conversations_in_the_database_that_the_settings_name(
    database: str, tmp_path: Path, index: Index
) -> None:
    services = services_of(load_settings(home=tmp_path / "home", database_url=database), Assistant(index))
    assert services.conversations is not None
    with closing(services.conversations), closing(ConversationStore(database)) as again:
        kept = services.conversations.save("ann", SAID)
        assert again.load("ann", kept.id) == kept
    assert not list(tmp_path.glob("home/*.sqlite3"))


@pytest.mark.slow
def test_a_chat_goes_on_without_a_database_that_is_down_and_keeps_again_when_it_is_back(
    tmp_path: Path, index: Index, caplog: pytest.LogCaptureFixture, postgresql: PostgreSQL
) -> None:
    where = programs()
    assert where is not None
    with running_postgresql(where) as server:
        url = server.database("chats")
        server.stop()
        with caplog.at_level(logging.WARNING):
            services = services_of(load_settings(home=tmp_path, database_url=url), Assistant(index))
        assert "conversations are not saved until the database answers" in caplog.text
        assert PASSWORD not in caplog.text
        assert services.conversations is not None
        with closing(services.conversations) as saved:
            with pytest.raises(PersistenceError, match="Cannot use the conversations") as told:
                saved.save("ann", SAID)
            assert "is reachable" in told.value.hint
            server.start()
            kept = saved.save("ann", SAID)
            server.stop()
            with pytest.raises(PersistenceError):
                saved.load("ann", kept.id)
            server.start()
            assert saved.load("ann", kept.id) == kept, "a connection that has died is made anew"


def test_an_address_that_is_none_ends_the_chat_before_it_begins(tmp_path: Path, index: Index) -> None:
    with pytest.raises(PersistenceError, match="Invalid database address") as told:
        services_of(load_settings(home=tmp_path, database_url="s3cr3t"), Assistant(index))
    assert "s3cr3t" not in str(told.value)


def test_nobody_listening_is_told(tmp_path: Path) -> None:
    url = f"postgresql+psycopg://ann:s3cr3t@127.0.0.1:{free_port()}/x"
    with closing(ConversationStore(url)) as saved, pytest.raises(PersistenceError) as told:
        saved.listing("ann")
    assert "s3cr3t" not in str(told.value)
