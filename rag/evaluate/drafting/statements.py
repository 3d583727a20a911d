"""Find statements in an English sentence, each with a question that it answers. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from index import lexicon

from .rules import RULES

_ADJECTIVE = re.compile(r"(?:The )?(?:[A-Z]\w+(?:ese|ish|ian|ean|ican)|French|German|Dutch|Greek)|.*[’']")
_POINTING = re.compile(
    rf"\b(?:{'|'.join(lexicon.PRONOUNS)}|such|we|our|you|latter|former|there)\b",
    re.IGNORECASE,
)
_MAY_POINT = re.compile(r"^How many .* (?:are|were) there\b")


@dataclass(frozen=True, slots=True)
class Statement:
    """A question with the offsets of its answer and of the surrounding evidence.

    Offsets are half-open and refer to the text that contains the statement; `also` contains other forms of the answer.
    """

    kind: str
    question: str
    answer: tuple[int, int]
    evidence: tuple[int, int]
    also: tuple[str, ...] = ()


def find_statements(sentence: str) -> Iterator[Statement]:
    """Yield the statements in a sentence, with offsets in the sentence."""
    for kind, pattern, ask in RULES:
        for match in pattern.finditer(sentence):
            question = ask(match)
            start, end = match.span("a")
            if kind == "name":
                start = _spelled_out(sentence, match)
            if not question or start >= end or not _is_clear(question, match):
                continue
            more = match.groupdict().get("more")
            begin = match.start() + len(match[0]) - len(match[0].lstrip(" ,.;"))
            if kind == "name":
                begin = min(start, match.start("x"))
            yield Statement(
                kind, question, (start, end), (begin, match.end()), (f"{more} {match['a']}",) if more else ()
            )


def _is_clear(question: str, match: re.Match[str]) -> bool:
    """Return whether a question names its subject, instead of containing "it" or an adjective in place of a name."""
    named = [name for group in ("x", "s") if (name := match.groupdict().get(group))]
    return not (_POINTING.search(_MAY_POINT.sub("", question)) or any(map(_ADJECTIVE.fullmatch, named)))


def _spelled_out(sentence: str, match: re.Match[str]) -> int:
    """Return the start of an abbreviation's expansion, or the end of the words if they do not match the letters."""
    letters = match["x"].removesuffix("s").upper()
    words = list(re.finditer(r"[\w-]+", sentence[match.start("a") : match.end("a")]))
    for count in range(2, len(words) + 1):
        chosen = words[-count:]
        initials = "".join(word[0][0] for word in chosen).upper()
        whole = "".join(word[0] for word in chosen).upper()
        if initials[0] == letters[0] and _within(initials, letters) and _within(letters, whole):
            return match.start("a") + chosen[0].start()
    return match.end("a")


def _within(short: str, long: str) -> bool:
    """Return whether `long` contains the letters of `short`, in order."""
    rest = iter(long)
    return all(letter in rest for letter in short)
