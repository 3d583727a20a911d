"""Decode bytes in the declared encoding, else as UTF-8, else in an encoding that the detector of Firefox guesses.

The detector is chardetng (https://github.com/hsivonen/chardetng): it looks at the frequencies of letters and pairs of
letters in each language.
"""

from __future__ import annotations

import codecs
import re

from .base import cannot_read

_DECLARED = re.compile(
    rb"""<(?:meta|\?xml)[^>]{0,300}?(?:charset|encoding)\s*+=\s*+(?:["']\s*+)?([\w.:-]{2,40})""", re.I
)
_SEARCHED = 4096  # bytes at the start of a page in which to look for a declared encoding
_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "iso-8859-1": "cp1252", "latin-1": "cp1252"}
_CODECS = {  # Python's names for the encodings that the detector returns, or for their supersets
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc-kr": "cp949",
    "big5": "big5hkscs",
    "windows-874": "cp874",
    "x-mac-cyrillic": "mac-cyrillic",
    "iso-8859-8-i": "iso8859-8",
}
_LATIN = frozenset({"iso-8859-2", "iso-8859-4", "windows-1250", "windows-1254", "windows-1257", "windows-1258"})
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
_BEFORE, _LOOKED_AT = 1_000, 1_000_000  # bytes
_SPELLED = re.compile(r"[^\W\d_][^\W\d_\x00-\x7f]|[^\W\d_\x00-\x7f][^\W\d_]")  # a letter beyond ASCII in a word
_CONTROL = bytes([*range(9), *range(14, 27), *range(28, 32)])
_CONTROLS = 0.01  # maximum share of control characters in a text
_REPLACEMENT = "\ufffd"
_INVALID = 0.5  # maximum share of invalid bytes in UTF-8, of the characters beyond ASCII
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
    """Decode in a declared encoding, as browsers do; return None if the encoding is unknown or does not fit.

    Programs that declare ASCII, and use other characters, mean any encoding.
    """
    try:
        # Pages often declare an encoding but use characters from its superset.
        codec = codecs.lookup(_WIDER.get(encoding.lower(), encoding))
        return None if codec.name in _NEVER_DECLARED else data.decode(codec.name)
    except (LookupError, UnicodeError, ValueError):
        return None


def _detect(data: bytes, name: str) -> str:
    """Decode bytes that are not valid UTF-8: as UTF-8 if nearly all of it is, else as Firefox guesses.

    Western European text without a hint of another language is decoded as Windows-1252, as browsers do.
    """
    almost = data.decode("utf-8-sig", "replace")
    beyond_ascii = len(almost) - len(almost.encode("ascii", "ignore"))
    if almost.count(_REPLACEMENT) <= _INVALID * beyond_ascii:
        return almost
    guess = _guess(data)
    text = _decoded(data, _CODECS.get(guess, guess))
    if guess in _LATIN and (text is None or not _SPELLED.search(text)):
        text = _decoded(data, "cp1252") or text
    if text is None or len(data) - len(data.translate(None, _CONTROL)) > _CONTROLS * len(data):
        raise cannot_read(name, "it is not a text file", "Convert it to text in UTF-8 first.")
    return text


def _guess(data: bytes) -> str:
    """Return the encoding that the detector guesses, from the part of the text around its first non-ASCII bytes."""
    from chardetng_py import EncodingDetector

    first = _BEYOND_ASCII.search(data)
    start = max(0, first.start() - _BEFORE) if first else 0
    detector = EncodingDetector()
    part = data[start : start + _LOOKED_AT]
    detector.feed(part, last=len(part) < _LOOKED_AT)
    return str(detector.guess(tld=None, allow_utf8=False)).lower()


def _decoded(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except (LookupError, UnicodeError):
        return None
