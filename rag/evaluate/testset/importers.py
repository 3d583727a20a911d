"""Test sets of others become cases: SQuAD's JSON, and tables with the columns of RAGAS.

What the questions are about comes along: each context becomes an article, to be written to a file of the name that the
evidence has as its `source`, and indexed. Fields that are not needed are passed over, those that are needed are read as
strictly as a test set of our own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from ...errors import TestSetError
from .cases import Case, Evidence, Filled
from .problems import HINT, Problem, fields_and_reasons, refusal, unreadable

_NOT_IN_NAMES = re.compile(r"\W+")


@dataclass(frozen=True, slots=True)
class Context:
    """A text that questions were written for; `source` is the name of the file that it is to be written to."""

    title: str
    text: str
    source: str


@dataclass(frozen=True, slots=True)
class Imported:
    """The cases of a file and the texts that they are about; `skipped` is what was wrong with those left out."""

    cases: tuple[Case, ...]
    contexts: tuple[Context, ...]
    skipped: tuple[Problem, ...] = ()


@dataclass(slots=True)
class ImportBuilder:
    """What has been read so far of a file."""

    path: str
    cases: list[Case] = field(default_factory=list)
    contexts: dict[str, Context] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)

    def context(self, title: str, text: str) -> Context:
        """The context with this text; a text that comes again is the same one."""
        if text not in self.contexts:
            name = _NOT_IN_NAMES.sub("-", title.casefold()).strip("-")[:60] or "context"
            self.contexts[text] = Context(title, text, f"{name}-{len(self.contexts) + 1:05d}.txt")
        return self.contexts[text]

    def wrong(self, reason: str, place: str = "", line: int | None = None) -> None:
        """Remember a problem."""
        self.problems.append(Problem(reason, self.path, line, place))

    def add(self, given: dict[str, Any], place: str = "", line: int | None = None) -> None:
        """Add a case, or remember why it is none."""
        try:
            case = Case(**given)
        except ValidationError as error:
            for name, reason in fields_and_reasons(error):
                self.wrong(reason, f"{place}.{name}".strip("."), line)
            return
        here = place or f"line {line}"
        if case.id in self.ids:
            self.wrong(f"the id {case.id!r} is used already, in {self.ids[case.id]}", place, line)
            return
        self.ids[case.id] = here
        self.cases.append(case)

    def done(self, skip_bad: bool) -> Imported:
        """All of it; raises `TestSetError` where something is wrong, or with `skip_bad` where nothing is right."""
        if self.problems and not (skip_bad and self.cases):
            raise refusal(self.problems, "Mend the file, or leave its bad questions out with --skip-bad.")
        if not self.cases:
            raise TestSetError(f"there is no question in {self.path!r}", HINT)
        return Imported(tuple(self.cases), tuple(self.contexts.values()), tuple(self.problems))


class _Loose(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class _SquadAnswer(_Loose):
    text: Filled
    answer_start: int = Field(ge=0)


class _SquadQuestion(_Loose):
    id: Filled
    question: Filled
    answers: list[_SquadAnswer] = []
    is_impossible: bool = False


def import_squad(path: str | Path, *, skip_bad: bool = False) -> Imported:
    """A file of SQuAD 1.1 or 2.0: each paragraph is a context, each place of an answer evidence.

    Raises `TestSetError` naming file, place (`data[0].paragraphs[3].qas[1].answers[0]`) and reason for everything that
    is wrong; with `skip_bad` only where no question is left.
    """
    path = Path(path)
    gathered = ImportBuilder(str(path))
    data = _json_of(path)
    if not (isinstance(data, dict) and isinstance(data.get("data"), list)):
        raise refusal([Problem("is no SQuAD file: there is no list 'data'", str(path))], "Choose another format.")
    for number, article in enumerate(data["data"]):
        paragraphs = article.get("paragraphs") if isinstance(article, dict) else None
        if not isinstance(paragraphs, list):
            gathered.wrong("there is no list 'paragraphs'", f"data[{number}]")
            continue
        title = str(article.get("title") or path.stem).replace("_", " ")
        for inner, paragraph in enumerate(paragraphs):
            _add_paragraph(gathered, title, paragraph, f"data[{number}].paragraphs[{inner}]")
    return gathered.done(skip_bad)


def _add_paragraph(gathered: ImportBuilder, title: str, paragraph: Any, place: str) -> None:
    text, questions = (paragraph.get(name) if isinstance(paragraph, dict) else None for name in ("context", "qas"))
    if not isinstance(text, str) or not text.strip():
        gathered.wrong("there is no text", f"{place}.context")
        return
    if not isinstance(questions, list):
        gathered.wrong("there is no list of questions", f"{place}.qas")
        return
    context = gathered.context(title, text)
    for number, given in enumerate(questions):
        here = f"{place}.qas[{number}]"
        try:
            question = _SquadQuestion.model_validate(given)
        except ValidationError as error:
            for name, reason in fields_and_reasons(error):
                gathered.wrong(reason, f"{here}.{name}".rstrip("."))
            continue
        bad = [
            (i, each) for i, each in enumerate(question.answers) if not text.startswith(each.text, each.answer_start)
        ]
        for i, each in bad:
            stands = text[each.answer_start : each.answer_start + len(each.text)]
            reason = f"says {each.text!r}, but {stands!r} stands at {each.answer_start} of the context"
            gathered.wrong(reason, f"{here}.answers[{i}]")
        if bad:
            continue
        places = dict.fromkeys((each.answer_start, each.text) for each in question.answers)
        gathered.add(
            {
                "id": question.id,
                "question": question.question,
                "answerable": not question.is_impossible,
                "answers": tuple(dict.fromkeys(each.text for each in question.answers)),
                "evidence": tuple(
                    Evidence(start=start, end=start + len(words), text=words, source=context.source)
                    for start, words in places
                ),
            },
            here,
        )


def _json_of(path: Path) -> Any:
    try:
        return from_json(path.read_bytes().removeprefix(b"\xef\xbb\xbf"), allow_inf_nan=False)
    except OSError as error:
        raise unreadable(path, error) from None
    except ValueError as error:
        raise refusal([Problem(f"is no JSON: {error}", str(path))]) from None


def import_ragas(path: str | Path, *, skip_bad: bool = False) -> Imported:
    """A JSONL or CSV file with the columns of RAGAS; see `ragas.py` for what they are taken for."""
    from .ragas import add_rows

    path = Path(path)
    gathered = ImportBuilder(str(path))
    add_rows(gathered, path)
    return gathered.done(skip_bad)


FORMATS: dict[str, Callable[..., Imported]] = {"squad": import_squad, "ragas": import_ragas}
"""What reads each format, by the name that the command line gives it."""
