"""The work for fonts: pypdf reads the map of a font again for each font, page and form that uses it."""

from __future__ import annotations

import io

import pytest
from pypdf import PdfWriter
from pypdf.generic import ArrayObject, DecodedStreamObject, DictionaryObject, NameObject, NumberObject

from index.parsers import extract
from index.parsers.pdf.fonts import FontWork, _in_ranges

WHOLE = b"1 beginbfrange <0000> <FFFF> <0000> endbfrange"
LATIN = b"1 beginbfrange\n<0020> <007E> <0020>\nendbfrange\n1 beginbfchar <0001> <FB01> endbfchar"
DRAWN = b"BT /F0 12 Tf 10 50 Td <00480065006C006C006F> Tj ET"


def _names(**values: object) -> DictionaryObject:
    return DictionaryObject({NameObject(f"/{name}"): value for name, value in values.items()})


def _document(fonts: int, unicode: bytes, pages: int = 1, *, in_form: bool = False) -> PdfWriter:
    """Return pages that say "Hello", with fonts that share one map, or with a form that has these fonts."""
    writer = PdfWriter()
    shared = DecodedStreamObject()
    shared.set_data(unicode)
    shared_map = writer._add_object(shared)
    descendant = _names(Type=NameObject("/Font"), Subtype=NameObject("/CIDFontType2"), DW=NumberObject(1000))
    for _ in range(pages):
        page = writer.add_blank_page(200, 100)
        own = DictionaryObject()
        for number in range(fonts):
            font = _names(
                Type=NameObject("/Font"),
                Subtype=NameObject("/Type0"),
                Encoding=NameObject("/Identity-H"),
                DescendantFonts=ArrayObject([descendant]),
                ToUnicode=shared_map,
            )
            own[NameObject(f"/F{number}")] = writer._add_object(font)
        drawn = DecodedStreamObject()
        drawn.set_data(DRAWN)
        resources = _names(Font=own)
        if in_form:
            drawn.update(_names(Type=NameObject("/XObject"), Subtype=NameObject("/Form"), Resources=resources))
            resources = _names(XObject=_names(A=writer._add_object(drawn)))
            drawn = DecodedStreamObject()
            drawn.set_data(b"/A Do " * 20)
        page[NameObject("/Resources")] = resources
        page[NameObject("/Contents")] = writer._add_object(drawn)
    return writer


def _read(document: PdfWriter) -> tuple[str, list[str]]:
    saved = io.BytesIO()
    document.write(saved)
    found = extract(saved.getvalue(), ".pdf", "a.pdf")
    return found.text, [page.reason for page in found.skipped_pages]


@pytest.mark.parametrize(("fonts", "unicode"), [(1, WHOLE), (3, WHOLE), (100, LATIN)])
def test_ordinary_fonts_are_read(fonts: int, unicode: bytes) -> None:
    assert _read(_document(fonts, unicode, pages=3)) == ("Hello\nHello\nHello\n", [])


def test_pages_whose_fonts_take_too_much_work_are_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.parsers.pdf.content._WORK_BASE", 100_000)
    text, skipped = _read(_document(5, WHOLE, pages=12))
    assert (text.split(), len(skipped)) == (["Hello"] * (12 - len(skipped)), len(skipped))
    assert 3 < len(skipped) < 8


@pytest.mark.parametrize("in_form", [False, True])
def test_a_page_with_very_many_maps_is_skipped(in_form: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from pypdf.generic._font import Font

    read: list[object] = []
    whole = Font.from_font_resource
    monkeypatch.setattr(Font, "from_font_resource", lambda font: read.append(font) or whole(font))
    document = _document(12 if in_form else 100, WHOLE, in_form=in_form)
    with pytest.raises(Exception, match="too complex"):
        _read(document)
    assert len(read) < 100


@pytest.mark.parametrize(
    ("written", "entries"),
    [
        (WHOLE, 0xFFFF),
        (LATIN, 0x5E),
        (b"beginbfrange <00><0f>[<01> <02>] <10> <1F> <00> endbfrange", 0x0F),
        (WHOLE * 50, 100_000),
        (b"beginbfrange " + b"<1> <2> [" * 3_000, 0),
        (b"beginbfrange <zz> <-> <> endbfrange", 0),
    ],
)
def test_the_characters_in_the_ranges_of_a_map_are_counted(written: bytes, entries: int) -> None:
    assert _in_ranges(written) == entries


def test_widths_and_forms_count_as_work() -> None:
    document = _document(2, LATIN, in_form=True)
    page = document.pages[0]
    work, forms = FontWork().of_forms(page)
    assert (list(work), forms, FontWork().of(page)) == (["/A"], 1, 0)
    assert work["/A"] == FontWork().of(page["/Resources"]["/XObject"]["/A"]) > 20
    descendant = page["/Resources"]["/XObject"]["/A"]["/Resources"]["/Font"]["/F0"]["/DescendantFonts"][0]
    widths = ArrayObject([NumberObject(0), ArrayObject([NumberObject(5)] * 1_600), NumberObject(2_000)])
    descendant[NameObject("/W")] = ArrayObject([*widths, NumberObject(3_600), NumberObject(7)])
    assert FontWork().of_forms(page)[0]["/A"] == work["/A"] + 2 * 200
