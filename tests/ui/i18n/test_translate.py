"""The page speaks English and Chinese, whole: no word is missing in Chinese, and none is kept that nobody says."""

from __future__ import annotations

import ast
import html
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

import ui.chat.library
from index import Article, ArticleFilter, Hit, Index, Passage, Span
from rag import NOT_FOUND, Answer, Assistant, QuestionError, Sentence
from ui import conversation
from ui.chat.handlers.answering import no_citation_yet
from ui.chat.handlers.evaluation import NO_TEST_SET
from ui.chat.library import Listed, Row
from ui.chat.render import exchange, masthead
from ui.chat.render.article import article_html, kept_html
from ui.chat.render.conversations import past_html
from ui.chat.render.exchange import exchange_html, messages
from ui.chat.render.library import MOST_ROWS, progress_html, shelf_html
from ui.chat.render.masthead import heads, masthead_html
from ui.conversation import Conversation, Exchange
from ui.html import SUPPORT_LABELS, day
from ui.i18n.chinese import CHINESE
from ui.i18n.translate import chinese, english, words_for
from ui.persistence.conversations import ConversationSummary

# The command line has a `say` of its own, which prints.
MODULES = sorted(
    path
    for path in Path(exchange.__file__).parent.glob("*.py")
    if path.name not in ("cli.py", "commands.py", "progress.py", "testset.py", "evaluating.py")
)
MONTHS = [f"{month}" for month in (day(f"2024-{number:02}-01").split()[1] for number in range(1, 13))]
PANELS = tuple(masthead._PANELS.values())

# What is told to a reader who adds articles: all that the library says of itself.
TOLD = [
    words
    for name, value in vars(ui.chat.library).items()
    if name.isupper() and not name.startswith("_")
    for words in (value if isinstance(value, tuple) else (value,))
    if isinstance(words, str)
]
NOTES = ("No article is among those that were chosen.",)
ERRORS = (*conversation.UNEXPECTED, "the question is empty", "Type a question about the articles.")

# What can stand in a variable that is said. Whatever else it holds, such as what a file is called, stays as it is.
SAID_LATER = {
    ("exchange.py", "SUPPORT_LABELS[support]"): tuple(SUPPORT_LABELS.values()),
    ("exchange.py", "_SUPPORT_HELP[support]"): tuple(exchange._SUPPORT_HELP.values()),
    ("exchange.py", "answer.text"): (NOT_FOUND,),
    ("exchange.py", "note"): NOTES,
    ("exchange.py", "message"): ERRORS,
    ("exchange.py", "hint"): ERRORS,
    ("export.py", "SUPPORT_LABELS[sentence.support]"): (),
    ("export.py", "answer.text"): (NOT_FOUND,),
    ("export.py", "note"): NOTES,
    ("export.py", "words"): ERRORS,
    ("masthead.py", "words"): PANELS,
    ("measuring.py", "error.message"): (NO_TEST_SET[0],),
    ("measuring.py", "error.hint"): (NO_TEST_SET[1],),
    ("shelf.py", "row.detail"): TOLD,
    ("shelf.py", "row.hint"): TOLD,
    ("view.py", "f'{when:%B}'"): MONTHS,
}


def names_bound(tree: ast.Module) -> dict[str, tuple[str, ...]]:
    """The names that a loop over texts gives, each with the texts."""
    loops = [node for node in ast.walk(tree) if isinstance(node, ast.For | ast.comprehension)]
    return {
        loop.target.id: tuple(each.value for each in loop.iter.elts)
        for loop in loops
        if isinstance(loop.target, ast.Name) and isinstance(loop.iter, ast.Tuple)
        if all(isinstance(each, ast.Constant) and isinstance(each.value, str) for each in loop.iter.elts)
    }


def said() -> Iterator[tuple[str, str, tuple[str, ...] | None]]:
    """Each `say(…)` of the page: its module, what is said in code, and the words; None for those of a variable."""
    for path in MODULES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        bound = names_bound(tree)
        for node in ast.walk(tree):
            called = node.func if isinstance(node, ast.Call) else None
            name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
            if name != "say" or not isinstance(node, ast.Call):
                continue
            words, code = node.args[0], ast.unparse(node.args[0])
            parts = [words.body, words.orelse] if isinstance(words, ast.IfExp) else [words]
            if all(isinstance(part, ast.Constant) for part in parts):
                yield path.name, code, tuple(str(part.value) for part in parts if isinstance(part, ast.Constant))
            else:
                yield path.name, code, bound.get(code)


SAID = list(said())
WORDS = {word for _, _, words in SAID for word in words or ()} | {w for words in SAID_LATER.values() for w in words}


def test_the_words_of_the_page_are_found() -> None:
    assert {"Ask", "Ask again", "Take back", "Since", "Until", "Settings", "Sources", "quoted"} <= WORDS
    assert len(WORDS) > 100


def test_it_is_known_what_every_variable_that_is_said_can_hold() -> None:
    unknown = {(module, code) for module, code, words in SAID if words is None} - SAID_LATER.keys()
    assert not unknown, "add it to SAID_LATER, with the words that are ours"


def test_no_word_is_missing_in_chinese() -> None:
    assert sorted(WORDS - CHINESE.keys()) == []


def test_no_word_is_in_chinese_that_nobody_says() -> None:
    assert sorted(CHINESE.keys() - WORDS) == []


@pytest.mark.parametrize("words", sorted(CHINESE))
def test_the_chinese_words_have_the_same_gaps_and_are_plain_text(words: str) -> None:
    gaps = re.compile(r"\{\w*\}")
    assert sorted(gaps.findall(CHINESE[words])) == sorted(gaps.findall(words))
    assert not re.search(r"[<>\"'&`*_|\\$#{}]", gaps.sub("", CHINESE[words]).replace("CITECHAT_LINKS", "")), (
        "it stands in HTML, attributes and Markdown as it is"
    )
    assert CHINESE[words].strip() == CHINESE[words]


@pytest.mark.parametrize("words", sorted(CHINESE.keys() - {"{message}. {hint}"}))
def test_what_is_in_chinese_is_chinese(words: str) -> None:
    assert re.search("[\u4e00-\u9fff]", CHINESE[words])
    of_ours = re.sub(r"\{\w+\}", "", CHINESE[words])
    kept = {"Markdown", "JSON", "JSONL", "CSV", "MB", "http", "https", "CITECHAT_LINKS"}
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
    assert words_for(accepted) is say


def test_words_that_are_not_ours_stay_as_they_are() -> None:
    assert chinese("Harbour") == "Harbour"
    assert english("Sources") == "Sources"


def test_what_the_assistant_says_for_itself_is_what_is_translated(index: Index, tmp_path: Path) -> None:
    file = tmp_path / "port.txt"
    file.write_text("The harbour reopened on Monday.", encoding="utf-8")
    index.sync([file])
    assistant = Assistant(index)
    assert assistant.ask("When?", article_filter=ArticleFilter(articles=("gone",))).notes == NOTES
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
    assert latin(*shown, masthead_html("模型", 3, chinese)) == {"citechat"}
    assert latin(*heads(chinese)) == {"Markdown", "JSON"}


@pytest.mark.parametrize("support", SUPPORT_LABELS)
def test_an_answer_is_in_chinese(support: str) -> None:
    shown = [
        Exchange(
            "几时？", answer(support), article_filter=ArticleFilter("2024", "2025", ("日报",), ("1",)), rating="good"
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
    shown = [article_html(ARTICLE, "1", place, place, chinese), kept_html(HIT, "1", place, chinese)]
    assert latin(*shown, no_citation_yet(chinese)) == set()
    on_the_web = Article("1", "港口", "https://1.example/", TEXT)
    assert latin(article_html(on_the_web, "1", place, None, chinese)) == {"example"}


def test_the_conversations_are_in_chinese() -> None:
    kept = [
        ConversationSummary("1", "港口", "2024-02-24T10:00:00+00:00", 1),
        ConversationSummary("2", "", "2024-12-01T10:00:00+00:00", 3),
    ]
    assert latin(past_html(kept, "1", chinese), past_html((), say=chinese)) == set()


def test_the_library_is_in_chinese() -> None:
    rows = [Listed(f"{n}", "港口", ("日报",), "2024-02-24", None, 1 + n) for n in range(MOST_ROWS + 1)]
    ticked = frozenset({"1"})
    shown = [shelf_html(rows, ticked, chinese), shelf_html(rows[:2], ticked, chinese, confirming=True)]
    shown += [shelf_html(rows[:1], frozenset(), chinese, search="无"), shelf_html((), frozenset(), chinese)]
    shown += [shelf_html(rows[:2], frozenset({"0", "1"}), chinese, confirming=True)]
    assert latin(*shown) == set()


def test_what_is_told_of_what_is_added_is_in_chinese() -> None:
    states = ("waiting", "reading", "added", "changed", "unchanged", "failed")
    rows = [Row("1", state, articles=count) for state in states for count in (1, 2)]  # type: ignore[arg-type]
    told = [Row("1", "failed", words) for words in TOLD]
    assert latin(progress_html([*rows, *told], chinese)) == {"MB", "http", "https", "CITECHAT", "LINKS"}
