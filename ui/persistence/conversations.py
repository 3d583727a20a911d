"""Database storage for conversations and feedback on their answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from index import CitechatError

from ..conversation import Conversation, Rating
from ..html import one_line
from .database import Database, PersistenceError, utc_now

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from sqlalchemy import ColumnElement, Connection, MetaData

__all__ = ["LONGEST_TITLE", "MOST_LISTED", "ConversationStore", "ConversationSummary", "PersistenceError"]

LONGEST_TITLE = 60
"""Maximum length of a title derived from the first question, in characters."""

MOST_LISTED = 500
"""Maximum number of conversations in a list; the page sends the list after each change."""

_RENAMED_FIELDS = {
    "only": "article_filter",
    "verdict": "rating",
    "trust": "confidence",
    "moved": "citation_corrected",
}
"""Renamed fields of stored exchanges, answers and sentences: the version 0.1 name and the current one."""

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")  # UTF-8 cannot encode it
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL does not accept NUL in a text either


@dataclass(frozen=True, slots=True)
class ConversationSummary:
    """A stored conversation in a list.

    `changed` is the time of the last save (UTC, ISO format); `questions` is the number of questions.
    """

    id: str
    title: str
    changed: str
    questions: int


class ConversationStore:
    """A store for conversations and feedback in a `Database`.

    Each conversation has an owner. Only the owner can list, load, change or rate it. Every method raises
    `PersistenceError` if the database cannot be used.
    """

    def __init__(self, url: str) -> None:
        tables = _tables()
        self._conversations, self._feedback = tables.tables["conversations"], tables.tables["judgements"]
        self._database = Database(url, tables, "conversations")
        self._run = self._database.run

    def save(self, owner: str, conversation: Conversation) -> Conversation:
        """Store a conversation, and return it with its id and title.

        A new conversation is given an id and, if it has no title, its first question as the title. After that, only
        `rename` changes the title. Raises `PersistenceError` if the id belongs to another owner.
        """
        from sqlalchemy import case

        table, id_ = self._conversations, _storable(conversation.id) or uuid4().hex
        title = _storable(conversation.title) or _first_question(conversation)
        body = _json({"exchanges": [asdict(exchange) for exchange in conversation.exchanges]})
        content = {"changed": utc_now("microseconds"), "questions": len(conversation.exchanges), "body": body}
        is_ours = self._is_owned(owner, id_)

        def write(connection: Connection) -> str:
            stored_title = case((table.c.title == "", title), else_=table.c.title)
            if connection.execute(table.update().where(is_ours).values(title=stored_title, **content)).rowcount:
                return str(connection.scalar(table.select().with_only_columns(table.c.title).where(is_ours)))
            if connection.execute(table.select().where(table.c.id == id_, table.c.owner != owner)).first():
                raise PersistenceError(f"Conversation {id_!r} belongs to another user.", "Start a new conversation.")
            connection.execute(table.insert().values(id=id_, owner=owner, title=title, **content))
            return title

        return replace(conversation, id=id_, title=self._run(write))

    def listing(self, owner: str) -> list[ConversationSummary]:
        """Return the owner's conversations, the most recently saved first, at most `MOST_LISTED`."""
        columns = [self._conversations.c[name] for name in ("id", "title", "changed", "questions")]
        query = self._conversations.select().with_only_columns(*columns).where(self._is_owned(owner))
        query = query.order_by(self._conversations.c.changed.desc(), self._conversations.c.id).limit(MOST_LISTED)
        return self._run(lambda connection: [ConversationSummary(*row) for row in connection.execute(query)])

    def load(self, owner: str, id: str) -> Conversation | None:
        """Return the owner's conversation with this id, or None.

        Raises `PersistenceError` naming the conversation if its stored form is invalid.
        """
        query = self._conversations.select().where(self._is_owned(owner, id))
        row = self._run(lambda connection: connection.execute(query).first())
        return None if row is None else replace(_parse(row.body, id, row.title), id=id, title=row.title)

    def rename(self, owner: str, id: str, title: str) -> bool:
        """Set the title, as one line of at most 200 characters; return False if it is blank or the id is unknown."""
        title = _storable(" ".join(title.split())[:200])
        change = self._conversations.update().where(self._is_owned(owner, id)).values(title=title)
        return bool(title) and self._run(lambda connection: bool(connection.execute(change).rowcount))

    def delete(self, owner: str, id: str) -> bool:
        """Delete a conversation and the feedback on its answers; return False if the id is unknown."""
        conversation = self._conversations.delete().where(self._is_owned(owner, id))
        feedback = self._feedback.delete().where(self._feedback.c.conversation == id)
        return self._run(
            lambda connection: bool(connection.execute(conversation).rowcount and connection.execute(feedback))
        )

    def record_feedback(
        self, owner: str, conversation_id: str, turn: int, rating: Rating | None, reason: str = ""
    ) -> None:
        """Replace the user's feedback on the answer in a turn, counted from 1; a rating of None removes the feedback.

        The feedback includes a copy of the saved question, answer and citations; the conversation does not change.
        Raises `PersistenceError` if the owner does not have this conversation or the conversation lacks this answer.
        """
        conversation = self.load(owner, conversation_id)
        exchange = conversation.exchange(turn) if conversation else None
        if exchange is None or exchange.answer is None or rating not in ("good", "bad", None):
            raise PersistenceError(
                f"Answer {turn} of conversation {conversation_id!r} cannot be rated {rating!r}.",
                "Rate a saved answer as good or bad.",
            )
        row = {
            "question": _storable(exchange.question),
            "answer": _storable(exchange.answer.text),
            "citations": _json(exchange.answer.to_dict()["citations"]),
            "verdict": rating,
            "reason": _storable(reason),
            "judged": utc_now("microseconds"),
        }
        table = self._feedback
        lock = self._conversations.select().where(self._is_owned(owner, conversation_id)).with_for_update()

        def write(connection: Connection) -> None:
            connection.execute(lock.with_only_columns(self._conversations.c.id))  # one server at a time
            connection.execute(table.delete().where(table.c.conversation == conversation_id, table.c.turn == turn))
            if rating is not None:
                connection.execute(table.insert().values(conversation=conversation_id, turn=turn, **row))

        self._run(write)

    def feedback(self, owner: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield the ratings from one owner or from all owners, oldest first, without the owners' names.

        Each rating has `conversation`, `turn`, `question`, `answer`, `citations` as in `Answer.to_dict`, `verdict`,
        `reason` and `judged` (UTC, ISO format).
        """
        columns = self._feedback.c
        chosen = self._feedback.select().order_by(columns.judged, columns.conversation, columns.turn)
        if owner is not None:
            owned = self._conversations.select().with_only_columns(self._conversations.c.id)
            chosen = chosen.where(columns.conversation.in_(owned.where(self._is_owned(owner))))
        for row in self._run(lambda connection: connection.execute(chosen).mappings().all()):
            try:
                yield {**row, "citations": json.loads(row["citations"])}
            except ValueError:
                raise _damaged(row["conversation"], row["question"], "the citations are not JSON") from None

    def check(self) -> None:
        """Raise `PersistenceError` if the database is not reachable."""
        self._run(lambda _: None)

    def close(self) -> None:
        """Close the connections to the database."""
        self._database.close()

    def _is_owned(self, owner: str, id_: str | None = None) -> ColumnElement[bool]:
        """Return the condition that selects the owner's conversations, or the one with this id."""
        if _UNSTORABLE.search(owner):  # replacing such characters could make two owners equal
            raise PersistenceError(f"{owner!r} cannot own a conversation.", "Use a name without control characters.")
        is_ours = self._conversations.c.owner == owner
        return is_ours if id_ is None else is_ours & (self._conversations.c.id == _storable(id_))


@cache
def _tables() -> MetaData:
    from sqlalchemy import Column, Integer, MetaData, Table, Text

    def texts(*names: str, key: bool = False) -> Iterator[Column[str]]:
        return (Column(name, Text, primary_key=key, index=name == "owner", nullable=False) for name in names)

    tables, turn = MetaData(), Column("turn", Integer, primary_key=True, autoincrement=False)
    questions = Column("questions", Integer, nullable=False)
    Table("conversations", tables, *texts("id", key=True), *texts("owner", "title", "changed", "body"), questions)
    feedback = texts("question", "answer", "citations", "verdict", "reason", "judged")
    Table("judgements", tables, *texts("conversation", key=True), turn, *feedback)
    return tables


def _parse(body: str, id_: str, title: str) -> Conversation:
    """Parse a stored body into a conversation. Citations are derived once so that invalid citations raise here."""
    from pydantic import ValidationError

    try:
        conversation = _adapter().validate_json(_with_current_names(body), strict=True)
        for answer in filter(None, (exchange.answer for exchange in conversation.exchanges)):
            _ = answer.citations
    except (ValueError, IndexError, RecursionError, CitechatError) as error:
        first = error.errors(include_url=False)[0] if isinstance(error, ValidationError) else None
        field = ".".join(map(str, first["loc"])) if first else ""
        reason = f"{field or 'all of it'}: {first['msg']}" if first else str(error).split("\n")[0]
        raise _damaged(id_, title, reason) from None
    return conversation


def _with_current_names(body: str) -> str:
    """Return a stored body with fields from older versions renamed to their current names."""
    if not any(f'"{name}"' in body for name in _RENAMED_FIELDS):
        return body

    def renamed(value: dict[str, Any]) -> dict[str, Any]:
        is_ours = (
            "question" in value or "evidence" in value
        )  # an exchange, an answer or a sentence, but not an answer's timings
        return {_RENAMED_FIELDS.get(name, name): each for name, each in value.items()} if is_ours else value

    return json.dumps(json.loads(body, object_hook=renamed))


@cache
def _adapter() -> TypeAdapter[Conversation]:
    from pydantic import TypeAdapter

    return TypeAdapter(Conversation)


def _damaged(id_: str, title: str, reason: str) -> PersistenceError:
    hint = "Another version saved it, or it is damaged; the other conversations are not affected."
    return PersistenceError(f"Cannot read the conversation {title!r} ({id_}): {reason}", hint)


def _json(value: object) -> str:
    return _LONE_SURROGATE.sub("\ufffd", json.dumps(value, ensure_ascii=False))


def _storable(text: str) -> str:
    """Replace the characters that some databases cannot store, and return the text; its length does not change."""
    return _UNSTORABLE.sub("\ufffd", text)


def _first_question(conversation: Conversation) -> str:
    questions = (one_line(exchange.question, LONGEST_TITLE - 1) for exchange in conversation.exchanges)
    return _storable(next(filter(None, questions), ""))
