"""The API's JSON bodies. Requests are validated strictly; response models only describe the sent dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError, model_validator

from index import MOST_ARTICLE_IDS, MOST_SOURCES, FilterError, RequestFilter
from rag import Support, Turn

from ..security.errors import RequestError
from .errors import JSON, invalid_field

if TYPE_CHECKING:
    from starlette.requests import Request

LONG_BODY = 64_000
"""Size in bytes above which a body is parsed in a thread, so that other requests do not wait for it."""

Body = TypeVar("Body", bound=BaseModel)
Result = TypeVar("Result")
Item = TypeVar("Item")


class _UpToTheFirstError(FailFast):
    """The framework's marker, which a union of types requires to be hashable."""

    def __hash__(self) -> int:
        return hash(type(self))


Items = Annotated[tuple[Item, ...], _UpToTheFirstError()]
"""An array that is read only up to its first invalid item: an error for each of a million items would take long."""


class StrictRequest(BaseModel):
    """A request model that does not convert values and rejects unknown fields."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class HistoryItem(StrictRequest):
    """An earlier question and its answer; either one may be missing."""

    question: str | None = None
    answer: str | None = None

    @model_validator(mode="after")
    def _is_not_empty(self) -> HistoryItem:
        if self.question is None and self.answer is None:
            raise ValueError("needs 'question' or 'answer'")
        return self

    def turns(self) -> Iterator[Turn]:
        """Yield the item as conversation turns."""
        if self.question is not None:
            yield Turn("user", self.question)
        if self.answer is not None:
            yield Turn("assistant", self.answer)


class ArticleFilterRequest(StrictRequest):
    """The articles to search, by date, outlet or id."""

    since: str | None = Field(
        None, description="Day, month or year, such as 2024-02: only articles published then or later."
    )
    until: str | None = Field(None, description="Day, month or year: only articles published then or earlier.")
    sources: Items[str] = Field(
        (),
        description="Words: only articles whose `source` (outlet, host or file name) contains one of them.",
        json_schema_extra={"maxItems": MOST_SOURCES},
    )
    articles: Items[str] = Field(
        (), description="Article ids: only these articles.", json_schema_extra={"maxItems": MOST_ARTICLE_IDS}
    )

    def article_filter(self) -> RequestFilter:
        """Return the filter. Raises `RequestError` for an invalid date, and `FilterError` if the filter is too long."""
        for name, day in (("since", self.since), ("until", self.until)):
            try:
                RequestFilter(since=day)
            except FilterError as error:
                raise invalid_field(f"only.{name}", error.message, error.hint) from None
        article_filter = RequestFilter(self.since, self.until, self.sources, self.articles)
        article_filter.require_request_size()
        return article_filter


class AskRequest(StrictRequest):
    """A question, the conversation before it, and the articles to search."""

    question: str
    history: Items[HistoryItem] = ()
    only: ArticleFilterRequest = Field(default_factory=lambda: ArticleFilterRequest.model_validate({}))
    stream: bool = Field(False, description="Send the answer while it is written, as server-sent events.")

    def turns(self) -> list[Turn]:
        """Return the conversation before the question."""
        return [turn for item in self.history for turn in item.turns()]


class AddRequest(StrictRequest):
    """An article: its text, with or without a title, or a link to a public web page."""

    title: str = ""
    text: str | None = None
    link: str | None = None

    @model_validator(mode="after")
    def _has_one(self) -> AddRequest:
        if (self.text is None) == (self.link is None):
            raise ValueError("needs either 'text' or 'link'")
        return self


class EvaluateRequest(StrictRequest):
    """A test set: questions with expected answers and evidence, in the format of the lines in a JSONL test set."""

    questions: Items[dict[str, Any]] = Field(min_length=1)


async def read_body(
    request: Request, schema: type[Body], convert: Callable[[Body], Result], *, largest: int | None = None
) -> Result:
    """Parse a request body, and return what `convert` makes of it. A body over `LONG_BODY` is handled in a thread.

    Raises `RequestError` with the name of an invalid field or for a body over `largest` bytes, and any error that
    `convert` raises.
    """
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != JSON:
        raise RequestError(
            415, f"The content type is {content_type[:80]!r}, not {JSON!r}.", f"Send the header Content-Type: {JSON}"
        )
    body = await request.body()
    if largest is not None and len(body) > largest:
        problem = f"The body has {len(body):,} bytes, and at most {largest:,} are allowed."
        raise RequestError(413, problem, "Send less at a time, or send files as multipart/form-data.")
    handle = partial(_handle, body, schema, convert)
    if len(body) <= LONG_BODY:
        return handle()
    from starlette.concurrency import run_in_threadpool

    return await run_in_threadpool(handle)


def _handle(body: bytes, schema: type[Body], convert: Callable[[Body], Result]) -> Result:
    try:
        parsed = schema.model_validate_json(body)
    except ValidationError as error:
        field, message = first_problem(error)
        if field:
            raise invalid_field(field, message) from None
        hint = "Send a JSON object; see GET /v1/docs for its fields."
        raise RequestError(400, f"Invalid request body: {message}", hint) from None
    return convert(parsed)


def first_problem(error: ValidationError) -> tuple[str, str]:
    """Return the field and the message for the first validation error."""
    first = error.errors(include_url=False, include_input=False)[0]
    return ".".join(str(part) for part in first["loc"]), first["msg"]


class _Reply(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ErrorDetail(_Reply):
    """An error message, with a hint on how to fix the problem."""

    message: str
    hint: str


class ErrorReply(_Reply):
    """The response to a failed request."""

    error: ErrorDetail


class SentenceReply(_Reply):
    """A sentence in an answer, its citations, and how well they support it."""

    text: str
    citations: list[int]
    support: Support
    citation_corrected: bool
    moved: bool = Field(deprecated="Use `citation_corrected`.")
    reason: str = Field(description="Why the sentence is not confirmed; empty if it is supported.")
    focus: str | None


class CitationReply(_Reply):
    """An exact quote from an article: `article.text[start:end] == quote`."""

    number: int
    article_id: str
    title: str
    source: str
    also: list[str]
    author: str | None
    published: str | None
    language: str | None
    page: int | None
    start: int
    end: int
    quote: str
    support: Support


class HitReply(_Reply):
    """A retrieved passage; `[n]` in the answer refers to the n-th hit."""

    article_id: str
    start: int
    end: int
    text: str
    score: float


class AnswerReply(_Reply):
    """An answer. If the articles do not answer the question, `found` is false and there are no citations.

    `unsure` is true for quotes that may not answer the question; a note says so, too.
    """

    question: str
    text: str
    found: bool
    unsure: bool
    model: str
    search_query: str
    sentences: list[SentenceReply]
    citations: list[CitationReply]
    hits: list[HitReply]
    confidence: float
    trust: float = Field(deprecated="Use `confidence`.")
    timings: dict[str, float]
    tokens: dict[str, int]
    notes: list[str]


class ArticleReply(_Reply):
    """The metadata of an article."""

    id: str
    title: str
    source: str
    published: str | None
    language: str | None


class ArticleTextReply(ArticleReply):
    """An article with its text."""

    text: str


class AddedFileReply(_Reply):
    """The result for a file, text or link, with the number of articles in it."""

    name: str
    state: Literal["added", "changed", "unchanged", "failed"]
    detail: str
    hint: str
    articles: int
    skipped_pages: str = Field(description="Pages from which no text could be read, such as '2–4, 7'; usually empty.")


class AddedReply(_Reply):
    """The results for all files, the text or the link in the request."""

    added: list[AddedFileReply]


class RemovedReply(_Reply):
    """The removed article and its number of passages."""

    removed: ArticleReply
    passages: int


class ModelReply(_Reply):
    """A model that a request can select."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelsReply(_Reply):
    """The available models."""

    object: Literal["list"]
    data: list[ModelReply]


class MessageReply(_Reply):
    """An answer as Markdown with footnotes, with its sentences and citations."""

    role: Literal["assistant"]
    content: str
    refusal: None
    found: bool
    sentences: list[SentenceReply]
    citations: list[CitationReply]
    notes: list[str]


class CompletionChoice(_Reply):
    """The only choice in a completion."""

    index: int
    message: MessageReply
    finish_reason: Literal["stop"]
    logprobs: None


class UsageReply(_Reply):
    """Numbers of LLM tokens, or zeros if the provider does not report them."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class CompletionReply(_Reply):
    """A chat completion in the format of the OpenAI API."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: UsageReply
