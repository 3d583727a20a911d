"""Build the index, the encoder and the assistant from the settings."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial

from index import ArticleFilter, Encoder, Index, ProcessExecutor, RayExecutor, cpu_count, load_encoder, make_private

from .answer import Answer, Turn
from .assistant import Assistant
from .errors import SettingsError
from .grounding.verifiers import load_verifier
from .llms.context_window import context_tokens
from .llms.loader import model_label, open_llm
from .prompts import ANSWER_SYSTEM
from .reading.loader import load_reader
from .reading.reader import Reader
from .settings import AnswerOptions, Settings, load_settings

_OFFLINE = {
    # No network access by default: none of these libraries may download or report anything.
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "ANONYMIZED_TELEMETRY": "False",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_SHARE": "False",
    "LANGSMITH_TRACING": "false",
}


_DATA = ("index", "library", "models", "uploads", "*.sqlite3*", "testset.jsonl")
"""The data in `CITECHAT_HOME`, as patterns; other files there may be the operator's."""


def go_offline() -> None:
    """Configure the libraries not to download or report anything, unless environment variables say otherwise.

    Call this function before importing gradio, because gradio reads its environment variables on import.
    """
    for name, value in _OFFLINE.items():
        os.environ.setdefault(name, value)


def protect_home(settings: Settings) -> None:
    """Remove other users' access to the data in `CITECHAT_HOME`, if it exists, and log what was changed."""
    make_private(settings.home, _DATA)


def open_index(settings: Settings | None = None) -> Index:
    """Return the index that the settings describe. Its folder is opened and its model is loaded on first use."""
    settings = settings or load_settings()
    protect_home(settings)
    url = settings.chroma_url.get_secret_value() if settings.chroma_url else None
    return Index(settings.index_path, open_encoder(settings), url, ocr=settings.ocr)


def open_encoder(settings: Settings, threads: int | None = None) -> Encoder:
    """Return the encoder that the settings name; `threads` overrides the setting."""
    go_offline()
    exports = settings.home / "models" if settings.engine == "onnx" else None
    return load_encoder(settings.encoder, exports, threads or settings.threads)


def open_reader(settings: Settings, encoder: Encoder | None = None) -> Reader | None:
    """Return the reader that the settings name, or None if it is off. Raises `SettingsError` if a plug-in fails.

    `encoder` is the encoder that the settings name, if it is loaded already; the bundled reader uses it if it can.
    """
    go_offline()
    bundled = settings.model_copy(update={"encoder": "bundled"})
    shared = encoder if settings.encoder == "bundled" else None
    return load_reader(settings.reader, lambda: shared or open_encoder(bundled), settings.threads)


def open_executor(
    settings: Settings, workers: int | None = None, ray: str | None = None
) -> AbstractContextManager[ProcessExecutor | RayExecutor | None]:
    """Return the executor that parses and embeds: worker processes, actors of the Ray cluster at the address `ray`, or
    None to use this process.

    The model is loaded in this process first, so that it is exported only once. Raises `CitechatError` if Ray is not
    installed or does not answer.
    """
    encoder = partial(open_encoder, settings, 1)
    if ray is not None:
        actors = workers or max(1, cpu_count() - 1)
        open_encoder(settings).query("?")
        return RayExecutor(ray, actors, encoder)
    if workers is None or workers == 1:
        return nullcontext()
    open_encoder(settings).query("?")
    return ProcessExecutor(workers, encoder)


def build_assistant(settings: Settings | None = None) -> Assistant:
    """Return an assistant with the index and the LLM from the settings.

    Raises `LLMError` if the LLM is unknown, or if its package or key is missing, and `SettingsError` if the verifier is
    a plug-in that cannot be loaded.
    """
    settings = settings or load_settings()
    context = context_tokens(settings)
    settings = settings.model_copy(update={"llm_context_tokens": context})
    options = AnswerOptions(
        top_k=settings.top_k,
        abstention_threshold=settings.abstention_threshold,
        max_question_chars=settings.max_question_chars,
        strict=settings.strict,
        llm_total_timeout=settings.llm_total_timeout,
        prompt_tokens=max(1, context - settings.llm_max_tokens),
        scope=settings.scope,
        abstain_before_llm=settings.abstain_before_llm,
        verifier=settings.verifier,
        instructions=_instructions(settings),
    )
    llm, model = open_llm(settings), model_label(settings.llm)
    if llm is not None:
        load_verifier(settings.verifier, llm, model)  # an unknown verifier is an error now, not at the first answer
    index = open_index(settings)
    return Assistant(index, llm, model=model, options=options, reader=open_reader(settings, index.encoder))


def _instructions(settings: Settings) -> str:
    path = settings.llm_instructions
    if path is None:
        return ANSWER_SYSTEM
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"the instructions for the LLM in {str(path)!r} cannot be read: {error}",
            "Use a UTF-8 text file, or unset CITECHAT_LLM_INSTRUCTIONS.",
        ) from None


def ask(
    question: str,
    history: Sequence[Turn] = (),
    settings: Settings | None = None,
    article_filter: ArticleFilter | None = None,
) -> Answer:
    """Return the answer to one question from the indexed articles.

    >>> from rag import ask
    >>> answer = ask("Who co-founded Pika?")  # doctest: +SKIP
    >>> answer.text, [citation.quote for citation in answer.citations]  # doctest: +SKIP

    Each call opens the index again; to ask many questions, use one `Assistant` from `build_assistant()`.
    """
    return build_assistant(settings).ask(question, history, article_filter)
