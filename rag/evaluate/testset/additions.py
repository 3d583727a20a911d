"""A test set grows: an answer that a reader accepts becomes a case, and a case a line of the file."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from ...answer import Answer, Turn
from ...errors import TestSetError
from .cases import Case, Evidence, PastTurn
from .loader import TABLES, read_cases
from .writer import as_line, write_cases

PATIENCE = 10.0
"""Seconds that an addition waits for another one to the same file."""

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")  # which no UTF-8 file can hold


def case_from_answer(
    answer: Answer, history: Sequence[Turn] = (), *, notes: str = "", tags: Sequence[str] = ()
) -> Case:
    """The case that asks the question of an answer again, and takes what this answer said and cited for right.

    `history` is what was said before the question. Question and history make the id. The short answers of quoted
    sentences are what is expected, else the quotes. Raises `TestSetError` for an answer that cannot be a case, such as
    one that was found and cites nothing.
    """
    said = [{"role": turn.role, "text": _written(turn.text)} for turn in history if turn.text.strip()]
    question = _written(answer.question)
    evidence = _evidence(answer) if answer.found else ()
    try:
        return Case(
            id=f"chat-{hashlib.sha256(json.dumps([question, said]).encode()).hexdigest()[:8]}",
            question=question,
            answerable=answer.found,
            answers=_answers(answer, evidence) if answer.found else (),
            evidence=evidence,
            tags=tuple(map(_written, tags)),
            notes=_written(notes),
            history=tuple(PastTurn.model_validate(turn) for turn in said),
        )
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise TestSetError(
            f"the answer to {question[:80]!r} cannot become a case: {reason}",
            "Add an answer that cites an article, or one that says that the articles do not tell.",
        ) from None


def add_case(path: Path, case: Case) -> bool:
    """Append a case to a test set, which is made where there is none; False, and no change, where its id is used.

    Additions by other threads and processes wait for each other. Raises `TestSetError` for a file that cannot be read
    as a test set, or not written to; it then stays as it was.
    """
    from filelock import FileLock, Timeout

    path = Path(path).resolve()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f".{path.name}.lock"), timeout=PATIENCE):
            before = path.read_bytes() if path.exists() else b""
            known = read_cases(path) if before.removeprefix(b"\xef\xbb\xbf").strip() else []
            if any(each.id == case.id for each in known):
                return False
            if path.suffix.lower() in TABLES:
                write_cases(path, [*known, case])
                return True
            line = as_line(case).encode() + b"\n"
            _append(path, line if not before or before.endswith(b"\n") else b"\n" + line)
    except Timeout:
        raise _unwritten(path, f"another addition takes longer than {PATIENCE:g} seconds") from None
    except OSError as error:
        raise _unwritten(path, error.strerror or type(error).__name__) from None
    return True


def _append(path: Path, data: bytes) -> None:
    """Write at the end of a file, all of it or nothing: half a line would make the whole test set unreadable."""
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
    """Each place that the answer cites, once."""
    places = {(c.article_id, c.start, c.end): c for c in answer.citations if c.quote.strip()}
    return tuple(
        Evidence(
            start=cited.start,
            end=cited.end,
            text=_written(cited.quote),
            article_id=cited.article_id or None,
            source=_source(cited.source),
        )
        for cited in places.values()
    )


def _source(source: str) -> str | None:
    """The end of a path, which is enough to name an article; where the file lay is nothing to pass on."""
    source = _written(source)
    name = source if "://" in source else source.replace("\\", "/").rpartition("/")[2]
    return next((each for each in (name, source) if each.strip()), None)


def _answers(answer: Answer, evidence: Sequence[Evidence]) -> tuple[str, ...]:
    short = [
        answer.text[sentence.focus.start : sentence.focus.end]
        for sentence in answer.sentences
        if sentence.support == "quoted" and sentence.focus
    ]
    answers = [_written(text) for text in short if text.strip()] or [each.text for each in evidence]
    return tuple(dict.fromkeys(answers))


def _written(text: str) -> str:
    """The text, of the same length, as a file can hold it."""
    return _LONE_SURROGATE.sub("\ufffd", text)


def _unwritten(path: Path, reason: str) -> TestSetError:
    hint = "Check the path, and that the file and its folder can be written to."
    return TestSetError(f"nothing can be added to the test set {str(path)!r}: {reason}", hint)
