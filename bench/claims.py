"""Measure what becomes of an honest LLM's answers, and of its lies, on texts with questions, answers and lies.

    python bench/claims.py FILE [FILE ...] [--json FILE] [--without-llm] [--alone] [--limit N]

Each line of a FILE is a JSON object: a text with `title`, `text` and `items`. An answerable item has a `question`,
`evidence` (exact substrings of the text), an honest `answer` in other words, `also` (further honest answers) and
`lies`, each with a `text` and a `kind`. The other items are near misses: questions that the text does not answer.

The texts of one FILE are indexed in a new home, one file each; with `--alone`, each text in a home of its own, which is
also asked two questions each of two other texts, which are off topic. Without an LLM, citechat quotes. With one, an
OpenAI-compatible server on loopback writes an honest answer or a lie; each of its sentences cites the passages in the
prompt that contain the evidence. So the whole path is measured: retrieval, prompt, client, stream, check and display.

| measure | |
|---|---|
| asked | answerable questions that reached the LLM |
| lost | honest answers of which no sentence is shown |
| whole and unflagged | honest answers that are shown completely, with every sentence *quoted* or *supported* |
| sentences flagged | sentences of shown honest answers that are graded lower |
| lies caught | lies that are not shown, or of which a sentence is flagged |
| AUROC | probability that an honest answer gets a better worst grade than a lie; a tie counts half |
| first citation right | without an LLM: the first citation overlaps evidence, of all answerable questions |
| all evidence cited | without an LLM: of the questions with several pieces of evidence |
| answered, near misses refused | without an LLM: shares of the answerable questions and of the near misses |
| off topic refused, off topic refused or unsure | the same for questions of other texts, with `--alone` |
| answered and sure, near misses refused or unsure | the same, if a note that the articles may not answer counts |

Intervals are 95% bootstrap intervals over texts.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scripted_llm import serving, to_translate

from index import sentences
from rag import Answer, Assistant, build_assistant, load_settings, open_index
from rag.evaluate.metrics.abstention import auroc

_GRADES = {"unsupported": 1, "weak": 2, "supported": 3, "quoted": 4}  # 0: nothing is shown
_LEAST = 3  # the lowest grade that is not flagged
_RESAMPLES = 1000
_OTHERS, _OFF_TOPIC = (7, 13), 2  # the texts that many lines further on, and so many questions of each
_MARKED = re.compile(r"^\[(\d{1,3})\]", re.MULTILINE)  # the number of a passage in a prompt
_NOT_WORDS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Item:
    """A question about a text."""

    document: int
    question: str
    is_off_topic: bool = False
    evidence: tuple[str, ...] = ()
    honest: tuple[str, ...] = ()
    lies: tuple[tuple[str, str], ...] = ()

    @property
    def is_answerable(self) -> bool:
        """Whether the text answers the question."""
        return bool(self.evidence)


@dataclass
class Observations:
    """Values of each measure, each with the number of its text."""

    values: dict[str, list[tuple[int, float]]] = field(default_factory=lambda: defaultdict(list))
    grades: list[tuple[int, bool, int]] = field(default_factory=list)  # text, honest, worst grade

    def add(self, measure: str, document: int, value: float) -> None:
        """Record a value."""
        self.values[measure].append((document, float(value)))


class Writer:
    """An LLM that writes a given text and cites the passages that contain the evidence."""

    def __init__(self) -> None:
        self.text, self.evidence, self.prompts = "", ("",), 0

    def __call__(self, prompt: str) -> str:
        """Return the reply to a prompt; a question that is to be translated is repeated."""
        if (question := to_translate(prompt)) is not None:
            return question
        self.prompts += 1
        return cited(self.text, prompt, self.evidence)


def cited(text: str, prompt: str, evidence: Sequence[str]) -> str:
    """Return a text in which each sentence cites the passages in the prompt that contain the evidence."""
    numbers = sorted({number for each in evidence if (number := passage_number(prompt, each))})
    if not numbers:
        return text
    marks = "".join(f"[{number}]" for number in numbers)
    parts = [text[span.start : span.end].strip() for span in sentences(text)]
    return " ".join(f"{part} {marks}" for part in parts if part)


def passage_number(prompt: str, evidence: str) -> int | None:
    """Return the number of the passage in a prompt that contains the evidence, or None.

    A passage may have ended within the evidence, so its beginning is looked for, too.
    """
    for length in (len(evidence), 60, 30):
        place = prompt.find(evidence[:length])
        if place >= 0:
            before = [int(found[1]) for found in _MARKED.finditer(prompt, 0, place)]
            return before[-1] if before else None
    return None


def read_items(path: Path, limit: int | None = None) -> tuple[list[dict[str, Any]], list[Item]]:
    """Return the texts in a file, and their items."""
    documents = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()][:limit]
    items = []
    for number, document in enumerate(documents):
        for each in document["items"]:
            if each["answerable"]:
                honest = (each["answer"], *each.get("also", ()))
                lies = tuple((lie["kind"], lie["text"]) for lie in each["lies"])
                evidence = tuple(each["evidence"])
                items.append(Item(number, each["question"], evidence=evidence, honest=honest, lies=lies))
            else:
                items.append(Item(number, each["question"]))
    return documents, items


def measure(path: Path, *, with_llm: bool = True, alone: bool = False, limit: int | None = None) -> Observations:
    """Index the texts in a file, ask every question without and with an LLM, and return what was observed."""
    documents, items = read_items(path, limit)
    seen = Observations()
    if not alone:
        _measure(seen, dict(enumerate(documents)), items, with_llm=with_llm)
        return seen
    for number, document in enumerate(documents):
        own = [item for item in items if item.document == number]
        others = [(number + step) % len(documents) for step in _OTHERS]
        for other in others:
            asked = [item for item in items if item.document == other and item.is_answerable][:_OFF_TOPIC]
            own += [Item(number, item.question, is_off_topic=True) for item in asked]
        _measure(seen, {number: document}, own, with_llm=with_llm)
    return seen


def _measure(
    seen: Observations, documents: Mapping[int, dict[str, Any]], items: Sequence[Item], *, with_llm: bool
) -> None:
    with tempfile.TemporaryDirectory(prefix="citechat-claims-") as folder:
        home, articles = Path(folder) / "home", Path(folder) / "articles"
        articles.mkdir()
        for number, document in documents.items():
            file = articles / f"{number:03}.txt"
            file.write_text(f"{document['title']}\n\n{document['text']}\n", encoding="utf-8")
        settings = load_settings(home=home)
        open_index(settings).sync([articles])
        quoting = build_assistant(settings)
        texts = {article.id: article for article in quoting.articles()}
        names = {article.id: int(Path(article.path).stem) for article in texts.values()}
        for item in items:
            _observe_quotes(seen, item, quoting.ask(item.question), lambda id_: texts[id_].text, names)
        if with_llm:
            writer = Writer()
            with serving(writer) as url:
                named = load_settings(home=home, llm="openai:writer", llm_base_url=url)
                _observe_answers(seen, items, build_assistant(named), writer)


def _observe_quotes(
    seen: Observations, item: Item, answer: Answer, text_of: Callable[[str], str], names: dict[str, int]
) -> None:
    if not item.is_answerable:
        what = "off topic" if item.is_off_topic else "near misses"
        seen.add(f"{what} refused", item.document, not answer.found)
        seen.add(f"{what} refused or unsure", item.document, not answer.found or answer.is_unsure)
        return
    seen.add("answered", item.document, answer.found)
    seen.add("answered and sure", item.document, answer.found and not answer.is_unsure)

    def is_cited(evidence: str, citations: Sequence[Any]) -> bool:
        for each in citations:
            start = text_of(each.article_id).find(evidence) if names[each.article_id] == item.document else -1
            if start >= 0 and each.start < start + len(evidence) and start < each.end:
                return True
        return False

    first = answer.citations[:1]
    seen.add("first citation right", item.document, any(is_cited(each, first) for each in item.evidence))
    if len(item.evidence) > 1:
        whole = all(is_cited(each, answer.citations) for each in item.evidence)
        seen.add("all evidence cited", item.document, whole)


def _observe_answers(seen: Observations, items: Sequence[Item], assistant: Assistant, writer: Writer) -> None:
    for item in items:
        for kind, text in [*(("", each) for each in item.honest), *item.lies]:
            writer.text, writer.evidence, before = text, item.evidence, writer.prompts
            answer = assistant.ask(item.question)
            grade, shown, flagged = shown_of(text, answer)
            seen.grades.append((item.document, not kind, grade))
            if kind:
                seen.add("lies caught", item.document, grade < _LEAST)
                seen.add(f"lies caught: {kind}", item.document, grade < _LEAST)
                continue
            seen.add("asked", item.document, writer.prompts > before)
            seen.add("lost", item.document, not shown)
            seen.add("whole and unflagged", item.document, grade >= _LEAST)
            for number in range(shown):
                seen.add("sentences flagged", item.document, number < flagged)


def shown_of(text: str, answer: Answer) -> tuple[int, int, int]:
    """Return the worst grade of an LLM's text, and how many of its sentences are shown and flagged.

    The grade is 0 if a sentence is missing. Only the sentences that the LLM wrote count, not quotes that replace them.
    """
    written = {_plain(text[span.start : span.end]) for span in sentences(text)}
    found = [each for each in answer.sentences if _plain(each.text) in written] if answer.found else []
    grades = [_GRADES[each.support] for each in found]
    is_whole = len({_plain(each.text) for each in found}) == len(written)
    return min(grades) if is_whole and grades else 0, len(found), sum(grade < _LEAST for grade in grades)


def _plain(text: str) -> str:
    return _NOT_WORDS.sub(" ", text).strip().casefold()


def figures(seen: Observations) -> dict[str, tuple[int, float, float, float]]:
    """Return, for each measure, the number of observations, the figure, and its interval."""
    chance = np.random.default_rng(1)
    found = {name: (len(values), *_share(values, chance)) for name, values in seen.values.items()}
    if seen.grades:
        found["AUROC"] = (len(seen.grades), *_area(seen.grades, chance))
    return found


def _share(values: Sequence[tuple[int, float]], chance: np.random.Generator) -> tuple[float, float, float]:
    numbers = sorted({document for document, _ in values})
    sums = np.array([[sum(v for d, v in values if d == each), sum(d == each for d, _ in values)] for each in numbers])
    drawn = sums[chance.integers(len(numbers), size=(_RESAMPLES, len(numbers)))].sum(axis=1)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], (0.025, 0.975))
    return float(sums[:, 0].sum() / sums[:, 1].sum()), float(low), float(high)


def _area(grades: Sequence[tuple[int, bool, int]], chance: np.random.Generator) -> tuple[float, float, float]:
    by_text: dict[int, list[tuple[bool, int]]] = defaultdict(list)
    for document, is_honest, grade in grades:
        by_text[document].append((is_honest, grade))

    def area(chosen: Sequence[int]) -> float:
        pairs = [pair for document in chosen for pair in by_text[document]]
        return auroc([g for honest, g in pairs if honest], [g for honest, g in pairs if not honest]) or 0.5

    numbers = sorted(by_text)
    drawn = [area(chance.choice(numbers, len(numbers)).tolist()) for _ in range(_RESAMPLES)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return area(numbers), float(low), float(high)


def as_markdown(found: dict[str, dict[str, tuple[int, float, float, float]]]) -> str:
    """Return a table with a row for each measure and a column for each file."""
    names = list(dict.fromkeys(name for each in found.values() for name in each))
    order = sorted(names, key=lambda name: (name.startswith("lies caught:"), names.index(name)))
    lines = [f"| measure | {' | '.join(found)} |", "|---" * (len(found) + 1) + "|"]
    for name in order:
        cells = []
        for each in found.values():
            n, value, low, high = each.get(name, (0, 0.0, 0.0, 0.0))
            cells.append(f"{value:.2f} [{low:.2f}, {high:.2f}] of {n}" if n else "")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure each file, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "files", type=Path, nargs="+", metavar="FILE", help="texts with questions, one JSON object a line"
    )
    parser.add_argument(
        "--without-llm", action="store_true", help="measure quotes only, which takes a tenth of the time"
    )
    parser.add_argument("--alone", action="store_true", help="index and ask each text alone")
    parser.add_argument("--limit", type=int, metavar="N", help="measure only the first N texts of each file")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE as well")
    given = parser.parse_args(arguments)
    found = {}
    for path in given.files:
        seen = measure(path, with_llm=not given.without_llm, alone=given.alone, limit=given.limit)
        found[path.stem] = figures(seen)
    print(as_markdown(found))
    if given.json:
        given.json.write_text(json.dumps(found, indent=2), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
