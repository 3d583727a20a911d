"""The services that the chat uses in addition to its assistant."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from pathlib import Path

from index import create_private_folder
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
    """The chat's services. Each one is optional; without it, the page does not offer the feature.

    `conversations` stores conversations, `library` adds and removes articles, `model_catalog` lists the available
    models, and `testset` is the file that answers are added to. With `evaluate`, programs may run test sets over HTTP.
    `ready` is set once the model is loaded.
    """

    conversations: ConversationStore | None = None
    library: Library | None = None
    model_catalog: ModelCatalog | None = None
    testset: Path | None = None
    evaluate: bool = False
    ready: threading.Event = field(default_factory=_set_event)


def services_of(settings: Settings, assistant: Assistant) -> Services:
    """Return all services, with data in `CITECHAT_HOME` and conversations in the settings' database if they name one.

    If conversations cannot be stored, log the error and leave out this service. An unresponsive database server is
    tried again at each use. Raises `PersistenceError` for an invalid address or a missing driver.
    """
    return Services(
        conversations=_conversations(settings),
        library=Library(assistant.index, settings.home / "library", allow_web_links=settings.allow_web_links),
        model_catalog=ModelCatalog(settings),
        testset=settings.home / "testset.jsonl",
        evaluate=settings.evaluate_over_http,
    )


def _conversations(settings: Settings) -> ConversationStore | None:
    from sqlalchemy import URL

    if settings.database_url:
        store = ConversationStore(settings.database_url.get_secret_value())
        try:
            store.check()
        except PersistenceError as error:
            logger.warning("conversations are not saved until the database answers: %s", error)
        return store
    try:
        create_private_folder(settings.home)
        return ConversationStore(str(URL.create("sqlite", database=str(settings.home / "conversations.sqlite3"))))
    except (PersistenceError, OSError) as error:
        logger.warning("conversations are not saved: %s", error)
        return None
