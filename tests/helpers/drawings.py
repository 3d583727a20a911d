"""PDF documents drawn line by line, and written object by object."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any


def drawn(*pages: Callable[[Any], None], **metadata: str) -> bytes:
    """Return a PDF with a page for each function, which draws on a reportlab canvas."""
    from reportlab.pdfgen.canvas import Canvas

    written = BytesIO()
    canvas = Canvas(written, invariant=1, lang=metadata.get("language"))
    canvas.setTitle(metadata.get("title", ""))
    canvas.setAuthor(metadata.get("author", ""))
    for draw in pages:
        draw(canvas)
        canvas.showPage()
    canvas.save()
    return written.getvalue()


def text_at(
    left: float, top: float, lines: Sequence[str], size: float = 10, leading: float = 14
) -> Callable[[Any], None]:
    """Return a function that draws lines below each other."""

    def draw(canvas: Any) -> None:
        canvas.setFont("Helvetica", size)
        for number, line in enumerate(lines):
            canvas.drawString(left, top - leading * number, line)

    return draw


def together(*draws: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return a function that draws all of them on a page."""

    def draw(canvas: Any) -> None:
        for each in draws:
            each(canvas)

    return draw


def row_by_row(
    columns: Sequence[tuple[float, Sequence[str]]], top: float = 700, *, moving: bool = False
) -> Callable[[Any], None]:
    """Return a function that draws columns, each with its left edge, row by row; with `moving`, in one text object."""

    def draw(canvas: Any) -> None:
        canvas.setFont("Helvetica", 10)
        text = canvas.beginText()
        text.setFont("Helvetica", 10)
        for row in range(max(len(lines) for _, lines in columns)):
            for left, lines in columns:
                if row < len(lines) and moving:
                    text.setTextOrigin(left, top - 14 * row)
                    text.textOut(lines[row])
                elif row < len(lines):
                    canvas.drawString(left, top - 14 * row, lines[row])
        if moving:
            canvas.drawText(text)

    return draw


def picture(canvas: Any) -> None:
    """Draw a picture over the page, as on a scan."""
    from PIL import Image
    from reportlab.lib.utils import ImageReader

    canvas.drawImage(ImageReader(Image.new("L", (60, 80), 128)), 50, 50, 300, 400)


def scan(words: str) -> Callable[[Any], None]:
    """Return a function that draws a picture of the words."""

    def draw(canvas: Any) -> None:
        from PIL import Image, ImageDraw, ImageFont
        from reportlab.lib.utils import ImageReader

        image = Image.new("L", (1200, 300), 255)
        ImageDraw.Draw(image).text((40, 100), words, fill=0, font=ImageFont.load_default(48))
        canvas.drawImage(ImageReader(image), 50, 500, 500, 125)

    return draw


def pdf_of_streams(contents: Sequence[bytes], order: Sequence[int], form: bytes = b"") -> bytes:
    """Return a PDF that has a page object for each content stream, and shows the page objects in this order.

    A page object that occurs repeatedly in `order` occurs repeatedly in the page tree. The streams may show the form as
    /X0, and text in the font /F1.
    """
    fonts = b"/Font<</F1 2 0 R>>"
    objects = {2: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"}
    objects[3] = _stream(form, b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<<" + fonts + b">>")
    resources = b"/Resources<<" + fonts + b"/XObject<</X0 3 0 R>>>>"
    first = 4
    for number, content in enumerate(contents):
        stream, page = first + 2 * number, first + 2 * number + 1
        objects[stream] = _stream(content)
        objects[page] = b"<</Type/Page/Parent 1 0 R/MediaBox[0 0 600 800]/Contents %d 0 R" % stream + resources + b">>"
    kids = b" ".join(b"%d 0 R" % (first + 2 * number + 1) for number in order)
    objects[1] = b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(order), kids)
    root = first + 2 * len(contents)
    objects[root] = b"<</Type/Catalog/Pages 1 0 R>>"
    data, offsets = b"%PDF-1.4\n", []
    for number in range(1, root + 1):
        offsets.append(len(data))
        data += b"%d 0 obj\n" % number + objects[number] + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start = len(data)
    data += b"xref\n0 %d\n0000000000 65535 f \n" % (root + 1) + table
    return data + b"trailer<</Size %d/Root %d 0 R>>\nstartxref\n%d\n%%%%EOF" % (root + 1, root, start)


def _stream(content: bytes, entries: bytes = b"") -> bytes:
    packed = zlib.compress(content, 9)
    head = b"<<" + entries + b"/Length %d/Filter/FlateDecode>>" % len(packed)
    return head + b"stream\n" + packed + b"\nendstream"
