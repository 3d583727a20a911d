"""Any LLM, named "provider:model": loaded, asked, and understood when it fails.

Four providers are built in, and `transformers:FOLDER` and `gguf:FILE` for a model on this disk. Any other is a plug-in:
an entry point in the group `citechat.llms`, named after its provider, that is one function
`(model: str, **options) -> BaseChatModel`.
The options are `base_url` (or None), `temperature`, `timeout` in seconds and `max_tokens`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..errors import LLMError
from ..settings import EXTRACTIVE, Settings
from .failures import KEY_NAMES, explain_failure, failure, scrub

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

__all__ = ["PLUGIN_GROUP", "explain_failure", "load_llm", "open_llm", "stream_text"]

PLUGIN_GROUP = "citechat.llms"
"""The entry-point group in which other packages offer LLMs."""

_CLIENTS = {
    "openai": "langchain_openai",
    "anthropic": "langchain_anthropic",
    "google_genai": "langchain_google_genai",
    "ollama": "langchain_ollama",
}
"""For each built-in provider, the module of its client."""

_IN_THIS_PROCESS = ("gguf", "transformers")
"""The providers whose models are on this disk."""

_FINISH_KEYS = ("finish_reason", "stop_reason", "done_reason")
_NO_KEY = "no-key"


def open_llm(settings: Settings) -> BaseChatModel | None:
    """Return the LLM that the settings name, or None when they ask for quotes; nothing is sent yet.

    Raises `LLMError` when it is unknown, or its package or key is missing.
    """
    if settings.llm == EXTRACTIVE:
        return None
    return load_llm(
        settings.llm,
        base_url=settings.llm_base_url,
        temperature=settings.llm_temperature,
        timeout=settings.llm_timeout,
        max_tokens=settings.llm_max_tokens,
        context_tokens=settings.llm_context_tokens,
    )


def load_llm(
    spec: str,
    *,
    base_url: str | None = None,
    temperature: float = 0.0,
    timeout: float = 60.0,
    max_tokens: int = 700,
    context_tokens: int = 8192,
) -> BaseChatModel:
    """The chat model named by `spec`, "provider:model"; nothing is sent yet.

    `timeout` is how many seconds the server may be silent, once before the first word and again between words. The
    client tries nothing again by itself: `LLMCall` does, which knows how long there is. `context_tokens` is told to
    Ollama, which otherwise cuts a prompt without a word at its own, smaller default, and to llama.cpp. An
    OpenAI-compatible server is `openai:` with its `base_url`, and needs no key. Raises `LLMError` for a name, address,
    package or key that cannot work.
    """
    provider, model = _parse(spec)
    base_url = _address(base_url)
    if provider not in _CLIENTS:
        options = {"base_url": base_url, "temperature": temperature, "timeout": timeout, "max_tokens": max_tokens}
        if provider in _IN_THIS_PROCESS:
            from .local import load_gguf, load_transformers

            return (
                load_gguf(model, options, context_tokens) if provider == "gguf" else load_transformers(model, options)
            )
        return _load_plugin(provider, model, spec, options)
    package = _CLIENTS[provider].replace("_", "-")
    if find_spec(_CLIENTS[provider]) is None:
        raise LLMError(
            f"the LLM {spec!r} needs the package {package!r}, which is not installed",
            f"Install it beside citechat: pip install {package}",
        )
    wishes = _options(provider, base_url, temperature, timeout, max_tokens) | _key(provider, base_url, spec)
    if provider == "ollama":
        wishes["num_ctx"] = context_tokens
    from langchain.chat_models import init_chat_model

    try:
        llm: BaseChatModel = init_chat_model(model, model_provider=provider, **wishes)
    except Exception as error:
        raise explain_failure(error, spec) from None
    return llm


def stream_text(
    llm: BaseChatModel, messages: Sequence[BaseMessage], spec: str, tokens: dict[str, int] | None = None
) -> Iterator[str]:
    """The reply of `llm`, piece by piece as it is written; `spec` names it in errors.

    Where the provider tells how many tokens went in and out, they are added up in `tokens` under `in` and `out`.
    Raises `LLMError` for whatever goes wrong, for a reply without any text, and for a stream that ends without saying
    why where the provider always does: that is a cut line, not a finished answer.
    """
    reason, has_text = "", False
    stream = llm.stream(list(messages))
    try:
        for chunk in stream:
            reason = next(
                (str(chunk.response_metadata[k]) for k in _FINISH_KEYS if chunk.response_metadata.get(k)), reason
            )
            usage = getattr(chunk, "usage_metadata", None)
            if usage and tokens is not None:
                tokens["in"] = tokens.get("in", 0) + int(usage["input_tokens"])
                tokens["out"] = tokens.get("out", 0) + int(usage["output_tokens"])
            if piece := str(chunk.text):
                has_text = has_text or not piece.isspace()
                yield piece
    except Exception as error:
        raise explain_failure(error, spec) from None
    finally:
        if close := getattr(stream, "close", None):
            close()  # a reader who stops early must not leave the model writing
    if not reason and spec.partition(":")[0].strip().lower() in _CLIENTS:
        raise failure("cut", spec, "the stream ended without a reason")
    if not has_text:
        raise failure("empty", spec, f"it stopped because of {reason!r}" if reason else "")


def _parse(spec: str) -> tuple[str, str]:
    provider, colon, model = (part.strip() for part in spec.partition(":"))
    if spec.strip().lower() == EXTRACTIVE:
        raise LLMError(
            "'extractive' is not a language model: it answers by quoting, and has nothing to load",
            "Name a model as provider:model, such as 'ollama:llama3.2', or build the assistant without one.",
        )
    if not colon or not provider or not model:
        raise LLMError(
            f"the LLM {scrub(spec)!r} is not of the form provider:model",
            f"Write for example CITECHAT_LLM=ollama:llama3.2; known providers: {_known()}.",
        )
    return provider.lower(), model


def _address(base_url: str | None) -> str | None:
    if not base_url:
        return None
    try:
        parts = urlsplit(base_url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # a port or an IPv6 address that is none
        usable = False
    if not usable:
        raise LLMError(
            f"the LLM server's address {scrub(base_url)!r} is not a web address",
            "Set CITECHAT_LLM_BASE_URL to one such as http://127.0.0.1:8080/v1, or unset it.",
        )
    return base_url


def _options(
    provider: str, base_url: str | None, temperature: float, timeout: float, max_tokens: int
) -> dict[str, Any]:
    """The same wishes in the words of each client; none of them has a time limit of its own."""
    options: dict[str, Any] = {"temperature": temperature}
    if base_url:
        options["base_url"] = base_url
    if provider == "ollama":
        return options | {"client_kwargs": {"timeout": timeout}, "num_predict": max_tokens}
    options |= {"timeout": timeout, "max_tokens": max_tokens, "max_retries": 0}
    if provider == "google_genai":
        options["max_retries"] = 1  # this client counts the first request, too
    if provider == "openai":
        options["stream_usage"] = True
        if _is_own_server(base_url):  # such servers know the limit only by its older name
            options["extra_body"] = {"max_tokens": options.pop("max_tokens")}
    return options


def _key(provider: str, base_url: str | None, spec: str) -> dict[str, Any]:
    """The key from the environment, checked before a client turns its absence into "Connection error"."""
    names = KEY_NAMES[provider]
    name = next((name for name in names if os.environ.get(name, "").strip()), "")
    key = os.environ.get(name, "").strip()
    if key and (not key.isascii() or not key.isprintable() or " " in key):
        raise LLMError(
            f"the key in {name} for the LLM {spec!r} holds characters that no key has",
            f"Set {name} again, without spaces, quotes or line breaks.",
        )
    if key or not names:  # the clients find it themselves, but not without the line break that a shell may have left
        return {"api_key": key} if key != os.environ.get(name, "") else {}
    if provider == "openai" and _is_own_server(base_url):
        return {"api_key": _NO_KEY}
    own = ", or CITECHAT_LLM_BASE_URL for a server of your own" if provider == "openai" else ""
    raise LLMError(f"the LLM {spec!r} needs a key, and there is none", f"Set {' or '.join(names)}{own}.")


def _is_own_server(base_url: str | None) -> bool:
    address = base_url or os.environ.get("OPENAI_API_BASE") or os.environ.get("OPENAI_BASE_URL") or ""
    host = urlsplit(address).hostname or "openai.com"
    return host != "openai.com" and not host.endswith(".openai.com")


def _plugins() -> dict[str, EntryPoint]:
    return {plugin.name: plugin for plugin in entry_points(group=PLUGIN_GROUP)}


def _known() -> str:
    return ", ".join(sorted({*_CLIENTS, *_IN_THIS_PROCESS, *_plugins()}))


def _load_plugin(provider: str, model: str, spec: str, options: dict[str, Any]) -> BaseChatModel:
    from langchain_core.language_models import BaseChatModel

    plugin = _plugins().get(provider)
    if plugin is None:
        raise LLMError(
            f"the LLM {scrub(spec)!r} has the unknown provider {provider!r}",
            f"Known providers: {_known()}. A model of Ollama is named 'ollama:{scrub(spec)}'.",
        )
    try:
        llm = plugin.load()(model, **options)
    except LLMError:
        raise
    except Exception as error:
        raise LLMError(
            f"the plug-in {plugin.value!r} could not load {spec!r} ({type(error).__name__}: {scrub(str(error))})",
            "Its own documentation says what it needs.",
        ) from error
    if not isinstance(llm, BaseChatModel):
        raise LLMError(
            f"the plug-in {plugin.value!r} gave {type(llm).__name__!r} for {spec!r}, not a LangChain chat model",
            f"An entry point in {PLUGIN_GROUP!r} must return a BaseChatModel; tell its authors.",
        )
    return llm
