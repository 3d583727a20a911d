"""A presentation is read slide by slide; a slide counts as a page."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pptx import Presentation
from pptx.opc.package import Part
from pptx.opc.packuri import PackURI
from pptx.oxml import parse_xml
from pptx.util import Inches

from index import Article, Index, Skipped
from index.ingest.loader import load, load_file

TITLE_ONLY, BLANK, TITLE_AND_BODY = 5, 6, 1
_STEPS = ("Survey", "Dredge", "Build")
_DIAGRAM = "http://schemas.openxmlformats.org/drawingml/2006/diagram"
_PARTS = {"slide": "ppt/slides/slide1.xml", "package": "ppt/presentation.xml"}


def _box(slide: Any, text: str) -> Any:
    shape = slide.shapes.add_textbox(0, 0, Inches(2), Inches(1))
    shape.text_frame.text = text
    return shape


def _slide(deck: Any, title: str, body: str = "", notes: str = "") -> Any:
    layout = TITLE_AND_BODY if body else TITLE_ONLY if title else BLANK
    slide = deck.slides.add_slide(deck.slide_layouts[layout])
    if title:
        slide.shapes.title.text = title
    if body:
        slide.placeholders[1].text = body
    if notes:
        slide.notes_slide.notes_text_frame.text = notes
    return slide


def _save(deck: Any, path: Path) -> Path:
    deck.save(str(path))
    return path


def _table(slide: Any, rows: Sequence[Sequence[str]]) -> Any:
    table = slide.shapes.add_table(len(rows), len(rows[0]), 0, 0, Inches(4), Inches(1)).table
    for cells, row in zip(table.rows, rows, strict=True):
        for cell, text in zip(cells.cells, row, strict=True):
            cell.text = text
    return table


@pytest.fixture
def deck(tmp_path: Path) -> Path:
    deck = Presentation()
    deck.core_properties.author = "Ann Lee"
    deck.core_properties.created = datetime(2024, 2, 24)
    _slide(deck, "Harbour plan", "Dredge the basin\nBuild a third crane", notes="The crane costs 4 million euros.")
    _slide(deck, "")
    costs = _slide(deck, "Costs")
    _table(costs, [("Item", "Cost"), ("Crane", "4 million")])
    _box(costs, "Prices of March 2024")
    return _save(deck, tmp_path / "plan.pptx")


def test_slides_are_read_in_order_with_titles_lists_tables_and_notes(deck: Path) -> None:
    assert load_file(deck).text == (
        "Harbour plan\n\n- Dredge the basin\n- Build a third crane\n\n"
        "Speaker notes:\nThe crane costs 4 million euros.\n\n"
        "Costs\n\nItem: Crane | Cost: 4 million\n\nPrices of March 2024"
    )


def test_the_title_is_that_of_the_presentation_or_of_its_first_slide(deck: Path, tmp_path: Path) -> None:
    article = load_file(deck)
    assert (article.title, article.author, article.published) == (
        "Harbour plan",
        "Ann Lee",
        "2024-02-24T00:00:00",
    )
    named, generic = Presentation(), Presentation()
    named.core_properties.title = "The plan of 2024"
    generic.core_properties.title = "PowerPoint Presentation"
    for each in (named, generic):
        _slide(each, "Costs")
    assert load_file(_save(named, tmp_path / "b.pptx")).title == "The plan of 2024"
    assert load_file(_save(generic, tmp_path / "c.pptx")).title == "Costs"
    assert load_file(tmp_path / "c.pptx").published is None, "the date of the library's template"


def test_a_citation_names_the_slide_also_after_slides_without_text(index: Index, deck: Path) -> None:
    article = load_file(deck)
    index.sync([deck])
    assert article.pages == (0, article.text.index("Costs"), article.text.index("Costs"))
    pages = {}
    for question, words in {"basin dredge": "Dredge", "crane euros": "euros", "item cost crane": "4 million"}.items():
        hit = next(hit for hit in index.search(question) if words in hit.passage.text)
        pages[words] = hit.page(hit.passage.start + hit.passage.text.index(words))
    assert pages == {"Dredge": 1, "euros": 1, "4 million": 3}


def test_groups_merged_cells_and_line_breaks_are_read_once(tmp_path: Path) -> None:
    deck = Presentation()
    slide = _slide(deck, "Ships\vand loads")
    group = slide.shapes.add_group_shape()
    group.shapes.add_textbox(0, 0, Inches(1), Inches(1)).text_frame.text = "In a group"
    inner = group.shapes.add_group_shape()
    inner.shapes.add_textbox(0, 0, Inches(1), Inches(1)).text_frame.text = "In a group in it\nand below"
    table = _table(slide, [("Ships", ""), ("Ann", "3 t")])
    table.cell(0, 0).merge(table.cell(0, 1))
    text = load_file(_save(deck, tmp_path / "a.pptx")).text
    assert text == "Ships and loads\n\nIn a group\n\nIn a group in it\n\nand below\n\nShips\n\nAnn | 3 t"


def test_numbers_and_footers_of_slides_are_not_text(tmp_path: Path) -> None:
    deck = Presentation()
    slide = _slide(deck, "Costs", "The crane costs 4 million.")
    for placeholder in deck.slide_layouts[TITLE_AND_BODY].placeholders:
        if placeholder.placeholder_format.idx in (10, 11, 12):  # date, footer and number
            shape = slide.shapes.clone_placeholder(placeholder)
            del shape
    for shape in slide.placeholders:
        if shape.placeholder_format.idx in (10, 11, 12):
            shape.text_frame.text = f"of each slide {shape.placeholder_format.idx}"
    assert "of each slide" not in load_file(_save(deck, tmp_path / "a.pptx")).text


_NAMES = (
    'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" '
    'xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram"'
)


def test_smart_art_and_shapes_that_the_library_does_not_know_are_read(tmp_path: Path) -> None:
    deck = Presentation()
    slide = _slide(deck, "Steps")
    points = "".join(f"<dgm:pt><dgm:t><a:p><a:r><a:t>{step}</a:t></a:r></a:p></dgm:t></dgm:pt>" for step in _STEPS)
    kind = "application/vnd.openxmlformats-officedocument.drawingml.diagramData+xml"
    blob = f"<dgm:dataModel {_NAMES}><dgm:ptLst>{points}<dgm:pt/></dgm:ptLst></dgm:dataModel>".encode()
    data = Part(PackURI("/ppt/diagrams/data1.xml"), kind, slide.part.package, blob)
    id_ = slide.part.relate_to(data, "http://schemas.openxmlformats.org/officeDocument/2006/relationships/diagramData")
    place = "<p:xfrm><a:off x='0' y='0'/><a:ext cx='1' cy='1'/></p:xfrm>"
    diagram = f"<a:graphic><a:graphicData uri='{_DIAGRAM}'><dgm:relIds r:dm='{id_}'/></a:graphicData></a:graphic>"
    about = "<p:cNvPr id='{}' name='x'/>"
    slide.shapes._spTree.append(
        parse_xml(
            f"<p:graphicFrame {_NAMES}><p:nvGraphicFramePr>{about.format(90)}<p:cNvGraphicFramePr/><p:nvPr/>"
            f"</p:nvGraphicFramePr>{place}{diagram}</p:graphicFrame>"
        )
    )
    slide.shapes._spTree.append(
        parse_xml(
            f"<p:sp {_NAMES}><p:nvSpPr>{about.format(91)}<p:cNvSpPr/><p:nvPr/></p:nvSpPr><p:spPr/>"
            "<p:txBody><a:bodyPr/><a:p><a:r><a:t>Without a form</a:t></a:r></a:p></p:txBody></p:sp>"
        )
    )
    text = load_file(_save(deck, tmp_path / "a.pptx")).text
    assert text == "Steps\n\n- Survey\n- Dredge\n- Build\n\nWithout a form"


def _changed(path: Path, part: str, data: bytes) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert part in parts
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, own in {**parts, part: data}.items():
            archive.writestr(name, own)
    path.write_bytes(buffer.getvalue())


@pytest.mark.parametrize("part", _PARTS.values(), ids=_PARTS)
def test_entities_that_multiply_are_not_multiplied(deck: Path, part: str) -> None:
    entities = '<!ENTITY a0 "x">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    _changed(deck, part, f"<!DOCTYPE x [{entities}]><x>&a11;</x>".encode())
    assert all(isinstance(each, Skipped) or len(each.text) < 1_000 for each in load([deck]))


@pytest.mark.parametrize(
    "data", [b"<a>" * 100_000 + b"</a>" * 100_000, b"<a/>", b"x" * 50_000_000], ids=["deep", "empty", "bomb"]
)
def test_a_damaged_presentation_is_skipped_with_its_reason_and_the_file_beside_it_is_read(
    deck: Path, data: bytes
) -> None:
    _changed(deck, _PARTS["package"], data)
    (deck.parent / "good.txt").write_text("A good article.")
    items = list(load([deck.parent]))
    assert [item.title for item in items if isinstance(item, Article)] == ["A good article."]
    assert ["plan.pptx" in item.reason for item in items if isinstance(item, Skipped)] == [True]


@pytest.mark.parametrize(
    ("data", "reason"), [(b"no zip", "it is not a .pptx presentation"), (b"", "is empty")], ids=["text", "empty"]
)
def test_a_file_that_is_not_a_presentation_is_skipped(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "a.pptx").write_bytes(data)
    (skipped,) = load([tmp_path / "a.pptx"])
    assert isinstance(skipped, Skipped)
    assert reason in skipped.reason


def test_slides_that_are_pictures_are_skipped_with_that_reason(tmp_path: Path) -> None:
    deck = Presentation()
    _slide(deck, "")
    (skipped,) = load([_save(deck, tmp_path / "a.pptx")])
    assert isinstance(skipped, Skipped)
    assert "its slides have no text" in skipped.reason
