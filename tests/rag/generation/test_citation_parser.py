"""Which sentence cites what, whatever the pieces an answer comes in."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rag.generation.citation_parser import CitationParser, ParsedSentence

SOURCES = 4


def parse(*pieces: str, sources: int = SOURCES) -> CitationParser:
    parser = CitationParser(sources)
    for piece in pieces:
        parser.feed(piece)
    parser.close()
    return parser


def cited(text: str) -> list[tuple[str, tuple[int, ...]]]:
    """Each sentence without its markers, with the numbers it cites."""
    return [(sentence.text, sentence.numbers) for sentence in parse(text).sentences]


# --- markers


@pytest.mark.parametrize(
    ("written", "shown", "numbers"),
    [
        ("[1]", "[1]", (1,)),
        ("[1][2]", "[1][2]", (1, 2)),
        ("[1] [2]", "[1] [2]", (1, 2)),
        ("[2][1][2]", "[2][1][2]", (2, 1)),
        ("[1, 2]", "[1][2]", (1, 2)),
        ("[1,2]", "[1][2]", (1, 2)),
        ("[1; 3]", "[1][3]", (1, 3)),
        ("[1、2]", "[1][2]", (1, 2)),
        ("[1-3]", "[1][2][3]", (1, 2, 3)),
        ("[1–3]", "[1][2][3]", (1, 2, 3)),
        ("[1, 3-4]", "[1][3][4]", (1, 3, 4)),
        ("[ 1 ]", "[1]", (1,)),
        ("【1】", "[1]", (1,)),
        ("［２］", "[2]", (2,)),
        ("[01]", "[1]", (1,)),
        ("[[1]]", "[1]", (1,)),
        ("[[1]](https://example.org/a)", "[1]", (1,)),
        ("[1](https://example.org/a)", "[1]", (1,)),
        ("[1](#ref-1)", "[1]", (1,)),
        (r"\[1\]", "[1]", (1,)),
        ("[^1]", "[1]", (1,)),
        ("[^1^]", "[1]", (1,)),
        ("【1†source】", "[1]", (1,)),
        ("【1:0†source】", "[1]", (1,)),
        ("【1†L1-L4】", "[1]", (1,)),
        ("(1)", "[1]", (1,)),
        ("(1)(2)", "[1][2]", (1, 2)),
        ("(1, 3)", "[1][3]", (1, 3)),
        ("（1）", "[1]", (1,)),
        ("<sup>1</sup>", "[1]", (1,)),
        ("<sup>[1]</sup>", "[1]", (1,)),
        ('<sup class="ref">1, 2</sup>', "[1][2]", (1, 2)),
        ("<cite>2</cite>", "[2]", (2,)),
        ("¹", "[1]", (1,)),
        ("¹²", "[1][2]", (1, 2)),
        ("¹⁻³", "[1][2][3]", (1, 2, 3)),
        ("[Passage 1]", "[1]", (1,)),
        ("[passages 1 and 2]", "[1][2]", (1, 2)),
        ("[Passage 1, Passage 3]", "[1][3]", (1, 3)),
        ("[Source 1]", "[1]", (1,)),
        ("[Source: 1]", "[1]", (1,)),
        ("[Source 2: The title, 2024]", "[2]", (2,)),
        ("(Source 1)", "[1]", (1,)),
        ("(Sources: 1, 2)", "[1][2]", (1, 2)),
        ("(Passage 1)", "[1]", (1,)),
        ("(see passage 2)", "[2]", (2,)),
        ("(see passages 1 to 3)", "[1][2][3]", (1, 2, 3)),
        ("(see [2])", "[2]", (2,)),
        ("([1], [2])", "[1][2]", (1, 2)),
        ("[ID:1]", "[1]", (1,)),
        ("[id: 2]", "[2]", (2,)),
        ("[citation:1]", "[1]", (1,)),
        ("[doc1]", "[1]", (1,)),
        ("[passage_id: 2]", "[2]", (2,)),
        ("[1, p. 3]", "[1]", (1,)),
        ("<source>3</source>", "[3]", (3,)),
        ("^1^", "[1]", (1,)),
        ("[来源1]", "[1]", (1,)),
        ("（来源：1）", "[1]", (1,)),
    ],
)
def test_every_way_to_write_a_marker_becomes_one_way(written: str, shown: str, numbers: tuple[int, ...]) -> None:
    parser = parse(f"It rose {written}.")

    assert parser.text == f"It rose {shown}."
    assert [sentence.numbers for sentence in parser.sentences] == [numbers]
    assert parser.dropped == 0


@pytest.mark.parametrize(
    ("written", "shown", "text", "numbers"),
    [
        ("According to passage 1, it rose.", "According to [1], it rose.", "it rose.", (1,)),
        ("According to the passages [1][2], it rose.", "According to the [1][2], it rose.", "it rose.", (1, 2)),
        ("It is stated in passage 2 that it rose.", "It is stated in [2] that it rose.", "it rose.", (2,)),
        ("According to [1], it rose.", "According to [1], it rose.", "it rose.", (1,)),
        ("Passage 1 says that it rose.", "[1] says that it rose.", "it rose.", (1,)),
        ("[1] reports that it rose.", "[1] reports that it rose.", "it rose.", (1,)),
        ("Passages 1, 2 and 3 state it rose.", "[1][2][3] state it rose.", "it rose.", (1, 2, 3)),
        ("As stated in passage 2, it rose.", "As stated in [2], it rose.", "it rose.", (2,)),
        ("As passage 2 notes, it rose.", "As [2] notes, it rose.", "it rose.", (2,)),
        ("In passage 2, it rose.", "In [2], it rose.", "it rose.", (2,)),
        ("It rose, according to passage 1.", "It rose, according to [1].", "It rose.", (1,)),
        ("It rose (as reported in passage 1).", "It rose (as reported in [1]).", "It rose.", (1,)),
        ("It rose, according to source 1", "It rose, according to [1]", "It rose", (1,)),
        ("It rose **[1]**.", "It rose **[1]**.", "It rose.", (1,)),
        ("It rose [1], [2] and [3].", "It rose [1], [2] and [3].", "It rose.", (1, 2, 3)),
        ("| It | rose [1] |", "| It | rose [1] |", "It, rose", (1,)),
        ("根据段落1，它上涨了。", "根据[1]，它上涨了。", "它上涨了。", (1,)),
        ("段落1指出，它上涨了。", "[1]指出，它上涨了。", "它上涨了。", (1,)),
        ("Selon le passage 1, ça monte.", "Selon le [1], ça monte.", "ça monte.", (1,)),
        ("Laut Quelle 2, es stieg.", "Laut [2], es stieg.", "es stieg.", (2,)),
    ],
)
def test_words_that_introduce_a_marker_are_none_of_the_sentence(
    written: str, shown: str, text: str, numbers: tuple[int, ...]
) -> None:
    parser = parse(written)

    assert parser.text == shown
    assert [(sentence.text, sentence.numbers) for sentence in parser.sentences] == [(text, numbers)]


@pytest.mark.parametrize(
    ("written", "text", "numbers"),
    [
        ("Sora is open source [4].", "Sora is open source.", (4,)),
        ("Sora is not open source [4] now.", "Sora is not open source now.", (4,)),
        ("The tunnel has one secret passage [2].", "The tunnel has one secret passage.", (2,)),
        ("He is a good source [1][2].", "He is a good source.", (1, 2)),
        ("A U.S. source [3] told us.", "A U.S. source told us.", (3,)),
        ("He found the energy sources [3].", "He found the energy sources.", (3,)),
        ("That is what you see [4].", "That is what you see.", (4,)),
        ("El código es de una fuente [4].", "El código es de una fuente.", (4,)),
        ("它是开放来源[4]。", "它是开放来源。", (4,)),
        ("这座塔没有秘密段落[2]。", "这座塔没有秘密段落。", (2,)),
        ("It runs on open source 4.", "It runs on open source 4.", ()),
    ],
)
def test_a_word_of_the_sentence_is_not_a_part_of_the_marker(written: str, text: str, numbers: tuple[int, ...]) -> None:
    parser = parse(written)

    assert parser.text == written
    assert [(sentence.text, sentence.numbers) for sentence in parser.sentences] == [(text, numbers)]


@pytest.mark.parametrize(
    "written",
    [
        "It rose. Source: [4]",
        "It rose. Source [4].",
        "It rose. (Source: [4])",
        "It rose (source [4]).",
        "It rose, source [4].",
        "It rose. Source: 4",
        "It rose, according to source [4].",
    ],
)
def test_a_label_behind_a_sentence_belongs_to_the_marker(written: str) -> None:
    assert [(each.text, each.numbers) for each in parse(written).sentences] == [("It rose.", (4,))]


@pytest.mark.parametrize("written", ["它上涨了。来源：[4]", "它上涨了。来源[4]。", "它上涨了（来源[4]）。"])
def test_a_chinese_label_behind_a_sentence_belongs_to_the_marker(written: str) -> None:
    assert [(each.text, each.numbers) for each in parse(written).sentences] == [("它上涨了。", (4,))]


@pytest.mark.parametrize(
    "text",
    [
        "1. First came (3) men and left.",
        "(1) First it rose.",
        "The score (3) was low, and so was (2) then.",
        "His daughter (12) came, aged (12).",
        "It covers 3 km² and 4 m³ of x².",
        "It has 10³ parts.",
        "It rose (passage 9), and source 12 said so.",
        "The passage 2009 was long.",
        "A 3-passage text, bypassage 1.",
        "It fell under Article 3 and (Article 2) then.",
        "It is <sup>x</sup> and m<sup>2</sup>.",
    ],
)
def test_numbers_of_lists_and_facts_are_no_markers(text: str) -> None:
    parser = parse(text)

    assert parser.text == text
    assert all(sentence.numbers == () for sentence in parser.sentences)


@pytest.mark.parametrize(
    ("written", "shown", "dropped"),
    [
        ("It rose [0].", "It rose.", 1),
        ("It rose. [99]", "It rose.", 1),
        ("[99] It rose.", "It rose.", 1),
        ("It [99] rose.", "It rose.", 1),
        ("It rose [9][8].", "It rose.", 2),
        ("It rose [9] [8].", "It rose.", 2),
        ("It rose [1, 9].", "It rose [1].", 1),
        ("It rose [3-999].", "It rose [3][4].", 1),
        ("It rose[7]. It fell[8].", "It rose. It fell.", 2),
    ],
)
def test_a_marker_out_of_range_is_removed_and_counted(written: str, shown: str, dropped: int) -> None:
    parser = parse(written)

    assert parser.text.rstrip() == shown
    assert parser.dropped == dropped


@pytest.mark.parametrize(
    "text",
    [
        "He said [sic] so.",
        "In [2023] it rose.",
        "From [2019-2023] it rose.",
        "See [the site](https://example.org/1).",
        "See [1, the first].",
        "See [1.5] and [-1] and [].",
        "See [1 2].",
        "An open [1",
        "An open [1, ",
        "An open 【",
        "a [ b ] c",
    ],
)
def test_other_brackets_are_text(text: str) -> None:
    parser = parse(text)

    assert parser.text == text
    assert parser.dropped == 0
    assert all(sentence.numbers == () for sentence in parser.sentences)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Call `x[1]` here.", ()),
        ("Call `x[1]` here [2].", (2,)),
        ("Call ``a ` b[1]`` here [2].", (2,)),
        ("A lone ` tick [1].", (1,)),
        ("```\nx[1] = y[2]\n```", ()),
        ("```python\nx[1]\n\n``\ny[2]\n", ()),
        ("````\n```\nx[1]\n````\n", ()),
    ],
)
def test_a_marker_in_code_is_code(text: str, numbers: tuple[int, ...]) -> None:
    parser = parse(text)

    assert parser.text == text
    assert [sentence.numbers for sentence in parser.sentences] == [numbers]


def test_after_a_code_block_markers_count_again() -> None:
    assert cited("```\nx[1]. Y\n```\nIt rose [2].") == [("``` x[1]. Y ```", ()), ("It rose.", (2,))]


def test_a_marker_cut_across_chunks_is_one_citation() -> None:
    assert parse("It rose [", "1", "]", ".").sentences == [ParsedSentence(0, 12, "It rose.", (1,))]


def test_an_unfinished_marker_is_not_shown() -> None:
    parser = CitationParser(SOURCES)
    parser.feed("It rose [1, ")
    assert parser.text == "It rose"

    parser.feed("2")
    assert parser.text == "It rose"

    parser.feed("]")
    assert parser.text == "It rose [1][2]"


def test_an_unfinished_marker_is_text_in_the_end() -> None:
    parser = CitationParser(SOURCES)
    parser.feed("It rose [1")
    assert parser.text == "It rose"

    parser.close()
    assert parser.text == "It rose [1"
    assert [sentence.numbers for sentence in parser.sentences] == [()]


# --- sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It rose [1]. It fell [2].", [("It rose.", (1,)), ("It fell.", (2,))]),
        ("It rose. [1] It fell. [2]", [("It rose.", (1,)), ("It fell.", (2,))]),
        ("It rose.[1] It fell.[2]", [("It rose.", (1,)), ("It fell.", (2,))]),
        ("It rose.[1]It fell.[2]", [("It rose.", (1,)), ("It fell.", (2,))]),
        ("It rose.[1]. It fell.", [("It rose.", (1,)), ("It fell.", ())]),
        ("It rose [1], then fell [2].", [("It rose, then fell.", (1, 2))]),
        ("It rose[1]and fell.", [("It rose and fell.", (1,))]),
        ("[1] It rose.", [("It rose.", (1,))]),
        ("[1] It rose. [2] It fell.", [("It rose.", (1,)), ("It fell.", (2,))]),
        ("[1] It rose. It fell. [2]", [("It rose.", (1,)), ("It fell.", (2,))]),
        ("[1] says it rose. [2] says it fell.", [("it rose.", (1,)), ("it fell.", (2,))]),
        ("Passage 1 says it rose. Passage 2 says it fell.", [("it rose.", (1,)), ("it fell.", (2,))]),
        ("It rose. (1) It fell. (2)", [("It rose.", (1,)), ("It fell.", (2,))]),
        ("It rose.¹ It fell.²", [("It rose.", (1,)), ("It fell.", (2,))]),
        ("(1) It rose.\n(2) It fell.", [("It rose.", ()), ("It fell.", ())]),
        ("| a | b. C |\n|---|---|\n| c [1] | d |", [("a, b. C", ()), ("c, d", (1,))]),
        ("It rose! [1] Did it fall? [2]", [("It rose!", (1,)), ("Did it fall?", (2,))]),
        ("It rose.\n[1]\nIt fell.\n[2]", [("It rose.", (1,)), ("It fell.", (2,))]),
        ("Sources:\n[1] The first\n[2] The second", [("Sources:", ()), ("The first", (1,)), ("The second", (2,))]),
        ("It rose by 3.5 percent. [1]", [("It rose by 3.5 percent.", (1,))]),
        ("Dr. Smith of the U.S. army left. [1] Ok.", [("Dr. Smith of the U.S. army left.", (1,)), ("Ok.", ())]),
        ("Inc. Tuesday said so.", [("Inc. Tuesday said so.", ())]),
        ("It rose (see fig. 2. Then). [1] It fell.", [("It rose (see fig. 2. Then).", (1,)), ("It fell.", ())]),
        ("“One. Two.” [1] Three. [2]", [("“One. Two.”", (1,)), ("Three.", (2,))]),
        ('"One. Two." [1] Three. [2]', [('"One. Two."', (1,)), ("Three.", (2,))]),
        ("It rose. “Then it fell.” [1]", [("It rose.", ()), ("“Then it fell.”", (1,))]),
        ("**It rose.** [1] *It fell.* [2]", [("**It rose.**", (1,)), ("*It fell.*", (2,))]),
        ("他说：“是的。”[1]然后走了[2]。好！[3]", [("他说：“是的。”", (1,)), ("然后走了。", (2,)), ("好！", (3,))]),
        ("有23人。[1] 他们是谁？", [("有23人。", (1,)), ("他们是谁？", ())]),
        ("- one [1]\n- two. [2] More.", [("one", (1,)), ("two.", (2,)), ("More.", ())]),
        ("1. One [1]\n2) Two [2]\n3、三。[3]", [("One", (1,)), ("Two", (2,)), ("三。", (3,))]),
        ("## Heading\n\nText [1].", [("Heading", ()), ("Text.", (1,))]),
        ("one\ntwo [1]\n\nthree", [("one", ()), ("two", (1,)), ("three", ())]),
        ("5. [1]", [("5.", (1,))]),
        ("It  rose \t so. [1]", [("It rose so.", (1,))]),
        ("🙂 It rose 🙂. [1] It fell 🙂.", [("🙂 It rose 🙂.", (1,)), ("It fell 🙂.", ())]),
        ("---\n[1] It rose.", [("It rose.", (1,))]),
        ("", []),
        (" \n ", []),
        ("[1]", []),
    ],
)
def test_every_sentence_has_its_citations(text: str, expected: list[tuple[str, tuple[int, ...]]]) -> None:
    assert cited(text) == expected


@pytest.mark.parametrize(
    ("text", "slices"),
    [
        ("It rose [1]. It fell.  [2] ", ["It rose [1].", "It fell.  [2]"]),
        ("“It rose.” [1] It fell.", ["“It rose.” [1]", "It fell."]),
        ("- one [1]\n- [2] two", ["one [1]", "[2] two"]),
        ("他说“是。”[1]走了。", ["他说“是。”[1]", "走了。"]),
    ],
)
def test_a_draft_spans_its_sentence_with_markers_and_quotes_and_no_space_around(text: str, slices: list[str]) -> None:
    parser = parse(text)

    assert [parser.text[sentence.start : sentence.end] for sentence in parser.sentences] == slices


def test_a_sentence_is_finished_when_the_next_has_begun() -> None:
    parser = CitationParser(SOURCES)
    parser.feed("It rose. [1]")
    assert parser.sentences == []

    parser.feed(" It fell")
    assert [sentence.text for sentence in parser.sentences] == ["It rose."]

    parser.close()
    assert [sentence.text for sentence in parser.sentences] == ["It rose.", "It fell"]


def test_an_answer_that_is_closed_takes_no_more() -> None:
    parser = parse("It rose.")
    parser.close()

    with pytest.raises(ValueError, match="closed"):
        parser.feed("More.")
    assert parser.text == "It rose."


# --- laws

TOKENS = st.sampled_from(
    [
        *"[]【】`\n .,-1239(){}“”\"'*!?。，x[|¹²⁻<>†^:（）",
        *["[1]", "[2]", "[9]", "[1, 2]", "[1-3]", "[2023]", "```", "\n```\n", "``", "\n\n", "- ", "1. "],
        *[
            "passage 1",
            "Passages ",
            " and ",
            "(1)",
            "(see ",
            "<sup>",
            "</sup>",
            "[Source ",
            "according to ",
            "](u)",
            " says ",
        ],
        *["It rose", "Inc.", "U.S.", " The man", "他们走了", "。", "是", "🙂", "é", ". ", "\ud800", "\x00", "\u00a0"],
    ]
)
TEXTS = st.lists(TOKENS | st.text(max_size=4), max_size=40).map("".join)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_the_cuts_between_pieces_change_nothing(text: str) -> None:
    whole, single = parse(text), parse(*text)

    assert (whole.text, whole.sentences, whole.dropped) == (single.text, single.sentences, single.dropped)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_what_is_finished_never_changes_and_text_only_grows(text: str) -> None:
    parser = CitationParser(SOURCES)
    seen: list[ParsedSentence] = []
    shown = ""
    for character in text:
        parser.feed(character)
        assert parser.text.startswith(shown)
        assert parser.sentences[: len(seen)] == seen
        seen, shown = list(parser.sentences), parser.text
    parser.close()
    assert parser.text.startswith(shown)
    assert parser.sentences[: len(seen)] == seen


@settings(max_examples=300, deadline=None)
@given(TEXTS)
@example("[1] and [1]")
def test_drafts_stand_in_order_within_the_text_and_cite_only_what_there_is(text: str) -> None:
    parser = parse(text)
    end = 0
    for sentence in parser.sentences:
        assert end <= sentence.start < sentence.end <= len(parser.text)
        assert parser.text[sentence.start : sentence.end].strip() == parser.text[sentence.start : sentence.end]
        assert sentence.text == " ".join(sentence.text.split())
        assert any(map(str.isalnum, sentence.text))
        assert len(set(sentence.numbers)) == len(sentence.numbers)
        assert all(1 <= number <= SOURCES for number in sentence.numbers)
        assert "\ufffc" not in sentence.text
        assert all(f"[{number}]" in parser.text[sentence.start : sentence.end] for number in sentence.numbers)
        end = sentence.end


@settings(max_examples=200, deadline=None)
@given(TEXTS.filter(lambda text: not set(text) & set("[【［(（<^⁰¹²³⁴⁵⁶⁷⁸⁹") and "assage" not in text))
def test_text_without_brackets_passes_unchanged(text: str) -> None:
    parser = parse(text)

    assert parser.text == text
    assert parser.dropped == 0


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["It rose", "Xie said so", "他们走了"]), min_size=1, max_size=8))
def test_each_plain_sentence_keeps_its_own_number(sentences: list[str]) -> None:
    numbers = [1 + place % SOURCES for place in range(len(sentences))]
    text = " ".join(
        f"{said}{'。' if said == '他们走了' else '.'} [{n}]" for said, n in zip(sentences, numbers, strict=True)
    )

    assert [sentence.numbers for sentence in parse(text).sentences] == [(number,) for number in numbers]


@pytest.mark.parametrize(
    "text",
    [
        "(1 " * 9_000,
        "passage 1, " * 2_000,
        "[1](" * 5_000,
        "¹" * 20_000,
        "<sup>" * 4_000,
        "word " * 20_000,
        "x" * 100_000,
        "1.5 " * 25_000,
        " " * 100_000,
        "[1" * 50_000,
        "[1]" * 30_000,
        "`" * 50_000,
    ],
)
def test_a_long_stream_costs_no_more_than_its_length(text: str) -> None:
    began = time.thread_time()

    parse(text)

    assert time.thread_time() - began < 20  # seconds; a quadratic reading takes minutes
