"""All settings, in the order of the pipeline, and the options of an assistant."""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_data_path
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from .errors import SettingsError
from .prompts import ANSWER_SYSTEM, check_instructions

Scope = Literal["auto", "document", "passages"]
"""What an LLM reads; see `Settings.scope`."""

logger = logging.getLogger(__name__)

FORMER_NAMES = {
    "min_score": "abstention_threshold",
    "llm_patience": "llm_total_timeout",
    "links": "allow_web_links",
}
"""The current name of each renamed setting; the former names work for one more release."""
_SECRETS = frozenset({"chroma_url", "database_url", "server_api_key"})  # never shown in an error

EXTRACTIVE = "extractive"
"""The model name for answers that quote the articles, without an LLM."""

MOST_PASSAGES = 50
"""Maximum value of `top_k`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerOptions:
    """Options that determine how an assistant answers.

    Attributes:
        top_k: Maximum number of passages retrieved for a question.
        abstention_threshold: Confidence below which the assistant abstains; None: the index's calibrated threshold, or
            the default.
        max_question_chars: Maximum length of a question, in characters.
        strict: Leave out an LLM's sentences that the articles contradict, or that name something that no passage names,
            instead of labelling them.
        fallback: Quote the articles when the LLM fails, instead of raising `LLMError`.
        llm_total_timeout: Maximum total time for all LLM calls for one answer, including retries, in seconds.
        prompt_tokens: Maximum length of a prompt, in tokens.
        scope: What the LLM reads: whole articles ('document'), the best passages with their neighbours ('passages'), or
            whichever fits ('auto').
        abstain_before_llm: Do not ask the LLM if the confidence that the articles answer is very low, to save money.
        verifier: Model that grades the LLM's sentences, see `Settings.verifier`.
        instructions: System prompt. It must mention `[1]` and the line `NOT_FOUND`; otherwise `SettingsError` is
            raised.
    """

    top_k: int = 6
    abstention_threshold: float | None = None
    max_question_chars: int = 2000
    strict: bool = False
    fallback: bool = True
    llm_total_timeout: float = 180.0
    prompt_tokens: int = 7492
    scope: Scope = "auto"
    abstain_before_llm: bool = False
    verifier: str = "bundled"
    instructions: str = ANSWER_SYSTEM

    def __post_init__(self) -> None:
        check_instructions(self.instructions)


def _split_commas(value: Any) -> Any:
    return tuple(filter(None, (part.strip() for part in value.split(",")))) if isinstance(value, str) else value


CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_commas)]

_CHROMA_URL = re.compile(r"https?://([^/\s@]+@)?[^/\s@]+(/[\w.-]*)?")


def _check_chroma_url(value: SecretStr) -> SecretStr:
    if not _CHROMA_URL.fullmatch(value.get_secret_value()):
        raise ValueError("it must have the form http://host:port/database")
    return value


def _check_key(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]+", value.get_secret_value()):
        raise ValueError("it must consist of printable ASCII characters without spaces")
    return value


class Settings(BaseSettings):
    """Settings, read from the environment (`CITECHAT_…`) unless given as keywords; frozen."""

    model_config = SettingsConfigDict(
        env_prefix="CITECHAT_", frozen=True, extra="forbid", env_ignore_empty=True, use_attribute_docstrings=True
    )

    home: Path = Field(default_factory=lambda: user_data_path("citechat", appauthor=False))
    """Folder for all data that citechat stores."""
    encoder: str = "bundled"
    """Embedding model: 'bundled' (all-MiniLM-L6-v2, offline), or the folder or name of any sentence-transformers
    model."""
    chroma_url: Annotated[SecretStr, AfterValidator(_check_chroma_url)] | None = None
    """URL of the Chroma server that stores articles and passages, http://host:port/database, with user:password@ or
    token@ before the host if a gateway requires it; unset: a folder under `home`."""
    engine: Literal["onnx", "torch"] = "onnx"
    """Runtime of the bundled model: 'onnx' (exported once, then starts fast) or 'torch'."""
    threads: int | None = Field(None, ge=1, le=256)
    """Maximum number of texts embedded in parallel; unset: the number of processors plus one."""
    ocr: str = Field("off", pattern=r"^(off|auto|[A-Za-z_]{3,40}(\+[A-Za-z_]{3,40}){0,9})$")
    """Recognise the text of scanned PDF pages with ocrmypdf: 'off', 'auto' (if it is installed, in English), or the
    languages, such as 'eng+deu'; see docs/formats.md."""
    reader: str = "bundled"
    """Model that reads question and passage together, to choose the evidence and to abstain: 'bundled', 'off', the
    folder or name of a sentence-transformers CrossEncoder, or the name of a plug-in (see docs/reader.md)."""
    top_k: int = Field(6, ge=1, le=MOST_PASSAGES)
    """Maximum number of passages given to the model and shown as sources."""
    abstention_threshold: float | None = None
    """Confidence below which the assistant abstains; unset: the threshold that `citechat calibrate` fitted for this
    index, or the default, which was fitted on public data."""
    max_question_chars: int = Field(2000, ge=1)
    """Maximum length of a question, in characters."""
    llm: str = EXTRACTIVE
    """Model that writes the answer: 'extractive' (quotes, no LLM) or 'provider:model', such as 'ollama:llama3.2' or
    'openai:gpt-4o-mini'."""
    llm_base_url: str | None = None
    """URL of an OpenAI-compatible LLM server (vLLM, llama-server, LM Studio)."""
    llm_temperature: float = Field(0.0, ge=0.0, le=2.0)
    """Sampling temperature of the LLM."""
    llm_timeout: float = Field(60.0, gt=0)
    """Maximum time to wait for the LLM's first word, and between words, in seconds."""
    llm_total_timeout: float = Field(180.0, gt=0)
    """Maximum total time that the LLM may take for an answer, including retries, in seconds."""
    llm_context_tokens: int | None = Field(None, ge=1024)
    """Maximum length of the LLM's prompt and answer together, in tokens; a passage that does not fit is left out
    entirely. Unset: what the provider says that the LLM supports, at most `llm_context_limit`, or 8192 if it says
    nothing."""
    llm_context_limit: int = Field(16_384, ge=1024)
    """Maximum of `llm_context_tokens` if it is unset, because long prompts cost money and time."""
    llm_max_tokens: int = Field(700, ge=16)
    """Maximum length of the LLM's answer, in tokens."""
    llm_instructions: Path | None = None
    """Text file with instructions that replace the built-in ones (see rag/prompts.py); they must ask the LLM to write
    citations as [1], and to reply 'The articles do not say.' if the articles do not answer the question."""
    allow_web_links: bool = False
    """Let users of the chat add public web pages by URL; the server fetches them."""
    scope: Scope = "auto"
    """What the LLM reads: 'document' (whole articles, as far as they fit), 'passages' (the best passages with their
    neighbours) or 'auto' (whole articles if all that are asked about fit, or the article that the question is clearly
    about; else passages)."""
    abstain_before_llm: bool = False
    """Do not ask the LLM if it is very unlikely that the articles answer the question. This saves money; about one
    answerable question in a hundred is lost."""
    verifier: str = "bundled"
    """Model that grades each sentence of an LLM against the passages: 'bundled', 'llm' (a second call of the same LLM),
    the folder or name of a sentence-transformers CrossEncoder, or the name of a plug-in (see docs/llms.md)."""
    strict: bool = False
    """Leave out LLM sentences that the articles contradict, or that name something that no passage names, instead of
    labelling them."""
    server_api_key: Annotated[SecretStr, AfterValidator(_check_key)] | None = None
    """API key for the running server that `citechat eval --server` evaluates."""

    database_url: SecretStr | None = None
    """Database for conversations, feedback and API keys, as an SQLAlchemy URL such as
    postgresql+psycopg://USER:PASSWORD@HOST/DATABASE; unset: SQLite files under `home`."""
    hosts: CommaSeparated = ()
    """Host names under which the chat is served, separated by commas, such as the host name of a proxy."""
    user_header: str | None = Field(None, pattern=r"^[A-Za-z][A-Za-z0-9-]*$")
    """Header in which a proxy names the user, such as 'X-Forwarded-User'; it is accepted from `trusted_proxies`
    only."""
    trusted_proxies: CommaSeparated = ()
    """Addresses or networks of proxies, separated by commas, such as '127.0.0.1,10.0.0.0/8'."""
    rate_limit: str = "120/minute"
    """Maximum rate of requests per key, user or address, such as '120/minute' or '5/second'; 'none': no limit."""
    concurrency: int = Field(4, ge=1, le=1000)
    """Maximum number of concurrent requests per key, user or address."""
    evaluate_over_http: bool = False
    """Let API clients run test sets: POST /v1/evaluate."""
    mcp: bool = False
    """Offer the tool `ask` to MCP clients at /mcp (requires the extra `mcp`)."""
    audit_log: Path | None = None
    """Log file with one line per request: the user, the action, the time and the result."""
    audit_files: int = Field(10, ge=1, le=10_000)
    """Maximum number of audit log files of 10 MB each; the oldest is deleted."""
    audit_contents: bool = False
    """Include the questions in the audit log."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**_with_current_names(given))

    @property
    def index_path(self) -> Path:
        """The index folder."""
        return self.home / "index"


def _with_current_names(given: dict[str, Any]) -> dict[str, Any]:
    """Replace former setting names, which work for one more release, and log a warning for each."""
    given = dict(given)
    for former, name in FORMER_NAMES.items():
        value = os.environ.get(_environment_name(former))
        if former in given:
            logger.warning("the setting %r is deprecated: use %r", former, name)
            given.setdefault(name, given.pop(former))
        elif value and name not in given and not os.environ.get(_environment_name(name)):
            logger.warning("%s is deprecated: use %s", _environment_name(former), _environment_name(name))
            given[name] = value
    return given


def _environment_name(name: str) -> str:
    return f"CITECHAT_{name.upper()}"


def load_settings(**given: object) -> Settings:
    """Return the settings from the environment, overridden by those in `given`; `None` counts as not given.

    Raises `SettingsError`, which names the setting, its value and the accepted values.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        value = "its value" if name in _SECRETS else repr(first.get("input"))
        variable = _environment_name(name) if name in Settings.model_fields else name
        raise SettingsError(
            f"the setting {name!r} cannot be {value}: {first['msg']}",
            f"Change it, or unset {variable}; `citechat doctor` lists all settings.",
        ) from None
