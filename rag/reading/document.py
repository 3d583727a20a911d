"""The sentences of whole articles, in reading order: which are statements, and who is named. Pure.

An overview, a list or a person's statements need the whole article, not only the passages that a search finds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from index import FloatArray, PassageFeatures, SearchResult, Span, lexicon

Role = Literal["statement", "question", "label"]

_ENDS = re.compile(r"[.!…。！][\"'”’»」』)\]）*_]*$")
_ASKS = re.compile(r"[?？][\"'”’»」』)\]）*_]*$")
_CAPTION = re.compile(
    r"(?:photo|photograph|image|picture|video|graphic|illustration|credit|file photo|caption|source link"
    r"|read more|advertisement"
    r"|see also|related|图片?|照片|摄影)"
    r"\s*(?:[:：]|by\b|$)|.*\b(?:Photo|Image|Picture|Credit|Illustration|Video)s?: \S",
    re.IGNORECASE,
)
_LINK = re.compile(r"(?:https?://\S+|www\.\S+|[^\s@]+@[^\s@]+)$")
_MESSAGE_FIELD = re.compile(
    r"\W{0,3}(?:from|to|cc|bcc|date|sent|subject|reply-to|von|an|datum|gesendet|betreff|de|à|para|enviado|asunto|objet"
    r"|envoyé|发件人|收件人|抄送|日期|时间|发送时间|主题)\W{0,3}[:：]",
    re.IGNORECASE,
)
_TIME = r"(?:\d{1,2}:\d\d(?::\d\d)?(?:\s?[ap]\.?m\b)?|\d{1,2}\s?[ap]\.?m\b)"
_CLOCK_TIME = re.compile(rf"\b{_TIME}", re.IGNORECASE)
_TIME_STAMP = re.compile(
    rf"\W{{0,3}}(?:(?:last )?(?:posted|updated|published|edited)\W{{1,2}})?(?:at |on )?{_TIME}(?:\s?[a-z]{{2,4}})?"
    r"\W{0,3}",
    re.IGNORECASE,
)
_LIST_ITEM = re.compile(r"\W{0,3}(?:[-*+•·]|\d{1,3}[.)、])\s+\S")
_WORD = re.compile(rf"[{lexicon.CJK}]|[^\W_{lexicon.CJK}]+")
_CHINESE = re.compile("[\u4e00-\u9fff]")
_SHORTEST = 4  # words; a shorter text without a verb of its own is rarely a statement
_FEWEST_WORDS = 3  # "Wang asked." says nothing by itself
_LONGEST_LABEL = 14  # words; a longer text without a full stop is a statement


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence of an article, in passage `number` (from 1) of a search result; `span` is in the article.

    The `text` of a row of a table has the names of its columns, which may be elsewhere in the article.

    `vector` is its mean token vector. `paragraph` numbers the paragraphs of all articles. The role is "question" for a
    question, and "label" for a heading, caption or other text that says nothing by itself.
    """

    number: int
    article_id: str
    span: Span
    text: str
    vector: FloatArray
    paragraph: int
    role: Role
    is_row: bool = False


def lines(found: SearchResult) -> list[Line]:
    """Return the sentences of the passages, which are in reading order; a sentence in two passages occurs once."""
    rows: list[Line] = []
    paragraph = 0
    for number, scored in enumerate(found.passages, start=1):
        passage, features = scored.hit.passage, scored.features
        title = scored.hit.title
        for span, text, vector in zip(features.sentences, features.texts, features.vectors, strict=True):
            place = Span(passage.start + span.start, passage.start + span.end)
            last = rows[-1] if rows and rows[-1].article_id == passage.article_id else None
            if last is not None and place.start < last.span.end:
                continue
            if last is None or "\n" in _gap(passage.text, passage.start, last.span.end, place.start):
                paragraph += 1
            role = "label" if is_title(text, title) else sentence_role(features, span, text)
            is_row = span in features.rows_of_tables
            rows.append(Line(number, passage.article_id, place, text, vector, paragraph, role, is_row))
    return rows


def sentence_role(features: PassageFeatures, span: Span, text: str) -> Role:
    """Return the role of a sentence in a passage: a row of a table is a statement, its header a label."""
    row = features.rows_of_tables.get(span)
    return role_of(text) if row is None else "label" if row.is_header else "statement"


@lru_cache(maxsize=4096)  # called more than once for every sentence that is ranked
def role_of(text: str) -> Role:
    """Return whether a sentence is a statement, a question or a label."""
    if _ASKS.search(text):
        return "question"
    if _is_label(text):
        return "label"
    words = len(_WORD.findall(text))
    if _ENDS.search(text):
        return "statement" if words >= _FEWEST_WORDS else "label"
    if text.rstrip().endswith((":", "：")):
        return "statement" if words >= _SHORTEST else "label"  # it may announce a list
    if _LIST_ITEM.match(text) or " | " in text:
        return "statement" if words >= 2 else "label"
    return "statement" if words > _LONGEST_LABEL else "label"


def _is_label(text: str) -> bool:
    """Return whether a text is a caption, a link, a heading, a time stamp or the head of a message."""
    if _CAPTION.match(text) or _LINK.fullmatch(text.strip()) or text.lstrip().startswith("#"):
        return True
    return bool(_TIME_STAMP.fullmatch(text)) or _is_message_head(text)


def _is_message_head(text: str) -> bool:
    """Return whether a text consists of fields of a message, such as "From: …", after at most one line before them."""
    if "\n" not in text:
        return False
    is_field = [bool(_MESSAGE_FIELD.match(line)) for line in text.strip().splitlines()]
    return sum(is_field) > 1 and all(is_field[1:])


def is_title(text: str, title: str) -> bool:
    """Return whether a line repeats the title of its article; a text without a title is named by its first sentence."""
    return not _ENDS.search(text) and _plain(text) == _plain(title)


def _plain(text: str) -> str:
    return " ".join(text.split()).strip("# *").casefold()


def word_positions(word: str, text: str) -> list[int]:
    """Return where a word or name occurs in a text, in any case, but not inside a longer word."""
    lowered, word = text.lower(), word.lower()
    if len(lowered) != len(text) or not word:  # "İ" becomes two characters
        return []
    found, at = [], lowered.find(word)
    while at >= 0:
        end = at + len(word)
        is_chinese = _CHINESE.match(word) is not None  # Chinese has no spaces between words
        if is_chinese or (not lowered[at - 1 : at].isalnum() and not lowered[end : end + 1].isalnum()):
            found.append(at)
        at = lowered.find(word, at + 1)
    return found


def without_clock_times(text: str) -> str:
    """Return a text without times such as "17:05" and "5 pm", which are not quantities."""
    return _CLOCK_TIME.sub(" ", text)


def word_count(text: str) -> int:
    """Return the number of words in a text; each Chinese character counts as one."""
    return len(_WORD.findall(text))


def statements(rows: Sequence[Line]) -> list[Line]:
    """Return the lines that say something."""
    return [row for row in rows if row.role == "statement"]


def _gap(passage: str, start: int, before: int, after: int) -> str:
    """Return the text between two sentences; a line break if it is outside the passage."""
    return passage[before - start : after - start] if before >= start else "\n"
