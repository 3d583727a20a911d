"""`POST /v1/evaluate`: a test set is run, and its measures come back, as `citechat eval --json` prints them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from rag import Assistant, TestSetError
from rag.evaluate import CaseResult, Report, iter_results, read_test_set, resolve, to_json, versions

from ..chat.handlers.evaluation import MOST_QUESTIONS
from .errors import HUNG_UP, Refused, reply
from .queue import RequestQueue
from .requests import Questions, read


class Evaluation:
    """Runs test sets of programs, one at a time."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self._turns = RequestQueue(1, 0)

    async def evaluate(self, request: Request) -> Response:
        """The report; where the client hangs up, the run stops after the question that is being asked."""
        body = await read(request, Questions)
        if len(body.questions) > MOST_QUESTIONS:
            raise Refused(
                400,
                f"there are {len(body.questions)} questions, more than {MOST_QUESTIONS}",
                "Send fewer, or run `citechat eval --server`.",
            )
        results = await self._turns.last(request, lambda: self._rows(body))
        if results is None:
            return reply(HUNG_UP, {})
        settings = {name: str(getattr(self._assistant, name)) for name in ("model", "top_k", "strict")}
        return reply(200, json.loads(to_json(Report(results, settings, versions()))))

    def _rows(self, body: Questions) -> Iterator[tuple[CaseResult, ...]]:
        """Ever more rows. Raises `TestSetError` for a question that is wrong, naming it by its place."""
        with tempfile.TemporaryDirectory(prefix="citechat-") as folder:
            path = Path(folder) / "questions.jsonl"
            path.write_text("".join(f"{json.dumps(each)}\n" for each in body.questions), encoding="utf-8")
            try:
                test_set = read_test_set(path)
            except TestSetError as error:
                raise TestSetError(error.message.replace(str(path), "questions"), error.hint) from None
        cases, problems = resolve(test_set.cases, self._assistant.articles(), lines=test_set.lines)
        if problems:
            raise TestSetError(str(replace(problems[0], path="questions")), "Mend it, or leave it out.")
        results: tuple[CaseResult, ...] = ()
        for result in iter_results(self._assistant, cases):
            results = (*results, result)
            yield results
