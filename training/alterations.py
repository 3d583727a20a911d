"""Make true claims false and answerable questions unanswerable by rule, to train on mistakes of a known kind."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

from index import lexicon

_NUMBER = re.compile(r"(?<![\w.,])\d[\d,]*(?:\.\d+)?(?![\w])")
_NAME = re.compile(r"(?<=[a-z,;] )[A-Z][a-zà-ÿ]{2,}(?: [A-Z][a-zà-ÿ]{2,}){0,2}\b")
_AUXILIARY = re.compile(r"\b(?:is|was|are|were|can|could|will|would|has|have|had|may|must|should|did|does)\b(?! not\b)")
_NOT = re.compile(r" (?:not|never)\b")
_OPPOSITES = (
    "before after, more less, most least, first last, increase decrease, increased decreased, rise fall, rose fell, "
    "higher lower, highest lowest, larger smaller, largest smallest, longer shorter, older younger, oldest youngest, "
    "early late, earlier later, win lose, won lost, open closed, opened closed, accept reject, accepted rejected, "
    "allow forbid, allowed forbade, north south, northern southern, east west, eastern western, above below, "
    "inside outside, begin end, began ended, start finish, started finished, buy sell, bought sold, hire dismiss, "
    "hired dismissed, support oppose, supported opposed, supports opposes, approve reject, approved rejected, "
    "always never, all none, many few, male female, import export, success failure, strong weak, cheap expensive, "
    "cheaper dearer, arrive leave, arrived left, remember forget, confirm deny, confirmed denied, public private"
)
_OPPOSITE = {
    one: other for pair in _OPPOSITES.split(", ") for one, other in (tuple(pair.split()), tuple(reversed(pair.split())))
}
_HEDGED = re.compile(r"\b(?:may|might|could)\b")
_HEDGES = re.compile(
    r"\b(?:about|around|nearly|almost|roughly|at least|up to|mostly|some of|part of|probably|possibly) "
)
_MONTH = re.compile(rf"\b(?:{'|'.join(name.title() for name in lexicon.UNAMBIGUOUS_MONTHS)})\b")
_DAY = re.compile(rf"\b(?:{'|'.join(name.title() for name in lexicon.WEEKDAYS)})\b")

Alteration = Callable[[str, str, random.Random], str | None]
"""A function that takes a sentence, a text with other names and numbers, and a random generator. It returns the altered
sentence, or None if the rule does not apply."""


def _number(sentence: str, text: str, chance: random.Random) -> str | None:
    found = list(_NUMBER.finditer(sentence))
    if not found:
        return None
    match = chance.choice(found)
    others = [other for other in _NUMBER.findall(text) if other not in sentence]
    digits = match[0].replace(",", "")
    shifted = str(int(float(digits)) + chance.choice([-2, -1, 1, 2, 5, 10]))
    new = chance.choice(others) if others and chance.random() < 0.6 else shifted
    return None if new == match[0] else sentence[: match.start()] + new + sentence[match.end() :]


def _name(sentence: str, text: str, chance: random.Random) -> str | None:
    found = list(_NAME.finditer(sentence))
    others = [other for other in _NAME.findall(text) if other not in sentence]
    if not found or not others:
        return None
    match = chance.choice(found)
    if match[0].title() in _OPPOSITE or _MONTH.fullmatch(match[0]):
        return None
    return sentence[: match.start()] + chance.choice(others) + sentence[match.end() :]


def _exchange(sentence: str, _: str, chance: random.Random) -> str | None:
    """Exchange two names or two numbers of the sentence."""
    for pattern in chance.sample([_NAME, _NUMBER], 2):
        found = list(pattern.finditer(sentence))
        if len(found) >= 2:
            one, two = sorted(chance.sample(found, 2), key=lambda match: match.start())
            if one[0] != two[0]:
                middle = sentence[one.end() : two.start()]
                return sentence[: one.start()] + two[0] + middle + one[0] + sentence[two.end() :]
    return None


def _negation(sentence: str, _: str, chance: random.Random) -> str | None:
    if _NOT.search(sentence):
        return _NOT.sub("", sentence, count=1)
    found = list(_AUXILIARY.finditer(sentence))
    if not found:
        return None
    match = chance.choice(found[:2])
    return f"{sentence[: match.end()]} not{sentence[match.end() :]}"


def _opposite(sentence: str, _: str, chance: random.Random) -> str | None:
    found = [match for match in re.finditer(r"[a-z]+", sentence) if match[0] in _OPPOSITE]
    if not found:
        return None
    match = chance.choice(found)
    return sentence[: match.start()] + _OPPOSITE[match[0]] + sentence[match.end() :]


def _hedge(sentence: str, _: str, __: random.Random) -> str | None:
    if _HEDGED.search(sentence):
        return _HEDGED.sub("will", sentence, count=1)
    return _HEDGES.sub("exactly ", sentence, count=1) if _HEDGES.search(sentence) else None


def _date(sentence: str, _: str, chance: random.Random) -> str | None:
    for pattern, names in ((_MONTH, lexicon.UNAMBIGUOUS_MONTHS), (_DAY, lexicon.WEEKDAYS)):
        if match := pattern.search(sentence):
            others = sorted(name.title() for name in names if name.title() != match[0])  # a set has no fixed order
            return sentence[: match.start()] + chance.choice(others) + sentence[match.end() :]
    return None


_CLAIM_RULES: tuple[Alteration, ...] = (_number, _name, _exchange, _negation, _opposite, _hedge, _date)
_QUESTION_RULES: tuple[Alteration, ...] = (_number, _name, _negation, _opposite, _opposite, _date)


def _altered(rules: Sequence[Alteration], sentence: str, text: str, chance: random.Random) -> str | None:
    for rule in chance.sample(rules, len(rules)):
        if (altered := rule(sentence, text, chance)) is not None and altered != sentence:
            return altered
    return None


def altered_claim(claim: str, text: str, chance: random.Random) -> str | None:
    """Return the claim made false by one rule; names and numbers may come from `text`. None if no rule applies."""
    return _altered(_CLAIM_RULES, claim, text, chance)


def altered_question(question: str, passage: str, others: Sequence[str], chance: random.Random) -> str | None:
    """Return the question altered so that the passage does not answer it; None if no rule applies.

    Names and numbers come from the passage or from another text.
    """
    text = passage if chance.random() < 0.4 else chance.choice(list(others))
    return _altered(_QUESTION_RULES, question, text, chance)
