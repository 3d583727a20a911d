"""How an article is cut."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index import Article, Encoder, Passage, Span, sentences
from index.clean import noise_spans
from index.load import load_file
from index.split import LONGEST, SHORTEST, split

SENTENCE = "The quick brown fox jumps over the lazy dog near the old mill by the river."


def _tokenize(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(r"[㐀-鿿]|[^\W㐀-鿿]+|[^\w\s]", text)]


def _article(text: str, noise: tuple[Span, ...] | None = None) -> Article:
    return Article("a", "Title", "test", text, noise=tuple(noise_spans(text)) if noise is None else noise)


def _cut(text: str) -> list[Passage]:
    return split(_article(text), _tokenize)


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
def test_a_heading_opens_a_passage_and_stands_with_what_follows_it(heading: str) -> None:
    passages = _cut(f"{SENTENCE}\n\n{heading}\n\n{SENTENCE}")
    assert [p.text for p in passages] == [SENTENCE, f"{heading}\n\n{SENTENCE}"]


def test_a_title_and_the_heading_below_it_stay_together() -> None:
    assert len(_cut(f"# Title\n\n## Part\n\n{SENTENCE}")) == 1


def test_a_heading_is_not_parted_from_a_long_text_below_it() -> None:
    passages = _cut("# Title\n\n" + " ".join([SENTENCE] * 30))
    assert passages[0].text.startswith(f"# Title\n\n{SENTENCE}")


def test_noise_is_in_no_passage_and_parts_what_stands_around_it() -> None:
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


ALPHABET = st.sampled_from(
    [*list("abcdefgh ABC .,!?\n\r\t"), "\n\n", "。", "中", "国", "🙂", "é", "\u200b", "\r\n", "# ", "- ", "379\n"]
)
TEXTS = st.lists(ALPHABET, max_size=400).map("".join)


@given(TEXTS)
def test_for_any_text_the_passages_are_slices_in_order_and_lose_nothing_but_noise(text: str) -> None:
    article = _article(text)
    passages = split(article, _tokenize)
    assert all(text[p.start : p.end] == p.text for p in passages)
    assert all(before.end <= after.start for before, after in itertools.pairwise(passages))
    covered = {i for p in passages for i in range(p.start, p.end)} | {
        i for span in article.noise for i in range(span.start, span.end)
    }
    assert all(text[i].isspace() for i in range(len(text)) if i not in covered)
    assert not any(Span(p.start, p.end).overlaps(span) for p in passages for span in article.noise)


@given(st.lists(st.sampled_from(["word", "Word.", "中文。", "\n\n", "x" * 50]), max_size=600).map(" ".join))
def test_for_any_text_no_passage_is_longer_than_the_limit(text: str) -> None:
    assert all(_size(p) <= LONGEST for p in _cut(text))


def test_on_the_real_article_the_model_reads_every_passage_to_its_end(
    real_article: Path, bundled_encoder: Encoder
) -> None:
    article = load_file(real_article)
    sizes = [len(bundled_encoder.tokenize(p.text)) for p in split(article, bundled_encoder.tokenize)]
    assert max(sizes) <= LONGEST
    assert sum(size >= SHORTEST for size in sizes) >= len(sizes) - 1  # the headline stands alone: noise follows it
