"""Measure answers without an LLM, compared with a LangChain tutorial pipeline that uses the same model weights.

    python bench/quality.py DATA_DIR [--article ARTICLE --questions QUESTIONS] [--json FILE] [--fail-under NAME=SHARE,…]

DATA_DIR contains any of the sets `squad2`, `clapnq` and `xquad_en_zh` (see `question_sets.py`). The output is two
Markdown tables, answers and refusals; every figure has a 95% bootstrap interval over questions. The exit code is 2 if a
figure is below its limit in `--fail-under`, such as `squad2.first=0.88`. The results are deterministic; progress goes
to stderr.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from estimates import LABELS, Figure, areas, as_markdown, share, shares
from pipelines import CitechatPipeline, RememberingEncoder, Seen, TutorialPipeline, Verdict
from question_sets import (
    SETS,
    Question,
    QuestionSet,
    has_answer,
    in_context,
    in_right_place,
    ranked_places,
    read_sets,
    topic,
)

from index import CitechatError, Encoder
from rag import load_settings, open_index

_FOLDS = 5  # indexes without a fifth of the documents, for near misses: one index for each question would take hours
_BEGAN = time.monotonic()


Verdicts = tuple[Verdict, Verdict]
"""The verdicts of citechat and of the tutorial pipeline on one question."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A question, and the two pipelines' results."""

    question: Question
    citechat: Seen
    tutorial: Seen

    @property
    def verdicts(self) -> Verdicts:
        """The two pipelines' verdicts."""
        return self.citechat.verdict, self.tutorial.verdict


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the whole benchmark, print the results, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, metavar="DATA_DIR", help=f"folder with {', '.join(SETS)}")
    parser.add_argument("--article", type=Path, help="an article to measure too, as a text or Markdown file")
    parser.add_argument("--questions", type=Path, help="the article's test set, as `citechat eval` takes it")
    parser.add_argument("--engine", choices=("onnx", "torch"), help="what runs the model (default: the setting)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument(
        "--fail-under",
        type=parse_gates,
        default={},
        metavar="NAME=SHARE,…",
        help=f"exit 2 when a figure is lower; NAME is a row's name, a dot, and one of {', '.join(LABELS)}",
    )
    given = parser.parse_args(arguments)
    if (given.article is None) != (given.questions is None):
        parser.error("--article and --questions go together")
    try:
        sets = read_sets(given.data, SETS, given.article, given.questions)
        if not sets:
            parser.error(f"found none of {', '.join(SETS)} in {str(given.data)!r}")
        with tempfile.TemporaryDirectory(prefix="citechat-bench-", ignore_cleanup_errors=True) as folder:
            answers, refusals = measure(sets, Path(folder), open_encoder(given.engine))
    except (CitechatError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{as_markdown(answers)}\n\n{as_markdown(refusals)}")
    if given.json:
        rows = [asdict(figure) for figure in [*answers, *refusals]]
        given.json.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    missed = unmet([*answers, *refusals], given.fail_under)
    for line in missed:
        print(line, file=sys.stderr)
    return 2 if missed else 0


def parse_gates(text: str) -> dict[str, float]:
    """Parse gates such as `squad2.first=0.88`. Raises `argparse.ArgumentTypeError` that names an invalid part."""
    gates = {}
    for part in text.split(","):
        name, _, least = part.strip().rpartition("=")
        try:
            gates[name] = float(least)
        except ValueError:
            gates[name] = -1.0
        if not name or not 0.0 <= gates[name] <= 1.0:
            raise argparse.ArgumentTypeError(f"{part!r} is not NAME=SHARE with a share between 0 and 1")
    return gates


def unmet(figures: Sequence[Figure], gates: dict[str, float]) -> list[str]:
    """Return one line for each gate that was not reached or that names an unknown figure."""
    values = {figure.name: figure.citechat.value for figure in figures}
    return [
        f"gate not met: {name} is {f'{values[name]:.3f}' if name in values else 'not measured'}, wanted {least}"
        for name, least in gates.items()
        if values.get(name, -1.0) < least
    ]


def open_encoder(engine: str | None) -> Encoder:
    """Return the bundled model, exported as the settings say; `engine` overrides the engine in the settings."""
    return open_index(load_settings(encoder="bundled", engine=engine)).encoder


def measure(sets: Sequence[QuestionSet], folder: Path, model: Encoder) -> tuple[list[Figure], list[Figure]]:
    """Return the figures for answers and the figures for refusals, over all sets."""
    encoder = RememberingEncoder(model)
    answers: list[Figure] = []
    refusals: list[Figure] = []
    for each in sets:
        _say(f"{each.name}: indexing {len(each.documents)} documents")
        citechat = CitechatPipeline.over(each, folder / each.name, encoder)
        tutorial = TutorialPipeline(each.documents, encoder)
        _say(f"{each.name}: asking its own questions")
        own = [
            Compared(question, citechat.ask(question.text), tutorial.ask(question.text)) for question in each.questions
        ]
        for part, asked in parts(each, own):
            answers += answer_figures(part, asked)
        english = [asked.verdicts for asked in own if asked.question.answerable and not asked.question.chinese]
        _say(f"{each.name}: asking the questions of other sets")
        foreign = [question.text for question in foreign_questions(each, sets)]
        if foreign:
            off_topic = [(citechat.weigh(text), tutorial.weigh(text)) for text in foreign]
            refusals += refusal_figures(f"off-topic {each.name}", english, off_topic)
        without_own = near_misses(each, folder / f"{each.name}-without", encoder)
        for part, asked in parts(each, own) if without_own else []:
            missed = [without_own[row.question] for row in asked]
            refusals += refusal_figures(f"near-miss {part}", [row.verdicts for row in asked], missed)
        unanswerable = [asked.verdicts for asked in own if not asked.question.answerable]
        if unanswerable:
            refusals += refusal_figures(f"unanswerable {each.name}", english, unanswerable)
    return answers, refusals


def parts(questions: QuestionSet, asked: Sequence[Compared]) -> list[tuple[str, list[Compared]]]:
    """Return the answerable questions as named parts: one for each language, or one for a set without Chinese."""
    chinese = [row for row in asked if row.question.answerable and row.question.chinese]
    others = [row for row in asked if row.question.answerable and not row.question.chinese]
    if not any(question.chinese for question in questions.questions):
        return [(questions.name, others)] if others else []
    name = questions.name.partition("_")[0]
    return [(f"{name}-{language}", part) for language, part in (("en", others), ("zh", chinese)) if part]


def answer_figures(part: str, asked: Sequence[Compared]) -> list[Figure]:
    """Return a figure for each measure over answerable questions, with the paired difference between the pipelines."""
    ours = [measures(row.question, row.citechat) for row in asked]
    theirs = [measures(row.question, row.tutorial) for row in asked]
    figures = [shares(part, name, [row[name] for row in ours], [row[name] for row in theirs]) for name in ours[0]]
    return [*figures, share(part, "answered", [float(row.citechat.verdict.answered) for row in asked])]


def measures(question: Question, seen: Seen) -> dict[str, float]:
    """Return the value of each measure for one answerable question, between 0 and 1."""
    right = ranked_places(question, seen.pieces)
    answers = has_answer(question, seen.sentence)
    return {
        "first": float(right[0]),
        "first-5": float(any(right[:5])),
        "mrr": 1 / (1 + right.index(True)) if any(right) else 0.0,
        "within-500": float(in_context(question, seen.pieces)),
        "sentence": float(answers),
        "strict": float(answers and in_right_place(question, seen.sentence)),
        "shown": float(seen.shown is not None and has_answer(question, seen.shown)),
    }


def refusal_figures(subject: str, answerable: Sequence[Verdicts], unanswerable: Sequence[Verdicts]) -> list[Figure]:
    """Return figures for how well the score, and the default threshold, separate the two kinds of question."""
    ours, theirs = (([row[i].score for row in answerable], [row[i].score for row in unanswerable]) for i in (0, 1))
    answered = [float(citechat.answered) for citechat, _ in answerable]
    refused = [float(not citechat.answered) for citechat, _ in unanswerable]
    return [
        areas(subject, ours, theirs),
        share(subject, "refused", refused),
        share(subject, "doubted", [float(not each.answered or each.unsure) for each, _ in unanswerable]),
        share(subject, "sure", [float(each.answered and not each.unsure) for each, _ in answerable]),
        share(subject, "accuracy", [*answered, *refused]),
    ]


def foreign_questions(asked: QuestionSet, sets: Sequence[QuestionSet]) -> list[Question]:
    """Return the English questions in other sets, except those about an article that this set also contains."""
    held = {topic(document.title) for document in asked.documents}
    others = [question for each in sets if each is not asked for question in each.questions]
    return [question for question in others if not question.chinese and question.topic not in held]


def near_misses(questions: QuestionSet, folder: Path, encoder: RememberingEncoder) -> dict[Question, Verdicts]:
    """Return the verdicts on each answerable question if its document is missing from the index.

    Each index omits a fifth of the documents, so others from the same article usually remain. Returns an empty mapping
    if articles have fewer than two documents on average.
    """
    verdicts: dict[Question, Verdicts] = {}
    if len({topic(document.title) for document in questions.documents}) > len(questions.documents) / 2:
        return verdicts
    for fold in range(_FOLDS):
        _say(f"{questions.name}: near misses, {fold + 1} of {_FOLDS}")
        kept = tuple(each for place, each in enumerate(questions.documents) if place % _FOLDS != fold)
        there = {each.id for each in kept}
        rest = QuestionSet(questions.name, kept, questions.questions)
        citechat = CitechatPipeline.over(rest, folder / str(fold), encoder)
        tutorial = TutorialPipeline(kept, encoder)
        for question in questions.questions:
            if question.answerable and question.document not in there:
                verdicts[question] = citechat.weigh(question.text), tutorial.weigh(question.text)
    return verdicts


def _say(what: str) -> None:
    print(f"{time.monotonic() - _BEGAN:5.0f} s  {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
