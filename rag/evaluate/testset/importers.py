"""Import test sets in other formats: SQuAD JSON, and tables or JSON lines with RAGAS columns.

Each context for which questions were written becomes an article. The article must be indexed from a file whose name is
the `source` of the evidence. Unknown fields are ignored; known fields are validated as strictly as in citechat's own
test sets.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from ...errors import TestSetError
from .cases import Case, Evidence, Filled
from .problems import HINT, Problem, fields_and_reasons, read_file, refusal
from .records import TABLES, csv_records, json_lines
from .tables import unguarded

Model = TypeVar("Model", bound=BaseModel)

_NOT_IN_NAMES = re.compile(r"\W+")


@dataclass(frozen=True, slots=True)
class Context:
    """A text for which questions were written; `source` is the name of the file to which it should be written."""

    title: str
    text: str
    source: str


@dataclass(frozen=True, slots=True)
class Imported:
    """The cases in a file and the texts that they are about; `skipped` contains the problems in omitted cases."""

    cases: tuple[Case, ...]
    contexts: tuple[Context, ...]
    skipped: tuple[Problem, ...] = ()


@dataclass(slots=True)
class ImportBuilder:
    """A builder that collects the cases, contexts and problems in a file."""

    path: str
    cases: list[Case] = field(default_factory=list)
    contexts: dict[str, Context] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)

    def context(self, title: str, text: str) -> Context:
        """Return the context with this text, creating it if it does not exist yet."""
        if text not in self.contexts:
            name = _NOT_IN_NAMES.sub("-", title.casefold()).strip("-")[:60] or "context"
            self.contexts[text] = Context(title, text, f"{name}-{len(self.contexts) + 1:05d}.txt")
        return self.contexts[text]

    def reject(self, reason: str, place: str = "", line: int | None = None) -> None:
        """Record a problem."""
        self.problems.append(Problem(reason, self.path, line, place))

    def validate(self, model: type[Model], given: Any, place: str = "", line: int | None = None) -> Model | None:
        """Return the value as a model, or None after recording why it is invalid."""
        try:
            return model.model_validate(given)
        except ValidationError as error:
            for name, reason in fields_and_reasons(error):
                self.reject(reason, f"{place}.{name}".strip("."), line)
            return None

    def add(self, given: dict[str, Any], place: str = "", line: int | None = None) -> None:
        """Add a case, or record why it is invalid."""
        case = self.validate(Case, given, place, line)
        if case is None:
            return
        if case.id in self.places:
            self.reject(f"the id {case.id!r} is already used, in {self.places[case.id]}", place, line)
            return
        self.places[case.id] = place or f"line {line}"
        self.cases.append(case)

    def build(self, skip_bad: bool) -> Imported:
        """Return the imported cases; raise `TestSetError` for any problem or, with `skip_bad`, if no case is left."""
        if self.problems and not (skip_bad and self.cases):
            raise refusal(self.problems, "Fix the file, or leave its invalid questions out with --skip-bad.")
        if not self.cases:
            raise TestSetError(f"There is no question in {self.path!r}.", HINT)
        return Imported(tuple(self.cases), tuple(self.contexts.values()), tuple(self.problems))


class _Loose(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


# SQuAD: the lists contain `Any`, so that a single invalid item can be skipped.


class _SquadFile(_Loose):
    data: list[Any]


class _SquadArticle(_Loose):
    title: str | None = None
    paragraphs: list[Any]


class _SquadParagraph(_Loose):
    context: Filled
    qas: list[Any]


class _SquadAnswer(_Loose):
    text: Filled
    answer_start: int = Field(ge=0)


class _SquadQuestion(_Loose):
    id: Filled
    question: Filled
    answers: list[_SquadAnswer] = []
    is_impossible: bool = False


def import_squad(path: str | Path, *, skip_bad: bool = False) -> Imported:
    """Import a SQuAD 1.1 or 2.0 file: each paragraph becomes a context, and each answer span becomes evidence.

    Raises `TestSetError`, which gives the file, location (`data[0].paragraphs[3].qas[1].answers[0]`) and reason of
    every problem; with `skip_bad`, only if no question is left.
    """
    path = Path(path)
    builder = ImportBuilder(str(path))
    try:
        data = from_json(read_file(path), allow_inf_nan=False)
    except ValueError as error:
        raise refusal([Problem(f"is not JSON: {error}", str(path))]) from None
    try:
        articles = _SquadFile.model_validate(data).data
    except ValidationError:
        problem = Problem("is not a SQuAD file: it has no list 'data'", str(path))
        raise refusal([problem], "Choose another format.") from None
    for number, given in enumerate(articles):
        article = builder.validate(_SquadArticle, given, f"data[{number}]")
        for inner, paragraph in enumerate(article.paragraphs if article else ()):
            title = ((article and article.title) or path.stem).replace("_", " ")
            _add_paragraph(builder, title, paragraph, f"data[{number}].paragraphs[{inner}]")
    return builder.build(skip_bad)


def _add_paragraph(builder: ImportBuilder, title: str, given: Any, place: str) -> None:
    paragraph = builder.validate(_SquadParagraph, given, place)
    if paragraph is None:
        return
    context = builder.context(title, paragraph.context)
    for number, qa in enumerate(paragraph.qas):
        here = f"{place}.qas[{number}]"
        question = builder.validate(_SquadQuestion, qa, here)
        if question is None:
            continue
        misplaced = [
            (i, answer, context.text[answer.answer_start : answer.answer_start + len(answer.text)])
            for i, answer in enumerate(question.answers)
            if not context.text.startswith(answer.text, answer.answer_start)
        ]
        for i, answer, actual in misplaced:
            reason = f"says {answer.text!r}, but the context has {actual!r} at {answer.answer_start}"
            builder.reject(reason, f"{here}.answers[{i}]")
        if not misplaced:
            places = dict.fromkeys((answer.answer_start, answer.text) for answer in question.answers)
            builder.add(
                {
                    "id": question.id,
                    "question": question.question,
                    "answerable": not question.is_impossible,
                    "answers": tuple(dict.fromkeys(answer.text for answer in question.answers)),
                    "evidence": _evidence((start, text, context) for start, text in places),
                },
                here,
            )


def _evidence(places: Iterator[tuple[int, str, Context]]) -> tuple[Evidence, ...]:
    """Return the evidence at these locations, without duplicates."""
    return tuple(
        Evidence(start=start, end=start + len(text), text=text, source=context.source)
        for start, text, context in dict.fromkeys(places)
    )


# RAGAS


def _texts(given: Any) -> Any:
    """Return the texts in a field: a list; in a table, a list in JSON or Python notation; or a single text."""
    if not isinstance(given, str):
        return given
    if not given.lstrip().startswith("["):
        return [given] if given.strip() else []
    try:
        return from_json(given, allow_inf_nan=False)
    except ValueError:
        pass
    try:
        found = ast.literal_eval(given.strip())
        tokens = list(tokenize.generate_tokens(io.StringIO(given.strip()).readline))
    except (ValueError, SyntaxError, MemoryError, RecursionError, tokenize.TokenError):
        return [given]  # a text that happens to begin with a bracket
    kinds = [token.type for token in tokens if token.type not in (tokenize.NL, tokenize.NEWLINE)]
    if any(first == second == tokenize.STRING for first, second in pairwise(kinds)):
        raise ValueError("is a list without commas")  # as printed by numpy; Python would concatenate the texts
    return found


_Texts = Annotated[list[Filled], BeforeValidator(_texts)]
_QUESTION = ("user_input", "question")


class _RagasRow(_Loose):
    """A row with RAGAS columns, by their old and new names.

    `answers` contains the expected answers. The column `answer` is used only if there is no other column for them: next
    to another such column, it contains a system's answer.
    """

    question: Filled = Field(validation_alias=AliasChoices(*_QUESTION))
    answers: _Texts = Field(
        default=[], validation_alias=AliasChoices("reference", "ground_truth", "ground_truths", "answer")
    )
    reference_contexts: _Texts = []
    contexts: _Texts = []
    retrieved_contexts: _Texts = []
    id: Any = None


def import_ragas(path: str | Path, *, skip_bad: bool = False) -> Imported:
    """Import a JSONL or CSV file with RAGAS columns; the contexts become articles.

    If a context contains an expected answer, character for character, that span is the evidence. Otherwise all
    `reference_contexts` are evidence, because a person chose them for the question; contexts that a system retrieved
    are not. Raises `TestSetError` as `import_squad` does.
    """
    path = Path(path)
    builder = ImportBuilder(str(path))
    data = read_file(path)
    rows = _table_rows(builder, data) if path.suffix.lower() in TABLES else _json_rows(builder, data)
    for line, given in rows:
        filled = {name: value for name, value in given.items() if value not in (None, "", [])}
        row = builder.validate(_RagasRow, filled, line=line)
        if row is not None:
            _add_row(builder, row, line)
    return builder.build(skip_bad)


def _json_rows(builder: ImportBuilder, data: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    for raw in json_lines(data):
        try:
            given = {} if raw.reason else from_json(raw.json, allow_inf_nan=False)
        except ValueError as error:
            builder.reject(f"is not JSON: {error}", line=raw.line)
            continue
        if raw.reason or not isinstance(given, dict):
            builder.reject(raw.reason or "is not a JSON object", line=raw.line)
        else:
            yield raw.line, given


def _table_rows(builder: ImportBuilder, data: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    records = csv_records(data)
    line, header, reason = next(records, (1, [], "the file is empty; its first line must name the columns"))
    names = [cell.strip() for cell in header]
    if not reason and not set(names) & set(_QUESTION):
        reason = f"the header names none of the columns {', '.join(_QUESTION)}, only {', '.join(names)}"
    if reason:
        raise refusal([Problem(reason, builder.path, line)])
    for line, cells, reason in records:
        if reason:
            builder.reject(reason, line=line)
        else:
            yield line, dict(zip(names, map(unguarded, cells), strict=True))


def _add_row(builder: ImportBuilder, row: _RagasRow, line: int) -> None:
    chosen, *others = (
        [builder.context(" ".join(text.split()[:8]), text) for text in texts]
        for texts in (row.reference_contexts, row.contexts, row.retrieved_contexts)
    )
    answers = tuple(dict.fromkeys(row.answers))
    contexts = dict.fromkeys(context for each in (chosen, *others) for context in each)
    found = [
        (start, answer, context)
        for answer in answers
        for context in contexts
        if (start := context.text.find(answer)) >= 0
    ]
    given: dict[str, Any] = {
        "question": row.question,
        "answers": answers,
        "evidence": _evidence(iter(found or [(0, context.text, context) for context in chosen])),
    }
    if isinstance(row.id, str) and row.id.strip():
        given["id"] = row.id
    builder.add(given, line=line)


FORMATS: dict[str, Callable[..., Imported]] = {"squad": import_squad, "ragas": import_ragas}
"""The importer for each format, by its name on the command line."""
