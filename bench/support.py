"""Measure how well the support check separates true sentences from false ones.

    python bench/support.py DATA_DIR [--seed N] [--fail-under SHARE] [--misses N]

DATA_DIR contains any of the sets `squad2`, `clapnq` and `xquad_en_zh` (see `question_sets.py`). True sentences of their
documents are quoted, and made false by replacing a number or a name, or by adding or removing a "not"; half of the
replacements come from the same passage. The human answers in clapnq are true paraphrases, and are made false by the
same changes. The output is a Markdown table with the share of each label for each kind of sentence, with 95% bootstrap
intervals, and the duration of a check. With `--fail-under`, the exit code is 2 if the share of false sentences that are
flagged (`weak` or `unsupported`), or the share of quotations that are labelled `quoted`, is lower.

The rules that change sentences are independent of the check (see `swaps.py`).
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from estimates import Estimate
from pipelines import configured_reader
from question_sets import SETS, QuestionSet, read_sets, write_files
from swaps import CHANGES

from index import CitechatError, Encoder, Index, SearchResult, sentences
from rag import Support, load_settings, open_index
from rag.evaluate.metrics.statistics import interval
from rag.grounding.support import SupportChecker

_SENTENCES = 130  # true sentences taken from each set and language, one a document as far as that goes
_HITS = 10
_FROM_BEST: tuple[Support, ...] = get_args(Support)


@dataclass(frozen=True, slots=True)
class Judged:
    """A checked sentence: its kind and text, its support, the true sentence it is based on, and the check's seconds."""

    kind: str
    text: str
    support: Support
    true: str
    seconds: float

    @property
    def flagged(self) -> bool:
        """Whether the user sees a warning."""
        return self.support in {"weak", "unsupported"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the whole benchmark, print the results, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, metavar="DATA_DIR", help=f"folder with {', '.join(SETS)}")
    parser.add_argument("--seed", type=int, default=0, help="which sentences are drawn and how they are changed")
    parser.add_argument("--fail-under", type=float, metavar="SHARE", help="exit 2 when less is flagged, or quoted")
    parser.add_argument("--misses", type=int, default=0, metavar="N", help="print up to N errors of each kind")
    given = parser.parse_args(arguments)
    try:
        sets = read_sets(given.data, SETS)
        if not sets:
            parser.error(f"found none of {', '.join(SETS)} in {str(given.data)!r}")
        encoder = open_index(load_settings(encoder="bundled")).encoder
        judged: list[Judged] = []
        for each in sets:
            print(f"{each.name} …", file=sys.stderr)
            with tempfile.TemporaryDirectory(prefix="citechat-bench-", ignore_cleanup_errors=True) as folder:
                index = Index(Path(folder) / "index", encoder)
                index.sync([write_files(each.documents, Path(folder) / "files")])
                judged += judge_set(each, index, encoder, random.Random(given.seed))
    except (CitechatError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(as_markdown(judged))
    for row in misses(judged, given.misses):
        print(row)
    flagged = [row.flagged for row in judged if is_false(row.kind)]
    quoted = [row.support == "quoted" for row in judged if row.kind.startswith("quoted")]
    return 2 if given.fail_under and min(statistics.mean(flagged), statistics.mean(quoted)) < given.fail_under else 0


def judge_set(each: QuestionSet, index: Index, encoder: Encoder, chance: random.Random) -> Iterator[Judged]:
    """Check true and false sentences made from a set, and yield each result."""
    texts = [document.text for document in each.documents]
    for chinese in (False, True):
        label = ", Chinese" if chinese else ""
        for true in _draw([text for text in texts if _is_chinese(text) == chinese], chance):
            found = index.find(true, _HITS)
            numbers = [n for n, hit in enumerate(found.hits, start=1) if true in hit.passage.text][:1]
            if not numbers:
                continue  # the sentence is cut between two passages
            passage = found.hits[numbers[0] - 1].passage.text
            yield _judge(f"quoted{label}", _retyped(true, chance), true, found, numbers, encoder)
            for name, change in CHANGES[chinese].items():
                if false := change(true, passage, texts, chance):
                    yield _judge(f"{name}{label}", false, true, found, numbers, encoder)
    for question in each.questions:
        if not (question.answerable and question.by_evidence):
            continue
        for span in sentences(question.answers[0]):
            true = question.answers[0][span.start : span.end]
            if not _is_long_enough(true):
                continue
            found = index.find(question.text, _HITS)
            numbers = [n for n, hit in enumerate(found.hits, start=1) if hit.source == question.document]
            passage = " ".join(found.hits[number - 1].passage.text for number in numbers)
            yield _judge("paraphrase", true, true, found, numbers, encoder)
            for name, change in CHANGES[False].items():
                if false := change(true, passage, texts, chance):
                    yield _judge(f"{name}, paraphrase", false, true, found, numbers, encoder)


def _judge(kind: str, text: str, true: str, found: SearchResult, numbers: Sequence[int], encoder: Encoder) -> Judged:
    """Check a sentence against the numbered passages as if an answer cited them all; return the result for the best."""
    began = time.perf_counter()
    checker = SupportChecker(found, encoder, configured_reader())
    words = [checker.check(text, number, beside=numbers).support for number in numbers]
    best = min(words, key=_FROM_BEST.index, default=_FROM_BEST[-1])
    return Judged(kind, text, best, true, time.perf_counter() - began)


def _draw(texts: Sequence[str], chance: random.Random) -> list[str]:
    """Return true sentences of at least six words (Chinese: 12 characters): one from each text, then a second, …"""
    rows = []
    for text in chance.sample(texts, len(texts)):
        row = [text[span.start : span.end] for span in sentences(text)]
        row = [each for each in row if "\n" not in each and _is_long_enough(each)]
        rows.append(chance.sample(row, len(row)))
    deepest = max((len(row) for row in rows), default=0)
    drawn = [row[depth] for depth in range(deepest) for row in rows if depth < len(row)]
    return drawn[:_SENTENCES]


def _is_long_enough(text: str) -> bool:
    return len(text) >= 12 if _is_chinese(text) else len(text.split()) >= 6


def _retyped(text: str, chance: random.Random) -> str:
    """Return the text with other apostrophes, dashes or spaces, or in quotation marks, or unchanged."""
    choices = [text, text.replace("'", "’").replace(" - ", " – "), text.replace(" ", "  ", 1), f"“{text}”"]
    return chance.choice(choices)


def as_markdown(judged: Sequence[Judged]) -> str:
    """Return a Markdown table with a row for each kind, then a row for all false sentences."""
    lines = ["| sentences | n | quoted | supported | weak | unsupported | flagged |", "|---|---|---|---|---|---|---|"]
    kinds = dict.fromkeys(row.kind for row in judged)
    groups = [(kind, [row for row in judged if row.kind == kind]) for kind in sorted(kinds, key=_order)]
    groups.append(("**all false sentences**", [row for row in judged if is_false(row.kind)]))
    for name, rows in groups:
        columns = [[float(row.support == word) for row in rows] for word in _FROM_BEST]
        columns.append([float(row.flagged) for row in rows])
        cells = [str(Estimate(statistics.mean(column), *interval(column))) for column in columns]
        lines.append(f"| {name} | {len(rows)} | {' | '.join(cells)} |")
    quotes = [1000 * row.seconds for row in judged if row.support == "quoted"]
    others = [1000 * row.seconds for row in judged if row.support != "quoted"]
    return "\n".join(
        [*lines, "", f"A check takes {_median(others)}, a quotation {_median(quotes)} (median and 95th percentile)."]
    )


def _median(times: Sequence[float]) -> str:
    return f"{statistics.median(times):.1f} ms, {sorted(times)[int(0.95 * len(times))]:.1f} ms" if times else "no time"


def misses(judged: Sequence[Judged], most: int) -> Iterator[str]:
    """Yield up to `most` errors for each kind: false sentences that are not flagged, and true ones that are."""
    for kind in dict.fromkeys(row.kind for row in judged):
        wrong = [row for row in judged if row.kind == kind and row.flagged != is_false(kind)]
        for row in wrong[:most]:
            yield f"\n{kind}: {row.support}\n  {row.text}\n  true: {row.true}"


def is_false(kind: str) -> bool:
    """Return whether sentences of this kind are false."""
    return not kind.startswith(("quoted", "paraphrase"))


def _order(kind: str) -> tuple[bool, bool, str]:
    return is_false(kind), "paraphrase" in kind, kind


def _is_chinese(text: str) -> bool:
    return any("\u4e00" <= character <= "\u9fff" for character in text)


if __name__ == "__main__":
    raise SystemExit(main())
