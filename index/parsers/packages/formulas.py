"""Write the formulas of Word and PowerPoint (Office Math, OMML) in one line: 10⁶, a₁, 3/4, √(x+1)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ...text.runs import LEFT_OUT, join_runs, lowered, raised

MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"

_SIMPLE = re.compile(r"[\w.,]*+|\([^()]*+\)")
_NUMBER = re.compile("[0-9+\u2212-]++")
_SIGN = "∫"  # of an operator without a sign


def formula(element: Any) -> str:
    """Return the text of a formula, with a mark at its borders so that it does not join a number beside it."""
    return f"{LEFT_OUT}{join_runs(_children(element))}{LEFT_OUT}"


def _children(element: Any) -> list[str]:
    return [_text(child) for child in element.iterchildren(tag="*")]


def _text(element: Any) -> str:
    if not element.tag.startswith(MATH):
        return ""
    name = element.tag.removeprefix(MATH)
    if name == "r":
        return "".join(each.text or "" for each in element.iterchildren(f"{MATH}t"))
    if name.endswith("Pr"):
        return ""
    write = _STRUCTURES.get(name)
    return f"{LEFT_OUT}{write(element)}{LEFT_OUT}" if write else "".join(_children(element))


def _part(element: Any, name: str) -> str:
    part = element.find(f"{MATH}{name}")
    return join_runs(_children(part)) if part is not None else ""


def _grouped(text: str) -> str:
    return text if _SIMPLE.fullmatch(text) else f"({text})"


def _script(element: Any, name: str) -> str:
    text, mark, shift = _part(element, name), *(("^", raised) if name == "sup" else ("_", lowered))
    return shift(text) if _NUMBER.fullmatch(text) else f"{mark}{_grouped(text)}" if text.strip() else ""


def _scripted(element: Any) -> str:
    return f"{_grouped(_part(element, 'e'))}{_script(element, 'sub')}{_script(element, 'sup')}"


def _fraction(element: Any) -> str:
    return f"{_grouped(_part(element, 'num'))}/{_grouped(_part(element, 'den'))}"


def _root(element: Any) -> str:
    degree = _part(element, "deg")
    return f"{raised(degree) if _NUMBER.fullmatch(degree) else degree}√{_grouped(_part(element, 'e'))}"


def _operator(element: Any) -> str:
    sign = _property(element, "naryPr", "chr", _SIGN)
    return f"{sign}{_script(element, 'sub')}{_script(element, 'sup')} {_part(element, 'e')}"


def _delimited(element: Any) -> str:
    begin, end = _property(element, "dPr", "begChr", "("), _property(element, "dPr", "endChr", ")")
    parts = (join_runs(_children(part)) for part in element.iterchildren(f"{MATH}e"))
    return f"{begin}{_property(element, 'dPr', 'sepChr', '|').join(parts)}{end}"


def _function(element: Any) -> str:
    return f"{_part(element, 'fName')} {_part(element, 'e')}"


def _matrix(element: Any) -> str:
    rows = element.iterchildren(f"{MATH}mr")
    return "; ".join(" ".join(join_runs(_children(cell)) for cell in row.iterchildren(f"{MATH}e")) for row in rows)


def _lines(element: Any) -> str:
    return "; ".join(join_runs(_children(line)) for line in element.iterchildren(f"{MATH}e"))


def _property(element: Any, properties: str, name: str, default: str) -> str:
    found = element.find(f"{MATH}{properties}/{MATH}{name}")
    return str(found.get(f"{MATH}val", "")) if found is not None else default


_STRUCTURES: dict[str, Callable[[Any], str]] = {
    **dict.fromkeys(("sSup", "sSub", "sSubSup", "sPre"), _scripted),
    "f": _fraction,
    "rad": _root,
    "nary": _operator,
    "d": _delimited,
    "func": _function,
    "m": _matrix,
    "eqArr": _lines,
}
