"""Read presentations with python-pptx."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from io import BytesIO
from itertools import accumulate
from typing import Any

from ...text.runs import LEFT_OUT, join_runs, lowered, raised
from ...text.tables import MOST_COLUMNS, write_table
from ..base import Extract, TextLimit, cannot_read
from ..metadata import iso_date, iso_language, one_line
from .formulas import MATH, formula
from .markup import parse_xml
from .zip_file import check_package

_NOTES = "Speaker notes:"
_GENERIC = {"PowerPoint Presentation", "Presentation", "PowerPoint-Präsentation", "Présentation PowerPoint"}
_OF_THE_TEMPLATE = datetime(2013, 1, 27, 9, 14, 16)  # when python-pptx made the template of what it writes
_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
_DATA = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}dm"


def read_pptx(data: bytes, name: str) -> Extract:
    """Read the slides in order: the title, the texts and tables in their order on the slide, and the speaker notes.

    A slide counts as a page, also if it has no text or is hidden. Footers, dates, slide numbers, hidden slides and
    shapes, and struck text are omitted.
    """
    from pptx import Presentation

    if not data.startswith(b"PK"):
        raise cannot_read(name, "it is not a .pptx presentation", "Open it in PowerPoint and save it as .pptx.")
    check_package(BytesIO(data), name)
    presentation = Presentation(BytesIO(data))
    # A file could refer to one part many times; each is read once.
    shown = list({slide.part.partname: slide for slide in presentation.slides}.values())
    read: set[str] = set()
    limit = TextLimit(name, len(data))
    slides = ["" if _is_hidden(slide) else _slide(slide, read, limit) for slide in shown]
    if not any(slides):
        raise cannot_read(name, "its slides have no text", "If they are pictures, print them to PDF and run OCR.")
    metadata = presentation.core_properties
    title = one_line(metadata.title)
    titles = (one_line(_title(slide)) for slide in shown if not _is_hidden(slide))
    # A slide without a text begins where the next one does.
    starts = accumulate((len(text) + 2 if text else 0 for text in slides[:-1]), initial=0)
    text = "\n\n".join(text for text in slides if text)
    return Extract(
        text,
        title=title if title not in _GENERIC and title else next((each for each in titles if each), None),
        author=one_line(metadata.author),
        published=iso_date(created) if (created := metadata.created) != _OF_THE_TEMPLATE else None,
        language=iso_language(metadata.language),
        pages=tuple(min(start, len(text)) for start in starts),
    )


def _is_hidden(slide: Any) -> bool:
    return slide._element.get("show") in ("0", "false")


def _slide(slide: Any, read: set[str], limit: TextLimit) -> str:
    title = _title(slide)
    texts = [title] if title else []
    texts += _texts(slide.shapes, slide, slide.shapes.title, read, limit)
    has_notes = slide.has_notes_slide and _is_new(slide.notes_slide.part, read)
    notes = _written(slide.notes_slide.notes_text_frame) if has_notes else ""
    return "\n\n".join([*texts, f"{_NOTES}\n{notes}"] if notes else texts)


def _is_new(part: Any, read: set[str]) -> bool:
    """Return whether a part of the file was not read before, and add it to those that were."""
    is_new = part.partname not in read
    read.add(part.partname)
    return is_new


def _title(slide: Any) -> str:
    shape = slide.shapes.title
    is_shown = shape is not None and shape.has_text_frame and not _is_hidden_shape(shape)
    return " ".join(_paragraphs(shape.text_frame._txBody)) if is_shown else ""


def _is_hidden_shape(shape: Any) -> bool:
    return shape._element._nvXxPr.cNvPr.get("hidden") in ("1", "true")


def _texts(shapes: Any, slide: Any, title: Any, read: set[str], limit: TextLimit) -> Iterator[str]:
    """Yield the texts of shapes in the order in which a screen reader reads them, without the title."""
    from pptx.enum.shapes import PP_PLACEHOLDER

    on_each_slide = (PP_PLACEHOLDER.SLIDE_NUMBER, PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.DATE)
    for shape in shapes:
        if title is not None and shape.shape_id == title.shape_id and shape.is_placeholder:
            continue
        if _is_hidden_shape(shape) or (shape.is_placeholder and shape.placeholder_format.type in on_each_slide):
            continue
        if hasattr(shape, "shapes"):  # a group
            yield from _texts(shape.shapes, slide, title, read, limit)
            continue
        if shape.has_text_frame:
            text = _written(shape.text_frame, is_list=shape.is_placeholder)
        elif getattr(shape, "has_table", False):
            text = _table(shape.table, limit)
        else:
            text = "\n".join(_nodes(shape, slide, read))
        if text:
            yield text


def _written(frame: Any, *, is_list: bool = False) -> str:
    """Return the paragraphs of a text frame; those of a list as one line each."""
    if frame is None:
        return ""
    paragraphs = _paragraphs(frame._txBody)
    if is_list and len(paragraphs) > 1:
        return "\n".join(f"- {text}" for text in paragraphs)
    return "\n\n".join(paragraphs)


def _paragraphs(element: Any) -> list[str]:
    """Return the paragraphs in an element that are not empty."""
    texts = (" ".join(join_runs(_runs(paragraph)).split()) for paragraph in element.iter(f"{_DRAWING}p"))
    return [text for text in texts if text]


def _runs(paragraph: Any) -> Iterator[str]:
    for run in paragraph.iterchildren(tag="*"):
        if run.tag == f"{_DRAWING}br":
            yield " "
        elif run.tag in (f"{_DRAWING}r", f"{_DRAWING}fld"):
            text = run.findtext(f"{_DRAWING}t") or ""
            properties = run.find(f"{_DRAWING}rPr")
            form = properties.attrib if properties is not None else {}
            shift = form.get("baseline", "0").rstrip("%")
            if form.get("strike", "noStrike") != "noStrike":
                yield LEFT_OUT
            elif shift.strip("0.-") == "":
                yield text
            else:
                yield lowered(text) if shift[0] == "-" else raised(text)
        else:
            yield from (formula(each) for each in run.iter(f"{MATH}oMath"))


def _table(table: Any, limit: TextLimit) -> str:
    """Return the rows of a table as lines; a cell that extends over several rows is repeated in each."""
    rows: list[list[str]] = []
    for row in table._tbl.tr_lst:  # the collections of the library take quadratic time
        cells: list[str] = []
        for cell in row.tc_lst[:MOST_COLUMNS]:
            is_repeated = cell.vMerge and rows and len(cells) < len(rows[-1])
            text = rows[-1][len(cells)] if is_repeated else "" if cell.is_spanned else " ".join(_paragraphs(cell))
            cells.append(text)
        limit.add_row(cells)
        rows.append(cells)
    return write_table(rows)


def _nodes(shape: Any, slide: Any, read: set[str]) -> Iterator[str]:
    """Yield the texts of a SmartArt diagram, which are in another part of the file."""
    for data in shape.element.iter(f"{_DIAGRAM}relIds"):
        part = slide.part.related_part(data.get(_DATA))
        if not _is_new(part, read):
            continue
        tree = parse_xml(part.blob)
        for point in tree.iter(f"{_DIAGRAM}pt"):
            if text := " ".join(_paragraphs(point)):
                yield f"- {text}"
