"""What a chat uses beside its assistant."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from pathlib import Path

from rag import Assistant, ModelCatalog, Settings

from ..persistence.conversations import ConversationStore, PersistenceError
from .library import Library

logger = logging.getLogger(__name__)


def _set_event() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


@dataclass(frozen=True)
class Services:
    """Each of them may be missing: the page then goes without what it does.

    `saved` keeps conversations, `library` adds and removes articles, `model_catalog` are the models to choose from.
    `testset` is the file that accepted answers are added to. With `evaluate`, programs may run test sets. `ready` is
    set unless the model is being loaded.
    """

    saved: ConversationStore | None = None
    library: Library | None = None
    model_catalog: ModelCatalog | None = None
    testset: Path | None = None
    evaluate: bool = False
    ready: threading.Event = field(default_factory=_set_event)


def services_of(settings: Settings, assistant: Assistant) -> Services:
    """All of them, each in the home of the settings, but conversations in the database that these name, if any. Where
    conversations cannot be kept, the log says so, and the chat goes without; a database on a server that does not
    answer is tried again each time. Raises `PersistenceError` for one without a driver, or an address."""
    return Services(
        saved=_saved(settings),
        library=Library(assistant.index, settings.home / "library", allow_web_links=settings.allow_web_links),
        model_catalog=ModelCatalog(settings),
        testset=settings.home / "testset.jsonl",
        evaluate=settings.evaluate_over_http,
    )


def _saved(settings: Settings) -> ConversationStore | None:
    from sqlalchemy import URL

    if settings.database_url:
        saved = ConversationStore(settings.database_url.get_secret_value())
        try:
            saved.check()
        except PersistenceError as error:
            logger.warning("conversations are not kept until the database answers: %s", error)
        return saved
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        return ConversationStore(str(URL.create("sqlite", database=str(settings.home / "conversations.sqlite3"))))
    except (PersistenceError, OSError) as error:
        logger.warning("conversations are not kept: %s", error)
        return None
