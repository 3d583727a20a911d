"""Boilerplate of a news page."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from index import Article, CancelledWorkError, Span
from index.cancellation import Cancellation
from index.text import boilerplate, bylines
from index.text.boilerplate import MOST_SPANS, boilerplate_spans, byline, dateline
from index.text.bylines import parse_byline
from index.text.chunker import chunk
from index.text.sentences import blocks

NOISE_LINES = [
    # counters, running times, hashes
    "0",
    "379",
    "12,045",
    "1.2K",
    "1,204 shares",
    "2.3K views",
    "Comments (12)",
    "阅读 1.2万",
    "05:03",
    "1:02:45",
    "29bb81e8 51b1 42e2 8850 03531c5c60f4 a66cec46",
    "d41d8cd98f00b204e9800998ecf8427e",
    # links
    "Source link",
    "Read more:",
    "Advertisement",
    "- Advertisement -",
    "**Advertisement**",
    "Story continues below advertisement",
    "Skip to main content",
    "Share this article",
    "Back to top",
    "Related articles",
    "You may also like",
    "Related: Why the river is rising again",
    "Read more: Is the harbour ready for the storm?",
    "See also: Ten bridges that were never built",
    # consent
    "We use cookies to improve your experience on our website.",
    "This website uses cookies.",
    "By continuing to use this site, you agree to our use of cookies.",
    "By clicking the button, you agree to our terms and privacy policy.",
    "Accept all cookies",
    "Cookie settings",
    # newsletters, apps, networks
    "Sign up for our daily newsletter",
    "Sign up for the Morning Bell newsletter to get the best stories in your inbox",
    "Subscribe to our YouTube channel!",
    "Get the latest news delivered straight to your inbox.",
    "Download our app",
    "Follow us on Facebook, Twitter and Instagram",
    "Follow us on Twitter @thedailybell",
    "Join our WhatsApp channel",
    # rights and credits
    "© 2024 The Daily Bell. All rights reserved.",
    "Copyright © 2023 Bell Media Ltd",
    "All rights reserved.",
    "Photo: Reuters",
    "(Photo by Jane Doe/AFP via Getty Images)",
    "Photo credit: Jane Doe",
    "Image: Jane Doe / Shutterstock",
    "REUTERS/Jane Doe",
    "Getty Images",
    "Reporting by J. Doe in Paris; Editing by John Roe",
    # dates that say what they are, wherever they stand
    "Published 24 February 2024, 10:15 GMT",
    "Published: 8:00am, 24 Feb, 2024 | Updated: 10:15pm, 24 Feb, 2024",
    "Updated 10:15 AM EST, Sat February 24, 2024",
    "Last updated: 2024-02-24T10:15:00Z",
    "Updated 3 hours ago",
    "5 min read",
    "发布时间：2024年2月24日 10:15",
    # Chinese
    "责任编辑：李四",
    "（责任编辑：李四）",
    "来源：新华社",
    "分享",
    "相关阅读",
    "相关阅读：大桥为何停工",
    "版权所有",
]
STORY_LINES = [
    "In 2021 it earned 379 dollars.",
    "Chapter 3",
    "facade",
    "Sora",
    "strawberries",
    "2024",
    "3.2",
    "1.2 million",
    "555 1234",
    "100000 2000 3000",
    "5:03 was the time of the call.",
    "379 shares changed hands.",
    "...",
    "| 2021 | 379 |",
    "- 379",
    "> Source link",
    # words of noise in a sentence
    "Read more books, the minister said.",
    "Read more: it is good for you, the minister said.",
    "Related: the mayor resigned on Monday.",
    "See also the table below.",
    "Advertisement spending rose 5%.",
    "Advertisement spending",
    "Share this secret with no one",
    "Subscribe to the theory or not, he said.",
    "The newsletter that people sign up for is free.",
    "Sign up for war, the newsletter urged.",
    "Sign up for the army, they told him.",
    "Download the data first.",
    "Download our future, the poster reads.",
    "- Download our app",
    "Follow us on the road to the north.",
    "“Follow us on Facebook”, the poster said.",
    "We use cookies to make the base of the cake.",
    "“We use cookies to follow visitors on our website”, the firm admitted.",
    "By clicking yes, you agree to the terms, the judge said.",
    "Cookies and cream",
    "Copyright law changed in 2024.",
    "(c) 2024 was the warmest year.",
    "All rights reserved for heirs were sold.",
    "Getty Images sued the company.",
    "Reuters reported it first.",
    "Most read of all his novels is the first.",
    "Related work",
    # pictures that say something
    "Photo: a dragon dance in Beijing on October 17, 2023.",
    "The mayor opens the bridge in May. Photo: Reuters",
    "Photo: President Doe",
    "Picture this",
    # bylines and dates that are none
    "By Tuesday, all had gone.",
    "By Tuesday",
    "By Elm Street",
    "By Age Group",
    "By the rude bridge that arched the flood",
    "By Jane Doe's account, it rained.",
    "Updated forecasts show rain.",
    "Updated: the forecasts of 24 February 2024",
    "Published in 2024",
    "Published on 24 February 2024, the report blames the bank.",
    "24 February 2024 was a Saturday.",
    "31 February 2024",
    "May 2024",
    "Ten minutes ago",
    "10:15 GMT",
    "5 min read the sign.",
    # headings, verse, other scripts
    "# Related",
    "## Advertisement",
    "Is it ready?",
    "Nevermore",
    "Shall I compare thee to a summer’s day?",
    "Thou art more lovely and more temperate:",
    "北京",
    "来源：新华社报道说，大桥已经停工。",
    "分享经济正在改变城市。",
    "相关阅读：他说，书很好。",
    "广告支出上升了5%。",
    "床前明月光",
]


def _marked(text: str) -> list[str]:
    return [
        line.strip()
        for span in boilerplate_spans(text)
        for line in text[span.start : span.end].splitlines()
        if line.strip()
    ]


def _in_a_story(line: str) -> str:
    return f"The story begins.\n\n{line}\n\nThe story goes on.\n"


@pytest.mark.parametrize("line", NOISE_LINES)
def test_a_line_that_says_nothing_is_noise(line: str) -> None:
    assert _marked(_in_a_story(line)) == [line]


@pytest.mark.parametrize("line", STORY_LINES)
def test_a_line_that_says_something_stays(line: str) -> None:
    assert _marked(_in_a_story(line)) == []


def test_tags_run_together_are_noise_when_the_text_has_their_names_apart() -> None:
    assert _marked("Baidu answers ChatGPT.\n\nchatgptbaidu\n\nIt is late.\n") == ["chatgptbaidu"]
    assert _marked("It is late.\n\nchatgptbaidu\n") == []
    assert _marked("Some say it is. At times some do not.\n\nsometimes\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "Population\n1204\nArea\n379\n",
        "1\n\nBuy a house.\n\n2\n\nPlant a tree.\n",
        "Goals\n\n12\n\n9\n\n31\n\n7\n",
        "19:00\nEvening news\n",
        "08:00\n\nBreakfast.\n\n09:30\n\nA walk.\n\n12:00\n\nLunch.\n\n14:00\n\nHome.\n",
    ],
    ids=["table", "numbered parts", "column", "programme", "timetable"],
)
def test_numbers_that_belong_to_the_text_stay(text: str) -> None:
    assert _marked(text) == []


def test_counters_in_a_row_are_noise() -> None:
    assert _marked("Title\n\n0\n379\n12 comments\n\nThe story.\n") == ["0", "379", "12 comments"]


def test_the_title_of_a_video_goes_with_its_running_time() -> None:
    text = "One.\n\n05:03\n\nHow does it work?\n\nHow does it work?\n\nThe story goes on here.\n"
    assert _marked(text) == ["05:03", "How does it work?", "How does it work?"]


def test_a_line_that_follows_a_running_time_once_is_not_boilerplate() -> None:
    assert _marked("05:03\n\nPolice close the road\n\nThe minister said that it would open soon.\n") == ["05:03"]


def test_of_a_line_said_twice_the_first_stays() -> None:
    text = "A dragon dance\n\nA dragon dance\n\nThe story goes on.\n"
    assert [span.start for span in boilerplate_spans(text)] == [text.rindex("A dragon dance")]


@pytest.mark.parametrize(
    "text", ["Row, row, row\nRow, row, row\n", "Never.\n\nNever.\n", "Yes\n\nYes\n", "- a b\n\n- a b\n"]
)
def test_a_refrain_or_a_column_is_not_a_copy(text: str) -> None:
    assert _marked(text) == []


def test_the_list_under_a_related_heading_goes_with_it() -> None:
    text = "The story.\n\nRelated articles\n\n- A bridge falls\n- A bridge rises\n\nThe story goes on.\n"
    assert _marked(text) == ["Related articles", "- A bridge falls", "- A bridge rises"]


def test_headlines_after_a_related_heading_go_when_nothing_else_follows() -> None:
    text = "The story.\n\nYou may also like\n\nA bridge falls\n\nWhy do bridges fall?\n\n© 2024 The Daily Bell\n"
    assert _marked(text) == ["You may also like", "A bridge falls", "Why do bridges fall?", "© 2024 The Daily Bell"]


def test_lines_of_boilerplate_with_only_white_space_between_them_are_one_span() -> None:
    text = "The story.\n\nAdvertisement\n \n\nRelated\r\n- A bridge\n\nIt goes on.\n\nAdvertisement\n"
    last = text.rindex("Advertisement")
    assert boilerplate_spans(text) == [
        Span(text.index("Advertisement"), text.index("\n\nIt goes on.")),
        Span(last, last + len("Advertisement")),
    ]
    many = "The story of the town.\n\nRelated\n" + "**a**\n" * 5_000
    assert boilerplate_spans(many) == [Span(many.index("Related"), len(many) - 1)]


def test_spans_have_a_maximum_after_which_lines_are_the_story() -> None:
    text = "It rained.\n\nAdvertisement\n\n" * (MOST_SPANS + 10)
    spans = boilerplate_spans(text)
    assert len(spans) == MOST_SPANS
    assert {text[span.start : span.end] for span in spans} == {"Advertisement"}


def test_only_the_lines_above_the_story_are_read_for_its_author(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    real = bylines.parse_byline
    monkeypatch.setattr(bylines, "parse_byline", lambda line: (read.append(line), real(line))[1])
    monkeypatch.setattr(boilerplate, "parse_byline", bylines.parse_byline)
    text = "A bridge falls\n\nBy Jane Doe\n\n24 February 2024\n\n" + "Line of the story 12, 3.\n" * 5_000
    assert byline(text) == "Jane Doe"
    assert len(read) < 20
    read.clear()
    assert dateline(text) == "2024-02-24"
    assert len(read) < 20
    read.clear()
    boilerplate_spans(text)
    assert len(read) < 20


class Counting(Cancellation):
    """A cancellation that counts how often it is checked."""

    checks = 0

    def check(self) -> None:
        self.checks += 1
        super().check()


def _cut(text: str, cancellation: Cancellation) -> None:
    chunk(Article("a", "A title", "s", text), lambda words: [(0, len(words))], cancellation)


@pytest.mark.parametrize("line", ["a\n", "A.\n\n", "- a\n", "Related\n**a**\n", "abcdefgh\n\nAb\n\n", "5. May 2024\n"])
def test_work_on_very_many_lines_can_be_stopped(line: str) -> None:
    text = "A bridge falls\n\n24 February 2024\n\nThe story.\n" + line * 20_000
    works = {
        "boilerplate": lambda stop: boilerplate_spans(text, cancellation=stop),
        "date": lambda stop: dateline(text, stop),
        "blocks": lambda stop: blocks(text, (), stop),
        "passages": lambda stop: _cut(text, stop),
    }
    for name, work in works.items():
        counting = Counting()
        work(counting)
        assert counting.checks >= 5, name
        stopped = Cancellation()
        stopped.request("The upload was stopped.", "")
        with pytest.raises(CancelledWorkError):
            work(stopped)


def test_what_may_be_the_story_stays_under_a_related_heading() -> None:
    text = "The story.\n\nYou may also like\n\nA bridge falls\n\nIt fell on Monday.\n"
    assert _marked(text) == ["You may also like"]


@pytest.mark.parametrize(
    ("line", "author"),
    [
        ("By Jane Doe", "Jane Doe"),
        ("BY JANE DOE", "Jane Doe"),
        ("By Jane Doe and John Roe, Reuters", "Jane Doe and John Roe"),
        ("By Jane Doe, John Roe and Ann van der Poe", "Jane Doe, John Roe and Ann van der Poe"),
        ("Written by J. K. O’Neill-Doe", "J. K. O’Neill-Doe"),
        ("By Jane Doe, Technology Correspondent", "Jane Doe"),
        ("By Jane Doe in Hong Kong", "Jane Doe"),
        ("*By Émile Zola*", "Émile Zola"),
        ("By Jane Doe | 24 February 2024 | 5 min read", "Jane Doe"),
        ("By Jane Doe, published 24 February 2024", "Jane Doe"),
        ("By Reuters", "Reuters"),
        ("作者：张三", "张三"),
        ("本报记者 张三", "张三"),
    ],
)
def test_a_byline_above_the_story_is_noise_and_names_the_author(line: str, author: str) -> None:
    text = f"A bridge falls\n\n{line}\n\nIt fell on Monday.\n"
    assert byline(text) == author
    assert _marked(text) == [line]


@pytest.mark.parametrize(
    "text",
    [
        "By Jane Doe\n\nA poem of that name.\n",
        "It was set\nBy Jane Doe\nand her brother.\n",
        "It was set by\nBy Jane Doe\n",
        "One.\n\n" * 12 + "By Jane Doe\n",
        *[_in_a_story(line) for line in STORY_LINES],
    ],
)
def test_a_line_that_may_be_the_story_is_not_a_byline_or_dateline(text: str) -> None:
    assert byline(text) is None
    assert dateline(text) is None
    assert not any("Jane" in line for line in _marked(text))


@pytest.mark.parametrize(
    "line",
    [
        "24 February 2024",
        "Saturday, 24th February 2024",
        "Feb. 24, 2024, 10:15 p.m. ET",
        "2024-02-24 10:15",
        "2024年2月24日",
        "Published 24 February 2024, 10:15 GMT",
        "Published: 8:00am, 24 Feb, 2024 | Updated: 10:15pm, 25 Feb, 2024",
        "Updated: 2024-02-24T10:15:00+08:00",
        "By Jane Doe | 24 February 2024",
        "发布于：2024-02-24",
    ],
)
def test_a_date_above_the_story_is_noise_and_is_the_day_of_publication(line: str) -> None:
    text = f"A bridge falls\n\n{line}\n\nIt fell on Monday.\n"
    assert dateline(text) == "2024-02-24"
    assert _marked(text) == [line]


def test_the_day_of_publication_goes_before_the_day_of_an_update() -> None:
    text = "A bridge falls\n\nUpdated 26 February 2024\nPublished 24 February 2024\n\nIt fell.\n"
    assert dateline(text) == "2024-02-24"


@pytest.mark.parametrize(
    "text",
    [
        "Years of war\n\n24 February 2022\n\nIt begins.\n\n25 February 2022\n\nIt goes on.\n",
        "14 July 1789\n\nA prison falls.\n",
        "The treaty was signed on\n24 February 2024\nin Paris.\n",
        "One.\n\n" + "Two.\n\n" * 12 + "24 February 2024\n",
    ],
    ids=["chronicle", "title", "wrapped", "far below"],
)
def test_a_date_that_belongs_to_the_story_stays(text: str) -> None:
    assert dateline(text) is None
    assert _marked(text) == []


def test_a_date_that_is_none_in_the_calendar_says_no_day() -> None:
    assert dateline("A bridge falls\n\nPublished 31 February 2024\n\nIt fell.\n") is None


def test_front_matter_is_noise_only_where_it_is_expected() -> None:
    text = "---\ntitle: x\n---\nBody.\n"
    assert [text[s.start : s.end] for s in boilerplate_spans(text, has_front_matter=True)] == ["---\ntitle: x\n---\n"]
    assert _marked(text) == []


def test_windows_line_ends_do_not_move_the_spans() -> None:
    assert _marked("One.\r\n\r\n379\r\n\r\nTwo.\r\n") == ["379"]


HOSTILE = [
    " ",
    "\t",
    "7",
    "a",
    "中",
    "f0 ",
    "0a1b2c ",
    "-",
    "11:11:",
    "24 May 2024 ",
    "By A ",
    "Photo: A/",
    '"',
    "Related: ",
    "a\n",
]
HOSTILE += [
    "By A\n\n",
    "05:03\n",
    "abcdefgh\n",
    "You may also like\n\n",
    "@x",
    "Follow us on @xx",
    "--- ",
    "---\n",
    "1,",
    "\r",
]
HOSTILE += [
    "Published ",
    "by using a you agree to terms ",
    "Sign up for a ",
    "Reporting by a; ",
    "x.",
    "Copyright (c) ",
    "+11:11",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_60_000_characters_of_anything_are_read_at_once(piece: str) -> None:
    text = "---\n" + (piece * 60_000)[:60_000]
    started = time.thread_time()
    boilerplate_spans(text, has_front_matter=True)
    byline(text)
    dateline(text)
    assert time.thread_time() - started < 10  # a pattern that backtracks would take minutes


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_line_just_short_enough_to_be_looked_at_is_read_at_once(piece: str) -> None:
    started = time.thread_time()
    for before in ("", "By ", "Published ", "Follow us on ", "Photo: ", "Sign up for ", "© 2024 ", "(Reporting by a; "):
        line = before + piece.strip("\n") * 200
        for length in (149, 199):
            boilerplate_spans(_in_a_story(line[:length] + "\x01"))
            parse_byline(line[:length])
    assert time.thread_time() - started < 20


def test_on_the_real_article_every_noise_line_is_out_and_every_paragraph_stays(real_article: Path) -> None:
    text = real_article.read_bytes().decode()
    marked = _marked(text)
    assert {"0", "379", "chatgptbaidu", "05:03", "Source link"} <= set(marked)
    assert sum("stack up against" in line for line in marked) == 2
    assert len(marked) == 8
    assert not any(line.endswith((".", ".”")) for line in marked)
    assert byline(text) is None
    assert dateline(text) is None


def test_on_the_real_article_no_evidence_is_noise(real_article: Path) -> None:
    text = real_article.read_bytes().decode()
    boilerplate = boilerplate_spans(text)
    questions = real_article.with_name("questions.jsonl").read_text(encoding="utf-8").splitlines()
    evidence = [span for question in questions for span in json.loads(question)["evidence"]]
    assert evidence
    for span in evidence:
        assert text[span["start"] : span["end"]] == span["text"]
        assert not any(each.start < span["end"] and span["start"] < each.end for each in boilerplate)
