"""What a reader does with kept conversations and with one answer; what a browser makes up does nothing."""

from __future__ import annotations

import html
import json
import logging
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from index import Index
from rag import AnswerOptions, Assistant
from ui.chat.handlers.answering import SCREEN_PARTS, Replies
from ui.chat.handlers.conversations import Keeping
from ui.chat.services import Services
from ui.chat.session import Reader
from ui.chat.writing import Writing
from ui.conversation import Conversation, Exchange
from ui.i18n.translate import chinese
from ui.persistence.conversations import ConversationStore

ANN, BOB, NOBODY = Reader("ann", "1"), Reader("bob", "2"), Reader("", "3")
SHIPS = "The harbour reopened on Monday. Ships came back."
SKIP = object()

CHAT, SAID, PANE, BOX, PAST = 0, 1, 2, 3, 7
OUT, REASON_ROW, REASON, JUDGING = SCREEN_PARTS, SCREEN_PARTS + 1, SCREEN_PARTS + 2, SCREEN_PARTS + 3
FORGED: list[object] = [
    None,
    7,
    "open",
    [],
    ["open", "x"],
    {},
    {"what": "open"},
    {"what": ["open"], "id": "1"},
    {"what": {"open": 1}, "id": {"id": 1}, "value": [1]},
    {"what": "open", "id": None, "value": None},
    {"what": "open", "id": "'; DROP TABLE conversations; --"},
    {"what": "open", "id": "\x00\ud800"},
    {"what": "rename", "id": "unknown", "value": "x"},
    {"what": "delete", "id": "unknown"},
    {"what": "drop", "id": "1"},
    {"what": "__class__", "id": "1"},
    *(
        {"what": what, "id": turn}
        for what in ("good", "copy", "case", "edit")
        for turn in ("0", "2", "-1", "999999999")
    ),
    *({"what": "good", "id": turn} for turn in ("", "1 ", "+1", "1.0", "1e0", "0x1", "١", "１", "1\n", 1, True, None)),
    {"what": "good", "id": "9" * 5000},
]


class Page:
    """The part of the web framework that replies use."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def skip(self) -> object:
        return SKIP

    def update(self, **values: object) -> dict[str, object]:
        return values

    def Warning(self, words: str) -> None:  # noqa: N802 - it is called so
        self.warnings.append(words)


@pytest.fixture
def page() -> Page:
    return Page()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "home" / "conversations.sqlite3"


@pytest.fixture
def saved(file: Path) -> Iterator[ConversationStore]:
    with closing(ConversationStore(f"sqlite:///{file}")) as saved:
        yield saved


@pytest.fixture
def testset(tmp_path: Path) -> Path:
    return tmp_path / "home" / "testset.jsonl"


@pytest.fixture
def assistant(index: Index, tmp_path: Path) -> Assistant:
    article = tmp_path / "port.txt"
    article.write_text(SHIPS, encoding="utf-8")
    index.sync([article])
    return Assistant(index, options=AnswerOptions(abstention_threshold=0.0))


@pytest.fixture
def keeping(page: Page, assistant: Assistant, saved: ConversationStore, testset: Path) -> Keeping:
    return Keeping(page, Replies(page, assistant, Services(saved=saved, testset=testset)))


@pytest.fixture
def ask(keeping: Keeping) -> Callable[..., Conversation]:
    """Asks a question, and gives the conversation as it is on the page."""

    def ask(question: str, said: Conversation | None = None, reader: Reader = ANN) -> Conversation:
        *_, last = keeping.replies.ask(reader, question, said or Conversation(), Writing())
        conversation = last[SAID]
        assert isinstance(conversation, Conversation)
        return conversation

    return ask


def choose(
    keeping: Keeping, said: Conversation, what: str, chosen: str = "", value: str = "", **more: Any
) -> list[Any]:
    """What comes of a choice; `reader` and `writing` may be given."""
    told = {"what": what, "id": chosen, "value": value}
    return keeping.choose(more.get("reader", ANN), told, said, more.get("writing") or Writing())


def out(shown: list[Any], at: int = OUT) -> tuple[str, str, str]:
    """What goes out to the browser: its kind, the word to say, the text."""
    found = re.fullmatch(r'<pre(?: data-sent="\d+")? data-kind="(\w+)" data-word="([^"<>]*)">([^<>]*)</pre>', shown[at])
    assert found, shown[at]
    kind, word, text = map(html.unescape, found.groups())
    return kind, word, text


def is_untouched(shown: list[Any]) -> bool:
    """Whether all stays as it is; a row for a reason goes away."""
    rest = [*shown[:REASON_ROW], *shown[REASON:]]
    return len(shown) == JUDGING + 1 and all(each is SKIP for each in rest) and shown[REASON_ROW] == {"visible": False}


# Kept conversations


def test_what_is_asked_is_kept_under_its_reader_alone(
    ask: Callable[..., Conversation], saved: ConversationStore
) -> None:
    said = ask("When did the harbour reopen?")
    assert saved.load("ann", said.id) == said
    assert saved.listing("bob") == []


def test_a_conversation_goes_on_under_the_same_id(ask: Callable[..., Conversation], saved: ConversationStore) -> None:
    said = ask("And ships?", ask("When did the harbour reopen?"))
    (listed,) = saved.listing("ann")
    assert (listed.id, listed.questions, listed.title) == (said.id, 2, "When did the harbour reopen?")


def test_a_conversation_whose_first_answer_is_stopped_is_kept_once(keeping: Keeping, saved: ConversationStore) -> None:
    writing = Writing()
    answers = keeping.replies.ask(ANN, "When did the harbour reopen?", Conversation(), writing)
    halfway = next(answers)[SAID]
    stopped = keeping.replies.stop(ANN, halfway, writing)[SAID]
    *_, last = answers
    assert [each.id for each in saved.listing("ann")] == [stopped.id] == [last[SAID].id]
    assert last[SAID].exchanges[0].stopped


def test_a_kept_conversation_is_opened_in_place_of_what_is_on_the_page(
    keeping: Keeping, ask: Callable[..., Conversation]
) -> None:
    said, other, writing = ask("When did the harbour reopen?"), ask("Ships?"), Writing()
    number = writing.begin()
    shown = choose(keeping, other, "open", said.id, writing=writing)
    assert shown[SAID] == said
    assert "The harbour reopened on Monday" in html.unescape(re.sub("<[^>]*>", "", shown[CHAT][1]["content"]))
    assert shown[BOX]["value"] == ""
    assert "The article opens here" in shown[PANE]
    assert f'data-id="{said.id}"><button class="title" data-do="open" aria-current="true"' in shown[PAST]
    assert writing.number > number, "and what was being written ends"


def test_of_a_conversation_that_is_gone_it_is_said(keeping: Keeping, ask: Callable[..., Conversation]) -> None:
    said = ask("Ships?")
    shown = choose(keeping, said, "open", "gone")
    assert out(shown) == ("say", "This conversation is no longer kept.", "")
    assert all(each is SKIP for each in shown[:SCREEN_PARTS])


def test_the_open_conversation_takes_its_new_name(
    keeping: Keeping, ask: Callable[..., Conversation], saved: ConversationStore
) -> None:
    said, other = ask("Ships?"), ask("When did the harbour reopen?")
    shown = choose(keeping, said, "rename", said.id, "  <b>The\nport</b> ")
    assert shown[SAID] == replace(said, title="<b>The port</b>")
    assert [each.title for each in saved.listing("ann")] == ["When did the harbour reopen?", "<b>The port</b>"]
    assert "<b>" not in shown[PAST]
    shown = choose(keeping, said, "rename", other.id, "Other")
    assert shown[SAID] == said, "another one that is renamed changes nothing in this one"
    assert "Other" in shown[PAST]


@pytest.mark.parametrize("name", ["", "  \n "])
def test_a_blank_name_is_none(
    keeping: Keeping, ask: Callable[..., Conversation], saved: ConversationStore, name: str
) -> None:
    said = ask("Ships?")
    choose(keeping, said, "rename", said.id, name)
    assert saved.listing("ann")[0].title == "Ships?"


def test_the_open_conversation_is_deleted_and_a_new_one_begins(
    keeping: Keeping, ask: Callable[..., Conversation], saved: ConversationStore
) -> None:
    other, said, writing = ask("When?"), ask("Ships?"), Writing()
    shown = choose(keeping, said, "delete", said.id, writing=writing)
    assert shown[SAID] == Conversation()
    assert writing.number == 1, "and what was being written for it ends, or it would be kept again"
    assert [each.id for each in saved.listing("ann")] == [other.id]


def test_another_conversation_is_deleted_and_this_one_stays(
    keeping: Keeping, ask: Callable[..., Conversation], saved: ConversationStore
) -> None:
    other, said = ask("When?"), ask("Ships?")
    shown = choose(keeping, said, "delete", other.id)
    assert shown[SAID] in (said, SKIP)
    assert other.id not in shown[PAST]
    assert [each.id for each in saved.listing("ann")] == [said.id]


@pytest.mark.parametrize("what", ["open", "rename", "delete"])
def test_the_conversation_of_another_reader_is_out_of_reach(
    keeping: Keeping, ask: Callable[..., Conversation], saved: ConversationStore, what: str
) -> None:
    hers, his = ask("Ships?"), ask("When?", reader=BOB)
    shown = choose(keeping, his, what, hers.id, "mine", reader=BOB)
    assert shown[SAID] in (his, SKIP)
    assert hers.id not in str(shown)
    assert saved.load("ann", hers.id) == hers
    assert is_untouched(choose(keeping, his, what, hers.id, "mine", reader=NOBODY))


def test_a_new_conversation_begins_and_the_one_before_stays_kept(
    keeping: Keeping, ask: Callable[..., Conversation], saved: ConversationStore
) -> None:
    said = ask("Ships?")
    shown = choose(keeping, said, "new")
    assert shown[SAID] == Conversation()
    assert shown[BOX]["value"] == ""
    assert saved.load("ann", said.id) == said
    assert said.id in shown[PAST]


def test_a_question_is_changed_and_what_followed_it_stays_kept_until_it_is_asked(
    keeping: Keeping, ask: Callable[..., Conversation], saved: ConversationStore
) -> None:
    said = ask("And ships?", ask("When did the harbour reopen?"))
    shown = choose(keeping, said, "edit", "1")
    assert shown[SAID] == replace(said, exchanges=())
    assert shown[BOX]["value"] == "When did the harbour reopen?"
    assert saved.load("ann", said.id) == said
    ask("Why?", shown[SAID])
    kept = saved.load("ann", said.id)
    assert kept is not None
    assert [each.question for each in kept.exchanges] == ["Why?"]


# One answer


def test_an_answer_is_copied_with_its_sources(keeping: Keeping, ask: Callable[..., Conversation]) -> None:
    kind, word, text = out(choose(keeping, ask("When did the harbour reopen?"), "copy", "1"))
    assert (kind, word) == ("copy", "Copied")
    assert text.startswith("The harbour reopened on Monday. [1]")
    assert "Sources:\n[1] “The harbour reopened on Monday.”" in text


@pytest.mark.parametrize("what", ["copy", "markdown", "json"])
def test_what_is_done_twice_goes_out_twice(keeping: Keeping, ask: Callable[..., Conversation], what: str) -> None:
    """The browser takes no notice of what it was given before."""
    said = ask("When did the harbour reopen?")
    first, second = (choose(keeping, said, what, "1") for _ in range(2))
    assert out(first) == out(second)
    assert first[OUT] != second[OUT]


@pytest.mark.parametrize(("what", "suffix"), [("markdown", "md"), ("json", "json")])
def test_a_conversation_is_downloaded_under_its_name(
    keeping: Keeping, ask: Callable[..., Conversation], what: str, suffix: str
) -> None:
    said = replace(ask("When did the harbour reopen?"), title='<script>"Ships"')
    kind, name, text = out(choose(keeping, said, what))
    assert (kind, name) == ("download", f"script-Ships.{suffix}")
    assert "When did the harbour reopen?" in text
    if what == "json":
        assert json.loads(text)["title"] == '<script>"Ships"'


@pytest.mark.parametrize("what", ["markdown", "json", "copy", "good", "bad", "case", "edit"])
def test_before_anything_was_asked_there_is_nothing_to_do(keeping: Keeping, what: str) -> None:
    shown = choose(keeping, Conversation(), what, "1")
    assert all(each is SKIP for each in shown[:SCREEN_PARTS])
    assert shown[OUT] is SKIP or out(shown)[0] == "say"


def test_what_is_thought_of_an_answer_is_kept_with_a_reason(
    keeping: Keeping, ask: Callable[..., Conversation], saved: ConversationStore
) -> None:
    said = ask("And ships?", ask("When did the harbour reopen?"))
    shown = choose(keeping, said, "bad", "1")
    judged = shown[SAID]
    assert [each.rating for each in judged.exchanges] == ["bad", None]
    assert saved.load("ann", said.id) == judged
    assert out(shown)[:2] == ("say", "Thank you. It is kept.")
    assert shown[REASON_ROW] == {"visible": True}
    assert shown[REASON]["value"] == ""
    assert shown[REASON]["label"] == "What is wrong with it?"
    assert shown[JUDGING] == 1
    given, row, *_ = keeping.reason(ANN, "  It was Tuesday. ", judged, 1)
    assert out([given], 0)[1] == "Thank you. It is kept."
    assert row == {"visible": False}
    (judgement,) = saved.feedback()
    assert (judgement["turn"], judgement["verdict"], judgement["reason"]) == (1, "bad", "It was Tuesday.")
    assert judgement["question"] == "When did the harbour reopen?"


def test_who_thinks_again_has_one_verdict(
    keeping: Keeping, ask: Callable[..., Conversation], saved: ConversationStore
) -> None:
    bad = choose(keeping, ask("When did the harbour reopen?"), "bad", "1")[SAID]
    keeping.reason(ANN, "no", bad, 1)
    shown = choose(keeping, bad, "good", "1")
    assert shown[REASON]["label"] == "What is good about it?"
    assert [(each["verdict"], each["reason"]) for each in saved.feedback()] == [("good", "")]
    assert "✓ Good answer" in shown[CHAT][1]["content"]
    assert "✓ Bad answer" not in shown[CHAT][1]["content"]


@pytest.mark.parametrize("turn", [0, -1, 2, 999_999_999, None, "1", 1.0, [1]])
@pytest.mark.parametrize("text", ["why", None, "  "])
def test_a_reason_for_no_verdict_is_not_kept(
    keeping: Keeping, ask: Callable[..., Conversation], saved: ConversationStore, turn: Any, text: str | None
) -> None:
    judged = choose(keeping, ask("When did the harbour reopen?"), "good", "1")[SAID]
    assert keeping.reason(ANN, text, judged, turn) == [SKIP, {"visible": False}, SKIP, SKIP]
    assert keeping.reason(ANN, text, Conversation(), 1) == [SKIP, {"visible": False}, SKIP, SKIP]
    assert keeping.reason(ANN, text, ask("Ships?"), 1) == [SKIP, {"visible": False}, SKIP, SKIP], "not judged yet"
    assert [each["reason"] for each in saved.feedback()] == [""]


def test_a_reason_is_cut_where_it_is_very_long(
    keeping: Keeping, ask: Callable[..., Conversation], saved: ConversationStore
) -> None:
    judged = choose(keeping, ask("When did the harbour reopen?"), "good", "1")[SAID]
    keeping.reason(ANN, "\ud800" + "x" * 100_000, judged, 1)
    (judgement,) = saved.feedback()
    assert len(judgement["reason"]) == 1000


def test_an_answer_becomes_a_case_of_the_test_set_once(
    keeping: Keeping, ask: Callable[..., Conversation], testset: Path
) -> None:
    said = ask("Ships?", ask("When did the harbour reopen?"))
    assert out(choose(keeping, said, "case", "1"))[1] == "Added to the test set testset.jsonl."
    assert out(choose(keeping, said, "case", "1"))[1] == "It is in the test set testset.jsonl already."
    assert out(choose(keeping, said, "case", "2"))[1] == "Added to the test set testset.jsonl."
    first, second = map(json.loads, testset.read_text(encoding="utf-8").splitlines())
    assert first["question"] == "When did the harbour reopen?"
    assert "history" not in first
    assert second["history"][0] == {"role": "user", "text": "When did the harbour reopen?"}


def test_what_cannot_be_added_to_the_test_set_is_said(
    keeping: Keeping, ask: Callable[..., Conversation], testset: Path
) -> None:
    said = ask("When did the harbour reopen?")
    testset.write_text("rubbish\n")
    kind, word, _ = out(choose(keeping, said, "case", "1"))
    assert kind == "say"
    assert word
    assert testset.read_text() == "rubbish\n"
    unfinished = Conversation((Exchange("When?"), replace(said.exchanges[0], answer=None, error=("x", "y"))))
    assert out(choose(keeping, unfinished, "case", "1"))[1] == "There is no test set to add to."
    assert out(choose(keeping, unfinished, "case", "2"))[1] == "There is no test set to add to."


def test_an_answer_that_failed_is_not_judged_and_no_thanks_are_given(
    keeping: Keeping, page: Page, saved: ConversationStore
) -> None:
    failed = Conversation((Exchange("When?", error=("the model is silent", "Start it.")),))
    shown = choose(keeping, failed, "good", "1")
    assert list(saved.feedback()) == []
    assert shown[OUT] is SKIP or "Thank you" not in shown[OUT]


def test_the_words_are_in_the_language_of_the_reader(keeping: Keeping, ask: Callable[..., Conversation]) -> None:
    said, reader = ask("When did the harbour reopen?"), Reader("ann", "1", chinese)
    shown = choose(keeping, said, "good", "1", reader=reader)
    assert out(shown)[1] == "谢谢，您的评价已保存。"
    assert shown[REASON]["label"] == "好在哪里？"
    assert out(choose(keeping, said, "copy", "1", reader=reader))[1] == "已复制"
    assert "出处：" in out(choose(keeping, said, "copy", "1", reader=reader))[2]


# What a browser makes up, and a database that fails


@pytest.mark.parametrize("data", FORGED, ids=lambda data: repr(data)[:60])
def test_what_a_browser_makes_up_does_nothing(
    keeping: Keeping,
    ask: Callable[..., Conversation],
    saved: ConversationStore,
    testset: Path,
    page: Page,
    data: object,
) -> None:
    said = ask("When did the harbour reopen?")
    for conversation in (said, Conversation()):
        shown = keeping.choose(ANN, data, conversation, Writing())
        assert len(shown) == JUDGING + 1
        assert shown[SAID] in (SKIP, conversation)
    assert saved.load("ann", said.id) == said
    assert list(saved.feedback()) == []
    assert not testset.exists()
    assert not page.warnings


def test_without_a_database_the_conversation_goes_on_and_nothing_is_said_to_be_kept(
    page: Page, assistant: Assistant
) -> None:
    keeping = Keeping(page, Replies(page, assistant))
    *_, last = keeping.replies.ask(ANN, "When did the harbour reopen?", Conversation(), Writing())
    said = last[SAID]
    assert "No conversation is kept yet" in last[PAST]
    for what in ("open", "rename", "delete"):
        assert is_untouched(choose(keeping, said, what, "x", "y"))
    shown = choose(keeping, said, "good", "1")
    assert shown[SAID].exchanges[0].rating == "good"
    assert shown[OUT] is SKIP or "kept" not in shown[OUT]
    assert out(choose(keeping, said, "case", "1"))[1] == "There is no test set to add to."
    assert out(choose(keeping, said, "markdown"))[0] == "download"


def test_what_could_not_be_kept_is_told_and_thanks_are_not_given(
    keeping: Keeping, ask: Callable[..., Conversation], page: Page, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    said = ask("When did the harbour reopen?")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("DROP TABLE judgements")
    with caplog.at_level(logging.WARNING):
        shown = choose(keeping, said, "good", "1")
    assert page.warnings == ["This could not be kept; the log of the server says why."]
    assert "a verdict is not kept" in caplog.text
    assert shown[OUT] is SKIP or "Thank you" not in shown[OUT]


def test_a_database_that_fails_is_told_without_where_it_is(
    keeping: Keeping, ask: Callable[..., Conversation], file: Path
) -> None:
    said = ask("When did the harbour reopen?")
    file.write_bytes(b"rubbish" * 1000)
    for what in ("open", "rename", "delete"):
        kind, word, _ = out(choose(keeping, said, what, said.id, "x"))
        assert kind == "say"
        assert word
        assert str(file.parent) not in word
