"""Exact checks of a claim against its evidence: numbers, units, dates, names and negations. Pure.

Embeddings cannot distinguish these: 23 and 24, Tsinghua and Peking, "did" and "did not" are near neighbours.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import combinations

from index import lexicon

from .entities import WORD, forms, names, normalize, unknown_names
from .quantities import Quantity, quantities

_COPIED = 0.8
"""Minimum share of a claim's words that must occur, in order, in the sentences for the claim to be a copy; in a copy,
each difference counts. Set on swapped sentences in the development sets (SQuAD 2, XQuAD, CLAP-NQ). The counts below are
set by hand."""
_MAX_RUN = 3  # maximum number of sentences that one claim may copy
_CLAUSE = 5
"""Minimum number of consecutive omitted words that form a clause. A negation in an omitted clause is omitted with it; a
negation among fewer omitted words counts as removed."""
_STRETCH = 3  # minimum number of consecutive equal words and slots in which names at the same position are compared
_WORDS_BEFORE = 3  # number of words before a copied part that may negate it: "denied that", "it is not true that"

_CJK = re.compile(f"[{lexicon.CJK}]")
_SPACE_IN_CHINESE = re.compile(f"(?<=[{lexicon.CJK}]) (?=[{lexicon.CJK}])")
_NOT_NEGATIONS = re.compile(
    r"\bnot (?:only|just)\b(?=.*\b(?:but|also)\b)|\bno\. ?(?=\d)|不[仅僅但同断斷论論]|未[来來]|[无無][论論]",
    re.IGNORECASE,
)
_NEGATION_WORDS = (
    "not no never none neither nor nobody nothing nowhere without cannot hardly unable except instead refuse refuses "
    "refused refusing refusal deny denies denied denying denial fail fails failed failing failure lack lacks lacked "
    "lacking 不 没 沒 無 无 未"
)
_NEGATIONS = frozenset(_NEGATION_WORDS.split())
_CONJUNCTIONS = {
    "but",
    "and",
    "while",
    "whereas",
    "although",
    "though",
}  # words before a conjunction are in another clause
_PRONOUNS = frozenset(lexicon.PRONOUNS)


@dataclass(frozen=True, slots=True)
class Copy:
    """The sentences `first` to `last` (inclusive) that a claim copies, compared word by word in lower case.

    `part` contains the words that the claim copies, from shortly before the first shared word to the last one, without
    omitted clauses. `replaced` pairs words in the claim with the words that they replace. `only` is True if the claim
    adds no words.
    """

    first: int
    last: int
    part: tuple[str, ...]
    only: bool
    replaced: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]


def find_copy(claim: str, sentences: Sequence[str]) -> Copy | None:
    """Return the shortest run of up to three sentences that `claim` copies nearly word for word, or None."""
    claimed = _lowered(claim)
    rows = [_lowered(sentence) for sentence in sentences]
    for length in range(1, _MAX_RUN + 1):
        best, share = None, _COPIED
        for first in range(len(rows) - length + 1):
            source = [word for row in rows[first : first + length] for word in row]
            if not claimed or (Counter(claimed) & Counter(source)).total() < share * len(claimed):
                continue  # too few shared words, in any order
            matcher = SequenceMatcher(None, claimed, source, autojunk=False)
            shared = sum(block.size for block in matcher.get_matching_blocks()) / len(claimed)
            if shared > share or (shared == share and best is None):
                best, share = (first, source, matcher), shared
        if best is not None:
            first, source, matcher = best
            replaced = tuple(
                (tuple(claimed[i:j]), tuple(source[k:m]))
                for kind, i, j, k, m in matcher.get_opcodes()
                if kind == "replace"
            )
            return Copy(first, first + length - 1, _part(source, matcher), share == 1.0, replaced)
    return None


def is_consistent(claim: str, span: str, around: str) -> bool:
    """Return whether a paraphrase passes the exact checks.

    Its numbers, units, dates and names must occur in `around` (the span, its neighbours, the article's title, source
    and date). It must contain a negation if and only if `span` does, and must not exchange two names or numbers in
    `span`.
    """
    return (
        _numbers_agree(quantities(claim), quantities(around), counted=False)
        and not unknown_names(claim, around, names(claim))
        and (count_negations(_lowered(claim)) > 0) == (count_negations(_lowered(span)) > 0)
        and not _exchanges(claim, span)
    )


def is_consistent_copy(claim: str, copy: Copy, span: str, around: str) -> bool:
    """Return whether a near copy of `span` passes the exact checks.

    Numbers and names must not occur more often than in the span or replace others, and the copied part must contain as
    many negations as the span. Additions to a name ("Nikola Tesla" for "Tesla"), and names that replace pronouns, may
    come from `around`.
    """
    span_names = names(span, opening=True)
    claim_names = names(claim, opening=True)
    for new, old in copy.replaced:
        put = [name for name in claim_names if name in new]
        if put and set(old) & _PRONOUNS and not unknown_names(claim, around, put):
            claim_names = [name for name in claim_names if name not in put]
        else:
            gone = _exact(old, span_names)
            if gone and any(_are_disjoint([one], gone) for one in _exact(new, claim_names)):
                return False
    unknown = unknown_names(claim, span, claim_names)
    claim_words, span_counts = _lowered(claim), Counter(_lowered(span))
    return (
        _numbers_agree(quantities(claim), quantities(span), counted=True)
        and not unknown_names(claim, around, list(unknown))
        and all(_extends_a_name(name, claim_words, claim_names, unknown) for name in unknown)
        and not any(claim_words.count(name) > span_counts[name] > 0 for name in claim_names)
        and count_negations(claim_words) == count_negations(copy.part)
        and not _displaces(claim, span)
    )


def _extends_a_name(name: str, words: Sequence[str], claim_names: Sequence[str], unknown: set[str]) -> bool:
    """Return whether an unknown name is next to a known one, as in "Nikola Tesla"."""
    first = last = words.index(name)
    while first > 0 and words[first - 1] in claim_names:
        first -= 1
    while last + 1 < len(words) and words[last + 1] in claim_names:
        last += 1
    return not set(words[first : last + 1]) <= unknown


def count_negations(words: Sequence[str]) -> int:
    """Return the number of negations in a list of lower-case words."""
    return sum(word in _NEGATIONS for word in words)


def replaces_chinese(copy: Copy) -> bool:
    """Return whether the copy replaces Chinese characters other than numerals.

    These characters may be a name; names cannot be recognised in Chinese.
    """
    put = [new for new, _ in copy.replaced if not _exact(new, ())]
    return any(_CJK.match(word) for new in put for word in new)


def _lowered(text: str) -> list[str]:
    return [match[0].lower() for match in WORD.finditer(_NOT_NEGATIONS.sub(" ", normalize(text)))]


def _part(source: Sequence[str], matcher: SequenceMatcher[str]) -> tuple[str, ...]:
    blocks = [block for block in matcher.get_matching_blocks() if block.size]
    start, end = blocks[0].b, blocks[-1].b + blocks[-1].size
    part = list(source[max(0, start - _WORDS_BEFORE) : start])
    while _CONJUNCTIONS & set(part):
        part.pop(0)
    for _, i, j, k, m in matcher.get_opcodes():
        if start <= k < end and (m - k) - (j - i) < _CLAUSE:
            part += source[k:m]
    return tuple(part)


def _exchanges(claim: str, span: str) -> bool:
    """Return whether the claim exchanges two names or numbers in `span`: buyer and seller, or the years of a period."""
    return any(
        _are_disjoint(put, gone) and not _are_disjoint(put, other_gone) and not _are_disjoint(other_put, gone)
        for row in _aligned(claim, span)
        for (put, gone), (other_put, other_gone) in combinations(row, 2)
    )


def _displaces(claim: str, span: str) -> bool:
    """Return whether the claim has a name or number where `span` has another."""
    return any(_are_disjoint(put, gone) for row in _aligned(claim, span) for put, gone in row)


def _aligned(claim: str, span: str) -> Iterator[list[tuple[list[frozenset[str]], list[frozenset[str]]]]]:
    """Yield the aligned names and numbers of each stretch of equal words ("A bought B", not "A was bought by B").

    A stretch has at least three words. A name at the beginning of a stretch follows omitted words, and is skipped.
    """
    claimed, source = _slots(claim), _slots(span)
    matcher = SequenceMatcher(None, [word for word, _ in claimed], [word for word, _ in source], autojunk=False)
    for block in matcher.get_matching_blocks():
        if block.size >= _STRETCH:
            rows = list(zip(claimed[block.a :], source[block.b :], strict=False))[: block.size]
            yield [(put, gone) for (_, put), (_, gone) in (rows[1:] if block.a or block.b else rows) if put]


def _slots(text: str) -> list[tuple[str, list[frozenset[str]]]]:
    """Return the words in `text`, with an empty slot and its contents for each list of names and numbers.

    An example of such a list is "Baidu, Tencent and 360".
    """
    known = names(text, opening=True)
    rows: list[tuple[bool, list[str]]] = []  # whether it is a slot, and its words
    for word in _lowered(text):
        exact = word in known or bool(quantities(word))
        if exact and len(rows) > 1 and rows[-2][0] and rows[-1][1] in (["and"], ["or"]):
            rows.pop()
        if exact and rows and rows[-1][0]:
            rows[-1][1].append(word)
        else:
            rows.append((exact, [word]))
    return [("", _exact(words, known)) if is_slot else (words[0], []) for is_slot, words in rows]


def _exact(words: Sequence[str], known: Sequence[str]) -> list[frozenset[str]]:
    """Return the names and numbers among the words, each as the set of its forms."""
    numbers = quantities(_SPACE_IN_CHINESE.sub("", " ".join(words)))
    return [forms(word) for word in words if word in known] + [frozenset({number.value}) for number in numbers]


def _are_disjoint(put: Sequence[frozenset[str]], gone: Sequence[frozenset[str]]) -> bool:
    """Return whether two slots have no name or number in common; "Tesla" and "Nikola Tesla" have one in common."""
    return not any(one & other for one in put for other in gone)


def _numbers_agree(claimed: Sequence[Quantity], source: Sequence[Quantity], *, counted: bool) -> bool:
    """Return whether the source contains the claim's numbers with the same units (and as often, if `counted`)."""
    values, source_values = Counter(q.value for q in claimed), Counter(q.value for q in source)
    if not (values <= source_values if counted else set(values) <= set(source_values)):
        return False
    units = {q.unit for q in source}
    for quantity in claimed:
        own = {q.unit for q in source if q.value == quantity.value} - {None}
        if quantity.unit is not None and quantity.unit not in (own or units):
            return False
    return True
