"""`POST /v1/evaluate`: runs a test set and returns the report that `citechat eval --json` prints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from rag import Assistant, TestSetError
from rag.evaluate import CaseResult, Report, iter_results, read_test_set, resolve, to_json, versions

from ..chat.handlers.evaluation import LONGEST_SEARCH, MOST_QUESTIONS
from ..persistence.uploads import open_uploads
from ..security.clients import caller_or_address
from .errors import CLIENT_CLOSED_REQUEST, json_response
from .queue import RequestQueue
from .schemas import EvaluateRequest, read_body


class EvaluateEndpoint:
    """The endpoint that runs test sets sent by programs, one at a time."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self._queue = RequestQueue(1, 0)

    async def evaluate(self, request: Request) -> Response:
        """Run a test set and return the report. If the client disconnects, the run stops after the current question."""
        body = await read_body(request, EvaluateRequest, lambda body: body)
        results = await self._queue.last(request, partial(self._results, body, caller_or_address(request.scope)))
        if results is None:
            return json_response(CLIENT_CLOSED_REQUEST, {})
        options = self._assistant.options
        settings = {"model": self._assistant.model, "top_k": str(options.top_k), "strict": str(options.strict)}
        return json_response(200, json.loads(to_json(Report(results, settings, versions()))))

    def _results(self, body: EvaluateRequest, owner: str) -> Iterator[tuple[CaseResult, ...]]:
        """Yield the results so far after each question.

        Raises `TestSetError` with the number of an invalid question, and for more than `MOST_QUESTIONS` of them. They
        are counted after the test set has been read, because a question may be a whole test set in another form.
        """
        with open_uploads() as uploads, uploads.upload(owner) as upload:
            path = upload.folder / "questions.jsonl"
            path.write_text("".join(f"{json.dumps(each)}\n" for each in body.questions), encoding="utf-8")
            try:
                test_set = read_test_set(path, most_cases=MOST_QUESTIONS)
            except TestSetError as error:
                raise TestSetError(error.message.replace(str(path), "questions"), error.hint) from None
        articles = self._assistant.articles()
        cases, problems = resolve(
            test_set.cases, articles, lines=test_set.lines, with_folders=False, longest=LONGEST_SEARCH
        )
        if problems:
            raise TestSetError(str(replace(problems[0], path="questions")), "Correct the question, or leave it out.")
        results: tuple[CaseResult, ...] = ()
        for result in iter_results(self._assistant, cases):
            results = (*results, result)
            yield results
