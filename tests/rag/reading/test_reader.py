"""The reader reads a question or a claim together with a passage. With the real model."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import torch
from cross_encoders import save_cross_encoder
from sentence_transformers import CrossEncoder

from index import Encoder, Index, Span, sentences
from rag import Assistant, SettingsError, plugins
from rag.reading import bundled, loader
from rag.reading.bundled import BundledReader
from rag.reading.loader import CrossEncoderReader, load_reader
from rag.reading.pairs import ALL_TOKENS
from rag.reading.reader import Pair, Reading

HARBOUR = (
    "The harbour of Odda reopened on Monday after a storm. Twelve ships came back in the first hour, said the pilot "
    "Ann Lee. The repair of the cranes cost two million euros. The town paid for it with a loan."
)
TITLE = "Harbour of Odda reopens"


@pytest.fixture(scope="module")
def reader(bundled_encoder: Encoder) -> BundledReader:
    return BundledReader(bundled_encoder)


def pair(first: str, passage: str = HARBOUR, title: str = TITLE) -> Pair:
    return Pair(first, passage, tuple(sentences(passage)), title)


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("When did the harbour reopen?", 0),
        ("How many ships came back in the first hour?", 1),
        ("How much did the repair cost?", 2),
        ("How did the town pay for the repair?", 3),
    ],
)
def test_the_sentence_that_answers_is_quoted_first(
    reader: BundledReader, question: str, sentence: int, tmp_path: Path, bundled_encoder: Encoder
) -> None:
    """The reader's logits are added to the similarities, which it was trained to correct."""
    (tmp_path / "harbour.txt").write_text(HARBOUR, encoding="utf-8")
    index = Index(tmp_path / "index", bundled_encoder)
    index.sync([tmp_path / "harbour.txt"])
    span = sentences(HARBOUR)[sentence]
    first = Assistant(index, reader=reader).ask(question).citations[0]
    assert first.start <= span.start < span.end <= first.end, "with the sentences around it if it gives a reason"
    assert question.startswith("How did") or first.quote == HARBOUR[span.start : span.end]


@pytest.mark.parametrize(
    ("answered", "not_answered"),
    [
        ("How much did the repair of the cranes cost?", "How much did the repair of the church cost?"),
        ("Who said that twelve ships came back?", "Who designed the cranes?"),
        ("When did the harbour reopen?", "When was the harbour built?"),
    ],
)
def test_a_question_that_the_passage_answers_has_a_higher_logit(
    reader: BundledReader, answered: str, not_answered: str
) -> None:
    first, second = reader.read("question", [pair(answered), pair(not_answered)])
    assert first.logit > second.logit


CLAIMS = [
    ("The town borrowed the money for the repair.", "The region gave the town the money for the repair."),
    ("Pilot Ann Lee said that a dozen ships returned.", "Ann Lee said that no ship had returned."),
    ("A storm had closed the harbour.", "A strike had closed the harbour."),
    ("Ann Lee counted twelve ships in the first hour.", "Ann Lee counted twelve ships in the first week."),
    ("To pay for the cranes, the town took out a loan.", "To pay for the cranes, the town raised its taxes."),
    ("Mending the cranes was paid for by the town.", "Mending the cranes was paid for by the pilots."),
    ("Since Monday the harbour of Odda is open again.", "Since Monday the harbour of Odda is closed again."),
    ("Odda's cranes were repaired for two million euros.", "Odda's cranes were replaced for two million euros."),
    ("According to a pilot, twelve ships returned.", "According to the mayor, twelve ships returned."),
    ("Because of a storm the harbour had been shut.", "Because of a fire the harbour had been shut."),
]


def test_claims_that_the_passage_supports_have_higher_logits_than_most_lies_beside_them(reader: BundledReader) -> None:
    """It is a small model: `training/evaluate.py` prints how often it is right for each kind of lie."""
    honest = reader.read("claim", [pair(claim) for claim, _ in CLAIMS])
    lies = reader.read("claim", [pair(lie) for _, lie in CLAIMS])
    margins = [one.logit - other.logit for one, other in zip(honest, lies, strict=True)]
    assert sum(margin > 0 for margin in margins) >= 0.6 * len(CLAIMS)
    assert sum(margins) > len(CLAIMS), "and by much where it is right"


def test_the_words_of_a_claim_are_marked_by_their_characters(reader: BundledReader) -> None:
    claim = "A strike had closed the harbour."
    (reading,) = reader.read("claim", [pair(claim)])
    words = [claim[span.start : span.end] for span, _ in reading.unsupported]
    assert words == ["A", "strike", "had", "closed", "the", "harbour", "."]


def test_a_passage_is_read_alone_as_it_is_among_others(reader: BundledReader) -> None:
    """A batch is not padded."""
    pairs = [pair("When did it reopen?"), pair("Who paid?", HARBOUR * 2), pair("Why?", "Because.", "")]
    together = reader.read("question", pairs)
    assert together == [reader.read("question", [each])[0] for each in pairs]


def test_threads_share_one_reader(reader: BundledReader) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: reader.read("claim", [pair("The harbour reopened."), pair("No.")]), range(32)))
    assert all(each == found[0] for each in found)


@pytest.mark.parametrize("passage", ["", "   ", "?", "🦊", "word " * 2000, "一句话。" * 500])
def test_any_passage_can_be_read(reader: BundledReader, passage: str) -> None:
    """What does not fit into the model is cut off; its sentences count as the least likely."""
    given = pair("Who?", passage, "T" * 5000 if passage else "")
    for kind in ("question", "claim"):
        (reading,) = reader.read(kind, [given])  # type: ignore[arg-type]
        assert len(reading.sentences) == len(given.sentences)
        assert reading.logit == reading.logit, "it is a number"


def test_a_sentence_that_was_cut_off_does_not_come_first(reader: BundledReader) -> None:
    passage = "The harbour was closed. " * ALL_TOKENS + "It reopened on Monday."
    (reading,) = reader.read("question", [pair("When did it reopen?", passage)])
    assert reading.sentences[-1] == min(reading.sentences)


def test_nothing_is_loaded_for_nothing(bundled_encoder: Encoder) -> None:
    assert BundledReader(bundled_encoder).read("question", []) == []


def test_a_damaged_model_is_an_error_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundled_encoder: Encoder
) -> None:
    damaged = tmp_path / "reader.onnx"
    monkeypatch.setattr(bundled, "MODEL", damaged)
    with pytest.raises(SettingsError, match="missing"):
        BundledReader(bundled_encoder).read("claim", [pair("x")])
    damaged.write_bytes(b"not a model")
    with pytest.raises(SettingsError, match="damaged") as caught:
        BundledReader(bundled_encoder).read("claim", [pair("x")])
    assert "CITECHAT_READER=off" in caught.value.hint


def test_the_reader_can_be_turned_off(bundled_encoder: Encoder) -> None:
    assert load_reader("off", lambda: bundled_encoder) is None
    assert isinstance(load_reader("bundled", lambda: bundled_encoder), BundledReader)


def test_a_cross_encoder_can_be_the_reader(tmp_path: Path, bundled_encoder: Encoder) -> None:
    folder = str(save_cross_encoder(tmp_path, ["answers"]))
    reader = load_reader(folder, lambda: bundled_encoder)
    assert isinstance(reader, CrossEncoderReader)
    given = [pair("Who came back?"), pair("Who came back?", "No ship came back.", "")]
    expected = CrossEncoder(folder, device="cpu").predict(
        [("Who came back?", f"{TITLE}. {HARBOUR}"), ("Who came back?", "No ship came back.")],
        activation_fn=torch.nn.Identity(),
    )
    readings = reader.read("question", given)
    assert [reading.logit for reading in readings] == pytest.approx(expected.tolist(), abs=1e-5)
    assert readings[0].sentences == (readings[0].logit,) * 4, "it cannot rank sentences"


def test_an_unknown_reader_is_an_error_that_lists_the_choices(bundled_encoder: Encoder) -> None:
    reader = load_reader("no-such-model", lambda: bundled_encoder)
    assert reader is not None
    with pytest.raises(SettingsError, match="no-such-model") as caught:
        reader.read("question", [pair("Who?")])
    assert "'bundled', 'off'" in caught.value.hint


class Plugin:
    """A reader that finds everything answered."""

    name = "plugin"
    kinds = ("question", "claim")

    def read(self, kind: str, pairs: Sequence[Pair]) -> list[Reading]:
        return [Reading(5.0, (0.0,) * len(each.sentences)) for each in pairs]


def make_plugin() -> Plugin:
    return Plugin()


def test_a_plug_in_is_found_by_its_name(monkeypatch: pytest.MonkeyPatch, bundled_encoder: Encoder) -> None:
    group = loader.PLUGIN_GROUP
    own = [EntryPoint("own", f"{__name__}:make_plugin", group), EntryPoint("odd", "builtins:dict", group)]
    own.append(EntryPoint("gone", "no_such_module:x", group))
    monkeypatch.setattr(plugins, "entry_points", lambda group: own)
    assert isinstance(load_reader("own", lambda: bundled_encoder), Plugin)
    for name in ("odd", "gone"):
        with pytest.raises(SettingsError, match="plug-in"):
            load_reader(name, lambda: bundled_encoder)


def test_the_words_that_are_not_supported_are_one_phrase_around_the_worst_word() -> None:
    parts = [("The", -3.0), ("red", 0.5), ("harbour", 2.0), ("in", -1.0), ("Bergen", 1.0)]
    claim, marked, at = " ".join(word for word, _ in parts), [], 0
    for word, logit in parts:
        marked.append((Span(at, at + len(word)), logit))
        at += len(word) + 1
    reading = Reading(0.0, (), tuple(marked))
    span = reading.unsupported_span()
    assert span is not None
    assert claim[span.start : span.end] == "red harbour"
    assert reading.least_supported == 2.0
    assert Reading(0.0, (), tuple(marked[:1])).unsupported_span() is None
    assert Reading(0.0, ()).unsupported_span() is None
