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

from index import lexicon, terms

from ..text.entities import WORD, forms, names, normalize, unknown_names, written
from ..text.quantities import Quantity, quantities
from . import reasons
from .reasons import parse_reason, reason

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
    r"\bno longer\b|\bnot (?:only|just)\b(?=.*\b(?:but|also)\b)|\bno\. ?(?=\d)"
    "|不[仅僅但同断斷论論]|未[来來]|[无無][论論]",
    re.IGNORECASE,
)
_NEGATION_WORDS = (
    "not no never none neither nor nobody nothing nowhere without cannot hardly unable except refuse refuses "
    "refused refusing refusal deny denies denied denying denial fail fails failed failing failure lack lacks lacked "
    "lacking 不 没 沒 無 无 未"
)
_NEGATIONS = frozenset(_NEGATION_WORDS.split())
_NOT_COUNTED = frozenset({"first", "second", "one"})  # often not numbers: "at first", "the one that"
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


def inconsistency(claim: str, span: str, around: str, article: str = "") -> str:
    """Return the reason why a paraphrase fails the exact checks, or an empty string.

    Its numbers, units, dates and names must occur in `around` (the span, its neighbours, the article's title, source
    and date); names may also occur elsewhere in the `article`. If all its words occur in `span`, it must contain a
    negation if and only if `span` does; see `negation_doubt` for other words. It must not exchange two names or numbers
    in `span`.
    """
    claimed = [each for each in quantities(claim) if each.text not in _NOT_COUNTED]
    return (
        _wrong_number(claimed, quantities(around), quantities(span))
        or _unknown_name(claim, f"{around}\n{article}", names(claim))
        or (_wrong_negation(*_negated(claim, span)) if _keywords(claim) <= _keywords(span) else "")
        or _exchange(claim, span)
    )


def negation_doubt(claim: str, span: str) -> str:
    """Return the reason why a paraphrase may say the opposite of `span`, or an empty string.

    Only one of them contains a negation. This proves nothing: "was spared" and "no redundancies" mean the same.
    """
    doubts = {reasons.DENIED: reasons.MAY_DENY, reasons.NOT_DENIED: reasons.MAY_NOT_DENY}
    return doubts.get(_wrong_negation(*_negated(claim, span)), "")


def copy_inconsistency(claim: str, copy: Copy, span: str, around: str) -> str:
    """Return the reason why a near copy of `span` fails the exact checks, or an empty string.

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
                return _replacement(claim, span, _exact_words(new, claim_names), _exact_words(old, span_names))
    unknown = unknown_names(claim, span, claim_names)
    claim_words, span_counts = _lowered(claim), Counter(_lowered(span))
    added = [name for name in unknown if not _extends_a_name(name, claim_words, claim_names, unknown)]
    repeated = [name for name in claim_names if claim_words.count(name) > span_counts[name] > 0]
    stated, denied = count_negations(claim_words), count_negations(copy.part)
    return (
        _wrong_number(quantities(claim), quantities(span), quantities(span), counted=True)
        or _unknown_name(claim, around, list(unknown))
        or (reason(reasons.OTHER_PLACE, word=written(claim, added)) if added else "")
        or (reason(reasons.OTHER_PLACE, word=written(claim, repeated)) if repeated else "")
        or (_wrong_negation(stated > denied, denied > stated) if stated != denied else "")
        or _displacement(claim, span)
    )


def located(text: str, passage: str, everything: str) -> str:
    """Return a reason that says where its word occurs: elsewhere in the cited `passage`, in another one, or nowhere."""
    template, words = parse_reason(text)
    if template == reasons.NOT_MENTIONED:
        number = quantities(words["word"])
        if not _wrong_number(number, quantities(passage), ()):
            return reason(reasons.OTHER_PLACE, **words)
        return reason(reasons.NOWHERE_MENTIONED, **words) if _wrong_number(number, quantities(everything), ()) else text
    if template == reasons.NOT_NAMED and unknown_names(words["word"], everything, _lowered(words["word"])):
        return reason(reasons.NOWHERE_NAMED, **words)
    return text


def _unknown_name(claim: str, source: str, wanted: Sequence[str]) -> str:
    unknown = unknown_names(claim, source, wanted)
    return reason(reasons.NOT_NAMED, word=written(claim, unknown)) if unknown else ""


def _negated(claim: str, span: str) -> tuple[bool, bool]:
    return count_negations(_lowered(claim)) > 0, count_negations(_lowered(span)) > 0


def _keywords(text: str) -> set[str]:
    """Return the stems of the content words in `text`, without negations."""
    return {stem for word in _lowered(text) if word not in _NEGATIONS for stem in terms(word)}


def _wrong_negation(is_negated: bool, is_denied: bool) -> str:
    """Return the reason if only one of two texts is negated: the claim, or what the passage says."""
    if is_negated == is_denied:
        return ""
    return reasons.NOT_DENIED if is_negated else reasons.DENIED


def _replacement(claim: str, span: str, new: Sequence[str], old: Sequence[str]) -> str:
    """Return the reason for the names or numbers `new` in place of `old`."""
    word, other = written(claim, new), written(span, old)
    return reason(reasons.OTHER_WORD, old=other, word=word) if word and other else reasons.NOT_SAID


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


def _exchange(claim: str, span: str) -> str:
    """Return the reason if the claim exchanges two names or numbers in `span`: buyer and seller, or two years."""
    for row in _aligned(claim, span):
        for (put, gone), (other_put, other_gone) in combinations(row, 2):
            if _are_disjoint(put, gone) and not _are_disjoint(put, other_gone) and not _are_disjoint(other_put, gone):
                return reason(reasons.EXCHANGED, word=_spelled(claim, put), other=_spelled(claim, other_put))
    return ""


def _displacement(claim: str, span: str) -> str:
    """Return the reason if the claim has a name or number where `span` has another."""
    for row in _aligned(claim, span):
        for put, gone in row:
            if _are_disjoint(put, gone):
                return reason(reasons.OTHER_PLACE, word=_spelled(claim, put))
    return ""


def _spelled(text: str, slot: Sequence[frozenset[str]]) -> str:
    """Return the names and numbers of a slot as written in `text`."""
    known = {form for each in slot for form in each}
    number = next((each.text for each in quantities(text) if each.value in known), "")
    return written(text, known) or number


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


def _exact_words(words: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return the words that are names or numbers."""
    return [word for word in words if word in known or quantities(word)]


def _exact(words: Sequence[str], known: Sequence[str]) -> list[frozenset[str]]:
    """Return the names and numbers among the words, each as the set of its forms."""
    numbers = quantities(_SPACE_IN_CHINESE.sub("", " ".join(words)))
    return [forms(word) for word in words if word in known] + [frozenset({number.value}) for number in numbers]


def _are_disjoint(put: Sequence[frozenset[str]], gone: Sequence[frozenset[str]]) -> bool:
    """Return whether two slots have no name or number in common; "Tesla" and "Nikola Tesla" have one in common."""
    return not any(one & other for one in put for other in gone)


def _wrong_number(
    claimed: Sequence[Quantity], source: Sequence[Quantity], near: Sequence[Quantity], *, counted: bool = False
) -> str:
    """Return the reason if the source lacks a number of the claim with its unit (or as often, if `counted`).

    `near` contains the numbers of the sentence that the claim is compared with: if only one of them can be meant, the
    reason names it.
    """
    left = list(source)
    units = {each.unit for each in source}
    for quantity in claimed:
        same = [each for each in (left if counted else source) if each.readings & quantity.readings]
        if not same:
            values = {each.value for each in claimed}
            meant = [each for each in near if each.unit and each.unit == quantity.unit and each.value not in values]
            if len({each.value for each in meant}) == 1:
                return reason(reasons.OTHER_WORD, old=meant[0].text, word=quantity.text)
            return reason(reasons.NOT_MENTIONED, word=quantity.text)
        exact = [each for each in same if each.value == quantity.value]
        if counted:
            left.remove((exact or same)[0])
        own = {each.unit for each in source if each.value == quantity.value} - {None}
        if exact and quantity.unit is not None and quantity.unit not in (own or units):
            return reason(reasons.OTHER_UNIT, word=quantity.text)
    return ""
