"""Find the title of a PDF document. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import median

from ..metadata import one_line
from .columns import Line

_LARGER = 1.15  # minimum size of a title, as a multiple of the usual font size of its page
_SAME_SIZE = 0.05  # maximum relative difference between the font sizes of the lines of a title
_LARGEST_DROP = 2.5  # maximum distance between the lines of a title, in font sizes
_MOST_LINES = 4
_LONGEST = 200  # maximum length of a title, in characters
_FEWEST_LETTERS = 4  # a shorter line in large type is an initial or a number

_TOOL = re.compile(r"(?:microsoft )?(?:word|powerpoint|excel|publisher|writer|impress) ?[-–] ", re.IGNORECASE)
_EXTENSION = re.compile(
    r"\.(?:docx?|docm|dotx?|pptx?|xlsx?|indd|idml|tex|dvi|pdf|rtf|odt|odp|ods|qxp|qxd|pub|pages|key|html?|txt|md|ps|eps"
    r"|ai|cdr|fm|wpd|jpe?g|png|tiff?)",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"\(?(?:untitled|anonymous|unknown|unspecified|no title|none|null|title|document|presentation|slide|slides"
    r"|powerpoint presentation|book|sheet|layout|new document|new microsoft word document|template|scan"
    r"|scanned document|scanned image|image|print|printout|output|temp|tmp|test|page|full page photo|doc|file|draft"
    r"|report|adobe photoshop|about:blank|default|normal)\)?[\W\d_]*",
    re.IGNORECASE,
)
_NAME = re.compile(r"[^\W\d_]{2,}")
_NOBODY = re.compile(
    r"\W*(?:anonymous|unknown|unspecified|none|null|n/a|author|user|owner|admin|administrator|windows user|default)\W*",
    re.IGNORECASE,
)


def metadata_title(written: str | None, file: str = "") -> str | None:
    """Return the document's own title, without the name of a program before it and without a file extension.

    Return None if it is a placeholder such as "untitled", or the name of a file; `file` is the name of its own file,
    without the extension.
    """
    title = one_line(written)
    if title is None:
        return None
    bare = _TOOL.sub("", title, count=1) if _TOOL.match(title) else title
    dot = bare.rfind(".")
    is_file = dot > 0 and bool(_EXTENSION.fullmatch(bare, dot))
    bare = (bare[:dot] if is_file else bare).strip()
    words = _NAME.findall(bare)
    if not words and not any("\u3040" <= character <= "\u9fff" for character in bare):
        return None
    if _PLACEHOLDER.fullmatch(bare):
        return None
    if " " not in bare and (
        is_file
        or bare.casefold() == file.casefold()
        or "_" in bare
        or "/" in bare
        or (bare.isascii() and any(map(str.isdigit, bare)))
    ):
        return None
    if bare != title and len(words) < 2:
        return None
    return bare


def metadata_author(written: str | None) -> str | None:
    """Return the document's author, unless it is a placeholder such as "anonymous"."""
    author = one_line(written)
    return None if author is None or _NOBODY.fullmatch(author) else author


def largest_lines(lines: Sequence[Line]) -> str | None:
    """Return the first lines of a page in its largest type, as one line; None if all lines have about the same size."""
    named = [i for i, line in enumerate(lines) if sum(map(str.isalpha, line.text)) >= _FEWEST_LETTERS]
    if not named:
        return None
    usual = median([line.size for line in lines for _ in range(1 + min(len(line.text), _LONGEST) // 10)])
    largest = max(lines[i].size for i in named)
    if largest <= 0 or largest < _LARGER * usual:
        return None
    first = next(i for i in named if _is_size(lines[i], largest))
    title = [lines[first]]
    for line in lines[first + 1 : first + _MOST_LINES]:
        drop = title[-1].height - line.height
        if not _is_size(line, largest) or not -0.1 * largest <= drop <= _LARGEST_DROP * largest:
            break
        title.append(line)
    return one_line(" ".join(line.text for line in title), _LONGEST)


def _is_size(line: Line, size: float) -> bool:
    return abs(line.size - size) <= _SAME_SIZE * size
