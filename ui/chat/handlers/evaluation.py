"""What the server does on the page's evaluation panel: a test set is run, and its report is shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index import CitechatError
from rag import Assistant

from ...html import embedded, escape
from ...report.page import report_page
from ..answer_options import Choice
from ..services import Services
from ..session import Reader

if TYPE_CHECKING:
    from rag.evaluate import Case, Problem

MOST_QUESTIONS = 500
"""Questions that a reader may have asked at once; a longer test set is for the command line."""

NO_TEST_SET = (
    "there is no test set yet",
    "Choose a JSONL or CSV file, or add an answer with “Add to test set”.",
)
"""What is wrong where nothing was chosen and nothing was added, and what to do."""

_MOST_PROBLEMS = 20  # that are listed


class Measuring:
    """Replies of the evaluation panel. Each state is what is told, and the report or nothing new."""

    def __init__(self, gr: Any, assistant: Assistant, services: Services) -> None:
        self.gr = gr
        self.assistant = assistant
        self.services = services

    def run(
        self, reader: Reader, file: str | None, model: str | None, passages: float | None, strict: bool | None
    ) -> Iterator[list[Any]]:
        """Ask the questions of a file as the settings have it."""
        return self._run(reader, Path(file) if file else None, model, passages, strict)

    def run_added(
        self, reader: Reader, model: str | None, passages: float | None, strict: bool | None
    ) -> Iterator[list[Any]]:
        """The same of the test set that answers of the chat were added to."""
        return self._run(reader, self.services.testset, model, passages, strict)

    def _run(
        self, reader: Reader, path: Path | None, model: str | None, passages: float | None, strict: bool | None
    ) -> Iterator[list[Any]]:
        from rag import TestSetError

        skip = self.gr.skip()
        try:
            if path is None or not path.exists():
                raise TestSetError(*NO_TEST_SET)
            cases, problems = self._cases(path)
            choice = Choice(model=model, passages=passages, strict=strict)
            assistant = choice.assistant(self.assistant, self.services.model_catalog)
            for told, report in self._states(reader, assistant, cases, problems, path.name):
                yield [told, skip if report is None else report]
        except CitechatError as error:
            yield [_failure(reader, error), skip]

    def _cases(self, path: Path) -> tuple[Sequence[Case], list[Problem]]:
        """The questions that can be asked; what is wrong with others, told by line and not by the server's path."""
        from rag import TestSetError
        from rag.evaluate import read_test_set, resolve

        try:
            test_set = read_test_set(path, skip_bad=True)
        except TestSetError as error:
            raise TestSetError(error.message.replace(str(path), path.name), error.hint) from None
        cases, problems = resolve(test_set.cases, self.assistant.articles(), lines=test_set.lines)
        problems = [replace(problem, path="") for problem in (*test_set.skipped, *problems)]
        if len(cases) > MOST_QUESTIONS:
            raise TestSetError(
                f"the test set has {len(cases)} questions, more than {MOST_QUESTIONS}", "Run it with `citechat eval`."
            )
        return cases, problems

    def _states(
        self, reader: Reader, assistant: Assistant, cases: Sequence[Case], problems: Sequence[Problem], name: str
    ) -> Iterator[tuple[str, str | None]]:
        """What is told after each question; in the end the report, too."""
        from rag.evaluate import Report, iter_results, versions

        say, results = reader.say, []
        yield _progress(reader, 0, len(cases)), ""
        for result in iter_results(assistant, cases):
            results.append(result)
            yield _progress(reader, len(results), len(cases)), None
        settings = {
            "llm": assistant.model,
            "top_k": str(assistant.options.top_k),
            "strict": str(assistant.options.strict),
        }
        page = report_page({name: Report(tuple(results), settings, versions())}) if results else ""
        right = say("{right} of {count} right").format(
            right=sum(result.right for result in results), count=len(results)
        )
        save = f'<button data-do="save-report">{escape(say("Save the report"))}</button>' if results else ""
        told = (
            f'<p class="sum" role="status">{escape(right)}</p>{_problems(reader, problems)}<p class="save">{save}</p>'
        )
        title = escape(say("Report of the evaluation"))
        frame = f'<iframe class="report" sandbox="allow-scripts" title="{title}" srcdoc="{embedded(page)}"></iframe>'
        yield told, frame if results else ""


def _progress(reader: Reader, done: int, count: int) -> str:
    words = escape(reader.say("{done} of {count} questions asked").format(done=done, count=count))
    bar = f'<progress max="{count}" value="{done}" aria-label="{words}"></progress>'
    return f'<p class="sum" role="status">{words}</p>{bar}'


def _problems(reader: Reader, problems: Sequence[Problem]) -> str:
    if not problems:
        return ""
    title = escape(reader.say("{count} questions were left out").format(count=len(problems)))
    lines = "".join(f"<li>{escape(str(problem))}</li>" for problem in problems[:_MOST_PROBLEMS])
    return f"<details><summary>{title}</summary><ul>{lines}</ul></details>"


def _failure(reader: Reader, error: CitechatError) -> str:
    message, hint = reader.say(error.message), reader.say(error.hint)
    if message.partition(" ")[0].isalpha():  # not what begins with the name of a file
        message = message[:1].upper() + message[1:]
    return (
        f'<div class="failure" role="alert"><strong>{escape(message)}</strong>'
        f'<span class="hint">{escape(hint)}</span></div>'
    )
