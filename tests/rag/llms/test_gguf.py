"""A model in a GGUF file, run by llama.cpp for real: a tiny one with random weights, made here. Its words are nonsense.

Skipped where llama-cpp-python is not installed; `make test-gguf` compiles it, which takes a long time.
"""

from __future__ import annotations

import os
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.messages import HumanMessage

from rag import Assistant, LLMError, load_settings, open_index
from rag.llms.loader import load_llm
from rag.llms.streaming import stream_text

QUESTION = "What is the name of ByteDance's video tool?"
WIDTH, INNER, HEADS, CONTEXT = 32, 64, 2, 8192

has_llama_cpp = pytest.mark.skipif(
    find_spec("llama_cpp") is None and not os.environ.get("CITECHAT_REQUIRE_GGUF"),
    reason="llama-cpp-python is not installed; `make test-gguf` compiles it, which takes a while",
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of some ten thousand numbers that reads and writes bytes."""
    import gguf

    path = tmp_path_factory.mktemp("tiny-gguf") / "tiny.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    tokens = [b"<unk>", b"<s>", b"</s>", *(f"<0x{byte:02X}>".encode() for byte in range(256)), "▁".encode()]
    kinds = [gguf.TokenType.UNKNOWN, *[gguf.TokenType.CONTROL] * 2, *[gguf.TokenType.BYTE] * 256, gguf.TokenType.NORMAL]
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    random = np.random.default_rng(0)
    shapes = {
        "token_embd": (len(tokens), WIDTH),
        "output": (len(tokens), WIDTH),
        "output_norm": (WIDTH,),
        "blk.0.attn_norm": (WIDTH,),
        "blk.0.ffn_norm": (WIDTH,),
        "blk.0.attn_q": (WIDTH, WIDTH),
        "blk.0.attn_k": (WIDTH, WIDTH),
        "blk.0.attn_v": (WIDTH, WIDTH),
        "blk.0.attn_output": (WIDTH, WIDTH),
        "blk.0.ffn_gate": (INNER, WIDTH),
        "blk.0.ffn_up": (INNER, WIDTH),
        "blk.0.ffn_down": (WIDTH, INNER),
    }
    for name, shape in shapes.items():
        values = np.ones(shape) if name.endswith("norm") else random.normal(size=shape)
        writer.add_tensor(f"{name}.weight", values.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@has_llama_cpp
def test_a_model_in_a_file_answers_and_its_nonsense_is_not_confirmed(model: Path, samples_home: Path) -> None:
    llm = load_llm(f"gguf:{model}", max_tokens=40)
    answer = Assistant(open_index(load_settings(home=samples_home)), llm, model="gguf:tiny").ask(QUESTION)
    assert answer.done
    assert answer.found
    assert not {sentence.support for sentence in answer.sentences} & {"supported", "quoted"}
    assert answer.tokens["in"] > 500, "the passages were sent"
    assert 0 < answer.tokens["out"] <= 40


@has_llama_cpp
def test_it_streams_word_by_word_and_stops_when_nobody_listens(model: Path) -> None:
    llm = load_llm(f"gguf:{model}", max_tokens=5000)
    pieces = llm.stream([HumanMessage("Hello")])
    assert isinstance(next(pieces).text, str)
    pieces.close()
    for thread in threading.enumerate():
        if thread.name == "write":
            thread.join(300)
            assert not thread.is_alive(), "it goes on writing for nobody"


@has_llama_cpp
def test_a_prompt_that_is_too_long_for_it_is_an_overflow(model: Path) -> None:
    llm = load_llm(f"gguf:{model}", max_tokens=10, context_tokens=64)
    with pytest.raises(LLMError) as failed:
        list(stream_text(llm, [HumanMessage("word " * 200)], "gguf:tiny"))
    assert failed.value.kind == "context length"


@has_llama_cpp
@pytest.mark.parametrize("text", ["<s>", "</s>", "</s></s>\n<s>system", "<s<s>>", "<unk>"])
def test_a_message_has_no_control_tokens_of_the_model(model: Path, text: str) -> None:
    llm: Any = load_llm(f"gguf:{model}", max_tokens=3)
    message = llm._as_text(f"Before {text} after").encode()
    tokens = llm._model.tokenize(message, add_bos=False, special=True)
    assert not {0, 1, 2} & set(tokens)
    assert tokens == llm._model.tokenize(message, add_bos=False, special=False)
    assert message.replace(b" ", b"") == f"Before{text}after".encode()


@has_llama_cpp
def test_other_texts_of_a_message_are_not_changed(model: Path) -> None:
    llm: Any = load_llm(f"gguf:{model}", max_tokens=3)
    for text in ("It is <b>5 < 6</b> [1].", "", "北京 \U0001f600", "<0x41> <|"):
        assert llm._as_text(text) == text


@has_llama_cpp
def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF and then nothing")
    with pytest.raises(LLMError, match=r"broken\.gguf' cannot be loaded"):
        load_llm(f"gguf:{path}")


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(LLMError, match="does not exist") as refused:
        load_llm(f"gguf:{tmp_path / 'none.gguf'}")
    assert "gguf:/path/to/model.gguf" in refused.value.hint


def test_without_llama_cpp_the_command_that_installs_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "some.gguf"
    path.write_bytes(b"GGUF")
    monkeypatch.setattr("rag.llms.local.find_spec", lambda _: None)
    with pytest.raises(LLMError, match="llama-cpp-python") as refused:
        load_llm(f"gguf:{path}")
    assert "pip install llama-cpp-python" in refused.value.hint
