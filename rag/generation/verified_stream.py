"""LLM text, verified sentence by sentence while it streams. Pure, except for the model that checks it.

An LLM may cite the wrong passage or none, and may make claims that no passage supports. Each finished claim is checked
against the passages that it cites. If they do not support it but another passage does, the citation is corrected. If no
passage supports it, the sentence says so and why; it is left out only if the caller wants that and it is refuted.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from index import terms

from ..answer import Sentence, Support
from ..grounding.paraphrase import SupportGrade
from ..grounding.reasons import TOO_LONG
from ..grounding.support import SupportChecker
from .citation_parser import CitationParser
from .claims import breaks_off, claim_in, is_layout, is_yes_or_no
from .refusals import is_explanation, is_not_found, is_offer
from .unwrap import Unwrapper

MOST_SENTENCES = 200
"""Maximum number of sentences, list items and headings of an answer that are checked; the rest is left out."""

_LONGEST_CLAIM = 1_000  # characters; a longer sentence is not checked
_BEST_FIRST: tuple[Support, ...] = ("quoted", "supported", "weak", "unsupported")
_GOOD = frozenset(_BEST_FIRST[:2])
_MIN_WORDS = 2  # minimum number of content words that can be found elsewhere in other words: many passages have one
_OTHERS = 10  # maximum number of passages that a claim is compared with, in addition to those that it cites
_MARKER = re.compile(r"\s?\[(\d{1,3})\]")
_BULLET = re.compile(r"[\s>#*+•–—-]{0,40}(?:\(?\d{1,3}[.)、])?\s{0,9}[*_]{0,2}")


@dataclass(frozen=True, slots=True)
class _Graded:
    """A claim's support, the passages to cite for it, and why it is not supported."""

    support: Support
    cited: dict[int, SupportGrade]
    citation_corrected: bool
    reason: str
    is_refuted: bool


class VerifiedStream:
    """An answer that is still being written: the `text` so far, and the finished `sentences` with their support.

    Only claims are `sentences`; headings, "Yes." and statements such as "The articles do not say when." are only text.
    `left_out` counts the sentences that were left out.
    """

    def __init__(self, checker: SupportChecker, sources: int, *, strict: bool = False) -> None:
        """Begin an answer to a prompt with `sources` passages; `strict` leaves out sentences that are refuted."""
        self._checker = checker
        self._sources = sources
        self._strict = strict
        self._unwrapper = Unwrapper()
        self._closed = False
        self._begin()

    def _begin(self) -> None:
        self.sentences: list[Sentence] = []
        self.left_out = 0
        self._parser = CitationParser(self._sources)
        self._final = ""  # text that no longer changes
        self._read = 0  # number of characters of the parser's text that are final
        self._end = sys.maxsize  # the parser's text from here on was dropped
        self._gap = ""  # white space before sentences that were left out
        self._parsed = 0  # number of sentences taken from the parser
        self._hints: tuple[int, ...] = ()  # passages that the line before the list cites
        self._statements: list[str] = []  # sentences about the articles
        self._claims: list[
            tuple[str, bool]
        ] = []  # what it answers, and whether a passage that the LLM cites supports it

    @property
    def text(self) -> str:
        """The final text, followed by the sentence that is being written, with the LLM's own citations."""
        return self._final + self._parser.text[self._read : self._end]

    @property
    def reasoning(self) -> str:
        """The text that the LLM wrote between tags such as `<think>`; it is not part of the answer."""
        return self._unwrapper.reasoning

    @property
    def is_too_long(self) -> bool:
        """Whether there are more sentences than are checked: the rest of the reply is ignored."""
        return len(self._parser.sentences) > MOST_SENTENCES

    @property
    def is_refusal(self) -> bool:
        """Whether the whole reply says, in whatever words, that the articles do not answer; valid after `close`."""
        claims = [is_good for text, is_good in self._claims if not is_explanation(text)]
        if any(map(is_not_found, self._statements)):
            return not any(claims)  # the prompt asks for this line and nothing else: what follows explains it
        return bool(self._statements) and not claims

    def feed(self, piece: str) -> None:
        """Add a piece of the reply, as the LLM wrote it."""
        restarts = self._unwrapper.restarts
        answer = self._unwrapper.feed(piece)
        if self._unwrapper.restarts != restarts:
            self._begin()  # everything before was reasoning
        self._parser.feed(answer)
        self._verify()

    def drop_unfinished(self) -> bool:
        """Remove a last sentence that breaks off in the middle, and return whether there was one.

        Call it before `close`, if the reply was cut.
        """
        self._finish_parsing()
        text, unverified = self._parser.text, self._parser.sentences[self._parsed :]
        if not unverified or not breaks_off(text):
            return False
        last = unverified[-1]
        if breaks_off(text[: last.end]):
            line = text.rfind("\n", 0, last.start) + 1
            self._end = line if _BULLET.fullmatch(text, line, last.start) else last.start
        else:
            self._end = last.end
        return True

    def close(self) -> None:
        """Finish the answer."""
        self._finish_parsing()
        self._verify()
        self._final, self._read = self.text.rstrip(), len(self._parser.text)

    def _finish_parsing(self) -> None:
        if not self._closed:
            self._closed = True
            self._parser.feed(self._unwrapper.close())
            self._parser.close()

    def _verify(self) -> None:
        for parsed in self._parser.sentences[self._parsed :]:
            if self._parsed == MOST_SENTENCES:
                self._end = min(self._end, parsed.start)
                return
            text = self._parser.text
            layout = is_layout(text, parsed, final=self._closed)
            if layout is None or parsed.end > self._end:
                return
            self._parsed += 1
            before, body = text[self._read : parsed.start], text[parsed.start : parsed.end]
            self._read = parsed.end
            claim = "" if layout else claim_in(parsed.text)
            if not claim:
                self._add(before, _MARKER.sub("", body))
                self._hints = parsed.numbers or self._hints
                if not layout and is_yes_or_no(parsed.text):
                    self._claims.append((parsed.text, False))
                elif not layout and not is_offer(parsed.text):
                    self._statements.append(parsed.text)
                continue
            graded = self._grade(claim, parsed.numbers)
            is_good = graded.support in _GOOD and bool(parsed.numbers)
            self._claims.append((parsed.text, is_good))
            if parsed.numbers:
                self._hints = ()
            if graded.is_refuted and self._strict:
                self.left_out += 1
                self._gap = self._gap or before
                continue
            if graded.citation_corrected:
                body = _with_markers(body, tuple(graded.cited))
            start = self._add(before, body)
            self.sentences.append(
                Sentence(
                    start=start,
                    end=start + len(body),
                    text=parsed.text,
                    numbers=tuple(graded.cited),
                    evidence=tuple(grade.span for grade in graded.cited.values()),
                    support=graded.support,
                    citation_corrected=graded.citation_corrected,
                    reason=graded.reason,
                )
            )

    def _add(self, before: str, body: str) -> int:
        """Add a sentence and the white space before it to the final text, and return its start."""
        if self._gap and ("\n" not in before or not self._final):
            before = self._gap  # the sentences before it on this line were left out
        self._gap = ""
        if not self._final:
            before = before.lstrip()
        start = len(self._final) + len(before)
        self._final += before + body
        return start

    def _grade(self, claim: str, numbers: Sequence[int]) -> _Graded:
        """Check a claim against the passages that it cites and, if they do not support it, against all others."""
        if len(claim) > _LONGEST_CLAIM:
            return _Graded("unsupported", {}, False, TOO_LONG, False)
        cited = {number: self._checker.check(claim, number, beside=numbers) for number in numbers}
        others: dict[int, SupportGrade] = {}
        support, words = _best(cited), len(terms(claim))
        is_compared = bool(words) and support != "quoted"
        near = [n for n in self._checker.nearest(claim, _OTHERS) if n <= self._sources] if is_compared else []
        if support == "supported" and (closer := self._checker.closer(claim, numbers, near)):
            grade = self._checker.check(claim, closer)
            if grade.support in _GOOD:
                return _Graded(grade.support, {closer: grade}, True, "", False)
            return _Graded(grade.support, cited, False, grade.reason, grade.is_refuted)
        if support not in _GOOD and words:
            others = {n: self._checker.check(claim, n) for n in near if n not in cited}
            elsewhere = _best(others)
            is_enough = elsewhere in _GOOD or (elsewhere == "weak" and not numbers)
            if is_enough and (words >= _MIN_WORDS or elsewhere == "quoted"):
                best = [n for n, grade in others.items() if grade.support == elsewhere]
                number = next((n for n in best if n in self._hints), best[0])
                found = others[number]
                closer = self._checker.closer(claim, [number], [*cited, *others]) if elsewhere != "quoted" else None
                if closer is None:
                    return _Graded(elsewhere, {number: found}, True, "" if elsewhere in _GOOD else found.reason, False)
        if support in _GOOD:
            reason, is_refuted = "", False
        else:
            grades = [*cited.values(), *others.values()]
            reason = next((grade.reason for grade in grades if grade.support == support and grade.reason), "")
            is_refuted = bool(grades) and all(grade.is_refuted for grade in grades)
        # If one cited passage supports the sentence, drop the citations that do not.
        kept = {n: v for n, v in cited.items() if support == "unsupported" or v.support != "unsupported"}
        return _Graded(support, kept, len(kept) < len(cited), reason, is_refuted)


def _best(grades: dict[int, SupportGrade]) -> Support:
    found = [grade.support for grade in grades.values()]
    return min(found, key=_BEST_FIRST.index, default="unsupported")


def _with_markers(body: str, numbers: Sequence[int]) -> str:
    """Replace a sentence's markers with `numbers`, placed where its first marker was, or at the end if it had none."""
    marks = "".join(f"[{number}]" for number in numbers)
    first = _MARKER.search(body)
    if first is None:
        inside = body.rstrip("| ") if body.startswith("|") else body
        return f"{inside} {marks}{body[len(inside) :]}"
    space = " " if first[0][0].isspace() else ""
    return body[: first.start()] + space + marks + _MARKER.sub("", body[first.end() :])
