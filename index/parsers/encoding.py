"""Decode bytes in the declared encoding, else as UTF-8, else in a detected encoding."""

from __future__ import annotations

import codecs
import re

from .base import cannot_read

_DECLARED = re.compile(
    rb"""<(?:meta|\?xml)[^>]{0,300}?(?:charset|encoding)\s*+=\s*+(?:["']\s*+)?([\w.:-]{2,40})""", re.I
)
_SEARCHED = 4096  # bytes at the start of a page in which to look for a declared encoding
_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "iso-8859-1": "cp1252", "latin-1": "cp1252", "ascii": "cp1252"}
# Python codecs for host names and source code, and one that browsers reject: two of them take hours to decode a page,
# and the others return lone surrogates.
_NEVER_DECLARED = ("idna", "punycode", "unicode-escape", "raw-unicode-escape", "utf-7")


def decode(data: bytes, name: str) -> str:
    """Decode UTF-8, UTF-16 with a byte order mark, or a detected encoding; line endings are preserved."""
    encoding = "utf-16" if data.startswith(_MARKS[1:]) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = _detect(data, name)
    if "\x00" in text:  # some executables and images decode without an error
        raise cannot_read(name, "it is not a text file", "Convert it to text first.")
    return text


def decode_page(data: bytes, name: str) -> str:
    """Decode a web page by its byte order mark, else in its declared encoding if that fits, else like `decode`."""
    declared = None if data.startswith(_MARKS) else _DECLARED.search(data[:_SEARCHED])
    if declared:
        text = decode_as(data, declared[1].decode("ascii", "replace"))
        if text is not None and "\x00" not in text:
            return text
    return decode(data, name)


def decode_as(data: bytes, encoding: str) -> str | None:
    """Decode in a declared encoding, as browsers do; return None if the encoding is unknown or does not fit."""
    try:
        # Pages often declare an encoding but use characters from its superset.
        codec = codecs.lookup(_WIDER.get(encoding.lower(), encoding))
        return None if codec.name in _NEVER_DECLARED else data.decode(codec.name)
    except (LookupError, UnicodeError, ValueError):
        return None


def _detect(data: bytes, name: str) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(data).best()
    if best is None:
        raise cannot_read(name, "it is not a text file", "Convert it to text in UTF-8 first.")
    # Decode here, as the library may change the line endings.
    return data.decode(best.encoding)
