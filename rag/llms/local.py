"""Language models in this process: `transformers:FOLDER` and `gguf:FILE`, on this disk. Nothing is fetched, and no code
that comes with a model is run.

Imported when such a model is asked for; torch and transformers, or llama-cpp-python, are loaded with the model.
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
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

from index import cpu_count

from ..errors import LLMError

_ROLES = {"system": "system", "human": "user", "ai": "assistant"}

Say = Callable[[str], None]


class LocalChat(BaseChatModel):
    """A model that writes in a thread of its own, one reply at a time, so that a reader who has waited for `timeout`
    seconds, or has gone, need not wait for it."""

    temperature: float = 0.0
    max_tokens: int = 700
    timeout: float = 60.0
    _turn: threading.Lock = PrivateAttr(default_factory=threading.Lock)

    def _write(self, messages: list[dict[str, str]], say: Say, unwanted: threading.Event) -> tuple[int, int]:
        """Say the reply piece by piece, until it is `unwanted`; how many tokens went in and came out."""
        raise NotImplementedError

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        said = "".join(str(chunk.text) for chunk in self._stream(messages, stop, run_manager, **kwargs))
        return ChatResult(generations=[ChatGeneration(message=AIMessage(said))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        turns = [{"role": _ROLES.get(message.type, "user"), "content": str(message.content)} for message in messages]
        said: queue.Queue[str | None] = queue.Queue()
        unwanted = threading.Event()
        counted: list[tuple[int, int]] = []
        failed: list[Exception] = []

        def write() -> None:
            try:
                with self._turn:
                    said.put("")  # from now on it may be late
                    counted.append(self._write(turns, said.put, unwanted))
            except Exception as error:  # told to whoever reads, or the reader would wait for ever
                failed.append(error)
            finally:
                said.put(None)

        thread = threading.Thread(target=write, name="write", daemon=True)
        thread.start()
        try:
            piece = said.get()
            while piece is not None:
                if piece:
                    yield ChatGenerationChunk(message=AIMessageChunk(content=piece))
                piece = said.get(timeout=self.timeout)
        except queue.Empty:
            raise TimeoutError(f"no word for {self.timeout:g} s") from None
        finally:
            unwanted.set()
        if failed:
            raise failed[0]
        ((given, out),) = counted
        usage: Any = {"input_tokens": given, "output_tokens": out, "total_tokens": given + out}
        reason = {"finish_reason": "length" if out >= self.max_tokens else "stop"}
        yield ChatGenerationChunk(message=AIMessageChunk(content="", response_metadata=reason, usage_metadata=usage))


class TransformersChat(LocalChat):
    """A causal language model of transformers, run on the CPU."""

    folder: str
    _model: Any = PrivateAttr()
    _tokenizer: Any = PrivateAttr()

    def __init__(self, **given: Any) -> None:
        """Load the model from `folder`. Raises `LLMError` for a folder that holds none."""
        super().__init__(**given)
        if not (Path(self.folder) / "config.json").is_file():
            raise LLMError(
                f"there is no transformers model in {self.folder!r}: it has no config.json",
                "Give the folder of a causal language model: CITECHAT_LLM=transformers:/path/to/folder.",
            )
        from transformers import AutoModelForCausalLM, AutoTokenizer

        how: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(self.folder, **how)
            self._model = AutoModelForCausalLM.from_pretrained(self.folder, use_safetensors=True, **how)
        except (OSError, ValueError, ImportError) as error:
            raise LLMError(
                f"the model in {self.folder!r} cannot be loaded: {str(error).splitlines()[0]}",
                "It must be a causal language model with a tokenizer and safetensors weights.",
            ) from None

    @property
    def _llm_type(self) -> str:
        return "transformers"

    def _write(self, messages: list[dict[str, str]], say: Say, unwanted: threading.Event) -> tuple[int, int]:
        from transformers import StoppingCriteriaList, TextStreamer

        class Sayer(TextStreamer):
            def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
                say(text)

        ids = self._tokenizer(self._prompt(messages), return_tensors="pt", add_special_tokens=False)
        only_the_reply: dict[str, Any] = {"skip_prompt": True, "skip_special_tokens": True}
        sampling: dict[str, Any] = {"do_sample": False}
        if self.temperature:
            sampling = {"do_sample": True, "temperature": self.temperature}
        made = self._model.generate(
            **ids,
            **sampling,
            max_new_tokens=self.max_tokens,
            streamer=Sayer(self._tokenizer, **only_the_reply),
            stopping_criteria=StoppingCriteriaList([lambda *_: unwanted.is_set()]),
        )
        given = int(ids["input_ids"].shape[1])
        return given, int(made[0].shape[0]) - given

    def _prompt(self, messages: list[dict[str, str]]) -> str:
        if self._tokenizer.chat_template:
            return str(self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
        return "\n\n".join([*(f"{each['role']}: {each['content']}" for each in messages), "assistant:"])


class GgufChat(LocalChat):
    """A model in a GGUF file, run by llama.cpp on the CPU."""

    path: str
    context_tokens: int = 8192
    _model: Any = PrivateAttr()

    def __init__(self, **given: Any) -> None:
        """Load the model from the file `path`. Raises `LLMError` for a file that holds none."""
        super().__init__(**given)
        if not Path(self.path).is_file():
            raise LLMError(
                f"there is no file {self.path!r}",
                "Give the file of a GGUF model: CITECHAT_LLM=gguf:/path/to/model.gguf.",
            )
        if find_spec("llama_cpp") is None:
            raise LLMError(
                f"the LLM 'gguf:{self.path}' needs the package 'llama-cpp-python', which is not installed",
                "Install it beside citechat: pip install llama-cpp-python. It is compiled, which takes long, and needs "
                "a C++ compiler.",
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
                "It must be a whole GGUF file of a model that the installed llama-cpp-python knows.",
            ) from None

    @property
    def _llm_type(self) -> str:
        return "gguf"

    def _write(self, messages: list[dict[str, str]], say: Say, unwanted: threading.Event) -> tuple[int, int]:
        out = 0
        for chunk in self._model.create_chat_completion(
            messages, stream=True, temperature=self.temperature, max_tokens=self.max_tokens
        ):
            if piece := chunk["choices"][0]["delta"].get("content"):
                out += 1
                say(piece)
            if unwanted.is_set():
                break
        return max(0, self._model.n_tokens - out), out


def load_transformers(folder: str, options: dict[str, Any]) -> BaseChatModel:
    """The model in a folder; `options` are those of every provider, of which a base URL means nothing here."""
    return TransformersChat(folder=folder, **_own(options))


def load_gguf(path: str, options: dict[str, Any], context_tokens: int) -> BaseChatModel:
    """The model in a file, for prompts and answers of so many tokens together."""
    return GgufChat(path=path, context_tokens=context_tokens, **_own(options))


def _own(options: dict[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in ("temperature", "max_tokens", "timeout")}
