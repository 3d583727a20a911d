"""What programs may send, read strictly: a field that nobody knows is a mistake that is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from index import ArticleFilter, FilterError
from rag import Turn

from .errors import JSON, Refused, wrong_field

if TYPE_CHECKING:
    from starlette.requests import Request

Body = TypeVar("Body", bound=BaseModel)


class Strict(BaseModel):
    """No value is taken for another, and no field is passed over."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Exchange(Strict):
    """A question of before and its answer; one of them may be missing."""

    question: str | None = None
    answer: str | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Exchange:
        if self.question is None and self.answer is None:
            raise ValueError("needs 'question' or 'answer'")
        return self

    def turns(self) -> Iterator[Turn]:
        """The turns of the conversation that it is."""
        if self.question is not None:
            yield Turn("user", self.question)
        if self.answer is not None:
            yield Turn("assistant", self.answer)


class Choice(Strict):
    """Which articles are asked: those of some days, outlets or ids."""

    since: str | None = Field(None, description="A day, month or year, such as 2024-02: only articles of it or later.")
    until: str | None = Field(None, description="The same: only articles of it or earlier.")
    sources: tuple[str, ...] = Field((), description="Words, one of which the outlet or the path holds.")
    articles: tuple[str, ...] = Field((), description="Ids of articles.")

    def article_filter(self) -> ArticleFilter:
        """The choice as the assistant takes it. Raises `Refused` for a day that is none."""
        for name, day in (("since", self.since), ("until", self.until)):
            try:
                ArticleFilter(since=day)
            except FilterError as error:
                raise wrong_field(f"only.{name}", error.message, error.hint) from None
        return ArticleFilter(self.since, self.until, self.sources, self.articles)


class Asked(Strict):
    """A question, what was said before, and which articles are asked."""

    question: str
    history: tuple[Exchange, ...] = ()
    article_filter: Choice = Field(alias="only", default_factory=lambda: Choice.model_validate({}))
    stream: bool = Field(False, description="Send the answer as it is written, as server-sent events.")

    def turns(self) -> list[Turn]:
        """What was said before."""
        return [turn for each in self.history for turn in each.turns()]


class Sent(Strict):
    """An article: its text, with a title or without one, or the address of a page of the public web."""

    title: str = ""
    text: str | None = None
    link: str | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Sent:
        if (self.text is None) == (self.link is None):
            raise ValueError("needs either 'text' or 'link'")
        return self


class Questions(Strict):
    """A test set: each question with what a right answer says and where, as a line of a JSONL test set has it."""

    questions: tuple[dict[str, Any], ...] = Field(min_length=1)


async def read(request: Request, kind: type[Body]) -> Body:
    """The body of a request as one of these. Raises `Refused` naming the field that is wrong."""
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != JSON:
        raise Refused(
            415, f"the content type is {content_type[:80]!r}, not {JSON!r}", f"Send the header Content-Type: {JSON}"
        )
    try:
        return kind.model_validate_json(await request.body())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        if not first["loc"]:
            raise Refused(
                400, f"the request cannot be read: {first['msg']}", "Send a JSON object; GET /v1/docs shows its fields."
            ) from None
        raise wrong_field(".".join(str(part) for part in first["loc"]), first["msg"]) from None
