"""Page translation. The English text is the key, so code and templates contain the text that the page shows."""

from __future__ import annotations

import json
from collections.abc import Hashable
from pathlib import Path
from typing import Protocol

CHINESE: dict[str, str] = json.loads(Path(__file__).with_name("zh.json").read_text(encoding="utf-8"))
"""The Chinese catalogue: maps each English text on the page to its translation."""


class Translate(Hashable, Protocol):
    """A function that translates page text into the user's language."""

    def __call__(self, text: str, /, **values: object) -> str:
        """Return the translation of `text` with its placeholders filled: `translate("{count} passages", count=3)`."""
        ...


def english(text: str, /, **values: object) -> str:
    """Return the English text with its placeholders filled."""
    return text.format(**values) if values else text


def chinese(text: str, /, **values: object) -> str:
    """Return the text in Chinese, or in English if the catalogue does not contain it."""
    return english(CHINESE.get(text, text), **values)


def counted(translate: Translate, count: int, one: str, many: str) -> str:
    """Return the translation of `one` for a count of 1, else of `many` with the count filled in."""
    return translate(one) if count == 1 else translate(many, count=f"{count:,}")


def translator(accept_language: str) -> Translate:
    """Return the translation function for the first language in an `Accept-Language` header."""
    first = accept_language.partition(",")[0].partition(";")[0].strip().lower()
    return chinese if first == "zh" or first.startswith("zh-") else english
