"""Read rich text with striprtf."""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

from ..text.runs import LEFT_OUT, join_runs, lowered, raised
from .base import Extract, cannot_read
from .metadata import iso_date, one_line

_INFORMATION = {field: re.compile(rf"{{\\{field}\s") for field in ("title", "author", "company")}
_VALUE = re.compile(r"((?:[^{}\\]|\\.)*+)}")
_LINK = re.compile(r"(hyper)(link)", re.IGNORECASE)
_SAVE_AGAIN = "Open it in a word processor and save it as RTF again."
_FONT = re.compile(r"\\f(charset)?(\d{1,5})(?!\d)")
_SHIFTS = {"super": raised, "sub": lowered, "up": raised, "dn": lowered}  # \\up and \\dn by half-points
_FEWEST_HALF_POINTS = 6  # by which text is raised or lowered without a smaller font
_HIDES = ("strike", "striked", "v", "deleted")
_STYLED = re.compile(r"\\(?:strike|striked|v|deleted|super|sub|up|dn)\d*(?![a-z])")
_CHARACTERS = (
    "line",
    "tab",
    "emdash",
    "endash",
    "emspace",
    "enspace",
    "qmspace",
    "bullet",
    "lquote",
    "rquote",
    "ldblquote",
    "rdblquote",
)
_TOKEN = re.compile(
    r"\\([a-z]{1,32})(-?\d{1,10})?[ ]?|\\'([0-9a-f]{2})|\\([^a-z])|([{}])|([^\\{}\r\n]+)|[\r\n]+|\\", re.IGNORECASE
)
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_CREATED = re.compile(r"\\creatim\s*\\yr(\d{4})\\mo(\d{1,2})\\dy(\d{1,2})")


def read_rtf(data: bytes, name: str) -> Extract:
    """Read the text without its styles, and the title, author and date from the document information.

    Struck, hidden and deleted text is left out, and digits stay raised or lowered.
    """
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
        _PAIR.sub(_character, join_runs([rtf_to_text(_as_shown(written), errors="ignore")])),
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


def _character(pair: re.Match[str]) -> str:
    """Return the character that RTF writes as two numbers."""
    return pair[0].encode("utf-16", "surrogatepass").decode("utf-16")


@dataclass(frozen=True, slots=True)
class _State:
    """The format of a group: which words hide its text, how its text is shifted, and the length of fallbacks."""

    hidden_by: frozenset[str] = frozenset()
    shift: Callable[[str], str] | None = None
    fallback: int = 1

    def after(self, word: str, argument: str | None) -> _State:
        """Return the format after a control word."""
        is_on = argument is None or int(argument) != 0
        if word in _HIDES:
            return replace(self, hidden_by=self.hidden_by | {word} if is_on else self.hidden_by - {word})
        if word in _SHIFTS:
            is_far = word in ("super", "sub") or argument is None or abs(int(argument)) >= _FEWEST_HALF_POINTS
            return replace(self, shift=_SHIFTS[word] if is_on and is_far else None)
        if word == "nosupersub":
            return replace(self, shift=None)
        if word == "uc" and argument:
            return replace(self, fallback=int(argument))
        return _State(fallback=self.fallback) if word == "plain" else self


def _as_shown(written: str) -> str:
    """Return rich text without text that is struck, hidden or deleted, and with raised and lowered digits.

    The tokens are those of the library, which reads the result, but for text without any control.
    """
    if not _STYLED.search(written):
        return written
    state = _State()
    states: list[_State] = []
    parts: list[str] = []
    shifted: list[str] = []
    skipped = 0  # characters that stand for the Unicode character before them in old programs

    def end_shifted() -> None:
        if shifted and state.shift:
            parts.append(state.shift("".join(shifted)))
        shifted.clear()

    for match in _TOKEN.finditer(written):
        word, argument, code, symbol, brace, text = match.groups()
        token = match[0]
        if code and state.shift and not skipped and chr(int(code, 16)) in string.digits:
            token = text = chr(int(code, 16))
        if text and skipped:
            standing, token = token[:skipped], token[skipped:]
            skipped -= len(standing)
            parts.append(standing if not state.hidden_by else "")
        elif code and skipped:
            skipped -= 1
            parts.append(token if not state.hidden_by else "")
            continue
        is_text = bool(text or code or word == "u" or word in _CHARACTERS or (symbol and symbol != "*"))
        if is_text and token and state.hidden_by:
            parts.append("" if state.hidden_by == {"deleted"} else f"{{{LEFT_OUT}}}")
        elif text and state.shift:
            shifted.append(token)
        else:
            end_shifted()
            parts.append(token)
        if brace == "{":
            states.append(state)
        elif brace and states:
            state = states.pop()
        elif word:
            state = state.after(word, argument)
        if brace or symbol or word:
            skipped = state.fallback if word == "u" else 0
    end_shifted()
    return "".join(parts)
