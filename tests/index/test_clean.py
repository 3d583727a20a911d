"""What on a news page is not the story."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.clean import noise_spans

NOISE_LINES = [
    "0",
    "379",
    "1,204 shares",
    "2.3K views",
    "05:03",
    "1:02:45",
    "29bb81e8 51b1 42e2 8850 03531c5c60f4 a66cec46",
    "d41d8cd98f00b204e9800998ecf8427e",
    "Source link",
    "Read more:",
    "Advertisement",
    "Sign up for our daily newsletter",
    "chatgptbaidu",
]
STORY_LINES = [
    "In 2021 it earned 379 dollars.",
    "Chapter 3",
    "facade",
    "Sora",
    "Photo: a dragon dance in Beijing on October 17, 2023.",
    "Is it ready?",
    "The newsletter that people sign up for is free.",
    "北京",
    "5:03 was the time of the call.",
]


def _marked(text: str) -> list[str]:
    return [text[span.start : span.end] for span in noise_spans(text)]


@pytest.mark.parametrize("line", NOISE_LINES)
def test_a_line_that_says_nothing_is_noise(line: str) -> None:
    assert _marked(f"The story begins.\n\n{line}\n\nThe story goes on.\n") == [line]


@pytest.mark.parametrize("line", STORY_LINES)
def test_a_line_that_says_something_stays(line: str) -> None:
    assert _marked(f"The story begins.\n\n{line}\n\nThe story goes on.\n") == []


def test_the_title_of_a_video_goes_with_its_running_time() -> None:
    text = "One.\n\n05:03\n\nHow does it work?\n\nHow does it work?\n\nThe story goes on here.\n"
    assert _marked(text) == ["05:03", "How does it work?", "How does it work?"]


def test_a_paragraph_under_a_running_time_is_not_a_video_title() -> None:
    text = "05:03\n\nThe minister said that the plan would go ahead next year.\n"
    assert _marked(text) == ["05:03"]


def test_of_a_line_said_twice_the_first_stays() -> None:
    text = "A dragon dance\n\nA dragon dance\n\nThe story goes on.\n"
    assert [span.start for span in noise_spans(text)] == [text.rindex("A dragon dance")]


def test_front_matter_is_noise_only_where_it_is_expected() -> None:
    text = "---\ntitle: x\n---\nBody.\n"
    assert [text[s.start : s.end] for s in noise_spans(text, has_front_matter=True)] == ["---\ntitle: x\n---\n"]
    assert _marked(text) == []


def test_windows_line_ends_do_not_move_the_spans() -> None:
    assert _marked("One.\r\n\r\n379\r\n\r\nTwo.\r\n") == ["379"]


def test_on_the_real_article_every_noise_line_is_out_and_every_paragraph_stays(real_article: Path) -> None:
    text = real_article.read_bytes().decode()
    marked = _marked(text)
    assert {"0", "379", "chatgptbaidu", "05:03", "Source link"} <= set(marked)
    assert sum("stack up against" in line for line in marked) == 2
    assert all(len(line) < 60 for line in marked)
