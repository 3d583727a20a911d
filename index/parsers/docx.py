"""Read Word documents with python-docx."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

from ..text.runs import LEFT_OUT, join_runs, lowered, raised
from ..text.tables import MOST_COLUMNS, write_table
from .base import Extract, TextLimit, cannot_read
from .metadata import iso_date, iso_language, one_line
from .packages.formulas import MATH, formula
from .packages.zip_file import check_package

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_WHITE = {f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}noBreakHyphen": "-"}
_WRAPPERS = {f"{_W}sdt", f"{_W}sdtContent", f"{_W}ins", f"{_W}moveTo", f"{_W}customXml"}
_DROPPED = {f"{_W}del", f"{_W}moveFrom", f"{_W}pict", f"{_W}drawing", f"{_W}pPr", f"{_W}rPr"}
_NOT_SHOWN = ("strike", "dstrike", "vanish")
_FORMULAS = {f"{MATH}oMath", f"{MATH}oMathPara"}
_FEWEST_HALF_POINTS = 6  # by which a run is raised or lowered without a smaller font
_MOST_STYLES = 20  # in a chain of styles that are based on each other

_Format = dict[str, str]
"""Properties of a run by name, with "0" for those that are turned off."""


def read_docx(data: bytes, name: str) -> Extract:
    """Read headings, paragraphs and tables in document order, separated by blank lines.

    Tracked insertions are included; tracked deletions, struck and hidden text, headers, footers, footnotes, comments
    and text boxes are not.
    """
    from docx import Document

    if not data.startswith(b"PK"):
        raise cannot_read(name, "it is not a .docx document", "Open it in Word and save it as .docx.")
    check_package(BytesIO(data), name)
    document = Document(BytesIO(data))
    metadata = document.core_properties
    is_from_template = (
        metadata.author == "python-docx"
    )  # which leaves its own author and date of 2013 in the properties
    return Extract(
        "\n\n".join(_Reader(document, TextLimit(name, len(data))).blocks(document.element.body)),
        title=one_line(metadata.title),
        author=None if is_from_template else one_line(metadata.author),
        published=None if is_from_template else iso_date(metadata.created),
        language=iso_language(metadata.language),
    )


class _Reader:
    """Reads the blocks of a document in the formats of its styles."""

    def __init__(self, document: Any, limit: TextLimit) -> None:
        self._limit = limit
        self._styles = {style.get(f"{_W}styleId"): style for style in document.styles.element.iter(f"{_W}style")}
        self._formats: dict[str | None, _Format] = {None: {}}

    def blocks(self, parent: Any) -> Iterator[str]:
        """Yield the paragraphs and tables in an element."""
        for element in parent.iterchildren():
            if element.tag == f"{_W}p":
                text = join_runs(self._inline(element, self._style(element.find(f"{_W}pPr/{_W}pStyle"))))
            elif element.tag == f"{_W}tbl":
                text = self._table(element)
            elif element.tag in _WRAPPERS:
                yield from self.blocks(element)
                continue
            else:
                continue
            if text.strip():
                yield text

    def _table(self, table: Any) -> str:
        """Return the rows of a table as lines; merged cells are repeated in each row, and count once in a row."""
        rows: list[list[str]] = []
        above: list[str] = []  # the row above, which may be hidden
        headers = 0
        for row in _parts(table, f"{_W}tr"):
            properties = row.find(f"{_W}trPr")
            is_header = _has(properties, "tblHeader")
            cells = [""] * _number(properties, "gridBefore", least=0)
            for cell in _parts(row, f"{_W}tc"):
                text = " ".join(" ".join(self.blocks(cell)).split())
                merged, more = cell.find(f"{_W}tcPr/{_W}vMerge"), _number(cell.find(f"{_W}tcPr"), "gridSpan") - 1
                if merged is not None and merged.get(f"{_W}val") != "restart" and len(cells) < len(above):
                    text = above[len(cells)]
                cells += [text, *[text if is_header else ""] * more]
                if len(cells) >= MOST_COLUMNS:
                    break
            self._limit.add_row(cells)
            above = cells
            if not _has(properties, "hidden") and not _has(properties, "del"):
                headers += is_header and headers == len(rows)
                rows.append(cells)
        return write_table(rows, headers or None)

    def _inline(self, element: Any, inherited: _Format) -> Iterator[str]:
        """Yield the text of a paragraph or run, including links, fields, formulas and tracked insertions."""
        for child in element.iterchildren():
            if child.tag == f"{_W}t":
                yield child.text or ""
            elif child.tag in _WHITE:
                yield _WHITE[child.tag]
            elif child.tag == f"{_W}sym":
                yield _symbol(child)
            elif child.tag == f"{_W}r":
                yield from self._run(child, inherited)
            elif child.tag == f"{_W}ruby":
                yield from self._ruby(child, inherited)
            elif child.tag in _FORMULAS:
                yield formula(child)
            elif isinstance(child.tag, str) and child.tag not in _DROPPED and "AlternateContent" not in child.tag:
                yield from self._inline(child, inherited)

    def _run(self, run: Any, inherited: _Format) -> Iterator[str]:
        properties = run.find(f"{_W}rPr")
        style = self._style(properties.find(f"{_W}rStyle")) if properties is not None else {}
        form = {**inherited, **style, **_format(properties)}
        if any(form.get(name, "0") != "0" for name in _NOT_SHOWN):
            yield LEFT_OUT
            return
        shift = form.get("vertAlign", "")
        text = self._inline(run, inherited)
        if shift in ("superscript", "subscript"):
            yield (raised if shift == "superscript" else lowered)("".join(text))
        else:
            yield from text

    def _ruby(self, ruby: Any, inherited: _Format) -> Iterator[str]:
        """Yield the base, and the small text above it in parentheses, as browsers do that cannot place it above."""
        base, above = (
            "".join(self._inline(part, inherited)) if (part := ruby.find(f"{_W}{name}")) is not None else ""
            for name in ("rubyBase", "rt")
        )
        yield f"{base}({above})" if above.strip(LEFT_OUT).strip() else base

    def _style(self, reference: Any) -> _Format:
        """Return the format of the style that an element names, with those of the styles that it is based on."""
        name = first = reference.get(f"{_W}val") if reference is not None else None
        if first not in self._formats:
            chain: list[_Format] = []
            while name in self._styles and len(chain) < _MOST_STYLES:
                style = self._styles[name]
                chain.insert(0, _format(style.find(f"{_W}rPr")))
                based = style.find(f"{_W}basedOn")
                name = based.get(f"{_W}val") if based is not None else None
            self._formats[first] = {key: value for form in chain for key, value in form.items()}
        return self._formats[first]


def _format(properties: Any) -> _Format:
    """Return what the properties of a run or style say of showing it."""
    if properties is None:
        return {}
    found: _Format = {}
    for name in _NOT_SHOWN:
        if (element := properties.find(f"{_W}{name}")) is not None:
            found[name] = "0" if element.get(f"{_W}val") in ("0", "false", "off") else "1"
    if (element := properties.find(f"{_W}vertAlign")) is not None:
        found["vertAlign"] = element.get(f"{_W}val", "")
    elif (element := properties.find(f"{_W}position")) is not None:
        written = element.get(f"{_W}val", "")
        is_far = written.lstrip("-").isdecimal() and len(written) < 6 and abs(int(written)) >= _FEWEST_HALF_POINTS
        found["vertAlign"] = ("subscript" if written[0] == "-" else "superscript") if is_far else "baseline"
    return found


def _symbol(element: Any) -> str:
    """Return a character that is given by its code in a font; a code of an unknown font is left out."""
    from pypdf._codecs import charset_encoding

    try:
        code = int(element.get(f"{_W}char", ""), 16)
    except ValueError:
        return LEFT_OUT
    if not 0xF000 <= code <= 0xF0FF:
        return chr(code) if 0x20 <= code < 0xD800 else LEFT_OUT
    is_symbol = element.get(f"{_W}font", "").lower().startswith("symbol")
    character = charset_encoding["/Symbol"][code - 0xF000] if is_symbol else ""
    return character if character.isprintable() and character else LEFT_OUT


def _number(properties: Any, name: str, least: int = 1) -> int:
    """Return the number of columns that a row leaves out, or that a cell has."""
    found = properties.find(f"{_W}{name}") if properties is not None else None
    written = found.get(f"{_W}val", "") if found is not None else ""
    return max(least, min(int(written), MOST_COLUMNS)) if written.isdecimal() and len(written) < 12 else least


def _has(properties: Any, name: str) -> bool:
    found = properties.find(f"{_W}{name}") if properties is not None else None
    return found is not None and found.get(f"{_W}val") not in ("0", "false", "off")


def _parts(element: Any, tag: str) -> Iterator[Any]:
    """Yield the rows of a table, or the cells of a row, but not those of tables in its cells."""
    for child in element.iterchildren():
        if child.tag == tag:
            yield child
        elif child.tag in _WRAPPERS:
            yield from _parts(child, tag)
