"""Join the runs of a text: digits that are raised or lowered, and text that is struck or hidden. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

LEFT_OUT = "\x00"
"""A mark for a run that is left out, or for the border of one that must not join a number; no XML contains it."""

PLAIN = "0123456789+-\u2212"
"""Characters that have raised and lowered ones, in the order of these."""

RAISED = str.maketrans(PLAIN, "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻")
LOWERED = str.maketrans(PLAIN, "₀₁₂₃₄₅₆₇₈₉₊₋₋")

_LONGEST = 20  # characters; longer text that is raised is not an exponent or the mark of a note
_DIGIT = re.compile(r"[0-9]")
_BETWEEN_DIGITS = re.compile(r"(?<=[\d²³¹⁰-⁹₀-₉])\x00++(?=[.,]?\d)|(?<=\d[.,])\x00++(?=\d)")


def raised(text: str) -> str:
    """Return a raised run with raised digits: 10 and a raised 6 are 10⁶, not 106."""
    return _shifted(text, RAISED)


def lowered(text: str) -> str:
    """Return a lowered run with lowered digits, as in CO₂."""
    return _shifted(text, LOWERED)


def join_runs(runs: Iterable[str]) -> str:
    """Return the text of runs. Two numbers with a run between them that is left out have a space between them."""
    return _BETWEEN_DIGITS.sub(" ", "".join(runs)).replace(LEFT_OUT, "")


def _shifted(text: str, digits: dict[int, int]) -> str:
    short = text.strip()
    if len(short) <= _LONGEST and (_DIGIT.search(short) or set(short) <= set(PLAIN)):
        return text.translate(digits)
    return f"{LEFT_OUT}{text}{LEFT_OUT}"
