"""The models that a user can choose: quoting, the configured model, hosted models, and models on an Ollama server."""

from __future__ import annotations

import os
import re
import threading
import time
from typing import TYPE_CHECKING, Any

from ..errors import SettingsError
from ..settings import EXTRACTIVE, Settings
from .failures import KEY_NAMES
from .loader import is_installed, model_label, open_llm
from .servers import fetch_json, ollama_url, within

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

_HOSTED = {
    "openai": "gpt-4o-mini",
    "anthropic": "claude-haiku-4-5",
    "google_genai": "gemini-3.5-flash-lite",
}
"""A small model from each hosted provider, offered if the provider's key is set; each model supports a temperature."""

_LIST_SECONDS = 30.0  # time for which a list of models is cached, in seconds
_OLLAMA_SECONDS = 0.5
_OLLAMA_MAX_MODELS = 20
_PLAIN_NAME = re.compile(r"[\w./:-]{1,200}", re.ASCII)
_LATEST = ":latest"


class ModelCatalog:
    """A catalog of the models that can be chosen in addition to the configured one. Instances are thread-safe."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._listing = threading.Lock()
        self._loading = threading.Lock()
        self._models: tuple[str, ...] = ()
        self._valid_until = 0.0
        self._llms: dict[str, BaseChatModel | None] = {}

    def models(self) -> tuple[str, ...]:
        """Return the names of the models: quoting, the configured model, one model from each provider that is installed
        and has a key, and the models on a running Ollama server.

        The list is cached for half a minute. Never raises.
        """
        with self._listing:
            if time.monotonic() >= self._valid_until:
                configured = model_label(self._settings.llm)
                listed = [name for name in _ollama() if name != configured.removesuffix(_LATEST)]
                self._models = tuple(dict.fromkeys([EXTRACTIVE, configured, *_hosted(), *listed]))
                self._valid_until = time.monotonic() + _LIST_SECONDS
            return self._models

    def llm(self, model: str) -> BaseChatModel | None:
        """Return the LLM with that name, or None for quotes. The LLM is loaded once, and stays available if its server
        is too busy to list it.

        Raises `SettingsError` for a name that is not offered, and `LLMError` if the model cannot be loaded.
        """
        if model not in self._llms and model not in (offered := self.models()):
            raise SettingsError(
                f"the model {abbreviated(model)} is not offered", f"Choose one of: {', '.join(offered)}."
            )
        with self._loading:
            if model not in self._llms:
                settings = self._settings
                if model != model_label(settings.llm):  # the URL is for the configured model only
                    settings = settings.model_copy(update={"llm": model, "llm_base_url": None})
                self._llms[model] = open_llm(settings)
            return self._llms[model]


def abbreviated(value: object) -> str:
    """Return the `repr` of an untrusted value, shortened for a message."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"


def _hosted() -> list[str]:
    """Return one model from each provider whose client is installed and whose key is set."""
    return [
        f"{provider}:{model}"
        for provider, model in _HOSTED.items()
        if is_installed(provider) and any(os.environ.get(name, "").strip() for name in KEY_NAMES[provider])
    ]


def _ollama() -> list[str]:
    """Return the models on a running Ollama server; empty without the client, or if the server does not answer in
    time."""
    if not is_installed("ollama"):
        return []

    def request() -> list[str]:
        url = ollama_url(os.environ.get("OLLAMA_HOST", ""))
        return _chat_models(fetch_json(f"{url}/api/tags", _OLLAMA_SECONDS))

    return within(_OLLAMA_SECONDS, request) or []


def _chat_models(listed: Any) -> list[str]:
    """Return the names in Ollama's list as specs, without the default tag and without embedding models."""
    specs = []
    for model in listed["models"]:
        name, details = model["name"], model.get("details") or {}
        if _PLAIN_NAME.fullmatch(name) and "bert" not in str(details.get("family")):
            specs.append(f"ollama:{name.removesuffix(_LATEST)}")
    return specs[:_OLLAMA_MAX_MODELS]
