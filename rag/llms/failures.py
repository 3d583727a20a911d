"""Errors for LLM failures: a one-line message and a hint for users, and what the provider reported for the log.

The clients raise about thirty kinds of exceptions, from LangChain, `openai`, `anthropic` and `ollama`, and, in the
middle of a stream, from `httpx`, `httpx2` and `json`. They are classified by class name, so no provider's package has
to be imported.
"""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime

from index import CitechatError

from ..errors import LLMError
from .secrets import scrub

logger = logging.getLogger(__name__)

_LONGEST_WAIT = 86_400.0  # maximum delay that a server may ask for, in seconds

KEY_NAMES: dict[str, tuple[str, ...]] = {
    "openai": ("OPENAI_API_KEY",),
    "anthropic": ("ANTHROPIC_API_KEY",),
    "google_genai": ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
    "ollama": (),
}
"""The built-in providers, and the environment variables that may contain each provider's key; the first variable that
is set is used."""


_FAILURES = {
    "context length": (
        "rejected the prompt: it is too long",
        "Lower CITECHAT_TOP_K, or choose a model with a larger context.",
    ),
    "authentication": ("did not accept the key", "Check {key}."),
    "permission": ("does not allow this key", "Check {key} and the permissions of its account."),
    "unknown model": ("is not known to the server", "Check the model's name and CITECHAT_LLM_BASE_URL."),
    "quota": ("has no credit left", "Add credit to the account of {key}, or choose another model."),
    "rate limit": ("received too many requests", "Wait a moment and try again."),
    "temperature": ("does not support this temperature", "Set CITECHAT_LLM_TEMPERATURE=1."),
    "max_tokens": (
        "does not support the option 'max_tokens'",
        "Use a client that sends 'max_completion_tokens' instead.",
    ),
    "content filter": (
        "blocked the request or the reply with its content filter",
        "Rephrase the question, leave out the article that the filter blocks, or choose another model.",
    ),
    "bad request": ("rejected the request", "Check the model's name; `citechat doctor` lists the settings in use."),
    "timeout": (
        "did not answer in time",
        "Try again, or raise CITECHAT_LLM_TIMEOUT: the first answer of a local model takes longest.",
    ),
    "incomplete": ("broke off in the middle of the answer", "Try again."),
    "connection": ("cannot be reached", "Check that the server is running, the network, and CITECHAT_LLM_BASE_URL."),
    "server": ("had a server error", "Try again in a moment, and check the server's log."),
    "empty": (
        "gave an empty reply",
        "Try again; raise CITECHAT_LLM_MAX_TOKENS for a reasoning model, and check CITECHAT_LLM_BASE_URL.",
    ),
    "total timeout": (
        "took too long and was stopped",
        "Raise CITECHAT_LLM_TOTAL_TIMEOUT, lower CITECHAT_LLM_MAX_TOKENS, or choose a smaller model.",
    ),
    "too long": ("wrote too much and was stopped", "Ask a narrower question, or choose another model."),
    "repetition": ("repeated itself and was stopped", "Rephrase the question, or choose a larger model."),
    "invalid response": (
        "sent a response that is not an answer",
        "Check CITECHAT_LLM_BASE_URL: the URL of an OpenAI-compatible server usually ends in /v1.",
    ),
    "other": ("failed", "Try again; if it fails again, try another model or CITECHAT_LLM=extractive."),
}
"""The message and the hint for each kind of failure."""

_RETRYABLE = frozenset(
    {"rate limit", "timeout", "incomplete", "connection", "server", "empty", "total timeout", "repetition"}
)

_BY_NAME = (
    ("context length", {"ContextOverflowError"}),
    ("content filter", {"ContentPolicyViolationError", "ContentFilterFinishReasonError", "StopCandidateException"}),
    ("authentication", {"ModelAuthenticationError"}),
    ("permission", {"ModelPermissionDeniedError"}),
    ("unknown model", {"ModelNotFoundError"}),
    ("rate limit", {"ModelRateLimitError"}),
    ("bad request", {"ModelInvalidRequestError"}),
    ("timeout", {"ModelTimeoutError", "APITimeoutError", "TimeoutException", "TimeoutError"}),
    ("incomplete", {"RemoteProtocolError", "ReadError"}),
    ("connection", {"ModelConnectionError", "APIConnectionError", "ConnectError", "ConnectionError"}),
    ("server", {"ModelAPIError"}),
)
"""Class names of the error and its causes, checked before its HTTP status; the first match determines the kind."""

_BY_NAME_LAST = (
    ("server", {"ResponseError", "APIError"}),  # ollama (status -1), openai and anthropic, in the middle of a stream
    ("invalid response", {"UnicodeDecodeError"}),
    ("bad request", {"UnicodeError"}),
    (
        "invalid response",
        {"ValueError", "LookupError", "TypeError", "AttributeError"},
    ),  # ValueError: also raised by `json`
)

_BY_STATUS = {
    401: "authentication",
    402: "quota",
    403: "permission",
    404: "unknown model",
    408: "timeout",
    413: "context length",
    429: "rate limit",
    504: "timeout",
}

_BY_TEXT = (
    (re.compile(r"No generation chunks"), frozenset({"invalid response"}), "empty"),
    (re.compile(r"insufficient_quota|credit balance"), frozenset({"rate limit", "bad request"}), "quota"),
    (
        re.compile(
            r"content.?(filter|management policy|policy)|ResponsibleAI|(was|been) flagged|usage policy"
            r"|blocked.{1,40}(safety|prohibited)",
            re.IGNORECASE,
        ),
        frozenset({"bad request", "permission", "server", "invalid response", "other"}),
        "content filter",
    ),
    (
        re.compile(
            r"context.?(length|window|size|limit)|prompt is too long|input is too long|input token count", re.IGNORECASE
        ),
        frozenset({"bad request", "server", "invalid response", "other"}),
        "context length",
    ),
    (re.compile(r"use 'max_completion_tokens'", re.IGNORECASE), frozenset({"bad request"}), "max_tokens"),
    (re.compile("temperature"), frozenset({"bad request", "invalid response"}), "temperature"),
)
"""Patterns in a server's message, the kinds of failure that they refine, and the resulting kind."""

_REPORTED_CHARS = 240
_MOST_READ = 10_000  # maximum number of characters of a message that are read


def explain_failure(error: Exception, spec: str) -> CitechatError:
    """Return the `LLMError` for an exception from the client of the LLM `spec`: one line and a hint.

    What the client or the server reported may contain paths, addresses and markup. It is in `LLMError.reported` only,
    without keys, and users see the HTTP status instead. An error that citechat itself raised while the client was
    reading is returned as it is, even if the client replaced it with one of its own.
    """
    chain = list(_chain(error))
    if ours := next((link for link in chain if isinstance(link, CitechatError)), None):
        return ours
    status = next(filter(None, map(_status, chain)), None)
    return failure(_kind(error), spec, f"HTTP status {status}" if status else "", _wait(error), _reported(error))


def failure(kind: str, spec: str, detail: str = "", wait: float = 0.0, reported: str = "") -> LLMError:
    """Return the `LLMError` for one `kind` of failure.

    `detail` is for users, `wait` is the delay that the server asks for, in seconds, and `reported` is what the client
    or the server reported.
    """
    what, hint = _FAILURES[kind]
    retryable = kind in _RETRYABLE
    provider, _, model = spec.partition(":")
    if provider == "ollama" and kind == "unknown model":
        hint = f"Run `ollama pull {model}`, or choose one of the models that `ollama list` shows."
    elif provider == "ollama" and kind == "connection":
        hint = "Run `ollama serve`, or set CITECHAT_LLM_BASE_URL to the URL of the server."
    elif wait and retryable:
        hint = f"Try again in {wait:g} s, as the server requests."
    key = " or ".join(KEY_NAMES.get(provider, ())) or "the server's key"
    message = f"the LLM {scrub(spec)!r} {what}" + (f" ({detail})" if detail else "")
    hint = hint.format(key=key)
    return LLMError(message, hint, retryable=retryable, kind=kind, wait=wait, reported=reported)


def log_failure(error: LLMError) -> None:
    """Log what the client or the server reported about a failure, if anything; users do not see it."""
    if error.reported:
        logger.warning("%s: %s", error.message, error.reported)


def one_safe_line(text: str, longest: int = _REPORTED_CHARS) -> str:
    """Return the beginning of a message from outside on one line, without keys and control characters.

    Keys are removed before it is truncated, so that no part of a key remains.
    """
    words = " ".join("".join(c if c.isprintable() else " " for c in scrub(text)[:_MOST_READ]).split())
    return words if len(words) <= longest else words[:longest] + "…"


def _kind(error: Exception) -> str:
    chain = list(_chain(error))
    names = {cls.__name__ for link in chain for cls in type(link).__mro__}
    kind = _kind_by_name(names, _BY_NAME) or next(filter(None, map(_kind_by_status, chain)), None)
    if kind is None and any(map(_is_incomplete, chain)):
        return "incomplete"
    kind = kind or _kind_by_name(names, _BY_NAME_LAST) or "other"
    message = f"{error} {getattr(error, 'body', '')}"  # openai does not include its error code in the message
    return next((precise for words, vague, precise in _BY_TEXT if kind in vague and words.search(message)), kind)


def _kind_by_name(names: set[str], table: Sequence[tuple[str, set[str]]]) -> str | None:
    return next((kind for kind, classes in table if classes & names), None)


def _kind_by_status(error: BaseException) -> str | None:
    if (status := _status(error)) is None:
        return None
    return _BY_STATUS.get(status) or ("bad request" if status < 500 else "server")


def _status(error: BaseException) -> int | None:
    for holder in (error, getattr(error, "response", None)):
        for name in ("status_code", "code"):
            status = getattr(holder, name, None)
            if isinstance(status, int) and 400 <= status < 600:
                return status
    return None


def _is_incomplete(error: BaseException) -> bool:
    """Return whether the data ended too early: in the middle of a character or of a line of JSON."""
    if isinstance(error, UnicodeDecodeError):
        return error.reason == "unexpected end of data"
    if isinstance(error, json.JSONDecodeError):
        received = error.doc.strip()
        return bool(received) and (error.pos >= len(received) or error.msg.startswith("Unterminated string"))
    return False


def _wait(error: Exception) -> float:
    """Return the delay that the server's `Retry-After` header requests, in seconds, at most a day.

    It is 0 without the header, which contains a number of seconds or a date (RFC 9110, section 10.2.3).
    """
    for link in _chain(error):
        value = str(getattr(getattr(link, "response", None), "headers", {}).get("retry-after", "")).strip()
        try:
            if value[:1].isdigit():
                return min(float(value), _LONGEST_WAIT)
            moment = parsedate_to_datetime(value)
            seconds = math.ceil((moment - datetime.now(moment.tzinfo)).total_seconds())
            return min(max(0.0, seconds), _LONGEST_WAIT)
        except (ValueError, TypeError):
            continue
    return 0.0


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and its causes, at most ten: a chain may contain a cycle."""
    link: BaseException | None = error
    for _ in range(10):
        if link is None:
            return
        yield link
        link = link.__cause__


def _reported(error: Exception) -> str:
    return one_safe_line(str(error)) or type(error).__name__
