"""What a reader may choose for one question: the model, how many passages, how strict. Values from a browser."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection, HTTPSConnection
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..errors import SettingsError
from ..settings import EXTRACTIVE, Settings
from .failures import KEY_NAMES
from .loader import open_llm

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

_HOSTED = {
    "openai": "gpt-4o-mini",
    "anthropic": "claude-haiku-4-5",
    "google_genai": "gemini-3.5-flash-lite",
}
"""For each hosted provider a small model that is offered where its key is set; one that takes a temperature."""

_KEPT = 30.0  # seconds that a list of models is good for
_OLLAMA_SECONDS = 0.5
_OLLAMA_MOST = 20
_OLLAMA_MOST_BYTES = 1_000_000
_OLLAMA_PORTS = {"": 11434, "http": 80, "https": 443}  # by the scheme that is written, as Ollama's own client has it
_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where a server listens, and where it is asked
_PLAIN_NAME = re.compile(r"[\w./:-]{1,200}", re.ASCII)
_LATEST = ":latest"


class ModelCatalog:
    """The choices that there are beside the settings, and the assistants that come of them. May be used by threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._listing = threading.Lock()
        self._loading = threading.Lock()
        self._models: tuple[str, ...] = ()
        self._good_until = 0.0
        self._llms: dict[str, BaseChatModel | None] = {}

    def models(self) -> tuple[str, ...]:
        """What can be chosen now: quoting, the model of the settings, one of each provider whose package and key are
        there, and those of a running Ollama. Looked up anew after half a minute; never raises.
        """
        with self._listing:
            if time.monotonic() >= self._good_until:
                configured = self._settings.llm
                listed = [name for name in _ollama() if name != configured.removesuffix(_LATEST)]
                self._models = tuple(dict.fromkeys([EXTRACTIVE, configured, *_hosted(), *listed]))
                self._good_until = time.monotonic() + _KEPT
            return self._models

    def llm(self, model: str) -> BaseChatModel | None:
        """Return the LLM of that name, None for quotes. It is loaded once, and stays available when its server is too
        busy to list it.

        Raises `SettingsError` for a name that is not offered, and `LLMError` when the model cannot be loaded.
        """
        if model not in self._llms and model not in (offered := self.models()):
            raise SettingsError(
                f"the model {abbreviated(model)} is not offered", f"Choose one of: {', '.join(offered)}."
            )
        with self._loading:
            if model not in self._llms:
                settings = self._settings
                if model != settings.llm:  # an address belongs to the model that it was given for
                    settings = settings.model_copy(update={"llm": model, "llm_base_url": None})
                self._llms[model] = open_llm(settings)
            return self._llms[model]


def abbreviated(value: object) -> str:
    """Return the `repr` of a value from outside, short enough for a message."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"


def _hosted() -> list[str]:
    """A model of each provider whose client is installed and whose key is set."""
    return [
        f"{provider}:{model}"
        for provider, model in _HOSTED.items()
        if _is_installed(provider) and any(os.environ.get(name, "").strip() for name in KEY_NAMES[provider])
    ]


def _is_installed(provider: str) -> bool:
    """Whether the provider's client is there; it is not imported to see."""
    try:
        return find_spec(f"langchain_{provider}") is not None
    except ValueError:  # something else goes by that name
        return False


def _ollama() -> list[str]:
    """The models of a running Ollama; none where there is no client for it, or no answer in time.

    Asked in a thread of its own, because looking up a host's name knows no time limit.
    """
    if not _is_installed("ollama"):
        return []
    found: list[str] = []

    def ask() -> None:
        try:
            names = _chat_models(_fetch(_ollama_address(os.environ.get("OLLAMA_HOST", ""))))
        except Exception:  # whatever is wrong with it, there is nothing to offer
            return
        found.extend(names)

    asking = threading.Thread(target=ask, name="list-ollama", daemon=True)
    asking.start()
    asking.join(_OLLAMA_SECONDS)
    return list(found)


def _fetch(address: str) -> bytes:
    """What Ollama says it has. It is on this machine or near it, so no proxy is asked."""
    parts = urlsplit(address)
    connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    with closing(connect(parts.hostname or "", parts.port, timeout=_OLLAMA_SECONDS)) as connection:
        connection.request("GET", f"{parts.path}/api/tags")
        response = connection.getresponse()
        data = response.read(_OLLAMA_MOST_BYTES + 1)
        if response.status != HTTPStatus.OK or len(data) > _OLLAMA_MOST_BYTES:
            raise ValueError("no list of models")
        return data


def _chat_models(data: bytes) -> list[str]:
    """The names in Ollama's list as specs, without the tag that goes without saying; not those that only embed."""
    specs = []
    for each in json.loads(data)["models"]:
        name, details = each["name"], each.get("details") or {}
        if _PLAIN_NAME.fullmatch(name) and "bert" not in str(details.get("family")):
            specs.append(f"ollama:{name.removesuffix(_LATEST)}")
    return specs[:_OLLAMA_MOST]


def _ollama_address(host: str) -> str:
    """Where `OLLAMA_HOST` says that Ollama is: a host, a port, both, or a web address."""
    scheme, colon, rest = host.strip().rpartition("://")
    parts = urlsplit(f"{scheme if colon else 'http'}://{rest}")
    name = parts.hostname or "127.0.0.1"
    name = _EVERY_ADDRESS.get(name, name)
    port = parts.port or _OLLAMA_PORTS[scheme.lower()]
    return f"{parts.scheme}://{f'[{name}]' if ':' in name else name}:{port}{parts.path.rstrip('/')}"
