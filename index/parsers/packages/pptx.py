"""Read presentations with python-pptx."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from io import BytesIO
from itertools import accumulate
from typing import Any

from ..base import Extract, cannot_read
from ..metadata import iso_date, iso_language, one_line
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

    A slide counts as a page, also if it has no text. Footers, dates and slide numbers are omitted.
    """
    from pptx import Presentation

    if not data.startswith(b"PK"):
        raise cannot_read(name, "it is not a .pptx presentation", "Open it in PowerPoint and save it as .pptx.")
    check_package(BytesIO(data), name)
    presentation = Presentation(BytesIO(data))
    # A file could refer to one part many times; each is read once.
    shown = list({slide.part.partname: slide for slide in presentation.slides}.values())
    read: set[str] = set()
    slides = [_slide(slide, read) for slide in shown]
    if not any(slides):
        raise cannot_read(name, "its slides have no text", "If they are pictures, print them to PDF and run OCR.")
    metadata = presentation.core_properties
    title = one_line(metadata.title)
    titles = (one_line(_title(slide)) for slide in shown)
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


def _slide(slide: Any, read: set[str]) -> str:
    title = _title(slide)
    texts = [title] if title else []
    texts += _texts(slide.shapes, slide, slide.shapes.title, read)
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
    return " ".join(shape.text_frame.text.split()) if shape is not None and shape.has_text_frame else ""


def _texts(shapes: Any, slide: Any, title: Any, read: set[str]) -> Iterator[str]:
    """Yield the texts of shapes in the order in which a screen reader reads them, without the title."""
    from pptx.enum.shapes import PP_PLACEHOLDER

    on_each_slide = (PP_PLACEHOLDER.SLIDE_NUMBER, PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.DATE)
    for shape in shapes:
        if title is not None and shape.shape_id == title.shape_id and shape.is_placeholder:
            continue
        if shape.is_placeholder and shape.placeholder_format.type in on_each_slide:
            continue
        if hasattr(shape, "shapes"):  # a group
            yield from _texts(shape.shapes, slide, title, read)
            continue
        if shape.has_text_frame:
            text = _written(shape.text_frame, is_list=shape.is_placeholder)
        elif getattr(shape, "has_table", False):
            text = "\n".join(_rows(shape.table))
        else:
            text = "\n".join(_nodes(shape, slide, read))
        if text:
            yield text


def _written(frame: Any, *, is_list: bool = False) -> str:
    """Return the paragraphs of a text frame; those of a list as one line each."""
    if frame is None:
        return ""
    paragraphs = [" ".join(paragraph.text.split()) for paragraph in frame.paragraphs]
    paragraphs = [text for text in paragraphs if text]
    if is_list and len(paragraphs) > 1:
        return "\n".join(f"- {text}" for text in paragraphs)
    return "\n\n".join(paragraphs)


def _rows(table: Any) -> Iterator[str]:
    for row in table._tbl.tr_lst:  # the collections of the library take quadratic time
        cells = [" ".join(cell.text.split()) for cell in row.tc_lst if not cell.is_spanned]
        if any(cells):
            yield " | ".join(cells)


def _nodes(shape: Any, slide: Any, read: set[str]) -> Iterator[str]:
    """Yield the texts of a SmartArt diagram, which are in another part of the file."""
    for data in shape.element.iter(f"{_DIAGRAM}relIds"):
        part = slide.part.related_part(data.get(_DATA))
        if not _is_new(part, read):
            continue
        tree = parse_xml(part.blob)
        for point in tree.iter(f"{_DIAGRAM}pt"):
            if text := " ".join("".join(each.text or "" for each in point.iter(f"{_DRAWING}t")).split()):
                yield f"- {text}"
