"""Load an LLM named "provider:model", and test whether it answers.

Four providers are built in, as well as `transformers:FOLDER` and `gguf:FILE` for models on the local disk. Any other
provider is a plug-in: an entry point in the group `citechat.llms` that is named after the provider and refers to a
function `(model: str, **options) -> BaseChatModel`. The options are `base_url` (or None), `temperature`, `timeout` in
seconds and `max_tokens`.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from index import public_name

from ..errors import LLMError
from ..settings import EXTRACTIVE, Settings
from .context_window import context_tokens
from .failures import KEY_NAMES, explain_failure, log_failure, one_safe_line
from .received_bytes import check_received_bytes
from .secrets import scrub
from .servers import compatible_server
from .streaming import stream_text

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

PLUGIN_GROUP = "citechat.llms"
"""The entry-point group for plug-ins."""

_LOCAL = ("gguf", "transformers")
"""The providers for models on the local disk."""

_NO_KEY = "no-key"


def model_label(spec: str) -> str:
    """Return a model's name for users: "gguf:tiny.gguf" for "gguf:/models/tiny.gguf"."""
    provider, colon, model = spec.partition(":")
    return f"{provider}:{public_name(model)}" if colon and provider in _LOCAL else spec


def open_llm(settings: Settings) -> BaseChatModel | None:
    """Return the LLM that the settings name, or None if they select quotes.

    If the settings do not say how long a prompt may be, a server on this machine or in the network is asked for it.
    Raises `LLMError` if the LLM is unknown, or if its package or key is missing.
    """
    if settings.llm == EXTRACTIVE:
        return None
    return load_llm(
        settings.llm,
        base_url=settings.llm_base_url,
        temperature=settings.llm_temperature,
        timeout=settings.llm_timeout,
        max_tokens=settings.llm_max_tokens,
        context_tokens=context_tokens(settings),
        models_folder=settings.home / "models",
    )


def load_llm(
    spec: str,
    *,
    base_url: str | None = None,
    temperature: float = 0.0,
    timeout: float = 60.0,
    max_tokens: int = 700,
    context_tokens: int = 8192,
    models_folder: Path | None = None,
) -> BaseChatModel:
    """Return the chat model named by `spec`, "provider:model"; no request is sent yet.

    `timeout` is the maximum time to wait for the first word, and between words, in seconds. The client does not retry;
    `LLMCall` does, within a total timeout. `context_tokens` is passed to Ollama and llama.cpp, because Ollama otherwise
    silently truncates the prompt at a smaller default. `models_folder` keeps models that have to be converted before
    their first use; without it, they are converted each time. For an OpenAI-compatible server, use `openai:` with the
    server's `base_url`; no key is needed. Raises `LLMError` if the name or URL is invalid, or if the package or key is
    missing.
    """
    provider, model = _parse(spec)
    base_url = _address(base_url)
    if provider not in KEY_NAMES:
        options = {"base_url": base_url, "temperature": temperature, "timeout": timeout, "max_tokens": max_tokens}
        if provider in _LOCAL:
            from .local import load_local

            return load_local(provider, model, options, context_tokens, models_folder)
        return _load_plugin(provider, model, spec, options)
    if not is_installed(provider):
        package = f"langchain-{provider.replace('_', '-')}"
        raise LLMError(
            f"the LLM {spec!r} needs the package {package!r}, which is not installed",
            f"Install it: pip install {package}",
        )
    client_options = _options(provider, base_url, temperature, timeout, max_tokens) | _key(provider, base_url, spec)
    if provider == "ollama":
        client_options["num_ctx"] = context_tokens
    try:
        llm = _client(provider, model, client_options)
        check_received_bytes(llm, provider)
    except Exception as error:
        failed = explain_failure(error, spec)
        if isinstance(failed, LLMError):
            log_failure(failed)
        raise failed from None
    return llm


def _client(provider: str, model: str, options: dict[str, Any]) -> BaseChatModel:
    if provider in ("openai", "anthropic", "ollama"):
        from .text_clients import open_text_client

        return open_text_client(provider, model, options)
    from langchain.chat_models import init_chat_model

    llm: BaseChatModel = init_chat_model(model, model_provider=provider, **options)
    return llm


def is_installed(provider: str) -> bool:
    """Return whether the client of a built-in provider is installed, without importing it."""
    try:
        return find_spec(f"langchain_{provider}") is not None
    except ValueError:  # another module has this name
        return False


def _parse(spec: str) -> tuple[str, str]:
    provider, colon, model = (part.strip() for part in spec.partition(":"))
    if spec.strip().lower() == EXTRACTIVE:
        raise LLMError(
            "'extractive' is not a language model: it answers by quoting",
            "Name a model as provider:model, such as 'ollama:llama3.2', or build the assistant without an LLM.",
        )
    if not colon or not provider or not model:
        raise LLMError(
            f"the LLM {scrub(spec)!r} is not of the form provider:model",
            f"For example, set CITECHAT_LLM=ollama:llama3.2; known providers: {_known()}.",
        )
    return provider.lower(), model


def _address(base_url: str | None) -> str | None:
    if not base_url:
        return None
    try:
        parts = urlsplit(base_url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # an invalid port or IPv6 address
        usable = False
    if not usable:
        raise LLMError(
            f"the LLM server's URL {scrub(base_url)!r} is not a web address",
            "Set CITECHAT_LLM_BASE_URL to a URL such as http://127.0.0.1:8080/v1, or unset it.",
        )
    return base_url


def _options(
    provider: str, base_url: str | None, temperature: float, timeout: float, max_tokens: int
) -> dict[str, Any]:
    """Return the options under the names that the provider's client uses."""
    options: dict[str, Any] = {"temperature": temperature}
    if base_url:
        options["base_url"] = base_url
    if provider == "ollama":
        return options | {"client_kwargs": {"timeout": timeout}, "num_predict": max_tokens}
    options |= {"timeout": timeout, "max_tokens": max_tokens, "max_retries": 0}
    if provider == "google_genai":
        options["max_retries"] = 1  # this client counts the first request as well
    if provider == "openai":
        options["stream_usage"] = True
        if compatible_server(base_url):  # such servers support only the limit's older name
            options["extra_body"] = {"max_tokens": options.pop("max_tokens")}
    return options


def _key(provider: str, base_url: str | None, spec: str) -> dict[str, Any]:
    """Return the key from the environment; the client would report a missing key as "Connection error"."""
    names = KEY_NAMES[provider]
    name = next((name for name in names if os.environ.get(name, "").strip()), "")
    key = os.environ.get(name, "").strip()
    if key and (not key.isascii() or not key.isprintable() or " " in key):
        raise LLMError(
            f"the key in {name} for the LLM {spec!r} contains characters that are not allowed in a key",
            f"Set {name} again, without spaces, quotes or line breaks.",
        )
    if key or not names:  # the client reads the key itself, but does not strip a line break that a shell may have left
        return {"api_key": key} if key != os.environ.get(name, "") else {}
    if provider == "openai" and compatible_server(base_url):
        return {"api_key": _NO_KEY}
    own = ", or CITECHAT_LLM_BASE_URL for your own server" if provider == "openai" else ""
    raise LLMError(f"the LLM {spec!r} needs a key, and no key is set", f"Set {' or '.join(names)}{own}.")


def _plugins() -> dict[str, EntryPoint]:
    return {plugin.name: plugin for plugin in entry_points(group=PLUGIN_GROUP)}


def _known() -> str:
    return ", ".join(sorted({*KEY_NAMES, *_LOCAL, *_plugins()}))


def _load_plugin(provider: str, model: str, spec: str, options: dict[str, Any]) -> BaseChatModel:
    from langchain_core.language_models import BaseChatModel

    plugin = _plugins().get(provider)
    if plugin is None:
        raise LLMError(
            f"the LLM {scrub(spec)!r} has the unknown provider {provider!r}",
            f"Known providers: {_known()}. An Ollama model is named 'ollama:{scrub(spec)}'.",
        )
    try:
        llm = plugin.load()(model, **options)
    except LLMError:
        raise
    except Exception as error:
        failed = LLMError(
            f"the plug-in {plugin.value!r} could not load {spec!r}",
            "See the log and the documentation of the plug-in.",
            reported=one_safe_line(f"{type(error).__name__}: {error}"),
        )
        log_failure(failed)
        raise failed from error
    if not isinstance(llm, BaseChatModel):
        raise LLMError(
            f"the plug-in {plugin.value!r} returned {type(llm).__name__!r} for {spec!r}, not a LangChain chat model",
            f"An entry point in {PLUGIN_GROUP!r} must return a BaseChatModel; report this to its authors.",
        )
    return llm


@dataclass(frozen=True, slots=True)
class LLMPing:
    """The result of `ping_llm`: the seconds to the first word and in total, or an error message and a hint."""

    spec: str
    answers: bool
    first_word: float | None = None
    total: float | None = None
    message: str = ""
    hint: str = ""

    def __str__(self) -> str:
        if self.answers:
            return f"The LLM {self.spec!r} answers: first word after {self.first_word} s, complete after {self.total} s"
        return f"{self.message[:1].upper()}{self.message[1:]}\n  {self.hint}"


def ping_llm(settings: Settings) -> LLMPing:
    """Ask the configured LLM for one word, which costs a few tokens, and return the result; a failure is not raised."""
    from langchain_core.messages import HumanMessage

    first_word = None
    try:
        llm = open_llm(settings)
        if llm is None:
            return LLMPing(settings.llm, answers=True, first_word=0.0, total=0.0)
        started = time.perf_counter()
        for _ in stream_text(llm, [HumanMessage("Reply with the word yes and nothing else.")], settings.llm):
            first_word = first_word or round(time.perf_counter() - started, 3)
    except LLMError as error:
        message = f"{error.message}: {error.reported}" if error.reported else error.message
        return LLMPing(settings.llm, answers=False, first_word=first_word, message=message, hint=error.hint)
    return LLMPing(settings.llm, answers=True, first_word=first_word, total=round(time.perf_counter() - started, 3))
