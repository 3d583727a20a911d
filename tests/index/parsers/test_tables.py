"""Tables in the cells of tables are read once, whatever their depth."""

from __future__ import annotations

from io import BytesIO
from zipfile import ZipFile

import pytest

from index.parsers import extract

DEPTH = 40  # reading each table again at each level would never end
ODT = "urn:oasis:names:tc:opendocument:xmlns"


def nested_docx() -> bytes:
    from docx import Document

    document = Document()
    cell = document.add_table(1, 1).cell(0, 0)
    for level in range(DEPTH):
        cell.text = f"level {level}"
        cell = cell.add_table(1, 1).cell(0, 0)
    cell.text = "innermost"
    written = BytesIO()
    document.save(written)
    return written.getvalue()


def nested_odt() -> bytes:
    text = "<text:p>innermost</text:p>"
    for level in reversed(range(DEPTH)):
        cell = f"<table:table-cell><text:p>level {level}</text:p>{text}</table:table-cell>"
        text = (
            f"<table:table><table:table-rows><table:table-row>{cell}</table:table-row></table:table-rows></table:table>"
        )
    names = "".join(f' xmlns:{short}="{ODT}:{short}:1.0"' for short in ("office", "text", "table"))
    content = f"<office:document-content{names}><office:body><office:text>{text}</office:text></office:body>"
    written = BytesIO()
    with ZipFile(written, "w") as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        package.writestr("content.xml", f"{content}</office:document-content>")
    return written.getvalue()


@pytest.mark.parametrize(("name", "data"), [("a.docx", nested_docx), ("a.odt", nested_odt)])
def test_each_table_is_read_once(name: str, data: object) -> None:
    text = extract(data(), name[1:], name).text  # type: ignore[operator]
    words = [f"level {level}" for level in range(DEPTH)] + ["innermost"]
    assert all(text.count(each) == 1 + 10 * (each in ("level 1", "level 2", "level 3")) for each in words)


def test_links_in_rich_text_take_no_cubic_time() -> None:
    link = r'{\field{\*\fldinst{HYPERLINK "https://example.org"}}{\fldrslt the bridge}}'
    text = extract(
        (r"{\rtf1 See " + link * 3 + r'{\field{\*\fldinst HYPERLINK "a"' * 3000 + "}").encode(), ".rtf", "a.rtf"
    ).text
    assert text.count("the bridge") == 3
