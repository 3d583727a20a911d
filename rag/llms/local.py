"""Language models that run in this process: `transformers:FOLDER` and `gguf:FILE`. Nothing is downloaded, and code that
comes with a model is not run.

transformers also reads GGUF files. It is slower than llama.cpp, but needs no compiler. The weights are decompressed on
first use and kept as safetensors, because this takes long.

This module is imported only for such a model; torch and transformers, or llama-cpp-python, are loaded with the model.
"""

from __future__ import annotations

import hashlib
import queue
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

from index import cpu_count, create_private_folder

from ..errors import LLMError

_SHORTEST_TOKEN = 3  # characters of a control token; a shorter one is a sign that texts may contain
_ROLES = {"system": "system", "human": "user", "ai": "assistant"}

_LEAST_ROOM = 100  # tokens that a prompt must leave for the reply
_GGUF_PACKAGES = ("gguf", "accelerate")  # that transformers needs to read a GGUF file

Prompt = list[dict[str, str]]
Emit = Callable[[str], None]


class LocalChat(BaseChatModel):
    """A model that generates in its own thread, one reply at a time.

    A caller that has waited for `timeout` seconds, or has stopped, does not have to wait for the model.
    """

    temperature: float = 0.0
    max_tokens: int = 700
    timeout: float = 60.0
    _lock: threading.Lock = PrivateAttr(default_factory=threading.Lock)

    def _write(self, messages: Prompt, emit: Emit, cancelled: threading.Event) -> tuple[int, int, str]:
        """Emit the reply piece by piece until `cancelled` is set.

        Return the numbers of input and output tokens, and why the reply ended: "stop" or "length".
        """
        raise NotImplementedError

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, run_manager, **kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        turns = [{"role": _ROLES.get(message.type, "user"), "content": str(message.content)} for message in messages]
        pieces: queue.Queue[str | tuple[int, int, str] | Exception] = (
            queue.Queue()
        )  # a tuple or an error ends the reply
        cancelled = threading.Event()

        def write() -> None:
            try:
                with self._lock:
                    pieces.put("")  # the timeout starts here
                    pieces.put(self._write(turns, pieces.put, cancelled))
            except Exception as error:  # raised again in the calling thread, which would otherwise wait forever
                pieces.put(error)

        threading.Thread(target=write, name="write", daemon=True).start()
        try:
            piece = pieces.get()
            while isinstance(piece, str):
                if piece:
                    yield ChatGenerationChunk(message=AIMessageChunk(content=piece))
                piece = pieces.get(timeout=self.timeout)
        except queue.Empty:
            raise TimeoutError(f"no output for {self.timeout:g} s") from None
        finally:
            cancelled.set()
        if isinstance(piece, Exception):
            raise piece
        given, out, reason = piece
        usage: Any = {"input_tokens": given, "output_tokens": out, "total_tokens": given + out}
        ended = {"finish_reason": reason}
        yield ChatGenerationChunk(message=AIMessageChunk(content="", response_metadata=ended, usage_metadata=usage))


class TransformersChat(LocalChat):
    """A causal language model that transformers runs on the CPU.

    `path` is a folder with safetensors weights, a folder with one GGUF file, or a GGUF file. `models_folder` keeps the
    decompressed weights of GGUF files; without it, they are decompressed each time.
    """

    path: str
    models_folder: Path | None = None
    _model: Any = PrivateAttr()
    _tokenizer: Any = PrivateAttr()
    _control_tokens: tuple[str, ...] = PrivateAttr()

    def __init__(self, **given: Any) -> None:
        """Load the model. Raises `LLMError` if `path` does not contain a model that can be loaded."""
        super().__init__(**given)
        path = Path(self.path)
        gguf = _gguf_file(path)
        if gguf is None and not (path / "config.json").is_file():
            raise LLMError(
                f"cannot find a transformers model in {self.path!r}: it has no config.json, and not one GGUF file",
                "Give the folder of a causal language model: CITECHAT_LLM=transformers:/path/to/folder.",
            )
        missing = [package for package in _GGUF_PACKAGES if gguf and find_spec(package) is None]
        if missing:
            raise LLMError(
                f"the LLM 'transformers:{self.path}' needs packages that are not installed: {', '.join(missing)}",
                f"Run `pip install {' '.join(missing)}`.",
            )
        try:
            self._tokenizer, self._model = (
                _load(path, use_safetensors=True) if gguf is None else _load_gguf(gguf, self.models_folder)
            )
        except Exception as error:  # a damaged file causes many kinds of errors
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise LLMError(
                f"the model in {self.path!r} cannot be loaded: {reason}",
                "It must be a causal language model with a tokenizer, and with safetensors weights or a GGUF file.",
            ) from None
        self._control_tokens = control_tokens(self._tokenizer)

    @property
    def _llm_type(self) -> str:
        return "transformers"

    def _write(self, messages: Prompt, emit: Emit, cancelled: threading.Event) -> tuple[int, int, str]:
        from transformers import StoppingCriteriaList, TextStreamer

        class Emitter(TextStreamer):
            def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
                emit(text)

        ids = self._tokenizer(self._prompt(messages), return_tensors="pt", add_special_tokens=False)
        given = int(ids["input_ids"].shape[1])
        most = self._room(given)
        reply_only: dict[str, Any] = {"skip_prompt": True, "skip_special_tokens": True}
        sampling: dict[str, Any] = {"do_sample": False}
        if self.temperature:
            sampling = {"do_sample": True, "temperature": self.temperature}
        output = self._model.generate(
            **ids,
            **sampling,
            max_new_tokens=most,
            streamer=Emitter(self._tokenizer, **reply_only),
            stopping_criteria=StoppingCriteriaList([lambda *_: cancelled.is_set()]),
        )
        out = int(output[0].shape[0]) - given
        return given, out, "length" if out >= most else "stop"

    def _room(self, given: int) -> int:
        """Return the maximum length of the reply to a prompt of `given` tokens.

        Raises `ValueError` if the prompt leaves too little room; without this check, the model would write nonsense.
        """
        window: int | None = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        if not window:
            return self.max_tokens
        if window - given < min(self.max_tokens, _LEAST_ROOM):
            raise ValueError(f"the prompt of {given} tokens does not fit into the context length of {window} tokens")
        return min(self.max_tokens, window - given)

    def _prompt(self, messages: Prompt) -> str:
        messages = [{**each, "content": without_tokens(each["content"], self._control_tokens)} for each in messages]
        if self._tokenizer.chat_template:
            return str(self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
        return "\n\n".join([*(f"{message['role']}: {message['content']}" for message in messages), "assistant:"])


class GgufChat(LocalChat):
    """A model in a GGUF file that llama.cpp runs on the CPU."""

    path: str
    context_tokens: int = 8192
    _model: Any = PrivateAttr()

    def __init__(self, **given: Any) -> None:
        """Load the model from the file `path`. Raises `LLMError` if the file is not a model."""
        super().__init__(**given)
        if not Path(self.path).is_file():
            raise LLMError(
                f"the file {self.path!r} does not exist",
                "Give the path of a GGUF file: CITECHAT_LLM=gguf:/path/to/model.gguf.",
            )
        if find_spec("llama_cpp") is None:
            raise LLMError(
                f"the LLM 'gguf:{self.path}' needs the package 'llama-cpp-python', which is not installed",
                "Run `pip install llama-cpp-python`. It is compiled, which takes a while and needs a C++ compiler.",
            )
        from llama_cpp import Llama

        threads = cpu_count()
        try:
            self._model = Llama(
                self.path, n_ctx=self.context_tokens, n_threads=threads, n_threads_batch=threads, verbose=False
            )
        except ValueError as error:
            raise LLMError(
                f"the model in {self.path!r} cannot be loaded: {error}",
                "It must be a complete GGUF file of a model that the installed llama-cpp-python supports.",
            ) from None

    @property
    def _llm_type(self) -> str:
        return "gguf"

    def _write(self, messages: Prompt, emit: Emit, cancelled: threading.Event) -> tuple[int, int, str]:
        out, reason = 0, "stop"
        messages = [{**each, "content": self._as_text(each["content"])} for each in messages]
        for chunk in self._model.create_chat_completion(
            messages, stream=True, temperature=self.temperature, max_tokens=self.max_tokens
        ):
            choice = chunk["choices"][0]
            reason = choice.get("finish_reason") or reason
            if piece := choice["delta"].get("content"):
                out += 1
                emit(piece)
            if cancelled.is_set():
                break
        return max(0, self._model.n_tokens - out), out, reason

    def _as_text(self, content: str) -> str:
        """Return a message in which llama.cpp finds no control tokens: it also looks for them in messages."""
        encoded = content.encode(errors="replace")
        plain = set(self._model.tokenize(encoded, add_bos=False, special=False))
        found = set(self._model.tokenize(encoded, add_bos=False, special=True)) - plain
        # Control tokens have no text unless it is asked for; tokens of text next to them may differ, too.
        control = [token for token in sorted(found) if not self._model.detokenize([token], special=False).strip()]
        texts = [self._model.detokenize([token], special=True).decode(errors="replace") for token in control]
        return without_tokens(content, texts)


def control_tokens(tokenizer: Any) -> tuple[str, ...]:
    """Return the control tokens of a tokenizer of transformers, as texts."""
    added = [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]
    return tuple(sorted({*tokenizer.all_special_tokens, *added}))


def without_tokens(text: str, tokens: Iterable[str]) -> str:
    """Return a message with a space in each of the model's control tokens, so that it cannot end or begin a message."""
    for token in map(str.strip, tokens):
        while len(token) >= _SHORTEST_TOKEN and token in text:
            text = text.replace(token, f"{token[0]} {token[1:]}")
    return text


def load_local(
    provider: str, model: str, options: dict[str, Any], context_tokens: int, models_folder: Path | None = None
) -> BaseChatModel:
    """Return the model from a folder (`transformers`) or file (`gguf`); a base URL in the `options` is ignored.

    `models_folder` keeps converted models, see `TransformersChat`.
    """
    options = {name: options[name] for name in ("temperature", "max_tokens", "timeout")}
    if provider == "gguf":
        return GgufChat(path=model, context_tokens=context_tokens, **options)
    return TransformersChat(path=model, models_folder=models_folder, **options)


def _gguf_file(path: Path) -> Path | None:
    """Return the GGUF file at `path`, which may be the only one in a folder; None for a folder with a config.json."""
    if path.is_file() and path.suffix.lower() == ".gguf":
        return path
    files = [] if (path / "config.json").is_file() else sorted(path.glob("*.gguf"))
    return files[0] if len(files) == 1 else None


def _load(folder: Path, **options: Any) -> tuple[Any, Any]:
    """Return the tokenizer and the model from a folder."""
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    options |= {"local_files_only": True, "trust_remote_code": False}
    return AutoTokenizer.from_pretrained(folder, **options), AutoModelForCausalLM.from_pretrained(folder, **options)


def _decompress(file: Path) -> tuple[Any, Any]:
    """Return the tokenizer and the model from a GGUF file, the weights as 32-bit numbers."""
    tokenizer, model = _load(file.parent, gguf_file=file.name, dtype="float32")
    if quantizer := getattr(model, "hf_quantizer", None):
        quantizer.remove_quantization_config(model)  # otherwise, the weights cannot be saved
    return tokenizer, model


def _load_gguf(file: Path, models_folder: Path | None) -> tuple[Any, Any]:
    """Return the tokenizer and the model from a GGUF file, or from the folder in which they were kept after an earlier
    load of the same, unchanged file."""
    if models_folder is None:
        return _decompress(file)
    status = file.stat()
    identity = f"{file.resolve()}\0{status.st_size}\0{status.st_mtime_ns}"
    kept = models_folder / f"{file.stem}-{hashlib.sha256(identity.encode()).hexdigest()[:16]}"
    if (kept / "config.json").is_file():
        return _load(kept, use_safetensors=True)
    loaded = _decompress(file)
    create_private_folder(models_folder)
    with tempfile.TemporaryDirectory(dir=models_folder) as beside:
        written = Path(beside) / "model"
        for part in loaded:
            part.save_pretrained(written)
        try:
            written.rename(kept)
        except OSError:  # another process has kept it in the meantime
            if not kept.is_dir():
                raise
    return loaded
