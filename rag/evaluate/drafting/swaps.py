"""Make questions that an index cannot answer, by inserting a name or number that is not in any article. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from .grammar import NAME, ORGANISATION

_PEOPLE = ("Marta Lindqvist", "Daniel Okafor", "Renata Kowalczyk", "Tomas Herrera", "Aiko Yamane", "Pieter Vos")
_OTHERS = ("Northbridge Systems", "Calderstone", "Verdano", "Fennimore Labs", "Quillmark", "Ostrava Dynamics")
"""Invented names: `_PEOPLE` for people, `_OTHERS` for companies, places and products."""

_ASKS_A_PERSON = re.compile(
    rf"(?P<before>(?:Who is|Who was|What did|Where does|Where did) )(?P<name>{NAME})(?P<after>(?: .*)?\?)"
)
_ENDS_IN_A_NAME = re.compile(rf"(?P<before>Who [a-z-]+ )(?:the )?(?P<name>{NAME})(?P<after>\?)")
_OPENS_WITH_A_NAME = re.compile(
    r"(?P<before>(?:Where is|Where was|What is|How many [a-z ]+ (?:does|did|do|might|may|could)|When (?:did|was)) )"
    rf"(?:the )?(?P<name>{NAME})(?P<after>.*\?)"
)
_YEAR = re.compile(r"(?<!\d)(?:1[5-9]|20)\d\d(?!\d)")


def swap_names(questions: Sequence[str], corpus: str) -> list[str]:
    """Return at most one variant of each question, with a new name or number that does not occur in `corpus`.

    `corpus` is the text of all articles, in lower case.
    """
    people = [name for name in _PEOPLE if not _occurs(name, corpus)]
    others = [name for name in _OTHERS if not _occurs(name, corpus)]
    found: dict[str, str] = {}
    for number, question in enumerate(questions):
        for frame, new in _versions(question, people, others, corpus, number):
            if frame not in found:  # one question of each form is enough
                found[frame] = new
                break
    return list(found.values())


def _versions(
    question: str, people: Sequence[str], others: Sequence[str], corpus: str, turn: int
) -> Iterator[tuple[str, str]]:
    if year := _YEAR.search(question):
        for other in range(int(year[0]) + 7, int(year[0]) + 60, 7):
            if str(other) not in corpus:
                yield question, question.replace(year[0], str(other))
                break
    for pattern in (_ASKS_A_PERSON, _OPENS_WITH_A_NAME, _ENDS_IN_A_NAME):
        match = pattern.fullmatch(question)
        if match is None:
            continue
        is_person = pattern is _ASKS_A_PERSON and " " in match["name"] and not ORGANISATION.search(match["name"])
        names = people if is_person else others
        if names:
            frame = f"{match['before']}…{match['after']}"
            yield frame, f"{match['before']}{names[turn % len(names)]}{match['after']}"


def _occurs(name: str, corpus: str) -> bool:
    return any(part in corpus for part in name.casefold().split() if part not in ("systems", "labs", "dynamics"))
