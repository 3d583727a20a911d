"""What a chat keeps: conversations and what readers thought of the answers, in a database."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from index import CitechatError

from ..conversation import Conversation, Rating
from ..html import one_line
from .database import Database, PersistenceError

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from sqlalchemy import ColumnElement, Connection, MetaData

__all__ = ["LONGEST_TITLE", "ConversationStore", "ConversationSummary", "PersistenceError"]

LONGEST_TITLE = 60
"""Characters of a title that is made from the first question."""

_RENAMED_FIELDS = {
    "only": "article_filter",
    "verdict": "rating",
    "trust": "confidence",
    "moved": "citation_corrected",
}
"""Fields of stored exchanges, answers and sentences by their names in version 0.1."""

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")  # which no UTF-8 text can hold
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL takes no NUL in a text either


@dataclass(frozen=True, slots=True)
class ConversationSummary:
    """A kept conversation in a list: `changed` is when it was last saved (UTC, ISO form), `questions` how many."""

    id: str
    title: str
    changed: str
    questions: int


class ConversationStore:
    """Conversations and verdicts in a `Database`, whose errors every method raises.

    Each conversation has an owner, and only that owner can list, load, change or judge it.
    """

    def __init__(self, url: str) -> None:
        tables = _tables()
        self._kept, self._feedback = tables.tables["conversations"], tables.tables["judgements"]
        self._database = Database(url, tables, "the conversations")
        self._do = self._database.do

    def save(self, owner: str, conversation: Conversation) -> Conversation:
        """Keep a conversation as it is now, and return it with the id and the title that it is kept under.

        One without an id gets one; one without a title is called by its first question. Once it is kept, its title
        changes by `rename` only. Raises `PersistenceError` where the id is another owner's.
        """
        from sqlalchemy import case

        table, id_ = self._kept, _storable(conversation.id) or uuid4().hex
        title = _storable(conversation.title) or _first_question(conversation)
        body = _json({"exchanges": [asdict(exchange) for exchange in conversation.exchanges]})
        content = {"changed": _now(), "questions": len(conversation.exchanges), "body": body}
        ours = self._is(owner, id_)

        def write(connection: Connection) -> str:
            kept_title = case((table.c.title == "", title), else_=table.c.title)
            if connection.execute(table.update().where(ours).values(title=kept_title, **content)).rowcount:
                return str(connection.scalar(table.select().with_only_columns(table.c.title).where(ours)))
            if connection.execute(table.select().where(table.c.id == id_, table.c.owner != owner)).first():
                raise PersistenceError(f"the conversation {id_!r} is another reader's", "Begin a new conversation.")
            connection.execute(table.insert().values(id=id_, owner=owner, title=title, **content))
            return title

        return replace(conversation, id=id_, title=self._do(write))

    def listing(self, owner: str) -> list[ConversationSummary]:
        """The owner's conversations, the one that was saved last first."""
        shown = [self._kept.c[name] for name in ("id", "title", "changed", "questions")]
        chosen = self._kept.select().with_only_columns(*shown).where(self._is(owner))
        chosen = chosen.order_by(self._kept.c.changed.desc(), self._kept.c.id)
        return self._do(lambda connection: [ConversationSummary(*row) for row in connection.execute(chosen)])

    def load(self, owner: str, id: str) -> Conversation | None:
        """The owner's conversation with this id, as it was saved; None where there is none.

        Raises `PersistenceError` naming the conversation where what is kept cannot be understood.
        """
        chosen = self._kept.select().where(self._is(owner, id))
        row = self._do(lambda connection: connection.execute(chosen).first())
        return None if row is None else replace(_conversation(row.body, id, row.title), id=id, title=row.title)

    def rename(self, owner: str, id: str, title: str) -> bool:
        """Call it by another title, one line of at most 200 characters; False where there is none or it is blank."""
        title = _storable(" ".join(title.split())[:200])
        change = self._kept.update().where(self._is(owner, id)).values(title=title)
        return bool(title) and self._do(lambda connection: bool(connection.execute(change).rowcount))

    def delete(self, owner: str, id: str) -> bool:
        """Forget a conversation and what was thought of its answers; False where there is none."""
        kept = self._kept.delete().where(self._is(owner, id))
        judged = self._feedback.delete().where(self._feedback.c.conversation == id)
        return self._do(lambda connection: bool(connection.execute(kept).rowcount and connection.execute(judged)))

    def record_feedback(
        self, owner: str, conversation_id: str, turn: int, rating: Rating | None, reason: str = ""
    ) -> None:
        """Keep what the reader thinks of an answer, counted from 1, in place of the verdict before; None takes it back.

        Question, answer and citations are copied as they were saved; the conversation is left as it is. Raises
        `PersistenceError` where the owner has no such conversation, or it no such answer.
        """
        conversation = self.load(owner, conversation_id)
        exchange = dict(enumerate(conversation.exchanges if conversation else (), start=1)).get(turn)
        if exchange is None or exchange.answer is None or rating not in ("good", "bad", None):
            raise PersistenceError(
                f"answer {turn} of the conversation {conversation_id!r} cannot be judged {rating!r}",
                "Judge an answer that was saved, as good or bad.",
            )
        row = {
            "question": _storable(exchange.question),
            "answer": _storable(exchange.answer.text),
            "citations": _json(exchange.answer.to_dict()["citations"]),
            "verdict": rating,
            "reason": _storable(reason),
            "judged": _now(),
        }
        table = self._feedback

        held = self._kept.select().where(self._is(owner, conversation_id)).with_for_update()

        def write(connection: Connection) -> None:
            connection.execute(held.with_only_columns(self._kept.c.id))  # one copy at a time
            connection.execute(table.delete().where(table.c.conversation == conversation_id, table.c.turn == turn))
            if rating is not None:
                connection.execute(table.insert().values(conversation=conversation_id, turn=turn, **row))

        self._do(write)

    def feedback(self, owner: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield the ratings of one owner's answers or of all, oldest first, without the owners.

        Each has `conversation`, `turn`, `question`, `answer`, `citations` as in `Answer.to_dict`, `verdict`, `reason`
        and `judged` (UTC, ISO form).
        """
        columns = self._feedback.c
        chosen = self._feedback.select().order_by(columns.judged, columns.conversation, columns.turn)
        if owner is not None:
            chosen = chosen.where(
                columns.conversation.in_(self._kept.select().with_only_columns(self._kept.c.id).where(self._is(owner)))
            )
        for row in self._do(lambda connection: connection.execute(chosen).mappings().all()):
            try:
                yield {**row, "citations": json.loads(row["citations"])}
            except ValueError:
                raise _damaged(row["conversation"], row["question"], "the citations are no JSON") from None

    def check(self) -> None:
        """Raise `PersistenceError` where the database cannot be reached now."""
        self._do(lambda _: None)

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def _is(self, owner: str, id_: str | None = None) -> ColumnElement[bool]:
        """What is true of the owner's conversations, or of the one with this id."""
        if _UNSTORABLE.search(owner):  # made storable, two owners could become one
            raise PersistenceError(f"{owner!r} cannot own a conversation", "Use a name without control characters.")
        ours = self._kept.c.owner == owner
        return ours if id_ is None else ours & (self._kept.c.id == _storable(id_))


@cache
def _tables() -> MetaData:
    from sqlalchemy import Column, Integer, MetaData, Table, Text

    def texts(*names: str, key: bool = False) -> Iterator[Column[str]]:
        return (Column(name, Text, primary_key=key, index=name == "owner", nullable=False) for name in names)

    tables, turn = MetaData(), Column("turn", Integer, primary_key=True, autoincrement=False)
    questions = Column("questions", Integer, nullable=False)
    Table("conversations", tables, *texts("id", key=True), *texts("owner", "title", "changed", "body"), questions)
    judged = texts("question", "answer", "citations", "verdict", "reason", "judged")
    Table("judgements", tables, *texts("conversation", key=True), turn, *judged)
    return tables


def _conversation(body: str, id_: str, title: str) -> Conversation:
    """The exchanges of a body. Their citations are derived once, so that nothing fails on them later."""
    from pydantic import ValidationError

    try:
        conversation = _reader().validate_json(_with_current_names(body), strict=True)
        for answer in filter(None, (exchange.answer for exchange in conversation.exchanges)):
            _ = answer.citations
    except (ValueError, IndexError, RecursionError, CitechatError) as error:
        first = error.errors(include_url=False)[0] if isinstance(error, ValidationError) else None
        reason = (
            f"{'.'.join(map(str, first['loc'])) or 'all of it'}: {first['msg']}" if first else str(error).split("\n")[0]
        )
        raise _damaged(id_, title, reason) from None
    return conversation


def _with_current_names(body: str) -> str:
    """Return a stored body with the fields of older versions under their current names."""
    if not any(f'"{name}"' in body for name in _RENAMED_FIELDS):
        return body

    def renamed(value: dict[str, Any]) -> dict[str, Any]:
        is_ours = "question" in value or "evidence" in value  # an exchange, an answer or a sentence; not its timings
        return {_RENAMED_FIELDS.get(name, name): each for name, each in value.items()} if is_ours else value

    return json.dumps(json.loads(body, object_hook=renamed))


@cache
def _reader() -> TypeAdapter[Conversation]:
    from pydantic import TypeAdapter

    return TypeAdapter(Conversation)


def _damaged(id_: str, title: str, reason: str) -> PersistenceError:
    hint = "It was kept by another version, or is damaged; the other conversations are not concerned."
    return PersistenceError(f"the conversation {title!r} ({id_}) cannot be read: {reason}", hint)


def _json(value: object) -> str:
    return _LONE_SURROGATE.sub("\ufffd", json.dumps(value, ensure_ascii=False))


def _storable(text: str) -> str:
    """The text, of the same length, as every database can hold it."""
    return _UNSTORABLE.sub("\ufffd", text)


def _first_question(conversation: Conversation) -> str:
    questions = (one_line(exchange.question, LONGEST_TITLE - 1) for exchange in conversation.exchanges)
    return _storable(next(filter(None, questions), ""))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
