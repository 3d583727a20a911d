"""Write formulas in MathML as a line of text: 10⁹, 3/4, √(x+1). See https://www.w3.org/TR/mathml-core/."""

from __future__ import annotations

from typing import Any

from .numbers import shifted
from .tags import name_of, write

_DEEPEST = 30  # levels of a formula; what is deeper is written without its layout
_INVISIBLE = dict.fromkeys(map(ord, "\u2061\u2062\u2063\u2064"))
_RELATIONS = set("=≠≈≡<>≤≥→⇒∈")
_SCRIPTS: dict[str, tuple[str, ...]] = {
    **{"msup": ("sup",), "mover": ("sup",), "msub": ("sub",), "munder": ("sub",)},
    **{"msubsup": ("sub", "sup"), "munderover": ("sub", "sup")},
}
_ACCENTS = {"mover", "munder"}  # if they are a single character
_JOINTS = {"mtable": "; ", "mtr": ", ", "mfenced": ", "}
_SPACED = {"mspace", "mtext"}
_NOT_SHOWN = {"annotation", "annotation-xml", "mphantom"}


def write_formulas(tree: Any) -> tuple[set[Any], set[Any]]:
    """Replace the formulas of a page with text.

    Returns the elements around them, and those around these: formulas are often repeated beside them as a picture, or
    in letters with a layout, and hidden for programs that show these.
    """
    formulas = [each for each in tree.iter() if name_of(each) == "math"]
    holders = {each.getparent() for each in formulas} - {None}
    for formula in formulas:
        text = formula_text(formula) or " ".join((formula.get("alttext") or "").split())
        write(formula, text)
    return holders, {each.getparent() for each in holders} - {None}


def formula_text(formula: Any) -> str:
    """Return a formula as text; empty if it has none."""
    return " ".join(_text(formula, 0).split())


def _text(element: Any, depth: int) -> str:
    name = name_of(element)
    if not name or name in _NOT_SHOWN:
        return ""
    if depth > _DEEPEST:
        return "".join(element.itertext())
    texts = [_text(each, depth + 1) for each in element.iterchildren() if name_of(each)]
    if name in _SCRIPTS and len(texts) == 1 + len(_SCRIPTS[name]):
        scripts = [(text.strip(), tag) for text, tag in zip(texts[1:], _SCRIPTS[name], strict=True)]
        shown = [each for each in scripts if name not in _ACCENTS or len(each[0]) > 1 or each[0].isalnum()]
        return texts[0] + "".join(shifted(text, tag) for text, tag in shown)
    if len(texts) == 2 and name in ("mfrac", "mroot"):
        first, second = map(_grouped, texts)
        return f"{first}/{second}" if name == "mfrac" else f"{shifted(texts[1].strip(), 'sup')}√{first}"
    if name == "semantics":
        return next(iter(texts), "")
    own = " ".join((element.text or "").split()).translate(_INVISIBLE)
    if name in _SPACED:
        own = f" {own} "
    joined = _JOINTS[name].join(texts) if name in _JOINTS else _row([own, *texts])
    return f"√{_grouped(joined)}" if name == "msqrt" else f"({joined})" if name == "mfenced" else joined


def _row(texts: list[str]) -> str:
    """Return texts side by side, with a space between numbers."""
    row: list[str] = []
    for text in filter(None, texts):
        if row and row[-1][-1].isdigit() and text[0].isdecimal():
            row.append(" ")
        row.append(f" {text} " if text in _RELATIONS else text)
    return "".join(row)


def _grouped(text: str) -> str:
    return text.strip() if text.strip().isalnum() else f"({text.strip()})"
