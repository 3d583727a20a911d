"""Office documents are read as they are shown: without struck and hidden text, with raised digits, in their columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest

from index.parsers import extract

Run = tuple[str, str]
"""A text and its format: "", "struck", "hidden", "raised" or "lowered"."""

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
MATH = "http://schemas.openxmlformats.org/officeDocument/2006/math"
ODT = "urn:oasis:names:tc:opendocument:xmlns"

_IN_WORD = {
    "struck": "<w:strike/>",
    "struck twice": "<w:dstrike/>",
    "hidden": "<w:vanish/>",
    "raised": '<w:vertAlign w:val="superscript"/>',
    "lowered": '<w:vertAlign w:val="subscript"/>',
}
_IN_ODT = {
    "struck": 'style:text-line-through-style="solid"',
    "hidden": 'text:display="none"',
    "raised": 'style:text-position="super 58%"',
    "lowered": 'style:text-position="sub 58%"',
}
_IN_RTF = {"struck": "strike", "hidden": "v", "raised": "super", "lowered": "sub"}
_IN_PPTX = {"struck": 'strike="sngStrike"', "raised": 'baseline="30000"', "lowered": 'baseline="-25000"'}


def docx(*blocks: str, styles: str = "") -> str:
    """The text of a document with these blocks, in WordprocessingML."""
    from docx import Document
    from docx.oxml import parse_xml

    document, names = Document(), f'xmlns:w="{WORD}" xmlns:m="{MATH}"'
    body = document.element.body
    for block in blocks:
        body.insert(len(body) - 1, parse_xml(block.replace(">", f" {names}>", 1)))
    for style in parse_xml(f"<w:styles {names}>{styles}</w:styles>"):
        document.styles.element.append(style)
    saved = BytesIO()
    document.save(saved)
    return extract(saved.getvalue(), ".docx", "a.docx").text


def run(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def docx_of(runs: Sequence[Run]) -> str:
    return docx(f"<w:p>{''.join(run(text, _IN_WORD.get(form, '')) for text, form in runs)}</w:p>")


def odt(body: str, styles: str = "") -> str:
    """The text of a document with this body, in OpenDocument."""
    names = "".join(f' xmlns:{short}="{ODT}:{short}:1.0"' for short in ("office", "text", "table", "style"))
    saved = BytesIO()
    with ZipFile(saved, "w") as package:
        package.writestr(
            "content.xml",
            f"<office:document-content{names}><office:automatic-styles>{styles}</office:automatic-styles>"
            f"<office:body><office:text>{body}</office:text></office:body></office:document-content>",
        )
    return extract(saved.getvalue(), ".odt", "a.odt").text


def text_style(name: str, properties: str, parent: str = "") -> str:
    based = f'style:parent-style-name="{parent}"' if parent else ""
    return (
        f'<style:style style:name="{name}" style:family="text" {based}>'
        f"<style:text-properties {properties}/></style:style>"
    )


def odt_of(runs: Sequence[Run]) -> str:
    styles = "".join(text_style(form, properties) for form, properties in _IN_ODT.items())
    spans = "".join(f'<text:span text:style-name="{form}">{text}</text:span>' if form else text for text, form in runs)
    return odt(f"<text:p>{spans}</text:p>", styles)


def rtf(body: str) -> str:
    return extract((r"{\rtf1\ansi\ansicpg1252 " + body + "}").encode("latin-1"), ".rtf", "a.rtf").text.strip()


def rtf_of(runs: Sequence[Run]) -> str:
    return rtf("".join(rf"{{\{_IN_RTF[form]} {text}}}" if form else text for text, form in runs))


def pptx(change: Callable[[Any, Any], None]) -> str:
    """The text of a presentation whose second slide is changed."""
    from pptx import Presentation

    deck = Presentation()
    for title in ("Harbour", "Plan"):
        deck.slides.add_slide(deck.slide_layouts[5]).shapes.title.text = title
    change(deck, deck.slides[1])
    saved = BytesIO()
    deck.save(saved)
    return extract(saved.getvalue(), ".pptx", "a.pptx").text.removeprefix("Harbour\n\nPlan").strip()


def pptx_of(runs: Sequence[Run]) -> str:
    def add(_: Any, slide: Any) -> None:
        paragraph = slide.shapes.add_textbox(0, 0, 900_000, 900_000).text_frame.paragraphs[0]
        for text, form in runs:
            added = paragraph.add_run()
            added.text = text
            if form:
                key, _, value = _IN_PPTX[form].partition("=")
                added.font._element.set(key, value.strip('"'))

    return pptx(add)


READERS = [docx_of, odt_of, rtf_of, pptx_of]

SHOWN: list[Any] = [
    pytest.param([("Budget ", ""), ("45", "struck"), ("72 million", "")], "Budget 72 million", id="a struck number"),
    pytest.param([("It has 41", ""), ("42", "struck"), ("43 ships", "")], "It has 41 43 ships", id="between numbers"),
    pytest.param([("It costs 41,", ""), ("9", "struck"), ("5 euros", "")], "It costs 41, 5 euros", id="in a decimal"),
    pytest.param([("about 45", ""), (" million", "struck"), (".", "")], "about 45.", id="before a full stop"),
    pytest.param([("Ships 10", ""), ("6", "raised"), (".", "")], "Ships 10⁶.", id="an exponent"),
    pytest.param([("3.2 x 10", ""), ("-4", "raised"), (" g", "")], "3.2 x 10⁻⁴ g", id="a negative exponent"),
    pytest.param([("310", ""), ("2, 3", "raised"), (" people", "")], "310², ³ people", id="marks of notes"),
    pytest.param([("CO", ""), ("2", "lowered"), (" of 5", "")], "CO₂ of 5", id="a formula"),
    pytest.param([("the 5", ""), ("th", "raised"), (" ship", "")], "the 5th ship", id="a raised word"),
    pytest.param([("Pay 5", ""), ("3 in the year 2023 or later", "raised")], "Pay 5 3 in the year 2023 or later"),
]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(("runs", "text"), SHOWN)
def test_text_is_read_as_it_is_shown(runs: list[Run], text: str, read: Callable[[Sequence[Run]], str]) -> None:
    assert read(runs) == text


@pytest.mark.parametrize("read", [docx_of, odt_of, rtf_of])
def test_hidden_text_is_left_out(read: Callable[[Sequence[Run]], str]) -> None:
    assert read([("It has 12", ""), ("HIDDEN 13", "hidden"), ("14 ships", "")]) == "It has 12 14 ships"
    assert read([("Two ", ""), ("or three ", "hidden"), ("ships", "")]) == "Two ships"
    assert read([("310", ""), ("1", "raised"), ("4", "hidden"), (" people", "")]) == "310¹ people"


def test_styles_of_word_strike_and_hide_text() -> None:
    styles = (
        '<w:style w:type="character" w:styleId="Old"><w:rPr><w:dstrike/></w:rPr></w:style>'
        '<w:style w:type="character" w:styleId="Older"><w:basedOn w:val="Old"/></w:style>'
        '<w:style w:type="character" w:styleId="Loop"><w:basedOn w:val="Loop"/><w:rPr><w:vanish/></w:rPr></w:style>'
        '<w:style w:type="paragraph" w:styleId="Gone"><w:rPr><w:vanish/></w:rPr></w:style>'
    )
    old, older, loop = (f'<w:rStyle w:val="{name}"/>' for name in ("Old", "Older", "Loop"))
    kept, seen = old + '<w:dstrike w:val="0"/>', '<w:vanish w:val="false"/>'
    gone = '<w:pPr><w:pStyle w:val="Gone"/></w:pPr>'
    blocks = [
        f"<w:p>{run('Budget ')}{run('45', old)}{run('46', older)}{run('47', loop)}{run('72')}</w:p>",
        f"<w:p>{run('Kept ')}{run('48', kept)}</w:p>",
        f"<w:p>{gone}{run('Hidden')}{run('Shown', seen)}</w:p>",
    ]
    assert docx(*blocks, styles=styles) == "Budget 72\n\nKept 48\n\nShown"


def test_tracked_changes_of_a_number_are_one_number() -> None:
    deleted = '<w:del w:id="1" w:author="x"><w:r><w:delText>2</w:delText></w:r></w:del>'
    inserted = f'<w:ins w:id="2" w:author="x">{run("3")}</w:ins>'
    assert docx(f"<w:p>{run('It has 1')}{deleted}{inserted}{run('4 ships')}</w:p>") == "It has 134 ships"
    assert rtf(r"It has 1{\deleted 2}34 ships") == "It has 134 ships"


def test_styles_of_open_document_strike_raise_and_hide_text() -> None:
    styles = (
        text_style("T1", 'style:text-line-through-type="double"')
        + text_style("T2", "", "T1")
        + text_style("T3", 'style:text-line-through-type="none"', "T1")
        + text_style("T4", 'style:text-position="33% 58%"')
        + text_style("T5", 'style:text-position="-33% 58%"')
        + text_style("T6", 'style:text-position="0% 100%"')
        + text_style("T7", "", "T7")
    )

    def span(name: str, text: str) -> str:
        return f'<text:span text:style-name="{name}">{text}</text:span>'

    assert odt(f"<text:p>Budget {span('T2', '45')}72{span('T3', '0')} euros</text:p>", styles) == "Budget 720 euros"
    assert odt(f"<text:p>10{span('T4', '6')} CO{span('T5', '2')} 4{span('T6', '5')}</text:p>", styles) == "10⁶ CO₂ 45"
    assert odt(f"<text:p>{span('T7', 'A')} b {span('none', 'c')}</text:p>", styles) == "A b c"


def test_hidden_parts_of_open_document_are_left_out() -> None:
    field = '<text:hidden-text text:condition="x" text:is-hidden="{}">13</text:hidden-text>'
    assert odt(f"<text:p>It has {field.format('true')}14 ships</text:p>") == "It has 14 ships"
    assert odt(f"<text:p>It has {field.format('false')} ships</text:p>") == "It has 13 ships"
    section = "<text:section {}><text:p>Draft 33</text:p></text:section><text:p>Shown</text:p>"
    assert odt(section.format('text:display="none"')) == "Shown"
    assert odt(section.format('text:display="condition" text:is-hidden="true"')) == "Shown"
    assert odt(section.format('text:display="condition"')) == "Draft 33\n\nShown"
    assert odt('<text:p>Gone<text:hidden-paragraph text:is-hidden="true"/></text:p><text:p>Shown</text:p>') == "Shown"


RICH_TEXT = [
    pytest.param(r"12{\striked1 13} ships", "12 ships", id="struck twice"),
    pytest.param(r"\strike 45\strike0  72 {\strike 1}", "72", id="turned off"),
    pytest.param(r"\v 45\plain 72", "72", id="plain"),
    pytest.param(r"10{\super \'36} and 10\super 6\nosupersub 5", "10⁶ and 10⁶5", id="escaped digits"),
    pytest.param(r"10{\up6 6} x{\dn6 2} 4{\up1 5}", "10⁶ x₂ 45", id="by half-points"),
    pytest.param(r"{\strike \u8364?45\'80\emdash\{}72", "72", id="struck symbols"),
    pytest.param(r"\uc2 {\super 1\u8364 12}5", "¹€5", id="what old programs show"),
    pytest.param(r"a{\v b\par c}d", "a\nd", id="a hidden end of a paragraph"),
    pytest.param(r"\u-10179?\u-8704? and \u-10179?x \u55358?\u56599?", "😀 and �x 🤗", id="characters of two numbers"),
]


@pytest.mark.parametrize(("body", "text"), RICH_TEXT)
def test_controls_of_rich_text_are_followed(body: str, text: str) -> None:
    assert rtf(body) == text


def test_hidden_slides_and_shapes_are_left_out() -> None:
    def hide(deck: Any, slide: Any) -> None:
        shape = slide.shapes.add_textbox(0, 0, 9, 9)
        shape.text_frame.text = "Hidden shape"
        shape._element.nvSpPr.cNvPr.set("hidden", "1")
        slide.shapes.add_textbox(0, 0, 9, 9).text_frame.text = "Shown"
        group = slide.shapes.add_group_shape()
        group.shapes.add_textbox(0, 0, 9, 9).text_frame.text = "Hidden group"
        group._element.nvGrpSpPr.cNvPr.set("hidden", "true")
        hidden = deck.slides.add_slide(deck.slide_layouts[5])
        hidden.shapes.title.text = "Hidden slide"
        hidden.notes_slide.notes_text_frame.text = "Hidden notes"
        hidden._element.set("show", "0")
        deck.slides.add_slide(deck.slide_layouts[5]).shapes.title.text = "End"

    assert pptx(hide) == "Shown\n\nEnd"


def cells(rows: Sequence[Sequence[str]], merges: Sequence[tuple[int, int, int, int]]) -> str:
    def add(_: Any, slide: Any) -> None:
        table = slide.shapes.add_table(len(rows), len(rows[0]), 0, 0, 900_000, 900_000).table
        for i, row in enumerate(rows):
            for j, text in enumerate(row):
                table.cell(i, j).text = text
        for top, left, bottom, right in merges:
            table.cell(top, left).merge(table.cell(bottom, right))

    return pptx(add)


YEARS = ["Parish", "2021", "2022"]
MERGED = [
    pytest.param(
        [YEARS, ["Ald", "1", "2"], ["", "4", "5"]],
        [(1, 0, 2, 0)],
        "Parish: Ald | 2021: 1 | 2022: 2\nParish: Ald | 2021: 4 | 2022: 5",
        id="over two rows",
    ),
    pytest.param(
        [YEARS, ["Ald", "", "2"], ["Bur", "4", "5"]],
        [(1, 0, 1, 1)],
        "Parish: Ald | 2022: 2\nParish: Bur | 2021: 4 | 2022: 5",
        id="over two columns",
    ),
    pytest.param(
        [YEARS, ["Ald", "7", ""], ["Bur", "", ""], ["Cole", "8", "9"]],
        [(1, 1, 2, 2)],
        "Parish: Ald | 2021: 7\nParish: Bur | 2021: 7\nParish: Cole | 2021: 8 | 2022: 9",
        id="over both",
    ),
]


@pytest.mark.parametrize(("rows", "merges", "text"), MERGED)
def test_merged_cells_of_a_slide_keep_values_in_their_columns(
    rows: list[list[str]], merges: list[tuple[int, int, int, int]], text: str
) -> None:
    assert cells(rows, merges) == text


def word_row(*texts: str, properties: str = "", of_cells: str = "") -> str:
    written = "".join(f"<w:tc><w:tcPr>{of_cells}</w:tcPr><w:p>{run(text)}</w:p></w:tc>" for text in texts)
    return f"<w:tr><w:trPr>{properties}</w:trPr>{written}</w:tr>"


ROWS = [
    pytest.param(word_row("55", "66", properties='<w:gridBefore w:val="1"/>'), "2021: 55 | 2022: 66", id="before"),
    pytest.param(word_row("Dale", "55", properties='<w:gridAfter w:val="1"/>'), "Parish: Dale | 2021: 55", id="after"),
    pytest.param(word_row("66", properties='<w:gridBefore w:val="2"/>'), "\n- 66", id="two before"),
    pytest.param(word_row("Old", "5", "6", properties="<w:hidden/>"), "", id="a hidden row"),
    pytest.param(word_row("Old", "5", "6", properties='<w:del w:id="1" w:author="x"/>'), "", id="a deleted row"),
]


@pytest.mark.parametrize(("row", "text"), ROWS)
def test_rows_of_word_keep_values_in_their_columns(row: str, text: str) -> None:
    rows = word_row(*YEARS) + word_row("Ald", "1", "2") + row
    table = f"<w:tbl><w:tblPr/><w:tblGrid/>{rows}</w:tbl>"
    assert docx(table) == f"Parish: Ald | 2021: 1 | 2022: 2\n{text}".strip()


def test_a_cell_below_a_hidden_row_keeps_its_text() -> None:
    first = word_row("Ald", of_cells='<w:vMerge w:val="restart"/>', properties="<w:hidden/>")
    below = word_row("", of_cells="<w:vMerge/>").replace("</w:tr>", "<w:tc><w:p/></w:tc></w:tr>")
    rest = word_row("x", "y") * 2
    assert docx(f"<w:tbl><w:tblPr/><w:tblGrid/>{first}{below}{rest}</w:tbl>").startswith("Ald\n")


def test_hidden_rows_of_open_document_are_left_out() -> None:
    def row(*texts: str, visibility: str = "visible") -> str:
        inner = "".join(f"<table:table-cell><text:p>{text}</text:p></table:table-cell>" for text in texts)
        return f'<table:table-row table:visibility="{visibility}">{inner}</table:table-row>'

    rows = row(*YEARS) + row("Ald", "1", "2") + row("Old", "5", "6", visibility="collapse") + row("Bur", "3", "4")
    text = odt(f"<table:table>{rows}</table:table>")
    assert text == "Parish: Ald | 2021: 1 | 2022: 2\nParish: Bur | 2021: 3 | 2022: 4"


def math(text: str) -> str:
    return f"<m:r><m:t>{text}</m:t></m:r>"


POWER = f"<m:sSup><m:e>{math('10')}</m:e><m:sup>{math('6')}</m:sup></m:sSup>"
FRACTION = f"<m:f><m:num>{math('3')}</m:num><m:den>{math('4')}</m:den></m:f>"
FORMULAS = [
    pytest.param(POWER, "10⁶", id="a power"),
    pytest.param(f"{math('1')}{FRACTION}", "1 3/4", id="a mixed number"),
    pytest.param(f"{POWER}{FRACTION}", "10⁶ 3/4", id="a power and a fraction"),
    pytest.param(
        f"<m:sSub><m:e>{math('x')}</m:e><m:sub>{math('1')}</m:sub></m:sSub>{math('=')}"
        f"<m:rad><m:radPr/><m:deg/><m:e>{math('y+2')}</m:e></m:rad>",
        "x₁=√(y+2)",
        id="an index and a root",
    ),
    pytest.param(
        f'<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr><m:sub>{math("i=1")}</m:sub><m:sup>{math("n")}</m:sup>'
        f"<m:e>{math('i')}</m:e></m:nary>",
        "∑_(i=1)^n i",
        id="a sum",
    ),
    pytest.param(
        f'<m:d><m:dPr><m:begChr m:val="["/><m:endChr m:val="]"/></m:dPr><m:e>{math("a+b")}</m:e></m:d>',
        "[a+b]",
        id="brackets",
    ),
    pytest.param(f"<m:func><m:fName>{math('sin')}</m:fName><m:e>{math('x')}</m:e></m:func>", "sin x", id="a function"),
]


@pytest.mark.parametrize(("formula", "text"), FORMULAS)
def test_formulas_of_word_are_written_in_a_line(formula: str, text: str) -> None:
    paragraph = f"<w:p>{run('Energy is ')}<m:oMath>{formula}</m:oMath>{run(' joules.')}</w:p>"
    assert docx(paragraph) == f"Energy is {text} joules."


SYMBOLS = [("Symbol", "F0B1", "4±5"), ("Symbol", "00B1", "4±5"), ("Wingdings", "F0FC", "4 5"), ("Symbol", "x", "4 5")]


@pytest.mark.parametrize(("font", "code", "text"), SYMBOLS)
def test_symbols_of_word_are_characters(font: str, code: str, text: str) -> None:
    symbol = f'<w:r><w:sym w:font="{font}" w:char="{code}"/></w:r>'
    assert docx(f"<w:p>{run('4')}{symbol}{run('5')}</w:p>") == text


def test_small_text_above_other_text_is_in_parentheses() -> None:
    ruby = f"<w:ruby><w:rt>{run('とうきょう')}</w:rt><w:rubyBase>{run('東京')}</w:rubyBase></w:ruby>"
    assert docx(f"<w:p><w:r>{ruby}</w:r>{run('の港')}</w:p>") == "東京(とうきょう)の港"
    base, above = "<text:ruby-base>東京</text:ruby-base>", "<text:ruby-text>とうきょう</text:ruby-text>"
    assert odt(f"<text:p><text:ruby>{base}{above}</text:ruby>の港</text:p>") == "東京(とうきょう)の港"
