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
from ui import conversation as conversation_module
from ui.chat.handlers.answers import AnswerHandlers, Update
from ui.chat.handlers.conversations import ConversationHandlers
from ui.chat.services import Services
from ui.chat.session import PageSession, Visitor
from ui.conversation import Conversation, Exchange
from ui.i18n.translate import chinese
from ui.persistence.conversations import ConversationStore

ANN, BOB, NOBODY = Visitor("ann", "1"), Visitor("bob", "2"), Visitor("", "3")
SHIPS = "The harbour reopened on Monday. Ships came back."
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


class Gradio:
    """The part of the web framework that replies use."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def update(self, **values: object) -> dict[str, object]:
        return values

    def Warning(self, words: str) -> None:  # noqa: N802 - it is called so
        self.warnings.append(words)


@pytest.fixture
def gradio() -> Gradio:
    return Gradio()


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
def handlers(gradio: Gradio, assistant: Assistant, saved: ConversationStore, testset: Path) -> ConversationHandlers:
    return ConversationHandlers(
        gradio, AnswerHandlers(gradio, assistant, Services(conversations=saved, testset=testset))
    )


@pytest.fixture
def ask(handlers: ConversationHandlers) -> Callable[..., Conversation]:
    """Asks a question, and gives the conversation as it is on the page."""

    def ask(question: str, said: Conversation | None = None, visitor: Visitor = ANN) -> Conversation:
        *_, last = handlers.answers.ask(visitor, question, said or Conversation(), PageSession())
        conversation = last["conversation"]
        assert isinstance(conversation, Conversation)
        return conversation

    return ask


def choose(
    handlers: ConversationHandlers, said: Conversation, what: str, chosen: str = "", value: str = "", **more: Any
) -> Update:
    """Return what a choice changes; `visitor` and `session` may be given."""
    data = {"what": what, "id": chosen, "value": value}
    return handlers.choose(more.get("visitor", ANN), data, said, more.get("session") or PageSession())


def out(shown: Update) -> tuple[str, str, str]:
    """What goes out to the browser: its kind, the word to say, the text."""
    found = re.fullmatch(
        r'<pre(?: data-sent="\d+")? data-kind="(\w+)" data-word="([^"<>]*)">([^<>]*)</pre>', shown["outbox"]
    )
    assert found, shown
    kind, word, text = map(html.unescape, found.groups())
    return kind, word, text


NOTHING = {"reason_row": {"visible": False}}
"""What an action without an effect returns: everything stays as it is, and the field for a reason goes away."""


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


def test_a_conversation_whose_first_answer_is_stopped_is_kept_once(
    handlers: ConversationHandlers, saved: ConversationStore
) -> None:
    session = PageSession()
    answers = handlers.answers.ask(ANN, "When did the harbour reopen?", Conversation(), session)
    halfway = next(answers)["conversation"]
    stopped = handlers.answers.stop(ANN, halfway, session)["conversation"]
    *_, last = answers
    assert [each.id for each in saved.listing("ann")] == [stopped.id] == [last["conversation"].id]
    assert last["conversation"].exchanges[0].stopped


def test_a_kept_conversation_is_opened_in_place_of_what_is_on_the_page(
    handlers: ConversationHandlers, ask: Callable[..., Conversation]
) -> None:
    said, other, session = ask("When did the harbour reopen?"), ask("Ships?"), PageSession()
    number = session.begin_answer()
    shown = choose(handlers, other, "open", said.id, session=session)
    assert shown["conversation"] == said
    assert "The harbour reopened on Monday" in html.unescape(re.sub("<[^>]*>", "", shown["chatbot"][1]["content"]))
    assert shown["question"]["value"] == ""
    assert "The harbour reopened on Monday" in html.unescape(shown["article"]), "the only article is open again"
    assert f'data-id="{said.id}"><button class="title" data-do="open" aria-current="true"' in shown["history"]
    assert session.answer_number > number, "and what was being written ends"


def test_of_a_conversation_that_is_gone_it_is_said(
    handlers: ConversationHandlers, ask: Callable[..., Conversation]
) -> None:
    said = ask("Ships?")
    shown = choose(handlers, said, "open", "gone")
    assert out(shown) == ("notice", "Conversation not found.", "")
    assert shown.keys() == {"reason_row", "outbox"}


def test_the_open_conversation_takes_its_new_name(
    handlers: ConversationHandlers, ask: Callable[..., Conversation], saved: ConversationStore
) -> None:
    said, other = ask("Ships?"), ask("When did the harbour reopen?")
    shown = choose(handlers, said, "rename", said.id, "  <b>The\nport</b> ")
    assert shown["conversation"] == replace(said, title="<b>The port</b>")
    assert [each.title for each in saved.listing("ann")] == ["When did the harbour reopen?", "<b>The port</b>"]
    assert "<b>" not in shown["history"]
    shown = choose(handlers, said, "rename", other.id, "Other")
    assert shown["conversation"] == said, "another one that is renamed changes nothing in this one"
    assert "Other" in shown["history"]


@pytest.mark.parametrize("name", ["", "  \n "])
def test_a_blank_name_is_none(
    handlers: ConversationHandlers, ask: Callable[..., Conversation], saved: ConversationStore, name: str
) -> None:
    said = ask("Ships?")
    choose(handlers, said, "rename", said.id, name)
    assert saved.listing("ann")[0].title == "Ships?"


def test_the_open_conversation_is_deleted_and_a_new_one_begins(
    handlers: ConversationHandlers, ask: Callable[..., Conversation], saved: ConversationStore
) -> None:
    other, said, session = ask("When?"), ask("Ships?"), PageSession()
    shown = choose(handlers, said, "delete", said.id, session=session)
    assert shown["conversation"] == Conversation()
    assert session.answer_number == 1, "and what was being written for it ends, or it would be kept again"
    assert [each.id for each in saved.listing("ann")] == [other.id]


def test_another_conversation_is_deleted_and_this_one_stays(
    handlers: ConversationHandlers, ask: Callable[..., Conversation], saved: ConversationStore
) -> None:
    other, said = ask("When?"), ask("Ships?")
    shown = choose(handlers, said, "delete", other.id)
    assert shown.get("conversation", said) == said
    assert other.id not in shown["history"]
    assert [each.id for each in saved.listing("ann")] == [said.id]


@pytest.mark.parametrize("what", ["open", "rename", "delete"])
def test_the_conversation_of_another_reader_is_out_of_reach(
    handlers: ConversationHandlers, ask: Callable[..., Conversation], saved: ConversationStore, what: str
) -> None:
    hers, his = ask("Ships?"), ask("When?", visitor=BOB)
    shown = choose(handlers, his, what, hers.id, "mine", visitor=BOB)
    assert shown.get("conversation", his) == his
    assert hers.id not in str(shown)
    assert saved.load("ann", hers.id) == hers
    assert choose(handlers, his, what, hers.id, "mine", visitor=NOBODY) == NOTHING


def test_a_new_conversation_begins_and_the_one_before_stays_kept(
    handlers: ConversationHandlers, ask: Callable[..., Conversation], saved: ConversationStore
) -> None:
    said = ask("Ships?")
    shown = choose(handlers, said, "new")
    assert shown["conversation"] == Conversation()
    assert shown["question"]["value"] == ""
    assert saved.load("ann", said.id) == said
    assert said.id in shown["history"]


def test_a_question_is_changed_and_what_followed_it_stays_kept_until_it_is_asked(
    handlers: ConversationHandlers, ask: Callable[..., Conversation], saved: ConversationStore
) -> None:
    said = ask("And ships?", ask("When did the harbour reopen?"))
    shown = choose(handlers, said, "edit", "1")
    assert shown["conversation"] == replace(said, exchanges=())
    assert shown["question"]["value"] == "When did the harbour reopen?"
    assert saved.load("ann", said.id) == said
    ask("Why?", shown["conversation"])
    kept = saved.load("ann", said.id)
    assert kept is not None
    assert [each.question for each in kept.exchanges] == ["Why?"]


# One answer


def test_an_answer_is_copied_with_its_sources(handlers: ConversationHandlers, ask: Callable[..., Conversation]) -> None:
    kind, word, text = out(choose(handlers, ask("When did the harbour reopen?"), "copy", "1"))
    assert (kind, word) == ("copy", "Copied")
    assert text.startswith("The harbour reopened on Monday. [1]")
    assert "Sources:\n[1] “The harbour reopened on Monday.”" in text


@pytest.mark.parametrize("what", ["copy", "markdown", "json"])
def test_what_is_done_twice_goes_out_twice(
    handlers: ConversationHandlers, ask: Callable[..., Conversation], what: str
) -> None:
    """The browser takes no notice of what it was given before."""
    said = ask("When did the harbour reopen?")
    first, second = (choose(handlers, said, what, "1") for _ in range(2))
    assert out(first) == out(second)
    assert first["outbox"] != second["outbox"]


@pytest.mark.parametrize(("what", "suffix"), [("markdown", "md"), ("json", "json")])
def test_a_conversation_is_downloaded_under_its_name(
    handlers: ConversationHandlers, ask: Callable[..., Conversation], what: str, suffix: str
) -> None:
    said = replace(ask("When did the harbour reopen?"), title='<script>"Ships"')
    kind, name, text = out(choose(handlers, said, what))
    assert (kind, name) == ("download", f"script-Ships.{suffix}")
    assert "When did the harbour reopen?" in text
    if what == "json":
        assert json.loads(text)["title"] == '<script>"Ships"'


@pytest.mark.parametrize("what", ["markdown", "json", "copy", "good", "bad", "case", "edit"])
def test_before_anything_was_asked_there_is_nothing_to_do(handlers: ConversationHandlers, what: str) -> None:
    shown = choose(handlers, Conversation(), what, "1")
    assert shown.keys() <= {"reason_row", "outbox"}
    assert "outbox" not in shown or out(shown)[0] == "notice"


def test_what_is_thought_of_an_answer_is_kept_with_a_reason(
    handlers: ConversationHandlers, ask: Callable[..., Conversation], saved: ConversationStore
) -> None:
    said = ask("And ships?", ask("When did the harbour reopen?"))
    shown = choose(handlers, said, "bad", "1")
    judged = shown["conversation"]
    assert [each.rating for each in judged.exchanges] == ["bad", None]
    assert saved.load("ann", said.id) == judged
    assert out(shown)[:2] == ("notice", "Thank you for your feedback.")
    assert shown["reason_row"] == {"visible": True}
    assert shown["reason"]["value"] == ""
    assert shown["reason"]["label"] == "What was wrong with this answer?"
    assert shown["rated_turn"] == 1
    given = handlers.give_reason(ANN, "  It was Tuesday. ", judged, 1)
    assert out(given)[1] == "Thank you for your feedback."
    assert given["reason_row"] == {"visible": False}
    assert "It was Tuesday" in html.unescape(given["feedback"])
    (judgement,) = saved.feedback()
    assert (judgement["turn"], judgement["verdict"], judgement["reason"]) == (1, "bad", "It was Tuesday.")
    assert judgement["question"] == "When did the harbour reopen?"


def test_who_thinks_again_has_one_verdict(
    handlers: ConversationHandlers, ask: Callable[..., Conversation], saved: ConversationStore
) -> None:
    bad = choose(handlers, ask("When did the harbour reopen?"), "bad", "1")["conversation"]
    handlers.give_reason(ANN, "no", bad, 1)
    shown = choose(handlers, bad, "good", "1")
    assert shown["reason"]["label"] == "What was good about this answer?"
    assert [(each["verdict"], each["reason"]) for each in saved.feedback()] == [("good", "")]
    assert "✓ Good answer" in shown["chatbot"][1]["content"]
    assert "✓ Bad answer" not in shown["chatbot"][1]["content"]


@pytest.mark.parametrize("turn", [0, -1, 2, 999_999_999, None, "1", 1.0, [1]])
@pytest.mark.parametrize("text", ["why", None, "  "])
def test_a_reason_for_no_verdict_is_not_kept(
    handlers: ConversationHandlers,
    ask: Callable[..., Conversation],
    saved: ConversationStore,
    turn: Any,
    text: str | None,
) -> None:
    judged = choose(handlers, ask("When did the harbour reopen?"), "good", "1")["conversation"]
    assert handlers.give_reason(ANN, text, judged, turn) == NOTHING
    assert handlers.give_reason(ANN, text, Conversation(), 1) == NOTHING
    assert handlers.give_reason(ANN, text, ask("Ships?"), 1) == NOTHING, "not judged yet"
    assert [each["reason"] for each in saved.feedback()] == [""]


def test_a_reason_is_cut_where_it_is_very_long(
    handlers: ConversationHandlers, ask: Callable[..., Conversation], saved: ConversationStore
) -> None:
    judged = choose(handlers, ask("When did the harbour reopen?"), "good", "1")["conversation"]
    handlers.give_reason(ANN, "\ud800" + "x" * 100_000, judged, 1)
    (judgement,) = saved.feedback()
    assert len(judgement["reason"]) == 1000


def test_an_answer_becomes_a_case_of_the_test_set_once(
    handlers: ConversationHandlers, ask: Callable[..., Conversation], testset: Path
) -> None:
    said = ask("Ships?", ask("When did the harbour reopen?"))
    assert out(choose(handlers, said, "case", "1"))[1] == "Added to test set testset.jsonl."
    assert out(choose(handlers, said, "case", "1"))[1] == "Already in test set testset.jsonl."
    with_history = "Added to test set testset.jsonl, with the earlier messages of this conversation."
    assert out(choose(handlers, said, "case", "2"))[1] == with_history
    first, second = map(json.loads, testset.read_text(encoding="utf-8").splitlines())
    assert first["question"] == "When did the harbour reopen?"
    assert "history" not in first
    assert second["history"][0] == {"role": "user", "text": "When did the harbour reopen?"}


def test_what_cannot_be_added_to_the_test_set_is_said(
    handlers: ConversationHandlers, ask: Callable[..., Conversation], testset: Path
) -> None:
    said = ask("When did the harbour reopen?")
    testset.write_text("rubbish\n")
    kind, word, _ = out(choose(handlers, said, "case", "1"))
    assert kind == "notice"
    assert word
    assert testset.read_text() == "rubbish\n"
    testset.write_text("".join(f'{{"id": "{n}", "question": "When?", "answerable": false}}\n' for n in range(500)))
    full = "Test set testset.jsonl is full. See the server log."
    assert out(choose(handlers, said, "case", "1"))[1] == full
    unfinished = Conversation((Exchange("When?"), replace(said.exchanges[0], answer=None, error=("x", "y"))))
    assert out(choose(handlers, unfinished, "case", "1"))[1] == "Cannot add this answer to a test set."
    assert out(choose(handlers, unfinished, "case", "2"))[1] == "Cannot add this answer to a test set."


def test_an_answer_that_failed_is_not_judged_and_no_thanks_are_given(
    handlers: ConversationHandlers, gradio: Gradio, saved: ConversationStore
) -> None:
    failed = Conversation((Exchange("When?", error=("the model is silent", "Start it.")),))
    shown = choose(handlers, failed, "good", "1")
    assert list(saved.feedback()) == []
    assert "Thank you" not in shown.get("outbox", "")


def test_the_words_are_in_the_language_of_the_reader(
    handlers: ConversationHandlers, ask: Callable[..., Conversation]
) -> None:
    said, visitor = ask("When did the harbour reopen?"), Visitor("ann", "1", chinese)
    shown = choose(handlers, said, "good", "1", visitor=visitor)
    assert out(shown)[1] == "感谢您的反馈。"
    assert shown["reason"]["label"] == "这个回答好在哪里？"
    assert out(choose(handlers, said, "copy", "1", visitor=visitor))[1] == "已复制"
    assert "出处：" in out(choose(handlers, said, "copy", "1", visitor=visitor))[2]


# What a browser makes up, and a database that fails


@pytest.mark.parametrize("data", FORGED, ids=lambda data: repr(data)[:60])
def test_what_a_browser_makes_up_does_nothing(
    handlers: ConversationHandlers,
    ask: Callable[..., Conversation],
    saved: ConversationStore,
    testset: Path,
    gradio: Gradio,
    data: object,
) -> None:
    said = ask("When did the harbour reopen?")
    for conversation in (said, Conversation()):
        shown = handlers.choose(ANN, data, conversation, PageSession())
        assert shown.get("conversation", conversation) == conversation
    assert saved.load("ann", said.id) == said
    assert list(saved.feedback()) == []
    assert not testset.exists()
    assert not gradio.warnings


def test_without_a_database_the_conversation_goes_on_and_nothing_is_said_to_be_kept(
    gradio: Gradio, assistant: Assistant
) -> None:
    handlers = ConversationHandlers(gradio, AnswerHandlers(gradio, assistant))
    *_, last = handlers.answers.ask(ANN, "When did the harbour reopen?", Conversation(), PageSession())
    said = last["conversation"]
    assert "No conversations yet" in last["history"]
    for what in ("open", "rename", "delete"):
        assert choose(handlers, said, what, "x", "y") == NOTHING
    shown = choose(handlers, said, "good", "1")
    assert shown["conversation"].exchanges[0].rating == "good"
    assert "Thank you" not in shown.get("outbox", "")
    assert out(choose(handlers, said, "case", "1"))[1] == "Cannot add this answer to a test set."
    assert out(choose(handlers, said, "markdown"))[0] == "download"


def test_what_could_not_be_kept_is_told_and_thanks_are_not_given(
    handlers: ConversationHandlers,
    ask: Callable[..., Conversation],
    gradio: Gradio,
    file: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    said = ask("When did the harbour reopen?")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("DROP TABLE judgements")
    with caplog.at_level(logging.WARNING):
        shown = choose(handlers, said, "good", "1")
    assert gradio.warnings == ["Could not save your feedback. See the server log."]
    assert "cannot save a rating" in caplog.text
    assert "Thank you" not in shown.get("outbox", "")


def test_a_database_that_fails_is_told_without_where_it_is(
    handlers: ConversationHandlers, ask: Callable[..., Conversation], file: Path
) -> None:
    said = ask("When did the harbour reopen?")
    file.write_bytes(b"rubbish" * 1000)
    for what in ("open", "rename", "delete"):
        kind, word, _ = out(choose(handlers, said, what, said.id, "x"))
        assert kind == "notice"
        assert word
        assert str(file.parent) not in word


@pytest.mark.parametrize("limit", ["MOST_EXCHANGES", "MOST_CHARACTERS"])
def test_a_full_conversation_takes_no_more_questions(
    ask: Callable[..., Conversation], gradio: Gradio, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = ask("When did the harbour reopen?")
    monkeypatch.setattr(conversation_module, limit, 1)
    assert ask("And what came back?", said) == said, "nothing is lost"
    assert "full" in gradio.warnings[0]
    assert len(ask("What came back?").exchanges) == 1, "a new conversation does"
