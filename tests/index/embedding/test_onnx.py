"""The model runs without torch, says the same, and no export that says otherwise is ever used."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from index import Encoder, Encoding, load_encoder
from index.embedding import onnx as engine
from index.embedding.sentence_transformer import BUNDLED_SHA256

SAMPLES = Path(__file__).resolve().parents[3] / "samples"


def _largest_difference(one: Encoding, other: Encoding) -> float:
    assert one.offsets == other.offsets
    return max(float(np.abs(one.vector - other.vector).max()), float(np.abs(one.tokens - other.tokens).max(initial=0)))


def test_both_engines_give_the_same_vectors_for_every_paragraph(
    reference_encoder: Encoder, bundled_encoder: Encoder
) -> None:
    texts = (SAMPLES / "briefing.md").read_text(encoding="utf-8").split("\n\n")
    texts += ["", "?", "北京是中华人民共和国的首都。", "🦊 naïve café\u200b", "word " * 1000]
    pairs = zip(bundled_encoder.encode(texts), reference_encoder.encode(texts), strict=True)
    assert max(_largest_difference(ours, theirs) for ours, theirs in pairs) < 1e-4
    assert np.abs(bundled_encoder.passages(texts) - reference_encoder.passages(texts)).max() < 1e-4
    assert _largest_difference(bundled_encoder.query("Who?"), reference_encoder.query("Who?")) < 1e-4
    assert bundled_encoder.fingerprint == reference_encoder.fingerprint, "an index is read by either"


def test_the_exported_model_lies_under_the_hash_of_the_weights(models: Path) -> None:
    assert [path.name.split("-")[0] for path in models.iterdir()] == [BUNDLED_SHA256]


def test_a_model_that_was_exported_is_not_exported_again_and_needs_no_torch(models: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from index import load_encoder\n"
        "encoder = load_encoder(exports=Path(sys.argv[1])); encoder.query('who?'); encoder.encode(['a', 'b c'])\n"
        "loaded = {'torch', 'transformers', 'sentence_transformers'} & set(sys.modules); assert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", code, str(models)], check=True, timeout=300)


@pytest.mark.parametrize("content", [b"", b"not a model", None], ids=["empty", "another file", "cut short"])
def test_a_damaged_export_is_exported_again(
    content: bytes | None, models: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (good,) = models.iterdir()
    bad = tmp_path / good.name
    bad.write_bytes(good.read_bytes()[:10_000_000] if content is None else content)
    with caplog.at_level(logging.WARNING):
        assert load_encoder(exports=tmp_path).query("who?").vector.shape == (384,)
    assert "exporting it again" in caplog.text
    assert bad.stat().st_size == good.stat().st_size
    assert list(tmp_path.iterdir()) == [bad], "nothing is left beside it"


def test_where_nothing_can_be_written_the_model_works_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, reference_encoder: Encoder
) -> None:
    (tmp_path / "models").write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING):
        encoder = load_encoder(exports=tmp_path / "models")
        assert _largest_difference(encoder.query("Who?"), reference_encoder.query("Who?")) == 0
        assert len(encoder.encode(["one", "two"])) == 2
    assert "starts more slowly" in caplog.text


def test_an_export_that_says_something_else_than_the_model_is_not_used(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    right = engine._run

    def slightly_wrong(session: object, tokenized: object) -> Encoding:
        encoding = right(session, tokenized)
        return Encoding(encoding.vector + 0.001, encoding.tokens, encoding.offsets)

    (good,) = models.iterdir()
    monkeypatch.setattr(engine, "_write_graph", lambda _, path: shutil.copyfile(good, path))
    monkeypatch.setattr(engine, "_run", slightly_wrong)
    with caplog.at_level(logging.WARNING):
        load_encoder(exports=tmp_path).query("who?")
    assert "differ from the model's by up to 0.001" in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_texts_keep_their_order_whatever_the_number_of_threads(models: Path) -> None:
    texts = [f"text number {number} " * (number % 7 + 1) for number in range(40)]
    alone, together = (load_encoder(exports=models, threads=threads).encode(texts) for threads in (1, 3))
    assert all(_largest_difference(one, other) < 1e-6 for one, other in zip(alone, together, strict=True))


def test_questions_asked_while_the_model_is_loading_share_one_load(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    real = engine._open
    monkeypatch.setattr(engine, "_open", lambda path: (opened.append(path), real(path))[1])
    encoder = load_encoder(exports=models)
    with ThreadPoolExecutor(4) as pool:
        vectors = list(pool.map(lambda _: encoder.query("who?").vector, range(4)))
    assert len(opened) == 1
    assert all(np.array_equal(vectors[0], other) for other in vectors)


def test_asking_from_the_command_line_loads_neither_torch_nor_the_page(samples_home: Path) -> None:
    code = (
        "import sys; from ui.cli import main; code = main(['ask', 'Who founded it?']); assert code == 0\n"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'gradio', 'langchain', 'onnx'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    environment = {**os.environ, "CITECHAT_HOME": str(samples_home)}
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300, env=environment, stdout=subprocess.DEVNULL)


def test_where_there_is_nothing_to_encode_nothing_is_loaded_or_exported(tmp_path: Path) -> None:
    encoder = load_encoder(exports=tmp_path)
    assert encoder.encode([]) == []
    assert encoder.passages([]).shape == (0, 384)
    assert list(tmp_path.iterdir()) == []
