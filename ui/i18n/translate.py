"""Translation of the page. The English text is the key, so code and templates read as the page does."""

from __future__ import annotations

import json
from collections.abc import Hashable
from pathlib import Path
from typing import Protocol

CHINESE: dict[str, str] = json.loads(Path(__file__).with_name("zh.json").read_text(encoding="utf-8"))
"""The Chinese catalogue: each English text of the page with its translation."""


class Translate(Hashable, Protocol):
    """A function that returns a text of the page in the user's language."""

    def __call__(self, text: str, /, **values: object) -> str:
        """Return the translation of `text`, its braces filled: `translate("{count} passages", count=3)`."""
        ...


def english(text: str, /, **values: object) -> str:
    """Return the text as it is, its braces filled."""
    return text.format(**values) if values else text


def chinese(text: str, /, **values: object) -> str:
    """Return the text in Chinese, or in English if the catalogue does not have it."""
    return english(CHINESE.get(text, text), **values)


def counted(translate: Translate, count: int, one: str, many: str) -> str:
    """Return `one` or, with the count filled in, `many`."""
    return translate(one) if count == 1 else translate(many, count=f"{count:,}")


def translator(accept_language: str) -> Translate:
    """Return the translation for the first language of an `Accept-Language` header."""
    first = accept_language.partition(",")[0].partition(";")[0].strip().lower()
    return chinese if first == "zh" or first.startswith("zh-") else english
