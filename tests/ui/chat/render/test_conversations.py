"""The list of earlier conversations: each by its name, with what can be done with it; a name is text."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import pytest

from ui.chat.render.conversations import feedback_html, history_html, outgoing_html
from ui.persistence.conversations import ConversationSummary

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' autofocus onfocus=alert(1) x='",
    "${alert(1)} {{constructor}} `x`",
    "\x00\ud800\u202eb",
    '" data-do="delete" data-id="x',
]
SHIPS = ConversationSummary("1f", "When did the ships come back?", "2024-02-24T10:00:00.000000+00:00", 1)
TEA = ConversationSummary("2f", "Tea", "2023-12-01T10:00:00.000000+00:00", 12)


class Tags(HTMLParser):
    """The tags of a piece of HTML, each with its attributes."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.seen if name == tag]


def text_of(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", " ", markup))


def shape(markup: str) -> list[tuple[str, list[str]]]:
    return [(tag, sorted(attributes)) for tag, attributes in Tags(markup).seen]


def test_where_none_is_kept_it_says_so() -> None:
    assert "No conversations yet" in text_of(history_html(()))
    assert not Tags(history_html(())).of("button")


def test_each_conversation_has_its_name_its_day_and_how_many_questions() -> None:
    past = text_of(history_html([SHIPS, TEA]))
    assert re.search(r"When did the ships come back\?.*1 question · 24 February 2024.*Tea.*12 questions", past)


def test_they_stay_in_the_order_that_they_are_given_in() -> None:
    assert [row["data-id"] for row in Tags(history_html([TEA, SHIPS])).of("li")] == ["2f", "1f"]


def test_the_one_that_is_open_is_marked() -> None:
    current = [button.get("aria-current") for button in Tags(history_html([SHIPS, TEA], "2f")).of("button")]
    assert current == [None, None, None, "true", None, None]
    assert "aria-current" not in history_html([SHIPS, TEA])


def test_each_can_be_opened_renamed_and_after_a_question_deleted() -> None:
    buttons = Tags(history_html([SHIPS])).of("button")
    assert [button["data-do"] for button in buttons] == ["open", "rename", "delete"]
    assert [button.get("data-sure") for button in buttons] == [None, None, "Delete permanently?"]
    assert [button.get("aria-label") for button in buttons][1:] == [f"Rename: {SHIPS.title}", f"Delete: {SHIPS.title}"]
    (name,) = Tags(history_html([SHIPS])).of("input")
    assert (name["value"], "hidden" in name, name["aria-label"]) == (SHIPS.title, True, "New name")


def test_a_very_long_name_is_cut_in_the_list_and_whole_where_it_is_changed() -> None:
    long = ConversationSummary("1f", "word " * 39 + "end", "2024", 1)
    past = history_html([long])
    assert "end" not in text_of(past)
    assert Tags(past).of("input")[0]["value"] == long.title


def test_a_list_that_is_cut_says_so() -> None:
    assert "Older conversations are not listed" in text_of(history_html([SHIPS], is_cut=True))
    assert "Older conversations" not in text_of(history_html([SHIPS]))


def test_a_conversation_without_a_name_can_still_be_chosen_and_told_apart() -> None:
    past = history_html([ConversationSummary("1f", "", "2024-02-24T10:00:00+00:00", 1)])
    shown = re.search(r'data-do="open"[^>]*>([^<]*)</button>', past)
    assert shown
    assert html.unescape(shown[1]).strip()


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_in_a_name_or_an_id_becomes_markup(hostile: str) -> None:
    past = history_html([ConversationSummary(hostile, hostile, hostile, 1)], hostile)
    assert shape(past) == shape(history_html([SHIPS], "1f"))
    readable = re.sub("[\x00\ud800\u202e]", "\ufffd", hostile)
    assert Tags(past).of("li")[0]["data-id"] == readable
    assert Tags(past).of("input")[0]["value"] == readable
    for sign in ("${", "{{", "`"):
        assert sign not in past
    past.encode()


RATINGS = [
    {"question": "When?", "verdict": "good", "reason": "clear"},
    {"question": "Where?", "verdict": "bad", "reason": "It was Tuesday."},
    {"question": "Why?", "verdict": "bad", "reason": ""},
]


def test_feedback_is_counted_and_bad_ratings_are_listed_with_their_reasons() -> None:
    shown = " ".join(text_of(feedback_html(RATINGS)).split())
    assert shown == "Your feedback: 1 good, 2 bad Where? — It was Tuesday. Why? — no reason given"
    assert feedback_html([]) == ""


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_in_feedback_or_in_an_outgoing_text_becomes_markup(hostile: str) -> None:
    feedback = feedback_html([{"question": hostile, "verdict": "bad", "reason": hostile}])
    assert shape(feedback) == shape(feedback_html(RATINGS[1:2]))
    sent = outgoing_html("copy", hostile, hostile, sent=1)
    assert shape(sent) == shape(outgoing_html("copy", "word", "text", sent=1))
