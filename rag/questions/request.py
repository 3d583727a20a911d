"""What a question asks for, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RequestKind = Literal[
    "fact",
    "overview",
    "metadata",
    "said",
    "about",
    "list",
    "compare",
    "reason",
    "several",
    "more",
    "who said",
    "your opinion",
]
Category = Literal["people", "organisations", "places", "numbers", "other"]
Field = Literal["title", "author", "date", "source", "count", "newest", "length", "titles"]


@dataclass(frozen=True, slots=True)
class Request:
    """What a question asks for.

    `subject` is what an overview is limited to, whose statements are wanted, what is to be introduced or compared, the
    kind of things to list as it was written, or the field of the record (`Field`). `topic` limits the statements, or is
    the other side of a comparison. `category` is the kind of names to list. `parts` are the questions in one. `shown`
    are earlier answers: "tell me more" does not quote them again.
    """

    kind: RequestKind
    subject: str = ""
    topic: str = ""
    category: Category = "other"
    parts: tuple[str, ...] = ()
    shown: str = ""
