"""What is going on on an open page."""

from __future__ import annotations

from typing import NamedTuple

from ..conversation import Conversation, Rating
from .session import Reader


class Writing:
    """Which answer is being written in a conversation, and whether the reader has stopped it.

    One for each open page, shared by all its events. The writer looks at it between two words and ends by itself; to
    cancel it from outside would let a word that is under way arrive after the stop.
    """

    def __init__(self) -> None:
        self.number = 0
        self.stopped = False
        self.ratings: dict[int, Rating] = {}
        """What the reader thinks of earlier answers, said meanwhile, by their turns."""

    def begin(self) -> int:
        """The number of a new answer; whatever was being written before ends without another word."""
        self.number += 1
        self.stopped = False
        self.ratings.clear()
        return self.number


class Page(NamedTuple):
    """An open page: who reads it, what was said, what is being written."""

    reader: Reader
    said: Conversation
    writing: Writing
