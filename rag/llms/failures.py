"""What went wrong with an LLM, in one line, and what mends it.

The clients raise some thirty kinds of exceptions: LangChain's own tree, those of `openai`, `anthropic` and `ollama`,
and bare ones of `httpx`, `httpx2` and `json` that slip through in the middle of a stream. They are told apart by the
names of their classes, so that no provider's package is imported to understand another's failure.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from ..errors import LLMError

KEY_NAMES: dict[str, tuple[str, ...]] = {
    "openai": ("OPENAI_API_KEY",),
    "anthropic": ("ANTHROPIC_API_KEY",),
    "google_genai": ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
    "ollama": (),
}
"""The environment variables that may hold each provider's key; the first that is set counts."""


class _Failure(NamedTuple):
    what: str
    hint: str
    retryable: bool = False


_FAILURES = {
    "overflow": _Failure(
        "cannot take so long a prompt", "Lower CITECHAT_TOP_K, or choose a model with a larger context."
    ),
    "key": _Failure("did not accept the key", "Check {key}."),
    "forbidden": _Failure("may not be used with this key", "Check {key}, and what the account may use."),
    "unknown model": _Failure("is not known to the server", "Check the model's name and CITECHAT_LLM_BASE_URL."),
    "credit": _Failure("has no credit left", "Add credit to the account of {key}, or choose another model."),
    "too many": _Failure("is being asked too often", "Wait a little and ask again.", retryable=True),
    "temperature": _Failure("does not take this temperature", "Set CITECHAT_LLM_TEMPERATURE=1."),
    "refused": _Failure(
        "refused the request", "Check the model's name; `citechat doctor` lists the settings in force."
    ),
    "late": _Failure(
        "did not answer in time",
        "Ask again, or raise CITECHAT_LLM_TIMEOUT: a local model needs longest for its first answer.",
        retryable=True,
    ),
    "cut": _Failure("broke off in the middle of the answer", "Ask again.", retryable=True),
    "unreachable": _Failure(
        "cannot be reached", "Check that the server runs, the network, and CITECHAT_LLM_BASE_URL.", retryable=True
    ),
    "server": _Failure(
        "had an error on its side", "Ask again in a moment; the server's log says more.", retryable=True
    ),
    "empty": _Failure(
        "gave an empty reply",
        "Ask again; raise CITECHAT_LLM_MAX_TOKENS for a model that thinks first, and check CITECHAT_LLM_BASE_URL.",
        retryable=True,
    ),
    "too slow": _Failure(
        "took too long and was stopped",
        "Raise CITECHAT_LLM_TOTAL_TIMEOUT, lower CITECHAT_LLM_MAX_TOKENS, or choose a smaller model.",
        retryable=True,
    ),
    "repeating": _Failure(
        "said the same thing over and over and was stopped",
        "Ask again in other words, or choose a larger model.",
        retryable=True,
    ),
    "garbled": _Failure(
        "sent something that is not an answer",
        "Check CITECHAT_LLM_BASE_URL: the address of an OpenAI-compatible server usually ends in /v1.",
    ),
    "other": _Failure("failed", "Ask again; if it stays, try another model, or CITECHAT_LLM=extractive."),
}

_BY_NAME = {
    "ContextOverflowError": "overflow",
    "ModelAuthenticationError": "key",
    "ModelPermissionDeniedError": "forbidden",
    "ModelNotFoundError": "unknown model",
    "ModelRateLimitError": "too many",
    "ModelInvalidRequestError": "refused",
    "ModelTimeoutError": "late",
    "APITimeoutError": "late",
    "TimeoutException": "late",
    "TimeoutError": "late",
    "RemoteProtocolError": "cut",
    "ReadError": "cut",
    "ModelConnectionError": "unreachable",
    "APIConnectionError": "unreachable",
    "ConnectError": "unreachable",
    "ConnectionError": "unreachable",
    "ModelAPIError": "server",
}
"""Class names, of the error and of what caused it, before its HTTP status is asked; the first that fits counts."""

_BY_NAME_AT_LAST = {
    "ResponseError": "server",  # ollama, in the middle of a stream: status -1
    "APIError": "server",  # openai and anthropic, in the middle of a stream
    "UnicodeDecodeError": "garbled",
    "UnicodeError": "refused",
    "ValueError": "garbled",  # json.JSONDecodeError among them
    "LookupError": "garbled",
    "TypeError": "garbled",
    "AttributeError": "garbled",
}

_BY_STATUS = {
    401: "key",
    402: "credit",
    403: "forbidden",
    404: "unknown model",
    408: "late",
    413: "overflow",
    429: "too many",
    504: "late",
}

_BY_TEXT = (
    (re.compile(r"No generation chunks"), frozenset({"garbled"}), "empty"),
    (re.compile(r"insufficient_quota|credit balance"), frozenset({"too many", "refused"}), "credit"),
    (
        re.compile(r"context.?(length|window|size)|prompt is too long|input is too long", re.IGNORECASE),
        frozenset({"refused", "server", "garbled", "other"}),
        "overflow",
    ),
    (re.compile("temperature"), frozenset({"refused", "garbled"}), "temperature"),
)
"""What a server's own words tell that its status did not."""

_SECRETS = re.compile(
    r"(?<=://)[^/@\s]+(?=@)|(?i:bearer)\s+[^\s'\",]+|\b(?:sk|pk|rk|gsk|lsv2)[-_][\w*.-]{3,}|\bAIza[\w*-]{6,}"
    r"|(?i:(?<=api[-_]key[=:])|(?<=[?&]key=))[^\s&'\",]+"
)
_DETAIL_CHARS = 240


def explain_failure(error: Exception, spec: str) -> LLMError:
    """The `LLMError` for what the client of the LLM `spec` raised: one line, the hint that mends it, never a key."""
    if isinstance(error, LLMError):
        return error
    return failure(_kind(error), spec, _detail(error), _wait(error))


def failure(kind: str, spec: str, detail: str = "", wait: float = 0.0) -> LLMError:
    """The `LLMError` of one `kind` of failure; `detail` are the client's own words, and `wait` the seconds that the
    server asks for."""
    what, hint, retryable = _FAILURES[kind]
    provider, _, model = spec.partition(":")
    if provider == "ollama" and kind == "unknown model":
        hint = f"Fetch it with `ollama pull {model}`, or choose one that `ollama list` shows."
    elif provider == "ollama" and kind == "unreachable":
        hint = "Start it with `ollama serve`, or set CITECHAT_LLM_BASE_URL to where it runs."
    elif wait and retryable:
        hint = f"Ask again in {wait:g} s: the server asks for that."
    key = " or ".join(KEY_NAMES.get(provider, ())) or "the server's key"
    said = f" ({scrub(detail)})" if detail else ""
    message = f"the LLM {scrub(spec)!r} {what}{said}"
    return LLMError(message, hint.format(key=key), retryable=retryable, kind=kind, wait=wait)


def scrub(text: str) -> str:
    """`text` without keys: the values in the environment's key variables, and whatever looks like a key."""
    names = {name for names in KEY_NAMES.values() for name in names}
    names |= {name for name in os.environ if name.endswith(("_API_KEY", "_TOKEN", "_SECRET"))}
    values = {os.environ.get(name, "").strip() for name in names}
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= 6:  # a shorter one is no secret, and would eat half the message
            text = text.replace(value, "***")
    return _SECRETS.sub("***", text)


def _kind(error: Exception) -> str:
    names = [cls.__name__ for link in _chain(error) for cls in type(link).__mro__]
    kind = next((kind for name, kind in _BY_NAME.items() if name in names), None)
    kind = kind or next(filter(None, map(_kind_by_status, _chain(error))), None)
    if kind is None and any(map(_is_cut_short, _chain(error))):
        return "cut"
    kind = kind or next((kind for name, kind in _BY_NAME_AT_LAST.items() if name in names), "other")
    said = f"{error} {getattr(error, 'body', '')}"  # openai keeps its error code out of the message
    for words, unclear, meant in _BY_TEXT:
        if kind in unclear and words.search(said):
            return meant
    return kind


def _kind_by_status(error: BaseException) -> str | None:
    for holder in (error, getattr(error, "response", None)):
        for name in ("status_code", "code"):
            status = getattr(holder, name, None)
            if isinstance(status, int) and 400 <= status < 600:
                return _BY_STATUS.get(status) or ("refused" if status < 500 else "server")
    return None


def _is_cut_short(error: BaseException) -> bool:
    """Whether what was received would have made sense, had it gone on: half a character, or half a line of JSON."""
    if isinstance(error, UnicodeDecodeError):
        return error.reason == "unexpected end of data"
    if isinstance(error, json.JSONDecodeError):
        received = error.doc.strip()
        return bool(received) and (error.pos >= len(received) or error.msg.startswith("Unterminated string"))
    return False


def _wait(error: Exception) -> float:
    """The seconds that a server asks for in its header `Retry-After`, which may give a time instead (RFC 9110,
    section 10.2.3); 0 where it does not."""
    for link in _chain(error):
        said = str(getattr(getattr(link, "response", None), "headers", {}).get("retry-after", "")).strip()
        try:
            return max(0.0, float(said) if said[:1].isdigit() else _seconds_until(said))
        except (ValueError, TypeError):
            continue
    return 0.0


def _seconds_until(date: str) -> float:
    moment = parsedate_to_datetime(date)
    return math.ceil((moment - datetime.now(moment.tzinfo)).total_seconds())


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what caused it, at most ten links: a chain may be a ring."""
    link: BaseException | None = error
    for _ in range(10):
        if link is None:
            return
        yield link
        link = link.__cause__


def _detail(error: Exception) -> str:
    """The client's own words on one line; scrubbed before they are cut, so that no half of a key is left."""
    words = " ".join(scrub(str(error)).split()) or type(error).__name__
    return words if len(words) <= _DETAIL_CHARS else words[:_DETAIL_CHARS] + "…"
