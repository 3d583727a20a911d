"""The context window of a model: how many tokens it takes, prompt and answer together.

Servers on this machine or in the same network say it, and so do model files. Hosted models are not looked up: their
windows are far larger than the limit on costs.
"""

from __future__ import annotations

import json
import os
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from ..settings import Settings
from .servers import compatible_server, fetch_json, ollama_url, within

DEFAULT_CONTEXT_TOKENS = 8192
"""The context window that is assumed for a model that does not say its own."""

_SECONDS = 2.0
_MOST_BYTES = 8_000_000  # of a list of models; a hosted router lists hundreds
_WINDOW_KEYS = ("max_model_len", "context_length", "context_window", "max_context_length", "n_ctx")
_UNEXPECTED = (OSError, ValueError, LookupError, TypeError, AttributeError)  # a failed request, or other JSON
_CONFIG_KEYS = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length")


def context_tokens(settings: Settings) -> int:
    """Return the maximum length of a prompt and its answer together, in tokens.

    This is the setting `llm_context_tokens`. If it is not set, it is what the model says, at most the setting
    `llm_context_limit`, or `DEFAULT_CONTEXT_TOKENS` if the model does not say it.
    """
    if settings.llm_context_tokens:
        return settings.llm_context_tokens
    return min(context_window(settings) or DEFAULT_CONTEXT_TOKENS, settings.llm_context_limit)


def context_window(settings: Settings) -> int | None:
    """Return the context window of the configured model, in tokens; None if neither a server nor a file says it.

    Takes at most two seconds. Never raises, and logs nothing.
    """
    provider, _, model = (part.strip() for part in settings.llm.partition(":"))
    look_up = _LOOK_UPS.get(provider.lower())
    if look_up is None or not model:
        return None
    return within(_SECONDS, lambda: look_up(model, settings.llm_base_url))


def _ollama(model: str, base_url: str | None) -> int | None:
    """Return the window that the model was made for: Ollama's own, smaller default is overridden in each request."""
    url = ollama_url(base_url or os.environ.get("OLLAMA_HOST", ""))
    shown = fetch_json(f"{url}/api/show", _SECONDS, body={"model": model})
    return next(_positive(value for key, value in shown["model_info"].items() if key.endswith(".context_length")), None)


def _compatible(model: str, base_url: str | None) -> int | None:
    """Return the window from the list of models, or from the other addresses of llama-server and LM Studio."""
    address = compatible_server(base_url)
    if address is None:
        return None
    base = address.rstrip("/")
    root = base.removesuffix("/v1")
    key = os.environ.get("OPENAI_API_KEY", "").strip()
    ends = time.monotonic() + _SECONDS

    def fetch(url: str) -> Any:
        left = ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("nobody waits for the result any more")
        return fetch_json(url, left, key=key, most_bytes=_MOST_BYTES)

    entry: Mapping[str, Any] = {}
    meta: Mapping[str, Any] = {}
    with suppress(*_UNEXPECTED):
        entry = _entry(fetch(f"{base}/models"), model)
        meta = entry.get("meta") or {}
    look_ups: tuple[Callable[[], int | None], ...] = (
        lambda: _first(entry, *_WINDOW_KEYS) or _first(meta, "n_ctx"),
        lambda: _first(fetch(f"{root}/props")["default_generation_settings"], "n_ctx"),
        lambda: _first(_entry(fetch(f"{root}/api/v0/models"), model), "loaded_context_length"),
        lambda: _first(meta, "n_ctx_train"),
    )
    for look_up in look_ups:
        with suppress(*_UNEXPECTED):
            if window := look_up():
                return window
    return None


def _entry(listed: Any, model: str) -> Mapping[str, Any]:
    """Return the entry of a model in a list of models; a list with one entry is about this one."""
    entries: list[Mapping[str, Any]] = listed["data"] if isinstance(listed, dict) else listed
    return next((entry for entry in entries if entry.get("id") == model), entries[0] if len(entries) == 1 else {})


def _local_folder(model: str, _: str | None) -> int | None:
    """Return the window from the configuration in a folder, or from a GGUF file."""
    path = Path(model)
    config_file = path / "config.json"
    if config_file.is_file():
        config = json.loads(config_file.read_text(encoding="utf-8"))
        return _first(config, *_CONFIG_KEYS) or _first(config.get("text_config") or {}, *_CONFIG_KEYS)
    files = sorted(path.glob("*.gguf")) if path.is_dir() else [path]
    return gguf_context_length(files[0]) if len(files) == 1 else None


def _first(found: Mapping[str, Any], *names: str) -> int | None:
    return next(_positive(found.get(name) for name in names), None)


def _positive(values: Iterator[Any]) -> Iterator[int]:
    """Yield the values that are positive integers."""
    return (value for value in values if isinstance(value, int) and not isinstance(value, bool) and value > 0)


_GGUF_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_GGUF_STRING, _GGUF_ARRAY = 8, 9
_MOST_KEYS = 10_000
_LONGEST_STRING = 10_000_000  # bytes; a chat template has some thousands


def gguf_context_length(path: Path) -> int | None:
    """Return the context window from the header of a GGUF file (versions 2 and 3); None if the header has none.

    Raises `ValueError` or `OSError` if the file is not a GGUF file.
    """
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise ValueError("not a GGUF file")
        _, _, keys = _unpack(file, "IQQ")
        for _ in range(min(keys, _MOST_KEYS)):
            name = _string(file)
            (kind,) = _unpack(file, "I")
            value = _value(file, kind)
            if name.endswith(b".context_length"):
                return int(value)
    return None


def _value(file: BinaryIO, kind: int) -> Any:
    """Read a value and return it, or None for an array."""
    if kind == _GGUF_STRING:
        return _string(file)
    if kind != _GGUF_ARRAY:
        return _unpack(file, _GGUF_NUMBERS[kind])[0]
    kind, count = _unpack(file, "IQ")
    if kind in _GGUF_NUMBERS:
        file.seek(count * struct.calcsize(_GGUF_NUMBERS[kind]), os.SEEK_CUR)
    else:
        for _ in range(count):
            _value(file, kind)
    return None


def _string(file: BinaryIO) -> bytes:
    (length,) = _unpack(file, "Q")
    if length > _LONGEST_STRING:
        raise ValueError("the header is damaged")
    return file.read(length)


def _unpack(file: BinaryIO, layout: str) -> tuple[Any, ...]:
    layout = f"<{layout}"
    try:
        return struct.unpack(layout, file.read(struct.calcsize(layout)))
    except struct.error:
        raise ValueError("the header ends too early") from None


_LOOK_UPS: dict[str, Callable[[str, str | None], int | None]] = {
    "ollama": _ollama,
    "openai": _compatible,
    "transformers": _local_folder,
    "gguf": _local_folder,
}
