"""Make true sentences false by changing a number, a name or a "not".

The rules share no code with the check that they measure: they use plain string methods on words between spaces.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence

_AUXILIARY_WORDS = "is was are were can could would will has have had may must should did does"
_AUXILIARIES = frozenset(_AUXILIARY_WORDS.split())

Change = Callable[[str, str, Sequence[str], random.Random], str | None]
"""A function that takes a sentence, its passage, the texts in its set and a random generator, and returns the sentence
made false, or None if its rule does not apply."""


def change_number(text: str, passage: str, _: Sequence[str], chance: random.Random) -> str | None:
    """Replace a number with another number from the passage, or with a slightly larger number."""
    words = text.split(" ")
    places = [i for i, word in enumerate(words) if _bare(word).replace(",", "").isdecimal()]
    if not places:
        return None
    place = chance.choice(places)
    old = _bare(words[place])
    near = [word for word in map(_bare, passage.split()) if word.replace(",", "").isdecimal() and word not in text]
    larger = str(int(old.replace(",", "")) + chance.choice([1, 2, 7, 10]))
    return _exchanged(words, place, chance.choice(near) if near and chance.random() < 0.5 else larger)


def change_name(text: str, passage: str, others: Sequence[str], chance: random.Random) -> str | None:
    """Replace a name with a capitalized word from the passage or from another text."""
    words = text.split(" ")
    places = [i for i, word in enumerate(words) if i and _is_name(words[i - 1], word)]
    near = [name for name in _names(passage) if name not in text]
    far = [name for name in _names(chance.choice(others)) if name not in passage]
    if not places or not (near or far):
        return None
    return _exchanged(
        words, chance.choice(places), chance.choice(near if near and (not far or chance.random() < 0.5) else far)
    )


def change_negation(text: str, *_: object) -> str | None:
    """Remove the sentence's "not", or add one after the first auxiliary verb."""
    words = text.split(" ")
    if "not" in words:
        words.remove("not")
        return " ".join(words)
    places = [i for i, word in enumerate(words) if word in _AUXILIARIES]
    denies = any(word.lower() in {"no", "never", "nor", "neither", "none"} or "n't" in word for word in words)
    return None if denies or not places else " ".join([*words[: places[0] + 1], "not", *words[places[0] + 1 :]])


def change_chinese_number(text: str, passage: str, _: Sequence[str], chance: random.Random) -> str | None:
    """Replace a number with another number from the passage, or with a slightly larger number."""
    runs = _digit_runs(text)
    if not runs:
        return None
    old = chance.choice(runs)
    near = [run for run in _digit_runs(passage) if run not in text]
    return text.replace(
        old, chance.choice(near) if near and chance.random() < 0.5 else str(int(old) + chance.choice([1, 2, 7])), 1
    )


def change_chinese_negation(text: str, *_: object) -> str | None:
    """Replace "is not" with "is", "cannot" with "can" or "has not" with "has"; without a negation, add one."""
    for plain, denied in (("是", "不是"), ("能", "不能"), ("有", "没有"), ("会", "不会")):
        if denied in text:
            return text.replace(denied, plain, 1)
    return next((text.replace(plain, f"不{plain}", 1) for plain in ("可以", "能够", "是") if plain in text), None)


CHANGES: dict[bool, dict[str, Change]] = {
    False: {"number exchanged": change_number, "name exchanged": change_name, "negation in or out": change_negation},
    True: {"number exchanged": change_chinese_number, "negation in or out": change_chinese_negation},
}
"""The functions that make sentences false, by name: for Chinese (True) and for other languages (False)."""


def _exchanged(words: Sequence[str], place: int, new: str) -> str:
    return " ".join([*words[:place], words[place].replace(_bare(words[place]), new), *words[place + 1 :]])


def _bare(word: str) -> str:
    return word.strip(".,;:!?()[]\"'“”‘’%$£€")


def _is_name(before: str, word: str) -> bool:
    bare = _bare(word)
    return before[-1:].islower() and bare.istitle() and bare.isalpha() and len(bare) > 3


def _names(text: str) -> list[str]:
    words = text.split()
    found = [_bare(word) for before, word in itertools.pairwise(words) if _is_name(before, word)]
    return [name for name in found if name.lower() not in words]  # "This" is none


def _digit_runs(text: str) -> list[str]:
    return "".join(character if character in "0123456789" else " " for character in text).split()
