"""Measure how well people's questions about an article are answered, with an LLM that answers from its prompt.

    python bench/reader_questions.py ARTICLE QUESTIONS [--without-llm] [--json FILE]

Each line of QUESTIONS is a JSON object with a `question`, earlier questions (`history`), its `kind`, what to `expect`
(`answer`, `refuse` or `talk`) and, for an answer, `nuggets`: each is a list of alternative spans of the article, and
`need` of them must be cited. A nugget is cited if a citation covers at least half of one of its spans.

The LLM is a server on loopback. It writes the sentences of the nuggets that are in its prompt, each with the number of
its passage, and says that the articles do not answer if there are none. So the figures show whether the question, the
prompt, the check and the display let a perfect LLM through. `--without-llm` measures the quotes.

A score is 1 if as many nuggets as needed are cited, or else the share of them; a question to refuse scores 1 if no
sentence is shown, and small talk scores 1 if it is answered without a citation and without a refusal.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from claims import passage_number
from scripted_llm import serving, to_translate

from index import sentences
from rag import NOT_FOUND, Answer, Assistant, Turn, build_assistant, load_settings, open_index

_ENDS = ".!?…。！？"  # a span may end before its full stop
_COVERED = 0.5  # minimum share of a span that a citation must cover


class Reader:
    """An LLM that copies the sentences of a question's nuggets from its prompt."""

    def __init__(self, text: str) -> None:
        self.text, self.nuggets, self.need = text, (), 0

    def __call__(self, prompt: str) -> str:
        """Return the reply to a prompt; a question that is to be rewritten is repeated."""
        if (question := to_translate(prompt)) is not None:
            return question
        found = [said for alternatives in self.nuggets if (said := self._said(alternatives, prompt))]
        return " ".join(found) or NOT_FOUND

    def _said(self, alternatives: Sequence[dict[str, int]], prompt: str) -> str:
        """Return the sentences of the first span that is in the prompt, with markers; '' if none is."""
        for span in alternatives:
            words = self.text[span["start"] : span["end"]]
            parts = [words[each.start : each.end] for each in sentences(words)]
            numbers = [passage_number(prompt, part) for part in parts]
            if all(numbers):
                ended = [part if part[-1] in _ENDS else f"{part}." for part in parts]
                return " ".join(f"{part} [{number}]" for part, number in zip(ended, numbers, strict=True))
        return ""


def score(item: dict[str, Any], answer: Answer) -> float:
    """Return the score of an answer, from 0 to 1; see the top of this file."""
    if item["expect"] == "talk":
        return float(answer.found and not answer.citations and bool(answer.text) and answer.text != NOT_FOUND)
    if item["expect"] == "refuse":
        return float(not answer.found)
    cited = sum(any(_is_cited(span, answer) for span in alternatives) for alternatives in item["nuggets"])
    return min(1.0, cited / item["need"]) if answer.found else 0.0


def _is_cited(span: dict[str, int], answer: Answer) -> bool:
    covered = [max(0, min(each.end, span["end"]) - max(each.start, span["start"])) for each in answer.citations]
    return max(covered, default=0) >= _COVERED * (span["end"] - span["start"])


def measure(article: Path, questions: Path, *, with_llm: bool = True) -> list[tuple[dict[str, Any], Answer, float]]:
    """Index the article in a new home, ask every question, and return each with its answer and score."""
    items = [json.loads(line) for line in questions.read_text(encoding="utf-8").splitlines() if line.strip()]
    with tempfile.TemporaryDirectory(prefix="citechat-readers-") as folder:
        open_index(load_settings(home=folder)).sync([article])
        if not with_llm:
            return [_asked(build_assistant(load_settings(home=folder)), item) for item in items]
        (stored,) = open_index(load_settings(home=folder)).articles()
        reader = Reader(stored.text)
        with serving(reader) as url:
            assistant = build_assistant(load_settings(home=folder, llm="openai:reader", llm_base_url=url))
            found = []
            for item in items:
                reader.nuggets, reader.need = item["nuggets"], item["need"]
                found.append(_asked(assistant, item))
            return found


def _asked(assistant: Assistant, item: dict[str, Any]) -> tuple[dict[str, Any], Answer, float]:
    """Ask the earlier questions and then the question."""
    history: list[Turn] = []
    for question in item["history"]:
        history += [Turn("user", question), Turn("assistant", assistant.ask(question, history).text)]
    answer = assistant.ask(item["question"], history)
    return item, answer, score(item, answer)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a table of kinds and the questions that lost points."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("article", type=Path, metavar="ARTICLE")
    parser.add_argument("questions", type=Path, metavar="QUESTIONS", help="questions, one JSON object a line")
    parser.add_argument("--without-llm", action="store_true", help="measure the quotes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the scores to FILE as well")
    given = parser.parse_args(arguments)
    found = measure(given.article, given.questions, with_llm=not given.without_llm)
    by_kind: dict[str, list[float]] = defaultdict(list)
    for item, _, points in found:
        by_kind[item["kind"]].append(points)
    print("| kind | questions | score |\n|---|---|---|")
    for kind, points in [*by_kind.items(), ("all", [points for _, _, points in found])]:
        print(f"| {kind} | {len(points)} | {sum(points) / len(points):.2f} |")
    print(f"\nfull score: {sum(points == 1 for _, _, points in found)} of {len(found)}")
    for item, answer, points in found:
        if points < 1:
            print(f"{points:.2f} {item['id']} {item['question']!r}: {answer.text[:160]!r}")
    if given.json:
        given.json.write_text(json.dumps({item["id"]: points for item, _, points in found}, indent=2), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
