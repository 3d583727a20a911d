"""How an article is cut."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import Article, Encoder, Passage, Span, sentences
from index.ingest.loader import load_file
from index.text.boilerplate import boilerplate_spans
from index.text.chunker import LONGEST, SHORTEST, chunk

SENTENCE = "The quick brown fox jumps over the lazy dog near the old mill by the river."


def _tokenize(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(r"[㐀-鿿]|[^\W㐀-鿿]+|[^\w\s]", text)]


def _article(text: str, boilerplate: tuple[Span, ...] | None = None) -> Article:
    return Article(
        "a", "Title", "test", text, boilerplate=tuple(boilerplate_spans(text)) if boilerplate is None else boilerplate
    )


def _cut(text: str) -> list[Passage]:
    return chunk(_article(text), _tokenize)


def _size(passage: Passage) -> int:
    return len(_tokenize(passage.text))


def test_an_empty_article_has_no_passages() -> None:
    assert _cut(" \n\n ") == []


def test_a_short_article_is_one_passage() -> None:
    assert [p.text for p in _cut(f"{SENTENCE} {SENTENCE}\n")] == [f"{SENTENCE} {SENTENCE}"]


def test_short_paragraphs_share_a_passage_and_long_ones_are_cut_between_sentences() -> None:
    short = "\n\n".join([SENTENCE] * 6)
    assert len(_cut(short)) == 1
    long = " ".join([SENTENCE] * 30)
    passages = _cut(long)
    assert len(passages) > 1
    assert all(p.text.endswith("river.") and p.text.startswith("The quick") for p in passages)
    assert all(SHORTEST <= _size(p) <= LONGEST for p in passages)


def test_a_cut_prefers_the_end_of_a_paragraph() -> None:
    first, second = " ".join([SENTENCE] * 7), " ".join([SENTENCE] * 8)
    assert [p.text for p in _cut(f"{first}\n\n{second}")] == [first, second]


@pytest.mark.parametrize("heading", ["## Who can use it", "Who can use it", "谁可以使用它", "Why now?"])
def test_a_heading_opens_a_passage_with_the_text_after_it(heading: str) -> None:
    passages = _cut(f"{SENTENCE}\n\n{heading}\n\n{SENTENCE}")
    assert [p.text for p in passages] == [SENTENCE, f"{heading}\n\n{SENTENCE}"]


def test_a_title_and_the_heading_below_it_stay_together() -> None:
    assert len(_cut(f"# Title\n\n## Part\n\n{SENTENCE}")) == 1


def test_a_heading_is_not_parted_from_a_long_text_below_it() -> None:
    passages = _cut("# Title\n\n" + " ".join([SENTENCE] * 30))
    assert passages[0].text.startswith(f"# Title\n\n{SENTENCE}")


def test_boilerplate_is_in_no_passage_and_separates_passages() -> None:
    text = f"{SENTENCE}\n\n379\n\n{SENTENCE}"
    assert [p.text for p in _cut(text)] == [SENTENCE, SENTENCE]


def test_repeated_sentences_keep_their_own_offsets() -> None:
    text = " ".join([SENTENCE] * 30)
    assert [p.start for p in _cut(text)] == sorted({p.start for p in _cut(text)})


def test_a_sentence_longer_than_a_passage_is_cut_between_words() -> None:
    text = "word " * 1000
    passages = _cut(text)
    assert all(_size(p) <= LONGEST for p in passages)
    assert all(p.text.startswith("word") and p.text.endswith("word") for p in passages)
    assert sum(_size(p) for p in passages) == 1000


def test_chinese_is_cut_at_its_own_full_stops() -> None:
    text = "人工智能正在改变世界各地的新闻业。" * 40
    passages = _cut(text)
    assert len(passages) > 1
    assert all(p.text.endswith("。") for p in passages)


def test_one_line_of_200_000_characters_without_a_space_is_cut_all_the_same() -> None:
    text = "x" * 200_000
    passages = _cut(text)
    assert "".join(p.text for p in passages) == text
    assert max(len(p.text) for p in passages) <= LONGEST * 12


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dr. Smith came. He left.", ["Dr. Smith came.", "He left."]),
        ("It rose 3.5 percent. It fell.", ["It rose 3.5 percent.", "It fell."]),
        ("A line that is\nwrapped goes on. Next.", ["A line that is\nwrapped goes on.", "Next."]),
        ("- one thing\n- another thing", ["- one thing", "- another thing"]),
        ("他说好。她说不！", ["他说好。", "她说不！"]),
        ("Heading\n\nBody text.", ["Heading", "Body text."]),
    ],
)
def test_sentences_end_where_a_reader_says_they_do(text: str, expected: list[str]) -> None:
    assert [text[s.start : s.end] for s in sentences(text)] == expected


@pytest.mark.parametrize("heading", ["# A heading of a few words", "A heading of a few words"])
def test_headings_without_end_are_cut_like_any_text(heading: str) -> None:
    passages = _cut("\n\n".join(f"{heading} {i}" for i in range(200)) + f"\n\n{SENTENCE}")
    assert all(_size(p) <= LONGEST for p in passages)
    assert passages[-1].text.endswith(f"199\n\n{SENTENCE}")  # the last of them still stands with what follows it


def test_a_heading_over_a_sentence_that_fills_a_passage_does_not_overflow_it() -> None:
    passages = _cut("# A heading of ten words or so\n\n" + "word " * 178 + "end.")
    assert all(_size(p) <= LONGEST for p in passages)


def test_a_sentence_is_found_whole_across_what_is_looked_at_at_once() -> None:
    prose = " ".join(f"{SENTENCE[:-1]} number {i}." for i in range(500))
    assert [prose[s.start : s.end] for s in sentences(prose)] == [f"{SENTENCE[:-1]} number {i}." for i in range(500)]
    long = "word " * 5_000 + "end. " + SENTENCE
    assert [long[s.start : s.end] for s in sentences(long)] == ["word " * 5_000 + "end.", SENTENCE]


LONG_LINES = [
    " ",
    "x",
    "7",
    "word ",
    "Word. ",
    "中",
    "中文好。",
    ".",
    '"',
    "(",
    "\t",
    "\u200b",
    "\u200f",
    "👩‍👩‍👧",
    "🙂",
    "ab,",
]
LONG_TEXTS = ["# a\n", "- a\n", "a\r", "a.\r\n\r\n", " \n", "Heading\n\n", "379\n"]


@pytest.mark.parametrize("piece", LONG_LINES + LONG_TEXTS)
def test_60_000_characters_of_anything_are_cut(piece: str) -> None:
    """A quadratic chunker would run into the time limit of all tests."""
    _check(_article((piece * 60_000)[:60_000], boilerplate=()))


PIECES = [
    *[
        "word",
        "Word. ",
        "Dr. ",
        "e.g. ",
        "3.5",
        "x" * 60,
        "https://a.b/c?d=e",
        "[1]",
        "(",
        ")",
        '"',
        "“",
        "”",
        "…",
        "!",
        "?",
    ],
    *[" ", "\t", "\n", "\r", "\r\n", "\n\n", "\r\n\r\n", "\u2028", "\x0b", "\x1c", "\x85", "\u00a0", "\u3000", "\x00"],
    *[
        "中文。",
        "中",
        "国",
        "。",
        "，",
        "「",
        "」",
        "한국어",
        "ภาษาไทย",
        "שלום",
        "\u200f",
        "\u202e",
        "\u200b",
        "\ufeff",
    ],
    *[
        "🙂",
        "👩‍👩‍👧",
        "👍🏽",
        "🇨🇳",
        "e\u0301",
        "# ",
        "## Heading\n\n",
        "- ",
        "1. ",
        "379\n",
        "05:03\n",
        "Advertisement\n",
        "---\n",
    ],
]
TEXTS = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=500).map("".join),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=400),
    st.tuples(st.sampled_from(PIECES), st.integers(1, 700), st.sampled_from(PIECES)).map(lambda t: t[0] * t[1] + t[2]),
)


@st.composite
def articles(draw: st.DrawFn) -> Article:
    """Any text, with its own boilerplate or any spans as boilerplate: overlapping, empty, inside a word."""
    text = draw(TEXTS)
    if draw(st.booleans()):
        return _article(text)
    ends = st.integers(0, len(text))
    pairs = draw(st.lists(st.tuples(ends, ends), max_size=8))
    return _article(text, tuple(Span(min(pair), max(pair)) for pair in pairs))


def _check(article: Article) -> None:
    """The passages are ordered slices without overlap, not empty, within the limit, and lose only boilerplate."""
    text = article.text
    passages = chunk(article, _tokenize)
    assert all(text[p.start : p.end] == p.text for p in passages)
    assert all(before.end <= after.start for before, after in itertools.pairwise(passages))
    assert all(p.text.strip() for p in passages)
    assert all(_size(p) <= LONGEST for p in passages)
    covered, noisy = bytearray(len(text)), bytearray(len(text))
    for p in passages:
        covered[p.start : p.end] = b"\1" * (p.end - p.start)
    for span in article.boilerplate:
        noisy[span.start : span.end] = b"\1" * len(span)
    assert not any(c and n for c, n in zip(covered, noisy, strict=True))
    assert all(c or n or character.isspace() for character, c, n in zip(text, covered, noisy, strict=True))


@pytest.mark.parametrize(
    ("text", "noise", "kept"),
    [
        ("0|", Span(1, 2), ["0"]),
        ("Oslo | 7", Span(7, 8), ["Oslo |"]),
        ("a | b\nc | d\ne | f", Span(6, 11), ["a | b", "e | f"]),
    ],
)
def test_boilerplate_in_a_row_of_a_table_is_in_no_passage(text: str, noise: Span, kept: list[str]) -> None:
    article = Article("a", "Title", "test", text, boilerplate=(noise,))
    _check(article)
    assert [passage.text for passage in chunk(article, _tokenize)] == kept


@given(articles())
@settings(deadline=None, max_examples=300)
def test_for_any_text_and_any_noise_the_passages_are_slices_that_fit_and_lose_nothing(article: Article) -> None:
    _check(article)


@given(TEXTS)
@settings(deadline=None)
def test_for_any_text_noise_is_whole_lines_in_order(text: str) -> None:
    spans = boilerplate_spans(text)
    assert all(before.end < after.start for before, after in itertools.pairwise(spans))
    assert all(len(span) and text[span.start : span.end].strip() == text[span.start : span.end] for span in spans)
    assert all(text[span.end : span.end + 1].isspace() or span.end == len(text) for span in spans)


def test_on_the_real_article_the_model_reads_every_passage_to_its_end(
    real_article: Path, bundled_encoder: Encoder
) -> None:
    article = load_file(real_article)
    sizes = [len(bundled_encoder.tokenize(p.text)) for p in chunk(article, bundled_encoder.tokenize)]
    assert max(sizes) <= LONGEST
    assert sum(size >= SHORTEST for size in sizes) >= len(sizes) - 1  # the headline stands alone: noise follows it
