"""Render the user's conversations and ratings as HTML, and data for the browser to copy or save. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ...i18n.translate import Translate, english
from ...templating import macros

if TYPE_CHECKING:
    from ...persistence.conversations import ConversationSummary


def history_html(
    listed: Sequence[ConversationSummary], current: str = "", translate: Translate = english, *, is_cut: bool = False
) -> str:
    """Return HTML that lists conversations; `current` is the open one's id. The page's script confirms deletions.

    `is_cut` says that there may be older ones.
    """
    return str(macros("chat", "conversations").history(translate, listed, current, is_cut))


def feedback_html(ratings: Sequence[Mapping[str, str]], translate: Translate = english) -> str:
    """Return HTML that counts good and bad ratings and lists the bad ones with their reasons; empty without ratings."""
    bad = [each for each in ratings if each["verdict"] == "bad"]
    good = len(ratings) - len(bad)
    return str(macros("chat", "conversations").feedback(translate, good, bad)) if ratings else ""


def outgoing_html(kind: str, word: str, text: str, *, sent: int) -> str:
    """Return HTML for the page's script: a notice (`word`), text to copy, or a file to save under the name `word`."""
    return str(macros("chat", "conversations").outgoing(kind, word, text, sent))
