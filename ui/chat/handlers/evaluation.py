"""Event handlers for the evaluation panel: run a test set and show the report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from index import CitechatError
from rag import Assistant

from ...html import embedded, public_error
from ...persistence.uploads import using
from ...report.page import report_page
from ...templating import macros
from ..services import Services
from ..session import PageSettings, Visitor
from .answers import Update

if TYPE_CHECKING:
    from rag.evaluate import Case, Problem

MOST_QUESTIONS = 500
"""Maximum number of questions in a test set that the page runs; longer test sets require the command line."""

LONGEST_SEARCH = 10.0
"""Maximum processor time of the search for the evidence of a test set, in seconds."""

NO_TEST_SET = ("There is no test set yet.", "Upload a JSONL or CSV file, or add answers with “Add to test set”.")
"""The error message and its hint if no test set was uploaded and no answers were added."""


class EvaluationHandlers:
    """The evaluation panel's event handlers."""

    def __init__(self, assistant: Assistant, services: Services) -> None:
        self.assistant = assistant
        self.services = services

    def run(self, visitor: Visitor, file: str | None, *settings: Any) -> Iterator[Update]:
        """Run an uploaded test set with the page's settings; delete the upload at the end."""
        with using([file] if file else []):
            yield from self._run(visitor, Path(file) if file else None, PageSettings(*settings))

    def run_saved(self, visitor: Visitor, *settings: Any) -> Iterator[Update]:
        """Run the test set that contains answers added from the chat."""
        yield from self._run(visitor, self.services.testset, PageSettings(*settings))

    def _run(self, visitor: Visitor, path: Path | None, settings: PageSettings) -> Iterator[Update]:
        from rag import TestSetError

        try:
            if path is None or not path.exists():
                raise TestSetError(*NO_TEST_SET)
            cases, problems = self._cases(path)
            assistant = settings.assistant(self.assistant, self.services.model_catalog)
            yield from self._evaluate(visitor, assistant, cases, problems, path.name)
        except CitechatError as error:
            message, hint = public_error(error)
            failure = macros("chat", "exchange").failure(visitor.translate, message, hint, alert=True)
            yield {"evaluation_status": str(failure)}

    def _cases(self, path: Path) -> tuple[Sequence[Case], list[Problem]]:
        """Return the valid questions, and the problem in each invalid question by line, without the server's path."""
        from rag import TestSetError
        from rag.evaluate import read_test_set, resolve

        try:
            test_set = read_test_set(path, skip_bad=True, most_cases=MOST_QUESTIONS)
        except TestSetError as error:
            raise TestSetError(error.message.replace(str(path), path.name), error.hint) from None
        articles = self.assistant.articles()
        cases, problems = resolve(
            test_set.cases, articles, lines=test_set.lines, with_folders=False, longest=LONGEST_SEARCH
        )
        problems = [replace(problem, path="") for problem in (*test_set.skipped, *problems)]
        return cases, problems

    def _evaluate(
        self, visitor: Visitor, assistant: Assistant, cases: Sequence[Case], problems: Sequence[Problem], name: str
    ) -> Iterator[Update]:
        """Yield the progress after each question, then the report."""
        from rag.evaluate import Report, iter_results, versions

        translate, html, results = visitor.translate, macros("chat", "evaluation"), []
        yield {"evaluation_status": str(html.progress(translate, 0, len(cases))), "report": ""}
        for result in iter_results(assistant, cases):
            results.append(result)
            yield {"evaluation_status": str(html.progress(translate, len(results), len(cases)))}
        options = assistant.options
        settings = {"llm": assistant.model, "top_k": str(options.top_k), "strict": str(options.strict)}
        report = ""
        if results:
            page = report_page({name: Report(tuple(results), settings, versions())})
            report = str(html.report(translate, Markup(embedded(page))))  # noqa: S704 - its text is escaped
        correct = sum(result.right for result in results)
        summary = html.summary(translate, correct, len(results), [str(problem) for problem in problems])
        yield {"evaluation_status": str(summary), "report": report}
