""" "and in 2022?" becomes a question that stands alone, by carrying over what was asked about. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from index import terms

from .answer import Turn

_SHORT = 3  # a question with fewer words of its own than this leans on what was said before
_LEANS_ON = re.compile(
    r"^(and|but|so|what about|how about|why|then)\b|\b(he|she|it|they|him|her|them|his|its|their|that|this|those|these"
    r"|there)\b|^(那|为什么|他|她|它)",
    re.IGNORECASE,
)


def stand_alone(question: str, history: Sequence[Turn]) -> str:
    """`question`, with the last question of the user in front when it cannot be understood without it."""
    asked = [turn.text for turn in history if turn.role == "user"]
    if not asked or not (_LEANS_ON.search(question) or len(terms(question)) < _SHORT):
        return question
    return f"{asked[-1]} {question}"
