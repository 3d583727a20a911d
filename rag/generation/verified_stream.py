"""LLM text, verified sentence by sentence while it streams. Pure, except for the model that checks it.

An LLM may cite the wrong passage or none, and may make claims that no passage supports. Each finished sentence is
checked against the passages that it cites. If they do not support it but another passage does, the citation is
corrected; if no passage supports it, the sentence is labelled unsupported or left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from index import terms

from ..answer import Sentence, Support
from ..grounding.support import SupportChecker, SupportGrade
from .citation_parser import CitationParser, ParsedSentence

_BEST_FIRST: tuple[Support, ...] = ("quoted", "supported", "weak", "unsupported")
_GOOD = frozenset(_BEST_FIRST[:2])
_MIN_WORDS = 2  # minimum number of content words to correct a citation: "By" and "Yes." occur in every passage
_MARKER = re.compile(r"\s?\[(\d{1,3})\]")


class VerifiedStream:
    """An answer that is still being written: the `text` so far, and the finished `sentences` with their support."""

    def __init__(self, checker: SupportChecker, sources: int, *, strict: bool = False) -> None:
        """Begin an answer to a prompt with `sources` passages; `strict` leaves out sentences without support."""
        self.sentences: list[Sentence] = []
        self.left_out = 0
        self._parser = CitationParser(sources)
        self._checker = checker
        self._sources = sources
        self._strict = strict
        self._final = ""  # text that no longer changes
        self._read = 0  # number of characters of the parser's text that are final
        self._gap = ""  # white space before sentences that were left out
        self._parsed = 0  # number of sentences taken from the parser
        self._has_begun = False

    @property
    def text(self) -> str:
        """The final text, followed by the sentence that is being written, with the LLM's own citations."""
        return self._final + self._parser.text[self._read :]

    @property
    def is_supported(self) -> bool:
        """Whether at least one sentence has some support."""
        return any(sentence.support != "unsupported" for sentence in self.sentences)

    def feed(self, piece: str) -> None:
        """Add a piece of the answer; white space before the answer is dropped."""
        if not self._has_begun:
            piece = piece.lstrip()
            self._has_begun = bool(piece)
        self._parser.feed(piece)
        self._verify()

    def close(self) -> None:
        """Finish the answer."""
        self._parser.close()
        self._verify()
        self._final, self._read = self.text, len(self._parser.text)

    def _verify(self) -> None:
        for parsed in self._parser.sentences[self._parsed :]:
            self._parsed += 1
            text = self._parser.text
            before, body = text[self._read : parsed.start], text[parsed.start : parsed.end]
            self._read = parsed.end
            support, grades, citation_corrected = self._grade(parsed)
            if support == "unsupported" and self._strict:
                self.left_out += 1
                self._gap = self._gap or before
                continue
            if self._gap and ("\n" not in before or not self._final):
                before = self._gap  # the sentences before it on this line were left out
            self._gap = ""
            if not self._final:
                before = before.lstrip()
            if citation_corrected:
                body = _with_markers(body, tuple(grades))
            start = len(self._final) + len(before)
            self._final += before + body
            self.sentences.append(
                Sentence(
                    start=start,
                    end=start + len(body),
                    text=parsed.text,
                    numbers=tuple(grades),
                    evidence=tuple(grade.span for grade in grades.values()),
                    support=support,
                    citation_corrected=citation_corrected,
                )
            )

    def _grade(self, parsed: ParsedSentence) -> tuple[Support, dict[int, SupportGrade], bool]:
        """Return the support of a sentence, the passages that support it, and whether its citations were corrected."""
        cited = {number: self._checker.check(parsed.text, number, beside=parsed.numbers) for number in parsed.numbers}
        support = _best(cited)
        if support not in _GOOD and len(terms(parsed.text)) >= _MIN_WORDS:
            others = {n: self._checker.check(parsed.text, n) for n in range(1, self._sources + 1) if n not in cited}
            elsewhere = _best(others)
            if elsewhere in _GOOD:
                number = next(n for n, grade in others.items() if grade.support == elsewhere)
                return elsewhere, {number: others[number]}, True
        # If one cited passage supports the sentence, drop the citations that do not.
        kept = {n: v for n, v in cited.items() if support == "unsupported" or v.support != "unsupported"}
        return support, kept, len(kept) < len(cited)


def _best(grades: dict[int, SupportGrade]) -> Support:
    found = [grade.support for grade in grades.values()]
    return min(found, key=_BEST_FIRST.index, default="unsupported")


def _with_markers(body: str, numbers: Sequence[int]) -> str:
    """Replace a sentence's markers with `numbers`, placed where its first marker was, or at the end if it had none."""
    marks = "".join(f"[{number}]" for number in numbers)
    first = _MARKER.search(body)
    if first is None:
        return f"{body} {marks}"
    space = " " if first[0][0].isspace() else ""
    return body[: first.start()] + space + marks + _MARKER.sub("", body[first.end() :])
