"""Language models that run in this process: `transformers:FOLDER` and `gguf:FILE`. Nothing is downloaded, and code that
comes with a model is not run.

This module is imported only for such a model; torch and transformers, or llama-cpp-python, are loaded with the model.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

from index import cpu_count

from ..errors import LLMError

_ROLES = {"system": "system", "human": "user", "ai": "assistant"}

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

    def _write(self, messages: Prompt, emit: Emit, cancelled: threading.Event) -> tuple[int, int]:
        """Emit the reply piece by piece until `cancelled` is set; return the numbers of input and output tokens."""
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
        pieces: queue.Queue[str | tuple[int, int] | Exception] = queue.Queue()  # token counts or an error end the reply
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
        given, out = piece
        usage: Any = {"input_tokens": given, "output_tokens": out, "total_tokens": given + out}
        reason = {"finish_reason": "length" if out >= self.max_tokens else "stop"}
        yield ChatGenerationChunk(message=AIMessageChunk(content="", response_metadata=reason, usage_metadata=usage))


class TransformersChat(LocalChat):
    """A causal language model that transformers runs on the CPU."""

    folder: str
    _model: Any = PrivateAttr()
    _tokenizer: Any = PrivateAttr()

    def __init__(self, **given: Any) -> None:
        """Load the model from `folder`. Raises `LLMError` if it does not contain a model."""
        super().__init__(**given)
        if not (Path(self.folder) / "config.json").is_file():
            raise LLMError(
                f"cannot find a transformers model in {self.folder!r}: it has no config.json",
                "Give the folder of a causal language model: CITECHAT_LLM=transformers:/path/to/folder.",
            )
        from transformers import AutoModelForCausalLM, AutoTokenizer

        options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(self.folder, **options)
            self._model = AutoModelForCausalLM.from_pretrained(self.folder, use_safetensors=True, **options)
        except (OSError, ValueError, ImportError) as error:
            raise LLMError(
                f"the model in {self.folder!r} cannot be loaded: {str(error).splitlines()[0]}",
                "It must be a causal language model with a tokenizer and safetensors weights.",
            ) from None

    @property
    def _llm_type(self) -> str:
        return "transformers"

    def _write(self, messages: Prompt, emit: Emit, cancelled: threading.Event) -> tuple[int, int]:
        from transformers import StoppingCriteriaList, TextStreamer

        class Emitter(TextStreamer):
            def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
                emit(text)

        ids = self._tokenizer(self._prompt(messages), return_tensors="pt", add_special_tokens=False)
        reply_only: dict[str, Any] = {"skip_prompt": True, "skip_special_tokens": True}
        sampling: dict[str, Any] = {"do_sample": False}
        if self.temperature:
            sampling = {"do_sample": True, "temperature": self.temperature}
        output = self._model.generate(
            **ids,
            **sampling,
            max_new_tokens=self.max_tokens,
            streamer=Emitter(self._tokenizer, **reply_only),
            stopping_criteria=StoppingCriteriaList([lambda *_: cancelled.is_set()]),
        )
        given = int(ids["input_ids"].shape[1])
        return given, int(output[0].shape[0]) - given

    def _prompt(self, messages: Prompt) -> str:
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

    def _write(self, messages: Prompt, emit: Emit, cancelled: threading.Event) -> tuple[int, int]:
        out = 0
        for chunk in self._model.create_chat_completion(
            messages, stream=True, temperature=self.temperature, max_tokens=self.max_tokens
        ):
            if piece := chunk["choices"][0]["delta"].get("content"):
                out += 1
                emit(piece)
            if cancelled.is_set():
                break
        return max(0, self._model.n_tokens - out), out


def load_local(provider: str, model: str, options: dict[str, Any], context_tokens: int) -> BaseChatModel:
    """Return the model from a folder (`transformers`) or file (`gguf`); a base URL in the `options` is ignored."""
    options = {name: options[name] for name in ("temperature", "max_tokens", "timeout")}
    if provider == "gguf":
        return GgufChat(path=model, context_tokens=context_tokens, **options)
    return TransformersChat(folder=model, **options)
