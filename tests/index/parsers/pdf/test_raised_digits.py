"""Digits of exponents and footnote marks in a PDF are smaller and higher than their line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import pytest
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from index.parsers import extract

Run = tuple[str, float, float]
"""A text, its size, and the height of its base line above that of the line, in points."""


def text_of(draw: Callable[[Canvas], None]) -> str:
    saved = BytesIO()
    canvas = Canvas(saved)
    draw(canvas)
    canvas.save()
    return extract(saved.getvalue(), ".pdf", "a.pdf").text.strip()


def with_rise(canvas: Canvas, runs: Sequence[Run]) -> None:
    text: Any = canvas.beginText(72, 700)
    for words, size, height in runs:
        text.setFont("Helvetica", size)
        text.setRise(height)
        text.textOut(words)
    canvas.drawText(text)


def with_positions(canvas: Canvas, runs: Sequence[Run]) -> None:
    text: Any = canvas.beginText()
    left = 72.0
    for words, size, height in runs:
        text.setFont("Helvetica", size)
        text.setTextOrigin(left, 700 + height)
        text.textOut(words)
        left += stringWidth(words, "Helvetica", size)
    canvas.drawText(text)


def in_pieces(canvas: Canvas, runs: Sequence[Run]) -> None:
    left = 72.0
    for words, size, height in runs:
        text: Any = canvas.beginText(left, 700 + height)
        text.setFont("Helvetica", size)
        text.textOut(words)
        canvas.drawText(text)
        left += stringWidth(words, "Helvetica", size)


LINES = [
    pytest.param([("It has 10", 12, 0), ("6", 7, 5), (" ships.", 12, 0)], "It has 10⁶ ships.", id="an exponent"),
    pytest.param([("It has 10", 12, 0), ("-3", 8, 4), (" g.", 12, 0)], "It has 10⁻³ g.", id="a negative exponent"),
    pytest.param([("The CO", 12, 0), ("2", 8, -2), (" of 2022.", 12, 0)], "The CO₂ of 2022.", id="a formula"),
    pytest.param([("In all 310", 10, 0), ("1,2", 6, 3.5), (" people.", 10, 0)], "In all 310¹,² people.", id="notes"),
    pytest.param([("1", 6, 3.5), ("2023 was a dry year.", 10, 0)], "¹2023 was a dry year.", id="a note"),
    pytest.param([("The 5", 12, 0), ("th", 7, 5), (" ship sails.", 12, 0)], "The 5th ship sails.", id="a word"),
    pytest.param([("It has 10", 12, 0), ("6", 7, 0), (" ships.", 12, 0)], "It has 106 ships.", id="small digits"),
    pytest.param([("It has 10", 12, 0), ("6", 12, 2), (" ships.", 12, 0)], "It has 106 ships.", id="digits as large"),
]


@pytest.mark.parametrize("draw", [with_rise, with_positions, in_pieces])
@pytest.mark.parametrize(("runs", "text"), LINES)
def test_raised_and_lowered_digits_stay_so(runs: list[Run], text: str, draw: Callable[..., None]) -> None:
    assert text_of(lambda canvas: draw(canvas, runs)) == text


def test_a_rise_ends_with_the_graphics_state() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.saveState()
        with_rise(canvas, [("It has 10", 12, 0), ("6", 7, 5)])
        canvas.restoreState()
        text: Any = canvas.beginText(72, 600)
        text.setFont("Helvetica", 12)
        text.textOut("In all ")
        text.setFont("Helvetica", 7)
        text.textOut("45")
        canvas.drawText(text)

    assert text_of(draw).split("\n")[-1] == "In all 45"
