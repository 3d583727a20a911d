"""Every setting there is, in the order of the pipeline."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_data_path
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from .errors import SettingsError
from .prompts import ANSWER_SYSTEM, check_instructions

EXTRACTIVE = "extractive"
"""The name of the model that quotes the articles: no LLM."""

MOST_PASSAGES = 50
"""The largest `top_k`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerOptions:
    """How an assistant answers.

    Attributes:
        top_k: Passages that are retrieved for a question.
        abstention_threshold: The confidence below which the assistant abstains; None: the index's calibration, or the
            default.
        max_question_chars: The longest question.
        strict: Leave out sentences that no passage supports, instead of flagging them.
        fallback: Quote the articles when the LLM fails, instead of raising `LLMError`.
        llm_total_timeout: Seconds for all calls of the LLM for one answer, retries included.
        prompt_tokens: The longest prompt.
        instructions: The system prompt. It must name `[1]` and the line `NOT_FOUND`; otherwise `SettingsError` is
            raised.
    """

    top_k: int = 6
    abstention_threshold: float | None = None
    max_question_chars: int = 2000
    strict: bool = False
    fallback: bool = True
    llm_total_timeout: float = 180.0
    prompt_tokens: int = 7492
    instructions: str = ANSWER_SYSTEM

    def __post_init__(self) -> None:
        check_instructions(self.instructions)


def _listed(value: Any) -> Any:
    """What is written in the environment with commas between."""
    return tuple(filter(None, (part.strip() for part in value.split(",")))) if isinstance(value, str) else value


Listed = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]


_CHROMA = re.compile(r"https?://([^/\s@]+@)?[^/\s@]+(/[\w.-]*)?")


def _chroma_address(value: SecretStr) -> SecretStr:
    if not _CHROMA.fullmatch(value.get_secret_value()):
        raise ValueError("it is written http://host:port/database")
    return value


class Settings(BaseSettings):
    """Settings, read from the environment (`CITECHAT_…`) unless given; frozen."""

    model_config = SettingsConfigDict(env_prefix="CITECHAT_", frozen=True, extra="forbid", env_ignore_empty=True)

    home: Path = Field(
        default_factory=lambda: user_data_path("citechat", appauthor=False),
        description="Folder that holds everything the program keeps.",
    )
    encoder: str = Field(
        default="bundled",
        description="Embedding model: 'bundled' (all-MiniLM-L6-v2, offline), or the folder or name of any "
        "sentence-transformers model.",
    )
    chroma_url: Annotated[SecretStr, AfterValidator(_chroma_address)] | None = Field(
        default=None,
        description="Address of a Chroma server, http://host:port/database, that keeps articles and passages, with "
        "user:password@ or token@ before the host where a gateway asks for it; unset: a folder under `home` does.",
    )
    engine: Literal["onnx", "torch"] = Field(
        default="onnx",
        description="What runs the bundled model: 'onnx' (exported once, then starts in a blink), or 'torch'.",
    )
    threads: int | None = Field(
        default=None, ge=1, le=256, description="Texts that are embedded at a time; unset: one more than processors."
    )
    top_k: int = Field(
        default=6, ge=1, le=MOST_PASSAGES, description="Passages given to the model and shown as sources."
    )
    abstention_threshold: float | None = Field(
        default=None,
        description="Trust below which the articles are said not to answer a question; unset: what "
        "`citechat calibrate` found for this index, else the default fitted on public data.",
    )
    max_question_chars: int = Field(default=2000, ge=1, description="Longest question that is accepted, in characters.")
    llm: str = Field(
        default=EXTRACTIVE,
        description="Who writes the answer: 'extractive' (no LLM; quotes), or 'provider:model', such as "
        "'ollama:llama3.2' or 'openai:gpt-4o-mini'.",
    )
    llm_base_url: str | None = Field(
        default=None,
        description="Address of the LLM server, for OpenAI-compatible ones (vLLM, llama-server, LM Studio).",
    )
    llm_temperature: float = Field(default=0.0, ge=0.0, le=2.0, description="Sampling temperature of the LLM.")
    llm_timeout: float = Field(
        default=60.0, gt=0, description="Seconds that the LLM may be silent, before the first word and between words."
    )
    llm_total_timeout: float = Field(
        default=180.0, gt=0, description="Seconds that an answer of the LLM may take in all, retries included."
    )
    llm_context_tokens: int = Field(
        default=8192,
        ge=1024,
        description="Tokens that prompt and answer of the LLM may have; passages that do not fit are left out, whole.",
    )
    llm_max_tokens: int = Field(default=700, ge=16, description="Longest answer the LLM may write, in tokens.")
    llm_instructions: Path | None = Field(
        default=None,
        description="Text file with instructions in place of the built-in ones (see rag/prompts.py); it must tell the "
        "LLM to cite as [1] and to reply 'The articles do not say.' where they do not.",
    )
    allow_web_links: bool = Field(
        default=False,
        description="Let readers of the chat add pages of the public web by their address; this machine fetches them.",
    )
    strict: bool = Field(
        default=False,
        description="Leave out sentences of an LLM that no passage supports, instead of flagging them.",
    )

    database_url: SecretStr | None = Field(
        default=None,
        description="Database that keeps conversations, verdicts and API keys, as SQLAlchemy writes addresses, such as "
        "postgresql+psycopg://USER:PASSWORD@HOST/DATABASE; unset: SQLite files under `home`.",
    )
    hosts: Listed = Field(
        default=(), description="Names under which readers reach the chat, with commas between, such as a proxy's."
    )
    user_header: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z][A-Za-z0-9-]*$",
        description="Header in which a proxy names who is logged in, such as 'X-Forwarded-User'; it is believed of "
        "`trusted_proxies` alone.",
    )
    trusted_proxies: Listed = Field(
        default=(),
        description="Addresses or networks of proxies, with commas between, such as '127.0.0.1,10.0.0.0/8'.",
    )
    rate_limit: str = Field(
        default="120/minute",
        description="Requests to answer for each key, reader or address in a time, such as '120/minute' or '5/second'; "
        "'none': any number.",
    )
    concurrency: int = Field(
        default=4, ge=1, le=1000, description="Requests that are answered at a time for each key, reader or address."
    )
    evaluate_over_http: bool = Field(default=False, description="Let programs run test sets: POST /v1/evaluate.")
    mcp: bool = Field(
        default=False, description="Offer the tool `ask` to other programs' models at /mcp (needs the extra `mcp`)."
    )
    audit_log: Path | None = Field(
        default=None, description="File in which a line is written of each request: who, what, when, how it ended."
    )
    audit_contents: bool = Field(
        default=False, description="Write the questions into the audit log, too; they are left out otherwise."
    )

    @property
    def index_path(self) -> Path:
        """Where Chroma keeps articles and passages."""
        return self.home / "index"


@lru_cache(maxsize=1)
def _environment_names() -> dict[str, str]:
    return {name: f"CITECHAT_{name.upper()}" for name in Settings.model_fields}


_SECRET = frozenset({"chroma_url", "database_url"})  # an error does not repeat them


def load_settings(**given: object) -> Settings:
    """Settings from the environment, with `given` on top; `None` means not given.

    Raises `SettingsError` naming the setting, its value and what is accepted.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        said = "what it is" if name in _SECRET else repr(first.get("input"))
        raise SettingsError(
            f"the setting {name!r} cannot be {said}: {first['msg']}",
            f"Change it, or unset {_environment_names().get(name, name)}; `citechat doctor` lists all settings.",
        ) from None
