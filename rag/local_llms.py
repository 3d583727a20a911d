"""A language model in this process: `transformers:FOLDER`, a folder on this disk. Nothing is fetched, and no code that
comes with a model is run.

Imported when such a model is asked for; torch and transformers are loaded with the model.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

from .errors import LLMError

_ROLES = {"system": "system", "human": "user", "ai": "assistant"}


class TransformersChat(BaseChatModel):
    """A causal language model of transformers, run on the CPU, streamed word by word."""

    folder: str
    temperature: float = 0.0
    max_tokens: int = 700
    timeout: float = 60.0
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
        from transformers import StoppingCriteriaList, TextIteratorStreamer

        ids = self._tokenizer(self._prompt(messages), return_tensors="pt", add_special_tokens=False)
        only_the_reply: dict[str, Any] = {"skip_prompt": True, "skip_special_tokens": True}
        streamer: Any = TextIteratorStreamer(self._tokenizer, timeout=self.timeout, **only_the_reply)
        unwanted, failed, made = threading.Event(), [], []
        sampling: dict[str, Any] = {"do_sample": False}
        if self.temperature:
            sampling = {"do_sample": True, "temperature": self.temperature}

        def generate() -> None:
            try:
                given = {"streamer": streamer, "max_new_tokens": self.max_tokens, **sampling}
                criteria = StoppingCriteriaList([lambda *_: unwanted.is_set()])
                made.append(self._model.generate(**ids, stopping_criteria=criteria, **given))
            except Exception as error:  # told to whoever reads, or the reader would wait for ever
                failed.append(error)
                streamer.end()

        thread = threading.Thread(target=generate, name="generate", daemon=True)
        thread.start()
        try:
            for piece in streamer:
                if piece:
                    yield ChatGenerationChunk(message=AIMessageChunk(content=piece))
        finally:
            unwanted.set()
            thread.join(self.timeout)
        if failed:
            raise failed[0]
        prompt = ids["input_ids"].shape[1]
        out = made[0].shape[1] - prompt
        usage: Any = {"input_tokens": prompt, "output_tokens": out, "total_tokens": prompt + out}
        reason = {"finish_reason": "length" if out >= self.max_tokens else "stop"}
        yield ChatGenerationChunk(message=AIMessageChunk(content="", response_metadata=reason, usage_metadata=usage))

    def _prompt(self, messages: list[BaseMessage]) -> str:
        turns = [{"role": _ROLES.get(message.type, "user"), "content": str(message.content)} for message in messages]
        if self._tokenizer.chat_template:
            return str(self._tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))
        return "\n\n".join([*(f"{turn['role']}: {turn['content']}" for turn in turns), "assistant:"])


def load_transformers(folder: str, options: dict[str, Any]) -> BaseChatModel:
    """The model in a folder; `options` are those of every provider, of which a base URL means nothing here."""
    wanted = {name: options[name] for name in ("temperature", "max_tokens", "timeout")}
    return TransformersChat(folder=folder, **wanted)
