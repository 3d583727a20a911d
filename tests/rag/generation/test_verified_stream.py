"""Each sentence of an LLM is tied to a passage that says it, or is said to be unsupported."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index import Span
from rag import Support
from rag.generation.verified_stream import MOST_SENTENCES, VerifiedStream
from rag.grounding.support import SupportGrade


class Table:
    """Knows which passage says which sentence; passage `n` says it from character 100 * n on. Pigs are refuted.

    Sentences about crows, rooks and swans are clearly more similar to passage 3 than to others.
    """

    def __init__(self, **says: dict[int, Support]) -> None:
        self._says = says

    def closer(self, sentence: str, cited: Sequence[int], among: Sequence[int]) -> int | None:
        is_about_3 = sentence.startswith(("Crows", "Rooks", "Swans")) and 3 not in cited and 3 in among
        return 3 if is_about_3 else None

    def nearest(self, sentence: str, most: int) -> list[int]:
        return list(range(1, most + 1))

    def check(self, sentence: str, number: int, beside: Sequence[int] = ()) -> SupportGrade:
        subject = sentence.split(maxsplit=1)[0].strip(".,*|").lower()
        support = self._says.get(subject, {}).get(number, "unsupported")
        reason = "" if support in {"quoted", "supported"} else f"passage {number} does not mention {subject}"
        return SupportGrade(support, Span(100 * number, 100 * number + 10), reason, subject == "pigs")


TABLE = Table(
    foxes={1: "quoted"},
    owls={1: "unsupported", 2: "supported", 3: "quoted"},
    hens={1: "weak", 4: "supported"},
    ducks={2: "weak"},
    both={1: "supported", 2: "supported"},
    crows={1: "supported", 3: "supported"},
    rooks={1: "supported", 2: "supported", 3: "weak"},
    swans={1: "weak", 2: "supported"},
)


def _checked(text: str, *, strict: bool = False, sources: int = 4) -> VerifiedStream:
    checked = VerifiedStream(TABLE, sources, strict=strict)  # type: ignore[arg-type]
    checked.feed(text)
    checked.close()
    return checked


@pytest.mark.parametrize(
    ("written", "shown", "numbers", "support", "citation_corrected"),
    [
        ("Foxes run [1].", "Foxes run [1].", (1,), "quoted", False),
        ("Owls fly [1].", "Owls fly [3].", (3,), "quoted", True),
        ("Owls fly.[1]", "Owls fly.[3]", (3,), "quoted", True),
        ("Owls fly.", "Owls fly. [3]", (3,), "quoted", True),
        ("Hens lay eggs [1].", "Hens lay eggs [4].", (4,), "supported", True),
        ("Ducks swim [2].", "Ducks swim [2].", (2,), "weak", False),
        ("Ducks swim [1].", "Ducks swim [1].", (1,), "unsupported", False),
        ("Ducks swim.", "Ducks swim. [2]", (2,), "weak", True),
        ("Both are right [1][2].", "Both are right [1][2].", (1, 2), "supported", False),
        ("Both are right [1, 3, 2].", "Both are right [1][2].", (1, 2), "supported", True),
        ("Foxes [2] run [1].", "Foxes [1] run.", (1,), "quoted", True),
        ("Pigs fly [1].", "Pigs fly [1].", (1,), "unsupported", False),
        ("Crows caw [1].", "Crows caw [3].", (3,), "supported", True),
        ("Crows caw [1][3].", "Crows caw [1][3].", (1, 3), "supported", False),
        ("Rooks caw [1].", "Rooks caw [1].", (1,), "weak", False),
        ("Swans sing [1].", "Swans sing [1].", (1,), "weak", False),
        ("Foxes.", "Foxes. [1]", (1,), "quoted", True),
        ("Owls.", "Owls. [3]", (3,), "quoted", True),
        ("Ducks.", "Ducks.", (), "unsupported", False),
        ("| Foxes | run |", "| Foxes | run [1] |", (1,), "quoted", True),
    ],
)
def test_a_citation_stands_where_the_sentence_is_supported(
    written: str, shown: str, numbers: tuple[int, ...], support: str, citation_corrected: bool
) -> None:
    checked = _checked(written)
    (sentence,) = checked.sentences
    assert checked.text == shown
    assert (sentence.numbers, sentence.support, sentence.citation_corrected) == (numbers, support, citation_corrected)
    assert [span.start for span in sentence.evidence] == [100 * number for number in numbers]
    assert checked.text[sentence.start : sentence.end] == shown


def test_in_strict_mode_what_is_refuted_is_left_out() -> None:
    checked = _checked("Foxes run [1]. Pigs fly [1]. Owls fly [3].\n- Pigs sing [2].\n- Foxes bark [1].", strict=True)
    assert checked.text == "Foxes run [1]. Owls fly [3].\n- Foxes bark [1]."
    assert checked.left_out == 2
    assert [checked.text[s.start : s.end] for s in checked.sentences] == [
        "Foxes run [1].",
        "Owls fly [3].",
        "Foxes bark [1].",
    ]


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("Pigs fly. Foxes run [1].", "Foxes run [1]."),
        ("- Pigs fly [1]. Foxes run [1].\n- Foxes bark [1].", "- Foxes run [1].\n- Foxes bark [1]."),
        ("Foxes run [1].\n\n1. Pigs fly.\n2. Foxes bark [1].", "Foxes run [1].\n2. Foxes bark [1]."),
        ("Foxes run [1].\n- Pigs fly. Foxes bark [1].", "Foxes run [1].\n- Foxes bark [1]."),
        ("Pigs fly.", ""),
    ],
)
def test_lines_stay_lines_when_a_sentence_is_left_out(written: str, left: str) -> None:
    assert _checked(written, strict=True).text.strip() == left


def test_blanks_in_front_of_an_answer_are_none_of_it() -> None:
    for pieces in (["\n\n Foxes run [1]."], ["\n", " ", "\n", "Foxes", " run [1]."]):
        checked = VerifiedStream(TABLE, 4)  # type: ignore[arg-type]
        for piece in pieces:
            checked.feed(piece)
        checked.close()
        assert checked.text == "Foxes run [1]."
        (sentence,) = checked.sentences
        assert checked.text[sentence.start : sentence.end] == "Foxes run [1]."


@pytest.mark.parametrize("strict", [False, True])
def test_a_sentence_that_is_only_not_confirmed_stays_and_says_why(strict: bool) -> None:
    checked = _checked("Cats purr [2]. Ducks swim [2]. Foxes run [1].", strict=strict)
    assert checked.text == "Cats purr [2]. Ducks swim [2]. Foxes run [1]."
    assert [(sentence.support, sentence.reason) for sentence in checked.sentences] == [
        ("unsupported", "passage 2 does not mention cats"),
        ("weak", "passage 2 does not mention ducks"),
        ("quoted", ""),
    ]
    assert checked.left_out == 0


def _is_supported(reply: str) -> bool:
    return any(sentence.support != "unsupported" for sentence in _checked(reply).sentences)


def test_whether_anything_is_supported_is_known_at_the_end() -> None:
    assert _is_supported("Pigs fly [1]. Foxes run [1].")
    assert _is_supported("Ducks swim [2].")
    assert not _is_supported("Pigs fly [1]. So it goes.")
    assert not _is_supported("")


@pytest.mark.parametrize(
    ("written", "claims"),
    [
        ("## Animals\n\nFoxes run [1].", ["Foxes run."]),
        ("**Animals**\n\nFoxes run [1].", ["Foxes run."]),
        ("These are the animals:\n- Foxes run [1].\n- Owls fly [3].", ["Foxes run.", "Owls fly."]),
        ("| Who | What |\n|---|:-:|\n| Foxes | run [1] |\n| Owls | fly [3] |", ["Foxes, run", "Owls, fly"]),
        ("| Foxes | run [1] |\n| Owls | fly [3] |", ["Foxes, run", "Owls, fly"]),
        ("Yes. Foxes run [1].", ["Foxes run."]),
        ("Foxes run [1]. Let me know if you need more.", ["Foxes run."]),
        ("No.\n\nFoxes run [1].", ["Foxes run."]),
        ("Yes, foxes run [1].", ["Yes, foxes run."]),
        ("Foxes run [1]. The articles do not say when.", ["Foxes run."]),
        ("Foxes run [1]. The reports did not say when.", ["Foxes run.", "The reports did not say when."]),
        ("Foxes run [1], but the articles do not say when.", ["Foxes run, but the articles do not say when."]),
    ],
)
def test_only_claims_are_sentences_and_the_rest_stays_in_the_text(written: str, claims: list[str]) -> None:
    checked = _checked(written)
    assert checked.text == written
    assert [sentence.text for sentence in checked.sentences] == claims
    assert all(s.support == "quoted" for s in checked.sentences if "reports" not in s.text)


def test_the_items_of_a_list_take_the_marker_of_the_line_that_announces_it() -> None:
    checked = _checked("These are right [2]:\n- Both are right\n- Foxes run")
    assert checked.text == "These are right:\n- Both are right [2]\n- Foxes run [1]"


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("Foxes run [1]. Owls fly ov", "Foxes run [1]."),
        ("Foxes run [1].\n- Owls fly [3].\n- Hens la", "Foxes run [1].\n- Owls fly [3]."),
        ("Foxes run [1]. Owls fly [", "Foxes run [1]."),
        ("Foxes run [1]. **", None),
        ("Foxes run [1]", None),
        ("Foxes run.", None),
        ("“Foxes run.”", None),
        ("| Foxes | run [1] |\n| Owls", "| Foxes | run [1] |"),
        ("Foxes ru", ""),
        ("", None),
    ],
)
def test_a_sentence_that_breaks_off_is_dropped(written: str, left: str | None) -> None:
    checked = VerifiedStream(TABLE, 4)  # type: ignore[arg-type]
    checked.feed(written)
    assert checked.drop_unfinished() == (left is not None)
    checked.close()
    if left is not None:
        assert checked.text == left
    assert all(sentence.end <= len(checked.text) for sentence in checked.sentences)


@pytest.mark.parametrize(
    ("reply", "reasoning"),
    [
        ("<think>Pigs fly [2].</think>\n\nFoxes run [1].", "Pigs fly [2]."),
        ("Pigs fly [2]. Pigs sing [2].\n</think>\nFoxes run [1].", "Pigs fly [2]. Pigs sing [2].\n"),
        ("<reasoning>Pigs fly.</reasoning>Foxes run [1].", "Pigs fly."),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_reasoning_is_kept_and_neither_shown_nor_checked(reply: str, reasoning: str, size: int) -> None:
    checked = VerifiedStream(TABLE, 4)  # type: ignore[arg-type]
    for at in range(0, len(reply), size):
        checked.feed(reply[at : at + size])
    checked.close()
    assert (checked.text, checked.reasoning) == ("Foxes run [1].", reasoning)
    assert [sentence.text for sentence in checked.sentences] == ["Foxes run."]
    assert [checked.text[s.start : s.end] for s in checked.sentences] == ["Foxes run [1]."]


_WORDS = st.sampled_from(
    [
        "Foxes run",
        "Owls fly",
        "Hens lay eggs",
        "Pigs fly",
        ".",
        ". ",
        " [1]",
        "[3]",
        "[2, 9]",
        "\n",
        "\n- ",
        "`[1]`",
        " “",
        "| Foxes | run |\n",
        "|---|\n",
        "</think>",
        "Answer: ",
        "\nSources:\n",
        " (1)",
        ":\n",
        "The articles do not say.",
    ]
)


@given(st.lists(_WORDS, max_size=14), st.integers(1, 9), st.booleans())
def test_what_it_says_does_not_depend_on_how_the_text_was_cut(words: list[str], size: int, strict: bool) -> None:
    text = "".join(words)
    whole = _checked(text, strict=strict)
    pieces = VerifiedStream(TABLE, 4, strict=strict)  # type: ignore[arg-type]
    finished = 0
    for at in range(0, len(text), size):
        pieces.feed(text[at : at + size])
        assert len(pieces.sentences) >= finished or "</think>" in text, "a finished sentence stays"
        finished = len(pieces.sentences)
    pieces.close()
    assert (pieces.text, pieces.sentences) == (whole.text, whole.sentences)
    assert (pieces.reasoning, pieces.is_refusal) == (whole.reasoning, whole.is_refusal)
    for sentence in whole.sentences:
        shown = whole.text[sentence.start : sentence.end]
        assert all(f"[{number}]" in shown for number in sentence.numbers)
        assert len(sentence.numbers) == len(sentence.evidence)


def test_of_a_very_long_answer_the_first_sentences_are_checked_and_the_rest_is_left_out() -> None:
    checked = _checked("Foxes run [1]. " * (MOST_SENTENCES + 300))
    assert checked.is_too_long
    assert len(checked.sentences) == MOST_SENTENCES
    assert checked.text.count("Foxes") == MOST_SENTENCES
    assert not _checked("Foxes run [1]. " * MOST_SENTENCES).is_too_long


def test_a_sentence_that_is_too_long_is_not_checked() -> None:
    (sentence,) = _checked(f"Foxes {'and owls ' * 120}run [1].").sentences
    assert (sentence.support, sentence.reason) == ("unsupported", "The sentence is too long to be checked.")
