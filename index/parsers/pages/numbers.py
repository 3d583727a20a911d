"""Write raised and lowered digits as such: 10⁻³, CO₂, and 310¹ for a number with the mark of a note."""

from __future__ import annotations

from typing import Any

from ...text.runs import LOWERED, PLAIN, RAISED
from .tags import BLOCKS, character_before, first_character, name_of, short_text

_WRITTEN = {"sup": RAISED, "sub": LOWERED}
_WITH_N = {"sup": _WRITTEN["sup"] | str.maketrans("n", "ⁿ"), "sub": _WRITTEN["sub"] | str.maketrans("n", "ₙ")}
_MARKS = {"sup": "^", "sub": "_"}
_NUMBER = set(f"{PLAIN}n.,;:/*\u2013\u2014 \u00a0\u202f\u2009")  # characters of a number or of several marks of notes
_LONGEST = 20  # characters of a raised number
_MOST_INSIDE = 10  # elements in a raised number, with itself


def shifted(text: str, tag: str) -> str:
    """Return a text as an exponent or index, after the text that it belongs to; `tag` is "sup" or "sub"."""
    written = text.translate(_WITH_N[tag])
    if not text or all(before != after for before, after in zip(text, written, strict=True)) or text in "′″*†":
        return written
    return f"{_MARKS[tag]}{text}" if len(text) == 1 else f"{_MARKS[tag]}({text})"


def shift_numbers(tree: Any) -> None:
    """Replace raised and lowered digits with the characters for them, also inside other elements.

    Numbers in brackets, and long texts in small type, stay as they are.
    """
    done: set[Any] = set()
    for element in tree.iter():
        tag = _shift_of(element)
        if tag is None or element in done:
            continue
        text, before = short_text(element, _MOST_INSIDE), character_before(element)
        is_number = set(text) <= _NUMBER and (text == "n" or bool(set(text) & set(PLAIN)))
        is_attached = any(map(str.isdecimal, text)) and (before.isalnum() or before in (")", "]"))
        if len(text) <= _LONGEST and text[:1] not in ("[", "(") and (is_number or is_attached):
            done |= _translate(element, (_WITH_N if is_number else _WRITTEN)[tag])
        elif before.isdigit() and first_character(element).isdecimal():
            element.text = f" {element.text or ''}"


def _shift_of(element: Any) -> str | None:
    """Return "sup" or "sub" for an element that a browser raises or lowers."""
    name = name_of(element)
    if name in _WRITTEN:
        return name
    style = element.get("style") if name and name not in BLOCKS else None
    if not style or "vertical-align" not in style.lower():
        return None
    value = declarations(style).get("vertical-align")
    return {"super": "sup", "sub": "sub"}.get(value or "")


def declarations(style: str) -> dict[str, str]:
    """Return the declarations in a `style` attribute, in lower case."""
    parts = (part.partition(":") for part in style.lower().split(";"))
    return {name.strip(): value.replace("!important", "").strip() for name, _, value in parts}


def _translate(element: Any, table: dict[int, int]) -> set[Any]:
    """Translate the few texts in an element, and return the elements. A power in a power is marked with "^"."""
    inside = [each for each in element.iter() if name_of(each)]
    is_begun = False
    for each in inside:
        if each.text:
            text = _signed(each.text).translate(table)
            each.text = (text if is_begun else text.lstrip()) or None
        is_begun = is_begun or bool(each.text)
        if each is not element:
            if each.tail:
                each.tail = _signed(each.tail).translate(table)
            if nested := _shift_of(each):
                each.text = f"{_MARKS[nested]}{each.text or ''}"
    return set(inside)


def _signed(text: str) -> str:
    """Return a text in which a dash in front of or behind a number is a minus sign."""
    stripped = text.strip()
    is_sign = len(stripped) > 1 and "\u2013" in (stripped[0], stripped[-1])
    return text.replace("\u2013", "-") if is_sign else text
