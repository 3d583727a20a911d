"""What a chat uses beside its assistant stands in its home; what is broken there is gone without."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from index import Index
from rag import Assistant, load_settings
from ui.chat.services import Services, services_of
from ui.conversation import Conversation, Exchange


@pytest.fixture
def made(home: Path, index: Index) -> Iterator[Callable[..., Services]]:
    """Makes the services of a home, and lets go of their databases in the end."""
    all_made: list[Services] = []

    def make(folder: Path = home, **settings: object) -> Services:
        services = services_of(load_settings(home=folder, **settings), Assistant(index))
        all_made.append(services)
        return services

    yield make
    for services in all_made:
        if services.conversations is not None:
            services.conversations.close()


def test_a_chat_without_services_is_ready() -> None:
    services = Services()
    assert (services.conversations, services.library, services.model_catalog, services.testset) == (
        None,
        None,
        None,
        None,
    )
    assert services.ready.is_set()
    services.ready.clear()
    assert Services().ready.is_set(), "each has its own"


def test_conversations_are_kept_in_the_home(made: Callable[..., Services], home: Path) -> None:
    services = made()
    assert services.conversations is not None
    kept = services.conversations.save("ann", Conversation((Exchange("When?"),)))
    assert (home / "conversations.sqlite3").is_file()
    again = made()
    assert again.conversations is not None
    assert again.conversations.load("ann", kept.id) == kept, "and are there the next time"
    assert services.testset == home / "testset.jsonl"
    assert not (home / "testset.jsonl").exists(), "which is made when the first answer is added"


def test_a_home_is_made_where_there_is_none(made: Callable[..., Services], tmp_path: Path) -> None:
    services = made(tmp_path / "new" / "home")
    assert services.conversations is not None
    assert (tmp_path / "new" / "home" / "conversations.sqlite3").is_file()


@pytest.mark.parametrize("name", ["a home", "häuser", "100%", "a#b", "a+b", "a@b:c", "a&b=c", "家"])
def test_a_home_may_have_any_name(made: Callable[..., Services], tmp_path: Path, name: str) -> None:
    assert made(tmp_path / name).conversations is not None
    assert (tmp_path / name / "conversations.sqlite3").is_file()


def test_a_home_may_have_a_question_mark_in_its_name(made: Callable[..., Services], tmp_path: Path) -> None:
    assert made(tmp_path / "what?mode=ro").conversations is not None
    assert (tmp_path / "what?mode=ro" / "conversations.sqlite3").is_file()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("what")) == ["what?mode=ro"]


def test_what_is_added_is_kept_in_the_home(made: Callable[..., Services], home: Path, index: Index) -> None:
    library = made().library
    assert library is not None
    list(library.add_text("The port", "The harbour reopened."))
    (article,) = index.articles()
    assert Path(article.path).is_relative_to(home / "library")


def test_links_are_off_unless_the_settings_say_otherwise(made: Callable[..., Services]) -> None:
    closed, opened = made().library, made(allow_web_links=True).library
    assert closed is not None
    assert opened is not None
    assert (closed.allow_web_links, opened.allow_web_links) == (False, True)


def test_models_are_offered(made: Callable[..., Services]) -> None:
    model_catalog = made().model_catalog
    assert model_catalog is not None
    assert model_catalog.models()[0] == "extractive"


def test_conversations_that_cannot_be_read_do_not_stop_the_chat_and_stay_as_they_are(
    made: Callable[..., Services], home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rubbish = b"no database at all. " * 500
    (home / "conversations.sqlite3").write_bytes(rubbish)
    with caplog.at_level(logging.WARNING):
        services = made()
    assert services.conversations is None
    assert services.library is not None
    assert "conversations are not saved" in caplog.text
    assert (home / "conversations.sqlite3").read_bytes() == rubbish


def test_a_folder_in_the_place_of_the_conversations_does_not_stop_the_chat(
    made: Callable[..., Services], home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (home / "conversations.sqlite3").mkdir()
    assert made().conversations is None
    assert "conversations are not saved" in caplog.text


def test_a_home_that_cannot_be_made_does_not_stop_the_chat(
    made: Callable[..., Services], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("x")
    assert made(tmp_path / "file" / "home").conversations is None
    assert "conversations are not saved" in caplog.text
