"""The columns of RAGAS, old names and new ones, as JSON lines or as a table.

`question` or `user_input` is asked. `reference`, `ground_truth` or `ground_truths` is expected, and `answer` where
there is none of these: beside one of them it is what some system said. The contexts become articles. Where an expected
answer stands in one, to the letter, that is its evidence; else all `reference_contexts` are, which somebody chose for
the question, and the others are not, which some system found.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from .cases import Evidence
from .importers import Context, ImportBuilder
from .loader import TABLES, json_rows
from .problems import Problem, refusal, unreadable

_QUESTION = ("user_input", "question")
_EXPECTED = ("reference", "ground_truth", "ground_truths", "answer")
_CHOSEN = "reference_contexts"
_CONTEXTS = (_CHOSEN, "contexts", "retrieved_contexts")
_BOM = b"\xef\xbb\xbf"


def add_rows(gathered: ImportBuilder, path: Path) -> None:
    """Add every row of a file."""
    try:
        data = path.read_bytes().removeprefix(_BOM)
    except OSError as error:
        raise unreadable(path, error) from None
    rows = _table_rows(data, str(path)) if path.suffix.lower() in TABLES else _json_rows(data)
    for line, row, reason in rows:
        if reason:
            gathered.wrong(reason, line=line)
        else:
            _add(gathered, line, row)


def _json_rows(data: bytes) -> Iterator[tuple[int, dict[str, Any], str]]:
    for row in json_rows(data):
        given: Any = None
        reason = row.reason
        try:
            given = None if reason else from_json(row.json, allow_inf_nan=False)
        except ValueError as error:
            reason = f"is no JSON: {error}"
        if not reason and not isinstance(given, dict):
            reason = "is no JSON object"
        yield row.line, given or {}, reason


def _table_rows(data: bytes, name: str) -> Iterator[tuple[int, dict[str, Any], str]]:
    from .tables import records, unguarded

    rows = records(data)
    line, header, reason = next(rows, (1, [], "the file is empty; its first line names the columns"))
    names = [cell.strip() for cell in header]
    if not reason and not set(names) & set(_QUESTION):
        reason = f"the header names none of the columns {', '.join(_QUESTION)}, only {', '.join(names)}"
    if reason:
        raise refusal([Problem(reason, name, line)])
    for line, cells, unreadable_for in rows:
        bad = unreadable_for
        if not bad and not any(cell.strip() for cell in cells):
            continue
        if not bad and len(cells) != len(names):
            bad = f"has {len(cells)} cells, the header {len(names)}"
        filled = zip(names, map(unguarded, cells), strict=False)
        yield line, {column: cell for column, cell in filled if cell.strip()}, bad


def _add(gathered: ImportBuilder, line: int, row: dict[str, Any]) -> None:
    column = next((name for name in _QUESTION if row.get(name) is not None), _QUESTION[0])
    question = row.get(column)
    if not isinstance(question, str) or not question.strip():
        reason = "is missing" if question is None else "must be a text that is not blank"
        gathered.wrong(reason if question is None else f"{reason}, got {str(question)[:80]!r}", column, line)
        return
    expected_in = next((name for name in _EXPECTED if row.get(name)), _EXPECTED[0])
    try:
        answers = tuple(dict.fromkeys(_texts(row, expected_in)))
        texts = {name: _texts(row, name) for name in _CONTEXTS}
    except ValueError as error:
        name, _, reason = str(error).partition(": ")
        gathered.wrong(reason, name, line)
        return
    contexts = {
        name: [gathered.context(_title(text), text) for text in found if text.strip()] for name, found in texts.items()
    }
    given: dict[str, Any] = {"question": question, "answers": answers, "evidence": _evidence(answers, contexts)}
    if isinstance(row.get("id"), str) and row["id"].strip():
        given["id"] = row["id"]
    gathered.add(given, line=line)


def _evidence(answers: tuple[str, ...], contexts: dict[str, list[Context]]) -> tuple[Evidence, ...]:
    given = dict.fromkeys(context for name in _CONTEXTS for context in contexts[name])
    places = [
        (start, answer, context.source)
        for answer in answers
        for context in given
        if (start := context.text.find(answer)) >= 0
    ]
    places = places or [(0, context.text, context.source) for context in contexts[_CHOSEN]]
    return tuple(
        Evidence(start=start, end=start + len(text), text=text, source=source)
        for start, text, source in dict.fromkeys(places)
    )


def _title(text: str) -> str:
    return " ".join(text.split()[:8])


def _texts(row: dict[str, Any], name: str) -> list[str]:
    """The texts in a field: a list, or in a table a list as JSON or as Python writes it, or one text.

    Raises `ValueError` with the field's name before the reason.
    """
    given = row.get(name)
    if given is None or given == "":
        return []
    if isinstance(given, str):
        if not given.lstrip().startswith("["):
            return [given]
        given = _list_in(given, name)
    if not isinstance(given, list) or not all(isinstance(each, str) and each.strip() for each in given):
        raise ValueError(f"{name}: must be a text or a list of texts, got {str(given)[:80]!r}")
    return given


def _list_in(cell: str, name: str) -> Any:
    try:
        return from_json(cell, allow_inf_nan=False)
    except ValueError:
        pass
    try:
        found = ast.literal_eval(cell.strip())
        tokens = list(tokenize.generate_tokens(io.StringIO(cell.strip()).readline))
    except (ValueError, SyntaxError, MemoryError, RecursionError, tokenize.TokenError):
        return [cell]  # a text that begins with a bracket
    kinds = [token.type for token in tokens if token.type not in (tokenize.NL, tokenize.NEWLINE)]
    if any(first == second == tokenize.STRING for first, second in pairwise(kinds)):
        # Python would make one text of two, as numpy writes them.
        raise ValueError(f"{name}: is a list without commas, got {cell[:80]!r}")
    return found
