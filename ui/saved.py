"""What a chat keeps: conversations and what readers thought of the answers, in a database.

Only plain SQL is used, so any database that SQLAlchemy knows will do; normally it is one SQLite file.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from index import CitechatError

from .conversation import Conversation, Verdict
from .view import one_line

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from sqlalchemy import ColumnElement, Connection, MetaData

PATIENCE = 5.0
"""Seconds that a write waits while another one holds the SQLite file."""

LONGEST_TITLE = 60
"""Characters of a title that is made from the first question."""

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")  # which no UTF-8 text can hold
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL takes no NUL in a text either

_HINTS = {  # what a database says, and what a person can do about it
    r"locked|unique": "Someone else is writing to the database: try again in a moment.",
    r"full|disk I/O": "Make room on the disk, then try again.",
    r"read-?only|permission|unable to open": "Make the file and its folder writable.",
    r"not a database|malformed": "Move the file away and start again: a new one is made. Or put a backup in its place.",
    r"no such (table|column)|has no column": "Another version or program made the file: move it away and start again.",
    r"no module": "Install the driver of this database.",
    r"": "Check the address of the database, and that it can be reached.",
}
_Result = TypeVar("_Result")


class SavedError(CitechatError):
    """The conversations that are kept cannot be read or written."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A kept conversation in a list: `changed` is when it was last saved (UTC, ISO form), `questions` how many."""

    id: str
    title: str
    changed: str
    questions: int


class Saved:
    """Conversations and verdicts in the database at `url`, such as `sqlite:////home/me/conversations.sqlite3`.

    Each conversation has an owner, and only that owner can list, load, change or judge it. May be used from many
    threads. A SQLite file is made where there is none, for the eyes of its user alone. Opening it and every method
    raise `SavedError` where the database cannot be read or written.
    """

    def __init__(self, url: str) -> None:
        import sqlalchemy as sql

        try:
            address = sql.make_url(url)
        except (sql.exc.ArgumentError, ValueError):  # the address may hold a password and is not repeated
            raise SavedError(
                "the address of the database of conversations cannot be understood",
                "Write it as sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE.",
            ) from None
        in_file = address.get_backend_name() == "sqlite"
        self._place = repr(address.database if in_file else address.render_as_string(hide_password=True))
        tables = _tables()
        self._kept, self._judged = tables.tables["conversations"], tables.tables["judgements"]
        with self._errors_told():
            if in_file:
                _create_file(address.database or "")
            # To open a file is quick, and one that is kept open would be written to even when it was moved away.
            pool = sql.NullPool if in_file else sql.QueuePool
            self._engine = sql.create_engine(address, poolclass=pool, pool_pre_ping=True, hide_parameters=True)
            if in_file:
                sql.event.listen(self._engine, "connect", _prepare_sqlite)
            with self._engine.begin() as connection:
                for table in tables.sorted_tables:  # `create_all` fails where another process does so, too
                    connection.execute(sql.schema.CreateTable(table, if_not_exists=True))
                    for index in table.indexes:
                        connection.execute(sql.schema.CreateIndex(index, if_not_exists=True))

    def save(self, owner: str, conversation: Conversation) -> Conversation:
        """Keep a conversation as it is now, and return it with the id and the title that it is kept under.

        One without an id gets one; one without a title is called by its first question. Once it is kept, its title
        changes by `rename` only. Raises `SavedError` where the id is another owner's.
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
            if connection.execute(table.select().where(table.c.id == id_)).first():
                raise SavedError(f"the conversation {id_!r} is another reader's", "Begin a new conversation.")
            connection.execute(table.insert().values(id=id_, owner=owner, title=title, **content))
            return title

        return replace(conversation, id=id_, title=self._do(write))

    def listing(self, owner: str) -> list[Listed]:
        """The owner's conversations, the one that was saved last first."""
        shown = [self._kept.c[name] for name in ("id", "title", "changed", "questions")]
        chosen = self._kept.select().with_only_columns(*shown).where(self._is(owner))
        chosen = chosen.order_by(self._kept.c.changed.desc(), self._kept.c.id)
        return self._do(lambda connection: [Listed(*row) for row in connection.execute(chosen)])

    def load(self, owner: str, id: str) -> Conversation | None:
        """The owner's conversation with this id, as it was saved; None where there is none.

        Raises `SavedError` naming the conversation where what is kept cannot be understood.
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
        judged = self._judged.delete().where(self._judged.c.conversation == id)
        return self._do(lambda connection: bool(connection.execute(kept).rowcount and connection.execute(judged)))

    def judge(self, owner: str, conversation_id: str, turn: int, verdict: Verdict | None, reason: str = "") -> None:
        """Keep what the reader thinks of an answer, counted from 1, in place of the verdict before; None takes it back.

        Question, answer and citations are copied as they were saved; the conversation is left as it is. Raises
        `SavedError` where the owner has no such conversation, or it no such answer.
        """
        conversation = self.load(owner, conversation_id)
        exchange = dict(enumerate(conversation.exchanges if conversation else (), start=1)).get(turn)
        if exchange is None or exchange.answer is None or verdict not in ("good", "bad", None):
            raise SavedError(
                f"answer {turn} of the conversation {conversation_id!r} cannot be judged {verdict!r}",
                "Judge an answer that was saved, as good or bad.",
            )
        row = {
            "question": _storable(exchange.question),
            "answer": _storable(exchange.answer.text),
            "citations": _json(exchange.answer.to_dict()["citations"]),
            "verdict": verdict,
            "reason": _storable(reason),
            "judged": _now(),
        }
        table = self._judged

        def write(connection: Connection) -> None:
            connection.execute(table.delete().where(table.c.conversation == conversation_id, table.c.turn == turn))
            if verdict is not None:
                connection.execute(table.insert().values(conversation=conversation_id, turn=turn, **row))

        self._do(write)

    def judgements(self) -> Iterator[dict[str, Any]]:
        """What all readers thought, oldest first: `conversation`, `turn`, `question`, `answer`, `citations` as in
        `Answer.to_dict`, `verdict`, `reason`, `judged` (UTC, ISO form). It is not told who they are."""
        columns = self._judged.c
        chosen = self._judged.select().order_by(columns.judged, columns.conversation, columns.turn)
        for row in self._do(lambda connection: connection.execute(chosen).mappings().all()):
            try:
                yield {**row, "citations": json.loads(row["citations"])}
            except ValueError:
                raise _damaged(row["conversation"], row["question"], "the citations are no JSON") from None

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def _is(self, owner: str, id_: str | None = None) -> ColumnElement[bool]:
        """What is true of the owner's conversations, or of the one with this id."""
        if _UNSTORABLE.search(owner):  # made storable, two owners could become one
            raise SavedError(f"{owner!r} cannot own a conversation", "Use a name without control characters.")
        ours = self._kept.c.owner == owner
        return ours if id_ is None else ours & (self._kept.c.id == _storable(id_))

    def _do(self, work: Callable[[Connection], _Result]) -> _Result:
        """Do some work in one transaction."""
        with self._errors_told(), self._engine.begin() as connection:
            return work(connection)

    @contextmanager
    def _errors_told(self) -> Iterator[None]:
        """Turns what a database or a file system says into a `SavedError`; never with what was asked or answered."""
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except (SQLAlchemyError, OSError, ImportError) as error:
            said = getattr(error, "orig", None) or error
            reason = (getattr(said, "strerror", None) or str(said) or type(said).__name__).splitlines()[0]
            hint = next(hint for words, hint in _HINTS.items() if re.search(words, reason, re.IGNORECASE))
            raise SavedError(f"the conversations in {self._place} cannot be read or written: {reason}", hint) from None


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


def _prepare_sqlite(connection: Any, _record: object) -> None:
    """Readers do not wait for a writer, and a writer waits for another one."""
    from sqlite3 import OperationalError

    connection.execute(f"PRAGMA busy_timeout = {int(PATIENCE * 1000)}").close()
    with suppress(OperationalError):  # the file keeps its mode where that cannot be changed now, and works all the same
        connection.execute("PRAGMA journal_mode = WAL").close()


def _create_file(name: str) -> None:
    """Make an empty file that no other user can read: SQLite would make one that all can, and fills it as it is."""
    if name not in ("", ":memory:") and not name.startswith("file:"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _conversation(body: str, id_: str, title: str) -> Conversation:
    """The exchanges of a body. Their citations are derived once, so that nothing fails on them later."""
    from pydantic import ValidationError

    try:
        conversation = _reader().validate_json(body, strict=True)
        for answer in filter(None, (exchange.answer for exchange in conversation.exchanges)):
            _ = answer.citations
    except (ValueError, IndexError, CitechatError) as error:
        first = error.errors(include_url=False)[0] if isinstance(error, ValidationError) else None
        reason = (
            f"{'.'.join(map(str, first['loc'])) or 'all of it'}: {first['msg']}" if first else str(error).split("\n")[0]
        )
        raise _damaged(id_, title, reason) from None
    return conversation


@cache
def _reader() -> TypeAdapter[Conversation]:
    from pydantic import TypeAdapter

    return TypeAdapter(Conversation)


def _damaged(id_: str, title: str, reason: str) -> SavedError:
    hint = "It was kept by another version, or is damaged; the other conversations are not concerned."
    return SavedError(f"the conversation {title!r} ({id_}) cannot be read: {reason}", hint)


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
