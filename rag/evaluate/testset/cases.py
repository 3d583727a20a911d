"""The cases in a test set: questions, accepted answers, and the evidence in an article.

`docs/testsets.md` describes the file format. An unknown field is an error: a misspelt field would otherwise silently
change the results.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
    model_validator,
)

from index import Span

from ...answer import Role, Turn

MOST_ITEMS = 100
"""Maximum number of answers, of pieces of evidence, of tags, and of earlier messages of a case."""

Filled = Annotated[str, StringConstraints(pattern=r"\S")]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Evidence(_Strict):
    """A span that proves the answer: `article.text[start:end] == text`, in Unicode characters (code points).

    `start` and `end` may both be omitted; `resolve` then locates the text. A plain string is shorthand for evidence
    with that text. `article_id` or `source` (as shown in citations, or the end of that path) identifies the article.
    Without them, it is the article that has `text` at these offsets.
    """

    start: int | None = Field(default=None, ge=0)
    end: int | None = None
    text: Filled
    article_id: Filled | None = None
    source: Filled | None = None

    @model_validator(mode="before")
    @classmethod
    def _text_alone(cls, given: Any) -> Any:
        return {"text": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _offsets_fit_the_text(self) -> Evidence:
        if self.start is None and self.end is None:
            return self
        if self.start is None or self.end is None:
            raise ValueError("give both 'start' and 'end', or neither")
        if self.start > self.end:
            raise ValueError(f"start {self.start} is after end {self.end}")
        if self.end - self.start != len(self.text):
            raise ValueError(
                f"start {self.start} and end {self.end} are {self.end - self.start} characters apart, but the text "
                f"has {len(self.text)}; offsets count Unicode characters, not bytes or UTF-16 units"
            )
        return self

    @property
    def span(self) -> Span | None:
        """The offsets of the text, or None while they are unknown."""
        return None if self.start is None or self.end is None else Span(self.start, self.end)


class PastTurn(_Strict):
    """A message before the question."""

    role: Role
    text: Filled


def _is_answerable(given: dict[str, Any]) -> bool:
    return bool(given.get("answers") or given.get("evidence"))


def _id_from_content(given: dict[str, Any]) -> str:
    """Return an id that depends only on the question and the expectation, not on the file, the line or the offsets."""
    evidence = [[each.text, each.article_id, each.source] for each in given.get("evidence", ())]
    history = [[turn.role, turn.text] for turn in given.get("history", ())]
    content = [given.get("question"), history, given.get("answerable"), list(given.get("answers", ())), evidence]
    return f"q-{hashlib.sha256(json.dumps(content).encode()).hexdigest()[:10]}"


def _listed(given: Any) -> Any:
    """Return a single text, or a list, as a tuple."""
    return (given,) if isinstance(given, str) else tuple(given) if isinstance(given, list) else given


class Case(_Strict):
    """A question in a test set; any one of `answers` and any one piece of `evidence` is right.

    `answerable` defaults to True if there are answers or evidence. The default `id` is a hash of the content.
    """

    question: Filled
    answers: Annotated[tuple[Filled, ...], BeforeValidator(_listed)] = Field(default=(), max_length=MOST_ITEMS)
    evidence: tuple[Evidence, ...] = Field(default=(), max_length=MOST_ITEMS)
    tags: tuple[Filled, ...] = Field(default=(), max_length=MOST_ITEMS)
    notes: str = ""
    history: tuple[PastTurn, ...] = Field(default=(), max_length=MOST_ITEMS)
    answerable: bool = Field(default_factory=_is_answerable)
    id: Filled = Field(default_factory=_id_from_content)

    @model_validator(mode="after")
    def _answers_fit_answerable(self) -> Case:
        if not self.answerable and "answerable" not in self.model_fields_set:
            raise ValueError("needs 'answers' or 'evidence', or answerable=false where there is no answer")
        if self.answerable and not (self.answers or self.evidence):
            raise ValueError("an answerable question needs 'answers' or 'evidence'")
        if not self.answerable and (self.answers or self.evidence):
            raise ValueError("a question with answerable=false can have neither 'answers' nor 'evidence'")
        return self

    @model_serializer(mode="wrap")
    def _id_first(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = serialize(self)
        return {name: written[name] for name in ("id", "question") if name in written} | written

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The history in the format that the assistant expects."""
        return tuple(Turn(role=turn.role, text=turn.text) for turn in self.history)
