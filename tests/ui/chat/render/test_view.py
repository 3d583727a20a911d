"""What the reader sees: answers, sources and articles as HTML, and nothing of theirs as markup."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import pytest

from index import Article, CitechatError, Hit, Passage, Span
from rag import NOT_FOUND, Answer, Sentence
from ui.chat.render.article import article_html, message_html
from ui.chat.render.exchange import answer_html, exchange_html, messages, question_html
from ui.chat.render.masthead import masthead_html
from ui.conversation import Conversation, Exchange, converse
from ui.html import day, escape, excerpt, outlet
from ui.i18n.translate import chinese

TEXT = (
    "# The port\n\nThe harbour reopened on **Monday**. 🚢 Ships came back.\n\n- Ten berths\n- Two cranes\n\nShare (12)"
)
ARTICLE = Article(
    "a1",
    "The port",
    "https://www.example.org/x/y",
    TEXT,
    "2024-02-24",
    boilerplate=(Span(TEXT.index("Share"), len(TEXT)),),
)
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=http://evil.example/x onerror=alert(1)>',
    "${alert(1)} {{constructor}} `x`",
    "![x](http://evil.example/?d=1) [y](javascript:alert(1)) [z]: http://evil.example",
    "www.evil.example a@evil.example *b* _i_ ~~s~~ $x^2$ | a | b |",
    '<a class=cite href="#cite-1-1" id="place">[1]</a>',
]


def hit(start: int, end: int, article: Article = ARTICLE) -> Hit:
    passage = Passage(article.id, start, end, article.text[start:end])
    return Hit(passage, article.title, article.source, article.published, 1.0)


def span(words: str, text: str = TEXT) -> Span:
    start = text.index(words)
    return Span(start, start + len(words))


def cited(
    text: str, *numbers_and_words: tuple[int, str], hits: tuple[Hit, ...] = (), support: str = "quoted"
) -> Answer:
    """An answer of one sentence whose markers point at these words of the article."""
    numbers = tuple(number for number, _ in numbers_and_words)
    evidence = tuple(span(words) for _, words in numbers_and_words)
    words = re.sub(r"\s*\[\d+\]", "", text)
    sentence = Sentence(0, len(text), words, numbers, evidence, support)  # type: ignore[arg-type]
    hits = hits or (hit(0, len(TEXT)), hit(12, len(TEXT)))
    return Answer("When?", text, sentences=(sentence,), hits=hits, search_query="When?", done=True)


def test_a_citation_that_was_moved_is_said_to_be() -> None:
    answer = cited("It met. [1]", (1, "Monday"), support="supported")
    citation_corrected = replace(answer, sentences=(replace(answer.sentences[0], citation_corrected=True),))
    assert "citation corrected" not in answer_html(answer, 1)
    assert ">supported, citation corrected</span>" in answer_html(citation_corrected, 1)


def test_a_bracketed_number_of_the_article_is_text_and_the_short_answer_stands_out() -> None:
    text = "See note [1], it met on Monday. [1]"
    words = "See note [1], it met on Monday."
    place = Span(words.index("Monday"), words.index("Monday") + 6)
    sentence = Sentence(0, len(text), words, (1,), (span("Monday"),), "quoted", place)
    markup = answer_html(Answer("When?", text, sentences=(sentence,), hits=(hit(0, len(TEXT)),), done=True), 1)
    prose = markup.split("Sources")[0]
    assert prose.count('class="cite ') == 1
    assert "<strong>Monday</strong>" in prose


def words_of(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


@pytest.mark.parametrize("text", HOSTILE)
def test_escaped_text_reads_the_same_and_is_no_markup_anywhere(text: str) -> None:
    escaped = escape(text)
    assert html.unescape(escaped) == text
    assert re.fullmatch(r"(?:[\w\s,]|&#\d+;)*", escaped), "only words, spaces, commas and numbered characters are left"


def test_text_that_would_break_the_page_is_replaced_and_keeps_its_length() -> None:
    assert escape("a\x00b\ud800c\u202ed") == "a\ufffdb\ufffdc\ufffdd"
    assert escape("中文，قطة") == "中文，قطة"


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_text_wherever_it_stands(text: str) -> None:
    article = Article("h", text, text, text, text)
    answer = Answer(text, text, hits=(hit(0, len(text), article),), search_query=text + "?", notes=(text,), done=True)
    failed = Exchange(text, answer, error=(text, text))
    for markup in (
        question_html(text),
        exchange_html(failed, 1),
        answer_html(replace(answer, found=False), 1),
        article_html(article, text, Span(0, len(text)), Span(0, 1)),
        message_html(text, text, text),
        masthead_html(text, 1),
    ):
        tags = [re.sub(r'data-target="[^"]*"', "", tag) for tag in re.findall(r"<[^>]*>", markup)]
        assert not [tag for tag in tags if re.search(r"script|img|onerror|evil|javascript|cite-", tag)], tags
        assert "evil.example" not in markup, "an address is written so that nothing takes it for a link"


def test_a_marker_becomes_a_link_to_its_own_citation() -> None:
    markup = answer_html(cited("It reopened on Monday [1]. Ships came [2].", (1, "Monday"), (2, "Ships came back")), 3)
    assert '<a href="#cite-3-1" class="cite at-a1-0-105-38-44">&#91;1&#93;</a>' in markup
    assert '<a href="#cite-3-2" class="cite at-a1-12-105-' in markup, "and tells where it points"


def test_a_marker_that_points_at_nothing_stays_plain_text() -> None:
    markup = answer_html(cited("Monday [1] [0] [9] [1,2] 【1】 [x].", (1, "Monday")), 1)
    assert markup.count('class="cite ') == 1
    assert "[0] [9] [1,2] 【1】 [x]" in words_of(markup)


def test_two_markers_with_one_number_point_at_two_places() -> None:
    markup = answer_html(cited("Monday [1] and cranes [1].", (1, "Monday"), (1, "Two cranes")), 1)
    assert re.findall(r'href="#(cite-1-\d)" class="cite ', markup) == ["cite-1-1", "cite-1-2"]


def test_text_that_is_still_being_written_has_no_links() -> None:
    answer = Answer("When?", "It reopened on Monday [1", hits=(hit(0, 20),))
    assert "cite-" not in answer_html(answer, 1)
    assert "It reopened on Monday [1" in words_of(answer_html(answer, 1))


@pytest.mark.parametrize(
    ("support", "word"),
    [("quoted", "quoted"), ("supported", "supported"), ("weak", "partly supported"), ("unsupported", "not confirmed")],
)
def test_each_sentence_says_in_a_word_how_well_it_is_supported(support: str, word: str) -> None:
    markup = answer_html(cited("Monday [1].", (1, "Monday"), support=support), 1)
    assert f'class="support {support}"' in markup
    assert f">{word}</span>" in markup


def test_a_sentence_that_the_passage_contradicts_is_called_so() -> None:
    answer = cited("It cost 900 [1].", (1, "Monday"), support="unsupported")
    answer = replace(answer, sentences=(replace(answer.sentences[0], reason="The passage says 800, not 900."),))
    assert ">contradicted</span>" in answer_html(answer, 1)
    assert ">与文章矛盾</span>" in answer_html(answer, 1, translate=chinese)


def test_a_sentence_that_is_not_confirmed_says_why_in_text_that_can_be_read() -> None:
    reason = "The cited passage does not mention <b>900</b>."
    answer = cited("It cost 900 [1].", (1, "Monday"), support="unsupported")
    answer = replace(answer, sentences=(replace(answer.sentences[0], reason=reason),))
    markup = answer_html(answer, 1)
    assert reason in words_of(markup), "not only when the mouse is over it"
    assert "<b>" not in markup
    assert "所引段落没有提到" in words_of(answer_html(answer, 1, translate=chinese))
    assert "reason" not in answer_html(cited("Monday [1].", (1, "Monday")), 1)


def test_cited_sources_are_listed_and_the_others_are_folded_away() -> None:
    markup = answer_html(cited("Monday [2].", (2, "Monday")), 1)
    listed, folded = markup.split("<details")
    assert 'id="source-1-1"' in listed
    assert "“Monday”" in words_of(listed)
    assert "The port · example.org · 24 February 2024".replace(" · ", "") in words_of(listed).replace(" · ", "")
    assert "1 passage found but not cited" in folded
    assert 'href="#hit-1-1"' in folded


def test_an_answer_that_the_articles_do_not_give_has_no_citation_but_the_nearest_passages() -> None:
    answer = Answer("Why?", NOT_FOUND, found=False, hits=tuple(hit(i, i + 20) for i in range(5)), done=True)
    markup = answer_html(answer, 1)
    assert "cite-" not in markup
    assert 'class="cite"' not in markup
    assert NOT_FOUND in words_of(markup)
    assert markup.split("<details")[0].count("#hit-1-") == 3
    assert "2 passages ranked lower" in markup


def test_before_the_first_word_the_reader_learns_that_sources_were_found() -> None:
    assert "Reading 2 passages" in words_of(answer_html(Answer("When?", hits=(hit(0, 9), hit(9, 20))), 1))


def test_the_question_that_was_really_searched_is_shown() -> None:
    answer = replace(cited("Monday [1].", (1, "Monday")), search_query="When did the port reopen?")
    assert "Searched for: When did the port reopen?" in words_of(answer_html(answer, 1))


def test_lines_and_bullets_survive_and_no_line_break_reaches_the_markdown_renderer() -> None:
    answer = Answer("What?", "Two things:\n\n- **ten** berths\n* cranes\n1. first\r\n\r\nDone.", done=True)
    markup = answer_html(answer, 1)
    assert "\n" not in markup
    assert "\r" not in markup
    assert words_of(markup) == "Two things:• ten berths• cranes1. firstDone."
    assert "<strong>ten</strong>" in markup


def test_an_error_is_a_message_and_a_hint() -> None:
    markup = exchange_html(Exchange("Q", error=("the index is empty", "Run citechat index PATH.")), 1)
    assert words_of(markup) == "The index is emptyRun citechat index PATH.Edit question"


def test_a_stopped_answer_keeps_what_was_written() -> None:
    said = Conversation((Exchange("When?", Answer("When?", "It reop")),)).stopped
    assert "It reop" in words_of(messages(said)[1]["content"])
    assert "Stopped" in words_of(messages(said)[1]["content"])


@pytest.mark.parametrize(
    ("published", "shown"),
    [
        ("2024-02-24", "24 February 2024"),
        ("2024-02-24T10:00:00Z", "24 February 2024"),
        ("spring", "spring"),
        (None, ""),
    ],
)
def test_a_date_is_printed_as_in_a_newspaper(published: str | None, shown: str) -> None:
    assert day(published) == shown


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("https://www.example.org/a?b", "example.org"),
        ("/home/someone/private/report.md", "report.md"),
        ("C:\\Users\\someone\\report.md", "report.md"),
        ("The Daily", "The Daily"),
    ],
)
def test_a_source_is_an_outlet_or_a_file_name_and_never_a_folder(source: str, shown: str) -> None:
    assert outlet(source) == shown


def test_an_excerpt_has_no_signs_of_markdown() -> None:
    assert excerpt("## The port\n\n- **Ten** berths") == "The port — • Ten berths"


def test_the_article_is_shown_whole_with_passage_and_evidence_marked() -> None:
    markup = article_html(ARTICLE, "cite-1-1", span("Ships came back."), span("came"))
    story = markup.split('class="story"')[1]
    assert words_of(story).split(">", 1)[1].startswith("The harbour reopened on **Monday**. 🚢 Ships came back.")
    assert re.search(r'<mark class="evidence passage" id="place" tabindex="-1">came</mark>', story)
    assert re.search(r'<span class="passage">Ships </span>', story)
    assert 'data-target="cite&#45;1&#45;1"' in markup


def test_marks_are_counted_in_characters_of_the_article_even_after_an_emoji() -> None:
    markup = article_html(ARTICLE, "x", span("Ships came back."), span("back"))
    assert ">back</mark>" in markup


def test_evidence_that_crosses_typography_is_marked_in_every_piece() -> None:
    markup = article_html(ARTICLE, "x", span("The harbour reopened on **Monday**."), span("on **Monday**"))
    marked = "".join(re.findall(r"<mark[^>]*>([^<]*)</mark>", markup))
    assert html.unescape(marked) == "on **Monday**"
    assert markup.count('id="place"') == 1


def test_what_is_not_the_story_is_dimmed() -> None:
    assert '<span class="boilerplate">Share' in article_html(ARTICLE, "x", span("Monday"), None)


def test_front_matter_and_a_repeated_title_are_not_shown_again() -> None:
    front = "---\ntitle: The port\n---\n"
    text = front + TEXT
    article = Article("a2", "The port", "x", text, boilerplate=(Span(0, len(front)),))
    story = words_of(article_html(article, "x", span("Monday", text), None).split('class="story"')[1])
    assert "title:" not in story
    assert "# The port" not in story


def test_front_matter_is_shown_where_it_is_what_is_cited() -> None:
    text = "---\ntitle: The port\n---\nShips."
    article = Article("a2", "The port", "x", text, boilerplate=(Span(0, 24),))
    assert "title: The port" in words_of(article_html(article, "x", Span(4, 19), Span(4, 19)))


def test_a_hit_without_evidence_is_marked_softly_and_found() -> None:
    markup = article_html(ARTICLE, "hit-1-1", span("Ships came back."), None)
    assert '<span class="passage" id="place" tabindex="-1">Ships came back' in markup
    assert "<mark" not in markup


@pytest.mark.parametrize(
    "target",
    [
        "cite-1-2",
        "cite-0-1",
        "cite-2-1",
        "hit-1-3",
        "hit-1-0",
        "cite-1--1",
        "../../etc",
        "cite-1-1 ",
        "cite-१-1",
        None,
        7,
        ["cite-1-1"],
    ],
)
def test_a_forged_citation_is_found_nowhere(target: object) -> None:
    said = Conversation((Exchange("When?", cited("Monday [1].", (1, "Monday"))),))
    assert said.cited_passage(target) is None


def test_a_citation_and_a_hit_are_found_by_their_id() -> None:
    said = Conversation((Exchange("When?", cited("Monday [2].", (2, "Monday"))),))
    place = said.cited_passage("cite-1-1")
    assert place is not None
    assert (place.hit.passage.article_id, place.evidence) == ("a1", span("Monday"))
    assert place.hit.passage.start == 12
    hit_place = said.cited_passage("hit-1-1")
    assert hit_place is not None
    assert hit_place.evidence is None


class Failing:
    def __init__(self, error: Exception) -> None:
        self.error = error

    def stream(self, question: str, history: object = (), article_filter: object = None) -> object:
        yield Answer(question, "Half", hits=(hit(0, 9),))
        raise self.error


def test_a_user_error_becomes_part_of_the_conversation_and_keeps_what_was_written() -> None:
    last = list(converse(lambda: Failing(CitechatError("the model is silent", "Start it.")), Conversation(), "Q"))[-1]
    assert last.exchanges[0].error == ("the model is silent", "Start it.")
    assert last.exchanges[0].answer is not None
    assert last.history == (), "a failed exchange is not told to the next question"


def test_a_bug_is_logged_and_answered_with_a_neutral_line(caplog: pytest.LogCaptureFixture) -> None:
    last = list(converse(lambda: Failing(ValueError("secret detail")), Conversation(), "Q"))[-1]
    shown = words_of(messages(last)[1]["content"])
    assert "secret detail" not in shown
    assert "Something went wrong" in shown
    assert "secret detail" in caplog.text


def test_states_come_no_faster_than_a_reader_can_see() -> None:
    class Fast:
        def stream(self, question: str, history: object = (), article_filter: object = None) -> object:
            yield from (Answer(question, "x" * n, hits=(hit(0, 9),)) for n in range(500))
            yield Answer(question, "x" * 500, done=True)

    states = list(converse(Fast, Conversation(), "Q"))
    assert len(states) < 20
    assert states[0].exchanges[0].answer is None
    assert states[-1].exchanges[0].answer is not None
    assert states[-1].exchanges[0].answer.done
