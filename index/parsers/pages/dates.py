"""Find when a web page was published, and keep the dates and times in its sentences, which trafilatura leaves out."""

from __future__ import annotations

import re
from copy import deepcopy
from itertools import islice
from typing import Any

from .tags import BLOCKS, name_of, short_text, words_of

_PROSE = {"p", "li", "td", "th", "dd", "dt", "blockquote", "figcaption", "caption", "pre"}
_MARKED = re.compile(r"publi|posted|byline|dateline|(?:^|[-_])(?:date|time|timestamp|meta|author|updated)(?:$|[-_])")
_YEAR = re.compile(r"(?:19|20)\d\d")
_OF_EVENTS = re.compile(r"event|start|end|due|birth|death|open|clos")
_PUBLICATION = {"datepublished", "datecreated", "datemodified", "dateissued"}
_MOST_WORDS = 12  # of a line that is not a sentence
_FEWEST_WORDS = 4  # of a sentence with a full stop
_MOST_LOOKED_AT = 50  # elements in a line
_MOST_AROUND = 6  # elements around a date in which marks are searched
_BESIDE = 300  # characters between the heading and the date of an article
_LEFT_OUT = ("button", "label", "meter", "output")  # by the library, besides times


def keep_times(tree: Any) -> Any:
    """Change a page so that the library keeps the times in its sentences, and return a copy to find its date in.

    Of the copy, dates are only those that are marked as the date of the page: by what the page says of them, or as they
    are in its header or beside its heading. Its sentences have no text.
    """
    copied = deepcopy(tree)
    times, beside = list(tree.iter("time")), _beside_heading(tree)
    are_of_page = [_is_of_page(each, beside) for each in times]
    for time, of_copy, is_of_page in zip(times, list(copied.iter("time")), are_of_page, strict=True):
        if not is_of_page:
            _rename(of_copy)
            of_copy.text = None
        if not is_of_page or _is_in_line(time):
            _rename(time)
    for element in list(tree.iter(*_LEFT_OUT)):
        block = _block_of(element)
        if name_of(block) == "p" and _is_sentence(block):
            _rename(element)
    for block in [each for each in copied.iter(*_PROSE) if _is_sentence(each)]:
        if not any(_MARKED.search(word) for word in words_of(block)) and next(block.iter("time"), None) is None:
            block.clear(keep_tail=True)
    return copied


def date_of(copied: Any, address: str | None) -> str | None:
    """Return the date of a page from such a copy; a wrong date is worse than no date."""
    from htmldate import find_date

    return find_date(copied, url=address, extensive_search=False, original_date=True)


def _is_of_page(time: Any, beside: set[Any]) -> bool:
    if not _YEAR.search(time.get("datetime") or short_text(time, _MOST_LOOKED_AT)):
        return False
    if words_of(time, "itemprop") & _PUBLICATION or time.get("pubdate") is not None:
        return True
    block = _block_of(time)
    classes = _classes(time)
    if any(map(_OF_EVENTS.search, classes)):
        return False
    if _is_sentence(block) if name_of(block) in _PROSE else _is_in_line(time) and not _is_short(block):
        return any(map(_MARKED.search, words_of(block))) and _is_short(block)
    around = list(islice(time.iterancestors(), _MOST_AROUND))
    return time in beside or any(map(_MARKED.search, classes)) or any(name_of(each) == "header" for each in around)


def _classes(time: Any) -> list[str]:
    """Return the classes of a time and of the elements around it, within the line or header that it is in."""
    found = list(words_of(time))
    for each in islice(time.iterancestors(), _MOST_AROUND):
        if name_of(each) in ("article", "main", "section", "body", "ul", "ol", "table"):
            break
        found += words_of(each) | words_of(each, "itemprop") | words_of(each, "rel")
    return found


def _block_of(element: Any) -> Any:
    """Return the block that an element is in."""
    around = element
    for around in element.iterancestors():
        if name_of(around) in BLOCKS or name_of(around) in ("td", "th"):
            break
    return around


def _is_in_line(element: Any) -> bool:
    """Return whether there are words directly beside an element."""
    before, parent = element.getprevious(), element.getparent()
    beside = (before.tail if before is not None else parent.text) or ""
    return any(map(str.isalnum, beside + (element.tail or "")))


def _line(block: Any) -> list[str] | None:
    """Return the words of a block; None if many elements are in it, or blocks."""
    inside = list(islice(block.iter(), _MOST_LOOKED_AT + 1))
    if len(inside) > _MOST_LOOKED_AT or any(name_of(each) in BLOCKS for each in inside[1:]):
        return None
    return "".join(block.itertext()).split()


def _is_short(block: Any) -> bool:
    words = _line(block)
    return words is not None and len(words) <= _MOST_WORDS


def _is_sentence(block: Any) -> bool:
    words = _line(block)
    if words is None:
        return False
    return len(words) > _MOST_WORDS or (len(words) > _FEWEST_WORDS and words[-1][-1] in ".!?。！？")


def _beside_heading(tree: Any) -> set[Any]:
    """Return the times behind the first heading of a page, up to its text."""
    found: set[Any] = set()
    characters, is_below = 0, False
    heading = next(tree.iter("h1"), None)
    for element in tree.iter() if heading is not None else ():
        if element is heading:
            is_below = True
        elif is_below and name_of(element):
            if characters > _BESIDE or (element.tag == "p" and _is_sentence(element)):
                break
            if element.tag == "time":
                found.add(element)
            characters += len((element.text or "").strip()) + len((element.tail or "").strip())
    return found


def _rename(element: Any) -> None:
    """Make an element one that the library keeps, and that no mark says is a date."""
    element.tag = "span"
    element.attrib.clear()
