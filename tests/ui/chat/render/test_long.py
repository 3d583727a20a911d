"""Long articles and long conversations: what is sent stays small enough to be shown at once, and nothing is lost."""

from __future__ import annotations

import re
from html import unescape
from itertools import pairwise

import pytest

from index import Article, Span
from rag import Answer
from ui.chat.render import exchange
from ui.chat.render.article import article_html
from ui.chat.render.exchange import MOST_SHOWN, messages
from ui.conversation import Conversation, Exchange

PARAGRAPHS = [f"Paragraph {n} 😀 of the register. " + "Word after word. " * 30 for n in range(60)]
TEXT = "\n\n".join(PARAGRAPHS) + "\n"


def story(text: str, passage: Span, evidence: Span | None = None) -> str:
    html = article_html(Article("a", "Another title", "s", text), "cite-1-1", passage, evidence)
    return html.partition('class="story"')[2].partition(">")[2].removesuffix("</div></article>")


def words_of(html: str) -> str:
    return unescape(re.sub(r"<[^>]+>", "", html))


def test_a_long_article_stands_in_parts_and_every_character_is_where_it_was() -> None:
    parts = story(TEXT, Span(0, 20)).split('<div class="part">')[1:]
    texts = [words_of(part) for part in parts]
    assert len(parts) > 5
    assert "".join(texts) == TEXT
    assert all(before.endswith("\n\n") and after.startswith("Paragraph") for before, after in pairwise(texts))


@pytest.mark.parametrize("text", [PARAGRAPHS[0], "\n\n".join(PARAGRAPHS[:10]), "word " * 20_000], ids=len)
def test_a_short_article_and_one_without_paragraphs_stand_in_one_piece(text: str) -> None:
    assert "part" not in re.findall(r'class="(\w+)"', story(text, Span(0, 20)))


def test_marks_that_go_on_in_the_next_part_are_made_in_both_and_the_place_is_the_first() -> None:
    first = len(words_of(story(TEXT, Span(0, 20)).split('<div class="part">')[1]))
    html = story(TEXT, Span(first - 200, first + 200), Span(first - 50, first + 50))
    marked = "".join(map(words_of, re.findall(r"<mark[^>]*>.*?</mark>", html, re.DOTALL)))
    assert marked == TEXT[first - 50 : first + 50]
    assert html.count('id="place"') == 1
    assert re.search(r'<mark class="evidence passage" id="place"', html)
    assert html.count("<div") == html.count("</div>")


def test_of_a_long_conversation_the_last_questions_are_shown_and_the_others_on_demand() -> None:
    count = MOST_SHOWN + 5
    said = Conversation(
        tuple(Exchange(f"Question {n}?", Answer(f"Question {n}?", done=True)) for n in range(1, count + 1))
    )
    above, first, *_, last = messages(said)
    assert "Show earlier questions&#58; 5" in above["content"]
    assert "Question 6" in first["content"]
    assert f'id="act-edit-{count}"' in last["content"], "turns are counted from the first one all the same"
    assert len(messages(said)) == 1 + 2 * MOST_SHOWN
    assert len(messages(said, whole=True)) == 2 * count
    assert len(messages(said.before(MOST_SHOWN + 1))) == 2 * MOST_SHOWN, "none is left out as long as all have room"


def test_earlier_answers_are_rendered_once_while_the_last_one_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    rendered: list[int] = []
    real = exchange.exchange_html
    monkeypatch.setattr(
        exchange, "exchange_html", lambda each, turn, say: (rendered.append(turn), real(each, turn, say))[1]
    )
    said = Conversation(tuple(Exchange(f"Q{n}?", Answer(f"Q{n}?", f"Text {n}.", done=True)) for n in range(3)))
    first = messages(said)
    growing = said.with_last(Exchange("Q2?", Answer("Q2?", "More text.")))
    assert messages(growing)[:4] == first[:4]
    assert rendered == [1, 2, 3, 3]
    rated = growing.with_rating(1, "good")
    assert "✓ Good answer" in messages(rated)[1]["content"], "an exchange that changes is rendered again"


@pytest.mark.parametrize(
    "line",
    ["**a**\n", "- a\n", "# a\n\n", "word " * 20 + "\n", "word " * 20, "😀\n"],
    ids=["bold", "bullets", "headings", "lines", "one line", "emoji"],
)
@pytest.mark.parametrize("where", ["start", "middle", "end"])
def test_of_a_very_long_article_the_part_around_the_cited_passage_is_shown(line: str, where: str) -> None:
    size = 1_000_000 // len(line)
    before = {"start": 0, "middle": size // 2, "end": size}[where]
    cited = "The ferry **sails** at noon."
    text = line * before + cited + "\n" + line * (size - before)
    passage = Span(len(line) * before, len(line) * before + len(cited))
    article = Article("a", "Another title", "s", text, boilerplate=(Span(0, 3), Span(len(text) - 3, len(text))))
    html = article_html(article, "cite-1-1", passage, Span(passage.start, passage.start + 9))
    start = int(re.search(r'data-start="(\d+)"', html)[1])  # type: ignore[index]
    shown = words_of(html.partition('class="story"')[2].partition(">")[2].removesuffix("</div></article>"))
    assert shown == text[start : start + len(shown)], "no character is altered or left out in between"
    assert start <= passage.start < passage.end <= start + len(shown)
    assert "".join(map(words_of, re.findall(r"<mark[^>]*>.*?</mark>", html, re.DOTALL))) == "The ferry"
    assert html.count('id="place"') == 1
    assert len(shown) <= 410_000
    assert html.count("<") < 2 * 12_000
    assert "Showing the part around the cited passage" in html


def test_an_article_of_the_length_of_a_long_report_is_shown_whole() -> None:
    text = "\n\n".join(PARAGRAPHS * 4)
    html = article_html(Article("a", "Another title", "s", text), "cite-1-1", Span(0, 20), None)
    assert text in words_of(html)
    assert "Showing the part" not in html


def test_of_an_article_with_many_pieces_of_boilerplate_a_part_is_shown() -> None:
    text = "The story.\n" + "Share\n- a\n" * 30_000
    boilerplate = tuple(Span(at, at + 5) for at in range(11, len(text), 10))
    article = Article("a", "Another title", "s", text, boilerplate=boilerplate)
    html = article_html(article, "cite-1-1", Span(0, 10), None)
    assert '<span class="boilerplate">Share</span>' in html
    assert html.count("boilerplate") <= 5_000
