"""What programs are told, described for those who write them; what is sent are the plain dictionaries."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from rag import Support


class _Reply(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SentenceReply(_Reply):
    """A sentence of an answer: which citations it has, and how well they support it."""

    text: str
    citations: list[int]
    support: Support
    citation_corrected: bool
    moved: bool = Field(deprecated="Use `citation_corrected`.")
    focus: str | None


class CitationReply(_Reply):
    """Exact characters of an article: `article.text[start:end] == quote`."""

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
    """A passage that was found; `[n]` in the answer points at the n-th."""

    article_id: str
    start: int
    end: int
    text: str
    score: float


class AnswerReply(_Reply):
    """An answer; `found` is false where the articles do not say, and then nothing is cited."""

    question: str
    text: str
    found: bool
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
    """What is known of an article."""

    id: str
    title: str
    source: str
    published: str | None
    language: str | None


class WholeArticleReply(ArticleReply):
    """An article with its text."""

    text: str


class AddedFileReply(_Reply):
    """What became of one file, text or link, and how many articles were in it."""

    name: str
    state: Literal["added", "changed", "unchanged", "failed"]
    detail: str
    hint: str
    articles: int


class AddedReply(_Reply):
    """What became of all that was sent."""

    added: list[AddedFileReply]


class RemovedReply(_Reply):
    """The article that was removed, and how many passages it had."""

    removed: ArticleReply
    passages: int


class ModelReply(_Reply):
    """A model that can be named in a request."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelsReply(_Reply):
    """The models that there are."""

    object: Literal["list"]
    data: list[ModelReply]


class MessageReply(_Reply):
    """An answer as Markdown with footnotes, and beside it what they point at."""

    role: Literal["assistant"]
    content: str
    refusal: None
    found: bool
    sentences: list[SentenceReply]
    citations: list[CitationReply]
    notes: list[str]


class CompletionChoice(_Reply):
    """The only choice."""

    index: int
    message: MessageReply
    finish_reason: Literal["stop"]
    logprobs: None


class UsageReply(_Reply):
    """Tokens of the LLM, as far as its provider tells; zeros otherwise."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class CompletionReply(_Reply):
    """What OpenAI's clients expect."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: UsageReply
