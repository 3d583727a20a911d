"""The page speaks English and Chinese: the catalogue has every text of the page, and no other."""

from __future__ import annotations

import ast
import html
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

import ui.chat.library
from index import Article, ArticleFilter, Hit, Index, Passage, RequestFilter, Span
from rag import NOT_FOUND, REASONS, Answer, Assistant, QuestionError, Sentence
from rag import NOTES as DATE_NOTES
from rag.answer import NO_OPINION, NOT_READ, SHOWING, UNSURE
from ui import conversation
from ui.chat import layout
from ui.chat.handlers.articles import no_source_yet
from ui.chat.handlers.evaluation import NO_TEST_SET
from ui.chat.library import LibraryEntry, UploadResult
from ui.chat.render import exchange, library, masthead
from ui.chat.render.article import article_html, passage_html
from ui.chat.render.conversations import feedback_html, history_html
from ui.chat.render.exchange import exchange_html, messages
from ui.chat.render.library import MOST_ROWS, library_html, uploads_html
from ui.chat.render.masthead import masthead_html, panel_heads
from ui.conversation import Conversation, Exchange
from ui.html import SUPPORT_LABELS, day
from ui.i18n.translate import CHINESE, chinese, english, translator
from ui.persistence.conversations import ConversationSummary

UI = Path(conversation.__file__).parent
TRANSLATES = {"translate": 0, "t": 0, "counted": 2}
"""Functions whose arguments are texts of the page, each with the position of the first."""

MONTHS = [f"{month}" for month in (day(f"2024-{number:02}-01").split()[1] for number in range(1, 13))]
LIBRARY = [
    text
    for name, value in vars(ui.chat.library).items()
    if name.isupper() and not name.startswith("_")
    for text in (value if isinstance(value, tuple) else (value,))
    if isinstance(text, str)
]
NOTES = (
    "No article is among those that were chosen.",
    "The answer is long: its last sentences were compared with the articles, but not by the reader.",
    "The answer is incomplete: the LLM reached its token limit.",
    "The answer is incomplete: the LLM wrote more than 200 sentences.",
    "The answer is incomplete: the provider's content filter stopped the LLM.",
    "The answer is incomplete: the connection ended early. Ask again.",
)
ERRORS = (*conversation.UNEXPECTED, "the question is empty", "Type a question about the articles.")
IN_VARIABLES = {
    NOT_FOUND,
    NO_OPINION,
    NOT_READ,
    SHOWING,
    UNSURE,
    "Searched for: {query}",
    "contradicted",
    "The cited passage says something else",
    *NOTES,
    *ERRORS,
    *NO_TEST_SET,
    *LIBRARY,
    *MONTHS,
    *REASONS,
    *DATE_NOTES,
    *SUPPORT_LABELS.values(),
    *exchange._SUPPORT_HELP.values(),
    *library._STATES.values(),
    *masthead.PANELS.values(),
    *layout.SCOPES.values(),
    "Regenerate",
    "Undo",
    "Published since",
    "Published until",
    "{passages} found but not cited",
    "{passages} found",
}
"""Texts of the page that reach their translation through a variable."""


def in_code() -> Iterator[str]:
    """Yield the texts that the code of the page translates."""
    for path in (UI / "chat").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                for part in node.args[TRANSLATES.get(name, len(node.args)) :]:
                    yield from (each.value for each in ast.walk(part) if isinstance(each, ast.Constant))
    for node in ast.walk(ast.parse((UI / "html.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "translate":
            yield from (part.value for part in node.args if isinstance(part, ast.Constant))


def in_templates() -> Iterator[str]:
    """Yield the texts that the templates of the page translate."""
    for path in (UI / "chat" / "templates").glob("*.html"):
        for call in Environment(autoescape=True).parse(path.read_text(encoding="utf-8")).find_all(nodes.Call):
            name = getattr(call.node, "name", "")
            for part in call.args[TRANSLATES.get(name, len(call.args)) :]:
                yield from (each.value for each in [part, *part.find_all(nodes.Const)] if isinstance(each, nodes.Const))


TEXTS = {*in_code(), *in_templates(), *IN_VARIABLES}


def test_the_texts_of_the_page_are_found() -> None:
    assert {"Ask", "Settings", "Sources", "quoted", "1 passage", "History", "Close", "{count} articles"} <= TEXTS
    assert len(TEXTS) > 100


def test_the_catalogue_has_every_text() -> None:
    assert sorted(TEXTS - CHINESE.keys()) == []


def test_the_catalogue_has_no_other_text() -> None:
    assert sorted(CHINESE.keys() - TEXTS) == []


@pytest.mark.parametrize("words", sorted(CHINESE))
def test_the_chinese_words_have_the_same_gaps_and_are_plain_text(words: str) -> None:
    gaps = re.compile(r"\{\w*\}")
    assert sorted(gaps.findall(CHINESE[words])) == sorted(gaps.findall(words))
    assert not re.search(r"[<>\"'&`*_|\\$#{}]", gaps.sub("", CHINESE[words]).replace("CITECHAT_ALLOW_WEB_LINKS", "")), (
        "it stands in HTML, attributes and Markdown as it is"
    )
    assert CHINESE[words].strip() == CHINESE[words]


@pytest.mark.parametrize("words", sorted(CHINESE.keys() - {"{message}. {hint}", "{support}: {reason}"}))
def test_what_is_in_chinese_is_chinese(words: str) -> None:
    assert re.search("[\u4e00-\u9fff]", CHINESE[words])
    of_ours = re.sub(r"\{\w+\}", "", CHINESE[words])
    kept = {"Markdown", "JSON", "JSONL", "CSV", "MB", "http", "https", "CITECHAT_ALLOW_WEB_LINKS"}
    assert set(re.findall("[A-Za-z_]+", of_ours)) <= kept


@pytest.mark.parametrize(
    ("accepted", "say"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", chinese),
        ("zh", chinese),
        ("zh;q=0.9,en;q=0.8", chinese),
        ("ZH-Hans-CN", chinese),
        (" zh-TW , en", chinese),
        ("en-US,en;q=0.9", english),
        ("en,zh", english),
        ("fr", english),
        ("zhx", english),
        ("*", english),
        ("", english),
        (",zh", english),
        ("\x00;;,,", english),
    ],
)
def test_the_first_language_of_the_browser_decides(accepted: str, say: object) -> None:
    assert translator(accepted) is say


def test_words_that_are_not_ours_stay_as_they_are() -> None:
    assert chinese("Harbour {x}") == "Harbour {x}"
    assert english("Sources") == "Sources"


def test_what_the_assistant_says_for_itself_is_what_is_translated(index: Index, tmp_path: Path) -> None:
    file = tmp_path / "port.txt"
    file.write_text("The harbour reopened on Monday.", encoding="utf-8")
    index.sync([file])
    assistant = Assistant(index)
    assert assistant.ask("When?", article_filter=ArticleFilter(articles=("gone",))).notes == NOTES[:1]
    with pytest.raises(QuestionError) as refused:
        assistant.ask(" ")
    assert (refused.value.message, refused.value.hint) == ERRORS[2:]


# The page, part by part


class Seen(HTMLParser):
    """What a reader sees or hears of a piece of HTML."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.feed(markup)

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.words += [value or "" for name, value in attrs if name in ("title", "aria-label", "data-sure", "value")]


def latin(*markup: str) -> set[str]:
    """The words in Latin letters that a reader meets."""
    return set(re.findall("[A-Za-z]+", html.unescape(" ".join(" ".join(Seen(each).words) for each in markup))))


TEXT = "港口周一重新开放。船只回来了。"
ARTICLE = Article("1", "港口", "日报", TEXT, "2024-02-24", author="李四")
HIT = Hit(Passage("1", 0, len(TEXT), TEXT), "港口", "日报", "2024-02-24", 1.0, pages=(0,))


def answer(support: str, *, citation_corrected: bool = False, hits: int = 9) -> Answer:
    text = "港口周一重新开放。 [1]"
    place = Sentence(0, len(text), text[:9], (1,), (Span(0, 9),), support, citation_corrected=citation_corrected)  # type: ignore[arg-type]
    return Answer("几时？", text, sentences=(place,), hits=(HIT,) * hits, search_query="港口几时开放？", done=True)


def test_the_top_of_the_page_is_in_chinese() -> None:
    shown = [masthead_html("extractive", count, chinese, loading=True) for count in (None, 0, 1, 2000)]
    assert latin(*shown, masthead_html("模型", 3, chinese, can_log_out=True)) == {"citechat"}
    assert latin(*panel_heads(chinese).values()) == {"Markdown", "JSON"}


@pytest.mark.parametrize("support", SUPPORT_LABELS)
def test_an_answer_is_in_chinese(support: str) -> None:
    shown = [
        Exchange(
            "几时？", answer(support), article_filter=RequestFilter("2024", "2025", ("日报",), ("1",)), rating="good"
        ),
        Exchange("几时？", answer(support, citation_corrected=True, hits=2), rating="bad"),
        Exchange("为何？", Answer("为何？", NOT_FOUND, found=False, hits=(HIT,) * 6, notes=NOTES, done=True)),
        Exchange("谁？"),
        Exchange("谁？", Answer("谁？", hits=(HIT,) * 2)),
        Exchange("谁？", Answer("谁？", hits=(HIT,)), stopped=True),
    ]
    assert latin(*(message["content"] for message in messages(Conversation(tuple(shown)), chinese))) == set()


@pytest.mark.parametrize("error", [conversation.UNEXPECTED, ERRORS[2:]])
def test_an_error_of_the_page_itself_is_in_chinese(error: tuple[str, str]) -> None:
    assert latin(exchange_html(Exchange("谁？", error=error), 1, chinese)) == set()


def test_the_article_is_in_chinese() -> None:
    place = Span(0, 9)
    shown = [article_html(ARTICLE, "1", place, place, chinese), passage_html(HIT, "1", place, chinese)]
    assert latin(*shown, no_source_yet(chinese)) == set()
    on_the_web = Article("1", "港口", "https://1.example/", TEXT)
    assert latin(article_html(on_the_web, "1", place, None, chinese)) == {"example"}


def test_the_conversations_are_in_chinese() -> None:
    kept = [
        ConversationSummary("1", "港口", "2024-02-24T10:00:00+00:00", 1),
        ConversationSummary("2", "", "2024-12-01T10:00:00+00:00", 3),
    ]
    assert latin(history_html(kept, "1", chinese), history_html((), translate=chinese)) == set()
    assert latin(feedback_html([{"question": "几时？", "verdict": "bad", "reason": ""}], chinese)) == set()


def test_the_library_is_in_chinese() -> None:
    rows = [LibraryEntry(f"{n}", "港口", ("日报",), "2024-02-24", None, 1 + n) for n in range(MOST_ROWS + 1)]
    ticked = frozenset({"1"})
    shown = [library_html(rows, ticked, chinese), library_html(rows[:2], ticked, chinese, confirming=True)]
    shown += [library_html(rows[:1], frozenset(), chinese, search="无"), library_html((), frozenset(), chinese)]
    shown += [library_html(rows[:2], frozenset({"0", "1"}), chinese, confirming=True)]
    assert latin(*shown) == set()


def test_what_is_told_of_what_is_added_is_in_chinese() -> None:
    states = ("waiting", "reading", "added", "changed", "unchanged", "failed")
    rows = [UploadResult("1", state, articles=count) for state in states for count in (1, 2)]  # type: ignore[arg-type]
    failed = [UploadResult("1", "failed", text) for text in LIBRARY]
    assert latin(uploads_html([*rows, *failed], chinese)) == {
        "MB",
        "http",
        "https",
        "CITECHAT",
        "ALLOW",
        "WEB",
        "LINKS",
    }
