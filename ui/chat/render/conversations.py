"""The user's conversations and ratings as HTML, and what the server sends the browser to copy or save. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ...i18n.translate import Translate, english
from ...templating import macros

if TYPE_CHECKING:
    from ...persistence.conversations import ConversationSummary


def history_html(listed: Sequence[ConversationSummary], current: str = "", translate: Translate = english) -> str:
    """Return the list of conversations; `current` is the id of the open one. The page's script confirms a deletion."""
    return str(macros("chat", "conversations").history(translate, listed, current))


def feedback_html(ratings: Sequence[Mapping[str, str]], translate: Translate = english) -> str:
    """Return how many answers the user rated good or bad, and the bad ones with their reasons; empty for no rating."""
    bad = [each for each in ratings if each["verdict"] == "bad"]
    good = len(ratings) - len(bad)
    return str(macros("chat", "conversations").feedback(translate, good, bad)) if ratings else ""


def outgoing_html(kind: str, word: str, text: str, *, sent: int) -> str:
    """Return a notice (`word`), a text to copy, or a file to save under the name `word`, for the page's script."""
    return str(macros("chat", "conversations").outgoing(kind, word, text, sent))
