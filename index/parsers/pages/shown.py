"""Remove what a browser does not show or strikes out, and write what only its layout says."""

from __future__ import annotations

from itertools import islice
from typing import Any

from .formulas import write_formulas
from .numbers import declarations, shift_numbers
from .tags import BLOCKS, name_of, short_text, types_of, words_of, write

_STRUCK_TAGS = {"del", "s", "strike"}
_NEVER_SHOWN = {"template", "amp-ad", "amp-embed", "amp-sidebar", "amp-consent"}
_OF_PAGES = {"html", "body", "main", "article"}  # scripts show them later
_NOTES = {"footnote", "endnote", "rearnote", "note"}  # shown when a person asks for them
_CELLS = {"td", "th"}
_READ_ALOUD = {
    "sr-only",
    "visually-hidden",
    "visuallyhidden",
    "screen-reader-text",
    "screen-reader-only",
    "a-offscreen",
}
_IN_SENTENCES = {
    *("a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "data", "dfn", "em", "font", "i", "kbd", "mark", "q"),
    *("samp", "small", "span", "strong", "sub", "sup", "time", "u", "var"),
}
_NO_ARTICLE = {"head", "script", "style", "noscript", "title", "nav", "header", "footer", "a", "button"}
_MOST_IN_A_MARK = 20  # elements
_STRUCK, _HIDDEN, _BLANK, _NEVER = "struck", "hidden", "blank", "never shown"
_NEAR = 4  # levels between the reading of a character and its element


def show(tree: Any) -> None:
    """Change a page so that its text is what a browser shows, as far as the page itself says so.

    Struck and hidden texts are removed, and formulas, raised and lowered digits, and readings of characters become
    text. Styles that are not in the element are not considered.
    """
    holders, around = write_formulas(tree)
    _remove(tree, holders)
    shift_numbers(tree)
    _write_readings(tree)
    _write_quotes(tree)
    _keep_text_for_eyes(tree, around)


def _remove(tree: Any, holders: set[Any]) -> None:
    """Remove struck and hidden elements; a cell that takes up a place in its table remains, without text.

    A page that hides all of its text is shown by a script, so it is read.
    """
    removed: list[tuple[Any, str]] = []
    inside: set[Any] = set()
    has_text = False
    for element in tree.iter():
        name, parent = name_of(element), element.getparent()
        if name:
            why = _why_removed(element, name)
            if element in holders and why == _HIDDEN:
                element.attrib.pop("style", None)
                element.attrib.pop("hidden", None)
                why = ""
            if why:
                removed.append((element, why))
            if why or name in _NO_ARTICLE or parent in inside:
                inside.add(element)
        has_text = has_text or (
            (bool(name) and element not in inside and bool((element.text or "").strip()))
            or (parent is not None and parent not in inside and bool((element.tail or "").strip()))
        )
    for element, why in removed:
        if name_of(element) in _CELLS and why in (_STRUCK, _BLANK):
            for child in list(element):
                element.remove(child)
            element.text = None
        elif has_text or why in (_STRUCK, _NEVER):
            write(element, "")


def _why_removed(element: Any, name: str) -> str:
    """Return why an element is not text; empty if it is."""
    style = declarations(element.get("style") or "")
    hidden = element.get("hidden")
    if name in _STRUCK_TAGS or "line-through" in f"{style.get('text-decoration')} {style.get('text-decoration-line')}":
        return _STRUCK
    if name in _NEVER_SHOWN:
        return _NEVER
    if name in _OF_PAGES or types_of(element) & _NOTES:
        return ""
    if (
        (hidden is not None and hidden.lower() != "until-found")
        or style.get("display") == "none"
        or style.get("mso-hide") == "all"
        or (style.get("visibility") == "collapse" and name == "tr")
        or (name == "dialog" and element.get("open") is None)
        or words_of(element) & _READ_ALOUD
    ):
        return _HIDDEN
    return _BLANK if style.get("visibility") in ("hidden", "collapse") else ""


def _write_readings(tree: Any) -> None:
    """Write how characters are read behind them, as browsers do that cannot write it above: 東京(とうきょう)."""
    readings: dict[Any, list[str]] = {}
    marks = [each for each in tree.iter() if name_of(each) in ("rt", "rp")]
    for mark in marks:
        ruby = next((each for each in islice(mark.iterancestors(), _NEAR) if name_of(each) == "ruby"), None)
        if name_of(mark) == "rt" and ruby is not None:
            inside = (each for each in islice(mark.iter(), _MOST_IN_A_MARK) if name_of(each) not in ("rp", ""))
            text = "".join(f"{each.text or ''}{'' if each is mark else each.tail or ''}" for each in inside).strip()
            readings.setdefault(ruby, []).append(text)
    for mark in marks:
        write(mark, "")
    for ruby, texts in readings.items():
        written = ruby.makeelement("span")
        joint = " " if any(character.isascii() for text in texts for character in text) else ""
        if texts := list(filter(None, texts)):
            written.text = f"({joint.join(texts)})"
            ruby.append(written)


def _write_quotes(tree: Any) -> None:
    """Write the quotation marks that a browser puts around a quotation in a sentence."""
    for quote in [each for each in tree.iter() if name_of(each) == "q"]:
        quote.tag = "span"
        quote.text = f"“{quote.text or ''}"
        last = next(quote.iterchildren(reversed=True), None)
        if last is None:
            quote.text += "”"
        else:
            last.tail = f"{last.tail or ''}”"


def _keep_text_for_eyes(tree: Any, around: set[Any]) -> None:
    """Show words in a sentence that are only hidden from programs that read aloud, but not formulas and icons twice."""
    for element in [each for each in tree.iter() if name_of(each) and each.get("aria-hidden") == "true"]:
        parent, name = element.getparent(), name_of(element)
        is_in_line = name in _IN_SENTENCES
        is_icon = is_in_line and any("icon" in word for word in words_of(element))
        if is_icon or (parent in around and name_of(parent) not in BLOCKS):
            write(element, "")
        elif is_in_line and any(map(str.isalnum, short_text(element, _MOST_IN_A_MARK))):
            del element.attrib["aria-hidden"]
