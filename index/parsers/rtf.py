"""Read rich text with striprtf."""

from __future__ import annotations

import re
from datetime import date

from .base import Extract, cannot_read
from .metadata import iso_date, one_line

_INFORMATION = {field: re.compile(rf"{{\\{field}\s") for field in ("title", "author", "company")}
_VALUE = re.compile(r"((?:[^{}\\]|\\.)*+)}")
_LINK = re.compile(r"(hyper)(link)", re.IGNORECASE)
_SAVE_AGAIN = "Open it in a word processor and save it as RTF again."
_FONT = re.compile(r"\\f(charset)?(\d{1,5})(?!\d)")
_CREATED = re.compile(r"\\creatim\s*\\yr(\d{4})\\mo(\d{1,2})\\dy(\d{1,2})")


def read_rtf(data: bytes, name: str) -> Extract:
    """Read the text without its styles, and the title, author and date from the document information."""
    from striprtf.striprtf import font_table_group, rtf_to_text

    if not data.lstrip().startswith(b"{\\rtf"):
        raise cannot_read(name, "it is not rich text", _SAVE_AGAIN)
    written = data.decode("latin-1")  # RTF is ASCII, with escapes for other characters
    # The library's pattern for links takes cubic time; RTF ignores line breaks.
    written = _LINK.sub("\\1\n\\2", written)
    fonts = font_table_group(written)
    written = written.replace(fonts, _font_table(fonts), 1) if fonts else written
    code_page = re.search(r"\\ansicpg\d+", written)

    def info(field: str) -> str | None:
        begins = _INFORMATION[field].search(written)  # only the first: each could be as long as the file
        group = _VALUE.match(written, begins.end()) if begins else None
        return one_line(rtf_to_text(f"{{\\rtf1{code_page[0] if code_page else ''} {group[1]}}}")) if group else None

    return Extract(
        rtf_to_text(written, errors="ignore"),
        title=info("title"),
        author=info("author"),
        published=_created(written),
        source=info("company"),
    )


def _font_table(group: str) -> str:
    """Return a font table with the character set of each font only, a line for each.

    The library's pattern for fonts takes cubic time for a line, and tables may have no semicolons or embedded fonts.
    """
    sets: dict[str, str] = {}
    font = None
    for is_set, number in _FONT.findall(group):
        if not is_set:
            font = number
        elif font is not None:
            sets.setdefault(font, number)
    lines = [f"{{\\f{font}\\fcharset{number} A;}}\n" for font, number in sets.items()]
    return "".join(["{\\fonttbl\n", *lines, "}"])


def _created(written: str) -> str | None:
    match = _CREATED.search(written)
    try:
        return iso_date(date(*map(int, match.groups()))) if match else None
    except ValueError:
        return None
