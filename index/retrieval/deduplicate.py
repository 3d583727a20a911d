"""Choose which of the best passages to show: each near-identical passage once, and not too many from one article. Pure.

Many outlets print a wire story with few or no changes. Copies are recognised by the share of three-word runs that they
have in common (shingles: Broder 1997, "On the resemblance and containment of documents").
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from ..models import Passage
from ..text.lexicon import CJK

_WORD = re.compile(rf"[{CJK}]|[^\W_]+")
_RUN = 3  # number of words in a run
_ALIKE = 0.8  # minimum share of the longer passage's runs that both contain; 1 changed word in 15 changes a fifth


@dataclass(frozen=True, slots=True)
class PassageWording:
    """The wording of a passage: its three-word runs, and its facts, which are numbers and capitalised words."""

    article_id: str
    runs: frozenset[tuple[str, ...]]
    facts: frozenset[str]

    @classmethod
    def of(cls, passage: Passage) -> PassageWording:
        """Extract the wording of a passage."""
        written = _WORD.findall(passage.text)
        words = [word.casefold() for word in written]
        runs = frozenset(zip(*(islice(words, at, None) for at in range(_RUN)), strict=False)) or frozenset([(*words,)])
        facts = frozenset(word for word in written if word[0].isupper() or any(map(str.isdigit, word)))
        return cls(passage.article_id, runs, facts)

    def is_copy_of(self, other: PassageWording) -> bool:
        """Return whether this wording is nearly the same as `other` and adds no number or name.

        A passage with a new number or name is a different report.
        """
        longer = max(len(self.runs), len(other.runs))
        return self.facts <= other.facts and len(self.runs & other.runs) >= _ALIKE * longer


def diverse(wordings: Sequence[PassageWording], scores: Sequence[float], limit: int) -> list[tuple[int, list[int]]]:
    """Return the positions of the `limit` passages to show, best first, each with the positions of its copies.

    Only the best of several near-identical passages is shown. At most half of `limit` passages come from one article,
    as long as there are passages from other articles.
    """
    copies: dict[int, list[int]] = {}
    for i in sorted(range(len(wordings)), key=lambda i: -scores[i]):
        original = next((better for better in copies if wordings[i].is_copy_of(wordings[better])), None)
        if original is None:
            copies[i] = []
        else:
            copies[original].append(i)
    most = max(1, limit // 2)
    counts: Counter[str] = Counter()
    early: list[int] = []
    for i in copies:
        article = wordings[i].article_id
        counts[article] += 1
        if counts[article] <= most:
            early.append(i)
    chosen = [*early, *(i for i in copies if i not in early)][:limit]
    return [(i, copies[i]) for i in sorted(chosen, key=lambda i: -scores[i])]
