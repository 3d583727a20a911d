"""What a claim must have exactly right, whatever its other words: numbers, units, dates, names, and who denies. Pure.

Vectors blur just this: 23 and 24, Tsinghua and Peking, "did" and "did not" are near neighbours.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import combinations

from ..text.entities import CHINESE, WORD, forms, names, tidied, unknown_names
from ..text.quantities import Quantity, quantities

_COPIED = 0.8
"""The share of a claim's words that stand, in order, in the sentences it copies; from there on every difference counts.
Set on swapped sentences of the development sets (SQuAD 2, XQuAD, CLAP-NQ). The counts below are set by hand."""
_LONGEST_RUN = 3  # sentences that one claim may copy or rest on
_CLAUSE = 5
"""Words of the source left out in a row that are a clause and take its denial with them; of fewer, it was taken out."""
_STRETCH = 3  # words, slots included, that must be the same around a name for it to stand where another stood
_WORDS_BEFORE = 3  # "denied that", "it is not true that": what governs a copied part stands this near before it

_NO_DENIAL = re.compile(
    r"\bnot (?:only|just)\b(?=.*\b(?:but|also)\b)|\bno\. ?(?=\d)|不[仅僅但同断斷论論]|未[来來]|[无無][论論]",
    re.IGNORECASE,
)
_DENIAL_WORDS = (
    "not no never none neither nor nobody nothing nowhere without cannot hardly unable except instead refuse refuses "
    "refused refusing refusal deny denies denied denying denial fail fails failed failing failure lack lacks lacked "
    "lacking 不 没 沒 無 无 未"
)
_DENIALS = frozenset(_DENIAL_WORDS.split())
_TURNS = {"but", "and", "while", "whereas", "although", "though"}  # what stands before these governs another clause
_STAND_INS = {"he", "she", "it", "they", "him", "her", "them", "his", "its", "their", "this", "that", "these", "those"}


@dataclass(frozen=True, slots=True)
class Copy:
    """Sentences `first` to `last` (inclusive) that a claim copies, compared word by word, in lower case.

    `part` is what of them the claim copies: from a little before the first word shared to the last, without clauses
    left out. `replaced` are the words of the claim that stand in place of others, and those others. `only` is True when
    the claim has no word of its own.
    """

    first: int
    last: int
    part: tuple[str, ...]
    only: bool
    replaced: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]


def find_copy(claim: str, sentences: Sequence[str]) -> Copy | None:
    """The shortest run of up to three sentences that `claim` copies nearly word for word, if there is one."""
    said = _lowered(claim)
    rows = [_lowered(sentence) for sentence in sentences]
    for length in range(1, _LONGEST_RUN + 1):
        best, share = None, _COPIED
        for first in range(len(rows) - length + 1):
            there = [word for row in rows[first : first + length] for word in row]
            if not said or (Counter(said) & Counter(there)).total() < share * len(said):
                continue  # cannot reach it in any order
            matcher = SequenceMatcher(None, said, there, autojunk=False)
            shared = sum(block.size for block in matcher.get_matching_blocks()) / len(said)
            if shared > share or (shared == share and best is None):
                best, share = (first, there, matcher), shared
        if best is not None:
            first, there, matcher = best
            replaced = tuple(_replaced(said, there, matcher))
            return Copy(first, first + length - 1, _part(there, matcher), share == 1.0, replaced)
    return None


def is_consistent(claim: str, span: str, around: str) -> bool:
    """Whether a claim in words of its own contradicts nothing that can be checked exactly.

    Its numbers, units, dates and names must be in `around` (the span, its neighbours, the head of the article). It
    must deny something just when `span` does, and no two names or numbers of `span` may have changed places in it.
    """
    return (
        _numbers_agree(quantities(claim), quantities(around), often=False)
        and not unknown_names(claim, around, names(claim))
        and (denials(_lowered(claim)) > 0) == (denials(_lowered(span)) > 0)
        and not _exchanges(claim, span)
    )


def is_consistent_copy(claim: str, copy: Copy, span: str, around: str) -> bool:
    """Whether a near copy of `span` differs from it in nothing that can be checked exactly.

    Numbers and names may occur no more often than in the span, none may stand in place of another, and the denials in
    the copied part must be as many. What of a name is added to it ("Nikola Tesla" for "Tesla"), and a name in place of
    a pronoun, may come from `around`.
    """
    known = names(span, opening=True)
    ours = names(claim, opening=True)
    for said, there in copy.replaced:
        put = [name for name in ours if name in said]
        if put and set(there) & _STAND_INS and not unknown_names(claim, around, put):
            ours = [name for name in ours if name not in put]
        elif _differ(_exact(said, ours), _exact(there, known)):
            return False
    unknown = unknown_names(claim, span, ours)
    written, there_written = _lowered(claim), Counter(_lowered(span))
    return (
        _numbers_agree(quantities(claim), quantities(span), often=True)
        and not unknown_names(claim, around, list(unknown))
        and all(_is_added(name, written, ours, unknown) for name in unknown)
        and not any(written.count(name) > there_written[name] > 0 for name in ours)
        and denials(written) == denials(copy.part)
        and not _displaces(claim, span)
    )


def _is_added(name: str, written: Sequence[str], ours: Sequence[str], unknown: set[str]) -> bool:
    """Whether an unknown name stands in one row of names with a known one."""
    first = last = written.index(name)
    while first > 0 and written[first - 1] in ours:
        first -= 1
    while last + 1 < len(written) and written[last + 1] in ours:
        last += 1
    return not set(written[first : last + 1]) <= unknown


def denials(words: Sequence[str]) -> int:
    """How many words of a row, in lower case, deny something."""
    return sum(word in _DENIALS for word in words)


def replaces_chinese(copy: Copy) -> bool:
    """Whether Chinese characters, not numerals, were put in place of others: that may be a name, which nobody can tell
    there.
    """
    put = [said for said, _ in copy.replaced if not _exact(said, ())]
    return any(re.match(f"[{CHINESE}]", word) for said in put for word in said)


def _lowered(text: str) -> list[str]:
    return [match[0].lower() for match in WORD.finditer(_NO_DENIAL.sub(" ", tidied(text)))]


def _part(there: Sequence[str], matcher: SequenceMatcher[str]) -> tuple[str, ...]:
    blocks = [block for block in matcher.get_matching_blocks() if block.size]
    start, end = blocks[0].b, blocks[-1].b + blocks[-1].size
    part = list(there[max(0, start - _WORDS_BEFORE) : start])
    while _TURNS & set(part):
        part.pop(0)
    for _, i, j, k, m in matcher.get_opcodes():
        if start <= k < end and (m - k) - (j - i) < _CLAUSE:
            part += there[k:m]
    return tuple(part)


def _replaced(
    said: Sequence[str], there: Sequence[str], matcher: SequenceMatcher[str]
) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    for kind, i, j, k, m in matcher.get_opcodes():
        if kind == "replace":
            yield tuple(said[i:j]), tuple(there[k:m])


def _exchanges(claim: str, span: str) -> bool:
    """Whether two names or numbers of `span` stand in each other's place: who bought whom, from which year to which."""
    return any(
        _apart(put, gone) and not _apart(put, other_gone) and not _apart(other_put, gone)
        for row in _facing(claim, span)
        for (put, gone), (other_put, other_gone) in combinations(row, 2)
    )


def _displaces(claim: str, span: str) -> bool:
    """Whether a name or number stands where `span` has another."""
    return any(_apart(put, gone) for row in _facing(claim, span) for put, gone in row)


def _facing(claim: str, span: str) -> Iterator[list[tuple[list[frozenset[str]], list[frozenset[str]]]]]:
    """For each stretch of three or more of the same words ("A bought B", but not "A was bought by B"), the names and
    numbers in it that face each other. One that opens a stretch stands behind words left out, and faces nothing.
    """
    said, there = _slots(claim), _slots(span)
    matcher = SequenceMatcher(None, [word for word, _ in said], [word for word, _ in there], autojunk=False)
    for block in matcher.get_matching_blocks():
        if block.size >= _STRETCH:
            rows = list(zip(said[block.a :], there[block.b :], strict=False))[: block.size]
            yield [(put, gone) for (_, put), (_, gone) in (rows[1:] if block.a or block.b else rows) if put]


def _slots(text: str) -> list[tuple[str, list[frozenset[str]]]]:
    """The words of `text`, with one empty slot for each row of names and numbers ("Baidu, Tencent and 360") and what
    fills it.
    """
    known = names(text, opening=True)
    rows: list[list[str]] = []
    is_slot: list[bool] = []
    for word in _lowered(text):
        exact = word in known or bool(quantities(word))
        if exact and is_slot[-2:] == [True, False] and rows[-1][0] in {"and", "or"}:
            rows.pop()
            is_slot.pop()
        if exact and is_slot[-1:] == [True]:
            rows[-1].append(word)
        else:
            rows.append([word])
            is_slot.append(exact)
    return [("", _exact(row, known)) if slot else (row[0], []) for row, slot in zip(rows, is_slot, strict=True)]


def _exact(words: Sequence[str], known: Sequence[str]) -> list[frozenset[str]]:
    """Those of the words that are names or numbers, each as the forms it is known by."""
    numbers = quantities(re.sub(f"(?<=[{CHINESE}]) (?=[{CHINESE}])", "", " ".join(words)))
    return [forms(word) for word in words if word in known] + [frozenset({number.value}) for number in numbers]


def _differ(put: Sequence[frozenset[str]], gone: Sequence[frozenset[str]]) -> bool:
    """Whether names or numbers stand in place of others: some of either, and one among those put that is not gone."""
    return bool(gone) and any(not any(one & other for other in gone) for one in put)


def _apart(put: Sequence[frozenset[str]], gone: Sequence[frozenset[str]]) -> bool:
    """Whether two slots have no name or number in common; Tesla and Nikola Tesla have."""
    return not any(one & other for one in put for other in gone)


def _numbers_agree(said: Sequence[Quantity], there: Sequence[Quantity], *, often: bool) -> bool:
    ours, theirs = Counter(q.value for q in said), Counter(q.value for q in there)
    if not (ours <= theirs if often else set(ours) <= set(theirs)):
        return False
    units = {q.unit for q in there}
    for quantity in said:
        if quantity.unit is None:
            continue
        own = {q.unit for q in there if q.value == quantity.value} - {None}
        if quantity.unit not in (own or units):
            return False
    return True
