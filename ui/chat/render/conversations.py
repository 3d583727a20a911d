"""The user's conversations and ratings as HTML, and what the server sends the browser to copy or save. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ...i18n.translate import Translate, english
from ...templating import macros

if TYPE_CHECKING:
    from ...persistence.conversations import ConversationSummary


def history_html(listed: Sequence[ConversationSummary], current: str = "", translate: Translate = english) -> str:
    """Return the list of conversations; `current` is the id of the open one. The page's script confirms a deletion."""
    return str(macros("chat", "conversations").history(translate, listed, current))


def feedback_html(ratings: Iterable[Mapping[str, str]], translate: Translate = english) -> str:
    """Return how many answers the user rated good or bad, and the bad ones with their reasons; empty for no rating."""
    good, bad = [], []
    for each in ratings:
        (bad if each["rating"] == "bad" else good).append(each)
    return str(macros("chat", "conversations").feedback(translate, len(good), bad)) if good or bad else ""


def outgoing_html(kind: str, word: str, text: str, *, sent: int) -> str:
    """Return a notice (`word`), a text to copy, or a file to save under the name `word`, for the page's script."""
    return str(macros("chat", "conversations").outgoing(kind, word, text, sent))
