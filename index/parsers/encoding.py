"""Bytes become text. What the file says of its encoding comes first, then UTF-8, then what its bytes look like."""

from __future__ import annotations

import codecs
import re

from ..errors import LoadError

_DECLARED = re.compile(rb"""<(?:meta|\?xml)[^>]{0,300}?(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]{2,40})""", re.I)
_LOOKED_AT = 4096  # bytes at the beginning of a page that may declare its encoding
_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "iso-8859-1": "cp1252", "latin-1": "cp1252", "ascii": "cp1252"}
# Python's own for names and for source code, and one that browsers refuse: two take hours for a page, the others give
# halves of characters.
_NEVER_DECLARED = ("idna", "punycode", "unicode-escape", "raw-unicode-escape", "utf-7")


def decode(data: bytes, name: str) -> str:
    """The text in `data`: UTF-8, UTF-16 with its mark, or what its bytes look like; line ends are left as they are."""
    encoding = "utf-16" if data.startswith(_MARKS[1:]) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = _detect(data, name)
    if "\x00" in text:  # a program, a picture: some of them decode without complaint
        raise LoadError(f"{name!r} is not a text file", "Convert it to text first.")
    return text


def decode_page(data: bytes, name: str) -> str:
    """The text of a web page: by its mark, by what it declares where that fits its bytes, else as `decode` does."""
    declared = None if data.startswith(_MARKS) else _DECLARED.search(data[:_LOOKED_AT])
    if declared:
        text = decode_as(data, declared[1].decode("ascii", "replace"))
        if text is not None and "\x00" not in text:
            return text
    return decode(data, name)


def decode_as(data: bytes, encoding: str) -> str | None:
    """The text in `data` by a declared encoding, read as browsers do; None where that is unknown or does not fit."""
    try:
        # Pages that declare the narrow encoding use the characters of the wide one.
        codec = codecs.lookup(_WIDER.get(encoding.lower(), encoding))
        return None if codec.name in _NEVER_DECLARED else data.decode(codec.name)
    except (LookupError, UnicodeError, ValueError):
        return None


def _detect(data: bytes, name: str) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(data).best()
    if best is None:
        raise LoadError(f"{name!r} is not a text file", "Convert it to text first, in UTF-8.")
    # The bytes are decoded here: the library's own text may differ in its line ends.
    return data.decode(best.encoding)
