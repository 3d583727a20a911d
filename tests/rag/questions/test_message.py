"""A message is a question, or a long text with a question before or after it."""

from __future__ import annotations

import pytest

from rag import QuestionError, Turn
from rag.answer import NOT_READ
from rag.questions.message import read_message, without_text

STORY = "\n\n".join(
    f"On day {day}, the council met again and Mr Hart said that the pier would stay closed." for day in range(40)
)
CHINESE_STORY = "议会再次开会，码头仍然关闭。\n" * 200


def asked(message: str) -> str:
    question, notes = read_message(message, 2000)
    assert len(message) > 2000
    assert notes == (NOT_READ,)
    return question


@pytest.mark.parametrize(
    ("message", "question"),
    [
        (f"{STORY}\n\nWho pays for the roof?", "Who pays for the roof?"),
        (f"Who pays for the roof?\n\n{STORY}", "Who pays for the roof?"),
        (f"{STORY}\nWhen did the ferry sail?", "When did the ferry sail?"),
        (f"{STORY}\n\nQuestion: who owns the ferry", "who owns the ferry"),
        (f"List the people in the harbour story.\n\n{STORY}", "List the people in the harbour story."),
        (f"What did the mayor\nof Northport say?\n\n{STORY}", "What did the mayor of Northport say?"),
        (f"{CHINESE_STORY}\n港口什么时候重新开放？", "港口什么时候重新开放？"),
        (f"Who is the mayor?\n\n{STORY}\n\nWill it ever end?", "Who is the mayor?"),
    ],
)
def test_the_question_stands_after_or_before_a_long_text(message: str, question: str) -> None:
    assert asked(message) == question


@pytest.mark.parametrize(
    "message",
    [f"{STORY}\n\nWhat is this about?", f"Summarize the text below:\n\n{STORY}", f"{STORY}\n\n这篇文章说了什么？"],
)
def test_a_question_about_the_pasted_text_is_refused(message: str) -> None:
    with pytest.raises(QuestionError, match=r"more than 2000") as refused:
        read_message(message, 2000)
    assert refused.value.is_too_long
    assert "add it to the articles" in refused.value.hint


@pytest.mark.parametrize(
    "message", [STORY, "x" * 2001, f"{'Who is the mayor and ' * 200}?", "\n \n" * 2000 + "a" * 2001]
)
def test_a_long_message_without_a_short_question_is_refused_with_the_limit(message: str) -> None:
    with pytest.raises(QuestionError, match=r"characters, more than 2000") as refused:
        read_message(message, 2000)
    assert refused.value.is_too_long


@pytest.mark.parametrize("message", ["What is this about?", "Paste:\n\nWho?", "Who is the mayor?\n\nA short text."])
def test_a_short_message_is_the_question(message: str) -> None:
    assert read_message(f" {message}\n", 2000) == (message, ())


def test_an_earlier_message_is_its_question() -> None:
    assert without_text(Turn("user", f"{STORY}\n\nWho owns the ferry?"), 2000).text == "Who owns the ferry?"
    for turn in (Turn("user", STORY), Turn("assistant", f"{STORY}\n\nWho?"), Turn("user", "Who?")):
        assert without_text(turn, 2000) == turn
