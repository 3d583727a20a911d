"""Ask three assistants the same questions: a LangChain tutorial's pipeline, citechat without an LLM, and with one.

    python bench/assistants.py DATA_DIR [--article ARTICLE --questions QUESTIONS] [--sets squad2,…] --out FOLDER

DATA_DIR contains the sets that `question_sets.py` describes. The LLM is scripted (`hasty.py`), so no model is needed;
it changes numbers and adds sentences, to show how the checks handle such errors. FOLDER receives the three runs, which
`citechat eval compare` can read, and `report.html`, which shows them side by side. The output is the comparisons, and
the share of the extractive run that was evaluation rather than answering. Results are deterministic except for times.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from hasty import Hasty
from pipelines import RememberingEncoder, configured_reader
from question_sets import SETS, Question, QuestionSet, read_sets, write_files
from tutorial import NEAREST, Tutorial

from index import Article, CitechatError, Encoder, Hit, Index, Passage, Span
from rag import Answer, AnswerOptions, Assistant, Sentence, Turn, load_settings, open_index, open_reader
from rag.evaluate import (
    Case,
    Checkpoint,
    Evidence,
    Report,
    as_comparison,
    as_table,
    compare,
    evaluate,
    run_fingerprint,
    to_json,
    versions,
    write_atomically,
)
from ui.report.page import report_page

_BEGAN = time.monotonic()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all three assistants, write the runs and the report, print the comparisons, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, metavar="DATA_DIR", help=f"folder with {', '.join(SETS)}")
    parser.add_argument("--article", type=Path, help="an article to ask about too, as a text or Markdown file")
    parser.add_argument("--questions", type=Path, help="the article's test set, as `citechat eval` takes it")
    parser.add_argument("--sets", default=",".join(SETS), help="which sets of DATA_DIR (default: all)")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where the runs and the report go")
    given = parser.parse_args(arguments)
    if (given.article is None) != (given.questions is None):
        parser.error("--article and --questions go together")
    try:
        sets = read_sets(given.data, given.sets.split(","), given.article, given.questions)
        if not sets:
            parser.error(f"found none of {given.sets} in {str(given.data)!r}")
        with tempfile.TemporaryDirectory(prefix="citechat-bench-", ignore_cleanup_errors=True) as folder:
            runs, overhead = run(sets, Path(folder), open_index(load_settings(encoder="bundled")).encoder)
        for name, report in runs.items():
            write_atomically(given.out / f"{name}.json", to_json(report))
        write_atomically(given.out / "report.html", report_page(runs))
    except (CitechatError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    tutorial, extractive, hasty = runs.values()
    for title, a, b in (
        ("tutorial (a) and extractive (b)", tutorial, extractive),
        ("extractive (a) and a hasty model (b)", extractive, hasty),
    ):
        found = as_comparison(compare(a, b)).partition("\n- ")[0]  # which questions differ is in the report
        print(f"## {title}: {len(a.results)} questions\n\n{found}\n")
    print(overhead)
    return 0


def run(sets: Sequence[QuestionSet], folder: Path, model: Encoder) -> tuple[dict[str, Report], str]:
    """Return the runs over all sets by assistant name, and a message on the cost of evaluating the extractive one."""
    encoder = RememberingEncoder(model)
    runs: dict[str, list[Report]] = {"tutorial": [], "extractive": [], "hasty-model": []}
    asking = evaluating = 0.0
    for each in sets:
        cases = list(cases_of(each))
        path = each.whole or write_files(each.documents, folder / each.name / "files")
        index = Index(folder / each.name / "index", encoder)
        _say(f"{each.name}: indexing {len(each.documents)} documents")
        index.sync([path])
        reader = configured_reader()
        extractive = Assistant(index, options=AnswerOptions(fallback=False), reader=reader)
        _say(f"{each.name}: asking {len(cases)} questions of three assistants")
        runs["tutorial"].append(evaluate(TutorialAssistant(each, index, encoder), cases))
        fresh = replace(
            extractive, index=Index(folder / each.name / "index", model), reader=open_reader(load_settings())
        )
        fresh.warm_up()
        began = time.perf_counter()
        with Checkpoint(folder / f"{each.name}.rows", run_fingerprint(cases, {}, versions())) as journal:
            report = evaluate(fresh, cases, seen=journal.add)
        as_table(report), to_json(report)
        evaluating += time.perf_counter() - began
        asking += sum(row.cost.seconds["total"] for row in report.results if row.cost)
        runs["extractive"].append(report)
        runs["hasty-model"].append(evaluate(replace(extractive, llm=Hasty(), model="scripted:hasty"), cases))
    questions = sum(len(report.results) for report in runs["extractive"])
    beyond = evaluating - asking
    told = (
        f"Evaluation beyond answering: {beyond / questions * 1000:.2f} ms a question, {beyond / evaluating:.3f} of the "
        f"extractive run of {questions} questions in {evaluating:.1f} s (mark 0.05), with all measures and intervals, "
        "the journal and the file that is kept."
    )
    return {
        name: Report(
            results=tuple(chain.from_iterable(report.results for report in reports)),
            settings={"assistant": name, "sets": ", ".join(each.name for each in sets)},
            versions=versions(),
        )
        for name, reports in runs.items()
    }, told


def cases_of(questions: QuestionSet) -> Iterator[Case]:
    """Yield the questions in a set as cases, tagged with the set's name, with the suffix `-zh` if they are Chinese."""
    texts = {document.id: document.text for document in questions.documents}
    for number, question in enumerate(questions.questions):
        name = f"{questions.name}-zh" if question.chinese else questions.name
        yield Case(
            id=f"{questions.name}-{number:03d}",
            question=question.text,
            answers=question.answers if question.answerable else (),
            evidence=tuple(_evidence_of(question, texts[question.document], whole=questions.whole is not None)),
            tags=(name,),
            answerable=question.answerable,
        )


def _evidence_of(question: Question, text: str, *, whole: bool) -> Iterator[Evidence]:
    """Yield the gold sentences that the document contains word for word; tokenized sets change some of them."""
    if not question.answerable:
        return
    for gold in question.evidence:
        if gold in text:
            yield Evidence(text=gold, source=None if whole else question.document)


class TutorialAssistant:
    """The tutorial's pipeline as an assistant.

    It retrieves the four nearest chunks and quotes the sentence in them that is nearest to the question. It never
    abstains. Offsets refer to the articles as indexed.
    """

    def __init__(self, questions: QuestionSet, index: Index, encoder: Encoder) -> None:
        self._encoder = encoder
        self._tutorial = Tutorial(questions.documents, encoder)
        articles = index.articles()
        known = {origin.source: article for article in articles for origin in article.origins}
        self._articles = {
            document.id: articles[0] if questions.whole else known[document.id] for document in questions.documents
        }
        # A file begins with its front matter: the document's own text comes later.
        self._begins = {
            document.id: self._articles[document.id].text.index(document.text) for document in questions.documents
        }

    def ask(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        began = time.perf_counter()
        asked = self._encoder.query(question)
        near = self._tutorial.find(asked, NEAREST)
        best = self._tutorial.best_sentence(asked, near)
        number = next(
            n
            for n, each in enumerate(near, start=1)
            if each.chunk.document == best.document and each.chunk.start <= best.start and best.end <= each.chunk.end
        )
        hits = tuple(self._hit(each.chunk.document, each.chunk.start, each.chunk.text, each.cosine) for each in near)
        text = f"{best.text} [{number}]"
        begin = self._begins[best.document]
        place = Span(begin + best.start, begin + best.end)
        return Answer(
            question,
            text=text,
            sentences=(Sentence(0, len(text), best.text, (number,), (place,), "quoted"),),
            hits=hits,
            model="tutorial",
            confidence=near[0].cosine,
            timings={"total": time.perf_counter() - began},
            done=True,
        )

    def article(self, article_id: str) -> Article | None:
        return next((article for article in self._articles.values() if article.id == article_id), None)

    def _hit(self, document: str, start: int, text: str, score: float) -> Hit:
        article, begin = self._articles[document], self._begins[document]
        passage = Passage(article.id, begin + start, begin + start + len(text), text)
        return Hit(passage, article.title, article.source, article.published, score)


def _say(text: str) -> None:
    print(f"[{time.monotonic() - _BEGAN:6.1f} s] {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
