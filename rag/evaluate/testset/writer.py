"""Write test sets completely or not at all, and add answers from a chat to them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import uuid
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from ...answer import Answer, Turn
from ...errors import FullTestSetError, TestSetError
from .cases import MOST_ITEMS, Case, Evidence, PastTurn
from .loader import read_cases
from .records import LONGEST_LINE, TABLES
from .tables import as_csv

LOCK_TIMEOUT = 10.0
"""Maximum time that an addition waits for another addition to the same file, in seconds."""

LARGEST_ADDED_TO = 10_000_000
"""Size in bytes above which answers from the chat are not added to a test set: each addition reads all of it."""

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")  # cannot be encoded as UTF-8


def write_cases(path: str | Path, cases: Sequence[Case]) -> None:
    """Write a test set as JSONL, or as CSV if the name ends in `.csv`; `read_cases` returns equal cases.

    The file is replaced atomically, or stays unchanged if anything fails. Raises `TestSetError` for an empty test set,
    for a duplicate id, for a case that is too long to be read again, and for a file that cannot be written.
    """
    path = Path(path)
    twice = [name for name, times in Counter(case.id for case in cases).items() if times > 1]
    if twice or not cases:
        reason = f"the id {twice[0]!r} is used twice" if twice else "there is no case to write"
        raise TestSetError(f"Cannot write the test set {str(path)!r}: {reason}.", "Give every case an id of its own.")
    for case in cases:
        if len(_as_line(case).encode()) > LONGEST_LINE:
            raise TestSetError(
                f"The case {case.id!r} has more than {LONGEST_LINE} bytes.", "Shorten its evidence or history."
            )
    suffix = path.suffix.lower()
    if suffix in TABLES:
        # Without a byte order mark, Excel assumes another encoding.
        data = as_csv(cases, "\t" if suffix == ".tsv" else ",").encode("utf-8-sig")
    else:
        data = "".join(f"{_as_line(case)}\n" for case in cases).encode()
    try:
        replace_file(path.resolve(), data)
    except OSError as error:
        raise TestSetError(
            f"Cannot write the test set {str(path)!r}: {error.strerror or type(error).__name__}.",
            "Check the path, and that its folder is writable.",
        ) from None


def case_from_answer(
    answer: Answer, history: Sequence[Turn] = (), *, notes: str = "", tags: Sequence[str] = ()
) -> Case:
    """Return a case that repeats an answer's question and expects the same answer and citations.

    `history` is the conversation before the question; a case contains its last `MOST_ITEMS` messages. The question and
    the history determine the id. The expected answers are the short answers in quoted sentences, or else the quotes.
    Raises `TestSetError` for an answer that cannot become a case, such as a found answer without citations.
    """
    turns = [{"role": turn.role, "text": _encodable(turn.text)} for turn in history if turn.text.strip()]
    turns = turns[-MOST_ITEMS:]
    question = _encodable(answer.question)
    evidence = _evidence(answer) if answer.found else ()
    try:
        return Case(
            id=f"chat-{hashlib.sha256(json.dumps([question, turns]).encode()).hexdigest()[:8]}",
            question=question,
            answerable=answer.found,
            answers=_answers(answer, evidence) if answer.found else (),
            evidence=evidence,
            tags=tuple(map(_encodable, tags)),
            notes=_encodable(notes),
            history=tuple(PastTurn.model_validate(turn) for turn in turns),
        )
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise TestSetError(
            f"The answer to {question[:80]!r} cannot become a case: {reason}.",
            "Add an answer that cites an article, or one that says that the articles do not answer.",
        ) from None


def add_case(path: Path, case: Case, most_cases: int | None = None) -> bool:
    """Append a case to a test set, creating the file if needed; return False, without a change, for a duplicate id.

    Concurrent additions by other threads and processes wait for each other. Raises `TestSetError` if the file cannot be
    read as a test set or cannot be written, and `FullTestSetError` if it already has `most_cases` cases or, with this
    limit, `LARGEST_ADDED_TO` bytes; the file then stays unchanged.
    """
    from filelock import FileLock, Timeout

    path = Path(path).resolve()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f".{path.name}.lock"), timeout=LOCK_TIMEOUT):
            if most_cases is not None and path.exists() and path.stat().st_size > LARGEST_ADDED_TO:
                raise _full(path, f"more than {LARGEST_ADDED_TO:,} bytes")
            before = path.read_bytes() if path.exists() else b""
            known = read_cases(path) if before.removeprefix(b"\xef\xbb\xbf").strip() else []
            if any(each.id == case.id for each in known):
                return False
            if most_cases is not None and len(known) >= most_cases:
                raise _full(path, f"{len(known)} questions")
            if path.suffix.lower() in TABLES:
                write_cases(path, [*known, case])
                return True
            line = _as_line(case).encode() + b"\n"
            _append(path, line if not before or before.endswith(b"\n") else b"\n" + line)
    except Timeout:
        raise _cannot_add(path, f"another addition takes longer than {LOCK_TIMEOUT:g} seconds") from None
    except OSError as error:
        raise _cannot_add(path, error.strerror or type(error).__name__) from None
    return True


def _full(path: Path, size: str) -> FullTestSetError:
    return FullTestSetError(f"The test set {path.name!r} has {size}.", "Move some of its lines to another file.")


def _as_line(case: Case) -> str:
    """Return a case as one line of JSON, without fields that have their default value."""
    return case.model_dump_json(exclude_defaults=True)


def replace_file(path: Path, data: bytes) -> None:
    """Write a file completely, or leave it unchanged and raise `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with beside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            beside.chmod(path.stat().st_mode)
        beside.replace(path)
    except OSError:
        with suppress(OSError):
            beside.unlink()
        raise


def _append(path: Path, data: bytes) -> None:
    """Append all of the data to a file, or nothing: an incomplete line would make the test set unreadable."""
    with path.open("ab", buffering=0) as file:
        size = file.tell()
        try:
            written = 0
            while written < len(data):
                written += file.write(data[written:])
            os.fsync(file.fileno())
        except OSError:
            file.truncate(size)
            raise


def _evidence(answer: Answer) -> tuple[Evidence, ...]:
    """Return each span that the answer cites, without duplicates."""
    places = {(c.article_id, c.start, c.end): c for c in answer.citations if c.quote.strip()}
    return tuple(
        Evidence(
            start=cited.start,
            end=cited.end,
            text=_encodable(cited.quote),
            article_id=cited.article_id or None,
            source=_source(cited.source),
        )
        for cited in places.values()
    )


def _source(source: str) -> str | None:
    """Return the file name in a path: it is enough to identify an article, and the folders are private."""
    source = _encodable(source)
    name = source if "://" in source else source.replace("\\", "/").rpartition("/")[2]
    return next((each for each in (name, source) if each.strip()), None)


def _answers(answer: Answer, evidence: Sequence[Evidence]) -> tuple[str, ...]:
    short = [
        answer.text[sentence.focus.start : sentence.focus.end]
        for sentence in answer.sentences
        if sentence.support == "quoted" and sentence.focus
    ]
    answers = [_encodable(text) for text in short if text.strip()] or [each.text for each in evidence]
    return tuple(dict.fromkeys(answers))


def _encodable(text: str) -> str:
    """Return the text with characters that UTF-8 cannot encode replaced; the length stays the same."""
    return _LONE_SURROGATE.sub("\ufffd", text)


def _cannot_add(path: Path, reason: str) -> TestSetError:
    hint = "Check the path, and that the file and its folder are writable."
    return TestSetError(f"Cannot add to the test set {str(path)!r}: {reason}.", hint)
