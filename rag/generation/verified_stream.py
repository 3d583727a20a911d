"""What an LLM writes, tied sentence by sentence to a passage that says it. Pure but for the model that checks.

A model may cite the wrong passage, or none, and may claim what no passage says. Each finished sentence is checked
against what it cites. Where that does not say it and another passage does, the citation is moved there; where none
does, the sentence is said to be unsupported, or left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from index import terms

from ..answer import Sentence, Support
from ..grounding.support import Checker, Verdict
from .citation_parser import CitationParser, ParsedSentence

_BEST_FIRST: tuple[Support, ...] = ("quoted", "supported", "weak", "unsupported")
_GOOD = frozenset(_BEST_FIRST[:2])
_FEWEST_WORDS = 2  # that carry meaning: "By" and "Yes." stand in every passage, and say nothing that could be cited
_MARKER = re.compile(r"\s?\[(\d{1,3})\]")


class VerifiedStream:
    """An answer as it is written: `text` so far, and its finished `sentences`, checked."""

    def __init__(self, checker: Checker, sources: int, *, strict: bool = False) -> None:
        """`sources` is the number of passages that the model was given; `strict` leaves out what none of them says."""
        self.sentences: list[Sentence] = []
        self.left_out = 0
        self._parser = CitationParser(sources)
        self._checker = checker
        self._sources = sources
        self._strict = strict
        self._settled = ""  # text that does not change any more
        self._read = 0  # how much of the parser's text that is
        self._gap = ""  # what stood before sentences that were left out
        self._drafts = 0
        self._has_begun = False

    @property
    def text(self) -> str:
        """What is settled, and the sentence that is being written, with the model's own citations."""
        return self._settled + self._parser.text[self._read :]

    @property
    def is_supported(self) -> bool:
        """Whether any sentence is at all."""
        return any(sentence.support != "unsupported" for sentence in self.sentences)

    def feed(self, piece: str) -> None:
        """Take the next piece of the answer; blanks in front of it are none of it."""
        if not self._has_begun:
            piece = piece.lstrip()
            self._has_begun = bool(piece)
        self._parser.feed(piece)
        self._settle()

    def close(self) -> None:
        """The answer ends here."""
        self._parser.close()
        self._settle()
        rest = self._parser.text[self._read :]
        self._settled += rest
        self._read += len(rest)

    def _settle(self) -> None:
        for draft in self._parser.drafts[self._drafts :]:
            self._drafts += 1
            written = self._parser.text
            before, body = written[self._read : draft.start], written[draft.start : draft.end]
            self._read = draft.end
            support, verdicts, citation_corrected = self._judge(draft)
            if support == "unsupported" and self._strict:
                self.left_out += 1
                self._gap = self._gap or before
                continue
            if self._gap and ("\n" not in before or not self._settled):
                before = self._gap  # what is left of the line begins where the line began
            self._gap = ""
            if not self._settled:
                before = before.lstrip()
            if citation_corrected:
                body = _with_markers(body, tuple(verdicts))
            start = len(self._settled) + len(before)
            self._settled += before + body
            self.sentences.append(
                Sentence(
                    start=start,
                    end=start + len(body),
                    text=draft.text,
                    numbers=tuple(verdicts),
                    evidence=tuple(verdict.span for verdict in verdicts.values()),
                    support=support,
                    citation_corrected=citation_corrected,
                )
            )

    def _judge(self, draft: ParsedSentence) -> tuple[Support, dict[int, Verdict], bool]:
        """How well a sentence is supported, by which passages, and whether these are others than it cites."""
        cited = {number: self._checker.check(draft.text, number, beside=draft.numbers) for number in draft.numbers}
        support = _best(cited)
        if support not in _GOOD and len(terms(draft.text)) >= _FEWEST_WORDS:
            others = {n: self._checker.check(draft.text, n) for n in range(1, self._sources + 1) if n not in cited}
            elsewhere = _best(others)
            if elsewhere in _GOOD:
                number = next(n for n, verdict in others.items() if verdict.support == elsewhere)
                return elsewhere, {number: others[number]}, True
        # A marker beside a right one that points at something else is no citation.
        kept = {n: v for n, v in cited.items() if support == "unsupported" or v.support != "unsupported"}
        return support, kept, len(kept) < len(cited)


def _best(verdicts: dict[int, Verdict]) -> Support:
    found = [verdict.support for verdict in verdicts.values()]
    return min(found, key=_BEST_FIRST.index, default="unsupported")


def _with_markers(body: str, numbers: Sequence[int]) -> str:
    """A sentence with these citations in place of its own: where the first one stood, or at its end."""
    marks = "".join(f"[{number}]" for number in numbers)
    first = _MARKER.search(body)
    if first is None:
        return f"{body} {marks}"
    space = " " if first[0][0].isspace() else ""
    return body[: first.start()] + space + marks + _MARKER.sub("", body[first.end() :])
