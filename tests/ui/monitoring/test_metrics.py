"""What a server says of itself: whether it lives, whether it can answer, and what it has done."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from newsroom import newsroom
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_metrics
from servers import close_the_loop, run_elsewhere, serving_chat

from index import CancelledWorkError, StoreError
from rag import NOT_FROM_ARTICLES, Answer, AnswerOptions, Assistant, LLMError, Observer, QuestionError
from rag.hooks import observed
from ui.chat.services import Services
from ui.monitoring import health
from ui.monitoring.metrics import Metrics, _outcome, part_of
from ui.server import ServedChat, start_chat

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning"
)

DOCS = Path(__file__).resolve().parents[3] / "docs" / "operating.md"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def assistant(tmp_path: Path) -> Assistant:
    found: Assistant = newsroom(tmp_path / "home").assistant
    return found


def samples(chat: ServedChat) -> Samples:
    """Every value, by its name and labels, as Prometheus' own parser reads it."""
    reply = httpx.get(f"{chat.url}metrics", timeout=300)
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/plain; version=")
    families = list(read_metrics(reply.text))
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def ask(chat: ServedChat, question: str) -> int:
    return httpx.post(f"{chat.url}v1/ask", json={"question": question}, timeout=300).status_code


def test_questions_are_counted_by_how_they_ended(assistant: Assistant) -> None:
    with serving_chat(assistant) as chat:
        codes = [ask(chat, question) for question in ("The harbour?", "The moon?", "It fails?", " ", "The ferry?")]
        told = samples(chat)
    assert codes == [200, 200, 503, 400, 200]

    def questions(outcome: str) -> float:
        return told["citechat_questions_total", (("outcome", outcome), ("surface", "api"))]

    assert {name: questions(name) for name in ("answered", "abstained", "llm_failed", "refused")} == {
        "answered": 2,
        "abstained": 1,
        "llm_failed": 1,
        "refused": 1,
    }
    assert told["citechat_sentences_total", (("support", "quoted"),)] >= 2
    assert told["citechat_answer_seconds_count", (("stage", "total"),)] == 3
    assert told["citechat_answer_seconds_sum", (("stage", "search"),)] > 0
    assert told["citechat_questions_answering", (("surface", "api"),)] == 0
    assert told["citechat_http_requests_total", (("part", "/v1/ask"), ("status", "503"))] == 1
    assert told["citechat_index_articles", ()] == 2
    assert told["citechat_index_up", ()] == 1
    assert told["process_resident_memory_bytes", ()] > 1e6
    assert [labels for name, labels in told if name == "citechat_build_info"]


def test_nothing_that_was_asked_or_answered_is_told(assistant: Assistant) -> None:
    with serving_chat(assistant) as chat:
        ask(chat, "The harbour of Xanadu?")
        httpx.get(f"{chat.url}secret-path-of-somebody", timeout=300)
        text = httpx.get(f"{chat.url}metrics", timeout=300).text
    assert not re.search("xanadu|harbour|secret-path|storm", text, re.IGNORECASE)


def test_openmetrics_is_spoken_where_it_is_asked_for(assistant: Assistant) -> None:
    with serving_chat(assistant) as chat:
        reply = httpx.get(f"{chat.url}metrics", headers={"accept": "application/openmetrics-text"}, timeout=300)
    assert reply.headers["content-type"].startswith("application/openmetrics-text")
    assert "citechat_questions" in {family.name for family in read_openmetrics(reply.text)}


def test_two_servers_of_a_process_count_for_themselves(assistant: Assistant) -> None:
    with serving_chat(assistant) as one, serving_chat(assistant) as other:
        ask(one, "The harbour?")
        key = ("citechat_questions_total", (("outcome", "answered"), ("surface", "api")))
        assert samples(one)[key] == 1
        assert key not in samples(other)


def test_every_metric_is_told_in_the_docs_and_no_other(assistant: Assistant) -> None:
    with serving_chat(assistant) as chat:
        text = httpx.get(f"{chat.url}metrics", timeout=300).text
    names = {family.name for family in read_metrics(text) if family.name.startswith("citechat_")}
    ours = {name for name in names if not name.endswith("_created")}  # when a count began, beside each count
    told = set(re.findall(r"^\| `(citechat_\w+?)(?:_total|_info)?[`{]", DOCS.read_text(encoding="utf-8"), re.MULTILINE))
    assert {name.removesuffix("_info") for name in ours} == told


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("/v1/ask", "/v1/ask"),
        ("/v1/articles/a1", "/v1/articles"),
        ("/v1/x", "/v1"),
        ("/readyz", "health"),
        ("/x", "page"),
    ],
)
def test_a_path_is_counted_as_one_of_few_parts(path: str, part: str) -> None:
    assert part_of(path) == part


# The observer


class _Told:
    def __init__(self) -> None:
        self.heard: list[Any] = []

    def began(self) -> None:
        self.heard.append("began")

    def ended(self, answer: Answer | None, error: Exception | None) -> None:
        self.heard.append((answer.text if answer else None, type(error).__name__ if error else None))


def test_an_observer_is_told_of_answers_errors_and_those_who_left() -> None:
    def answers(error: Exception | None = None) -> Iterator[Answer]:
        yield Answer("?", "Half")
        if error:
            raise error
        yield Answer("?", "Whole", done=True)

    told: Any = _Told()
    assert [each.text for each in observed(answers(), told)] == ["Half", "Whole"]
    with pytest.raises(LLMError):
        list(observed(answers(LLMError("gone", "Wait.")), told))
    left = observed(answers(), told)
    next(left)
    left.close()  # type: ignore[attr-defined]
    assert told.heard == ["began", ("Whole", None), "began", ("Half", "LLMError"), "began", ("Half", None)]


def test_a_prompt_that_is_passed_on_is_neither_answered_nor_abstained(assistant: Assistant) -> None:
    told: Any = _Told()
    changed = replace(assistant, observer=told)
    answer = list(changed.pass_on([("user", "Write a title for the harbour.")]))[-1]
    assert (answer.done, answer.found, answer.citations, answer.notes) == (True, False, (), (NOT_FROM_ARTICLES,))
    assert _outcome(answer, None) == "passed_on"
    assert told.heard == ["began", (answer.text, None)]
    with pytest.raises(LLMError, match="no LLM is set"):
        list(changed.without_llm().pass_on([("user", "Write a title.")]))


def test_an_assistant_keeps_its_observer_when_it_is_changed(assistant: Assistant) -> None:
    told: Observer = _Told()
    changed = replace(assistant, observer=told).without_llm().with_options(top_k=3)
    changed.ask("The harbour?")
    with pytest.raises(QuestionError):
        changed.ask(" ")
    assert [each for each in told.heard if each != "began"][1] == (None, "QuestionError")  # type: ignore[attr-defined]
    assert assistant.observer is None


# Health


def test_a_server_is_ready_when_model_and_index_are(assistant: Assistant) -> None:
    with serving_chat(assistant) as chat:
        assert httpx.get(f"{chat.url}healthz", timeout=300).json() == {"server": "alive"}
        _until(lambda: httpx.get(f"{chat.url}readyz", timeout=300).status_code == 200)
        reply = httpx.get(f"{chat.url}readyz", timeout=300)
        assert reply.json() == {"model": "ready", "index": "ready"}
        assert httpx.head(f"{chat.url}readyz", timeout=300).status_code == 200


class _Index:
    """An index that is not there, or does not answer, until it is."""

    def __init__(self) -> None:
        self.looked = 0
        self.answers = threading.Event()
        self.fails = False

    def count(self) -> tuple[int, int]:
        self.looked += 1
        assert self.answers.wait(300)
        if self.fails:
            raise StoreError("the index at 'http://10.0.0.1:8000' cannot be read", "Start it.")
        return 3, 7


class _Over:
    model = "scripted"
    options = AnswerOptions()

    def __init__(self, index: Any) -> None:
        self.index = index

    def article_metadata(self) -> tuple[()]:
        return ()

    articles = article_metadata

    def warm_up(self) -> None:
        """There is nothing to load."""


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[ServedChat, _Index]]:
    monkeypatch.setattr(health, "CHECK_TIMEOUT", 0.3)
    monkeypatch.setattr(health, "_CACHE_SECONDS", 0.0)
    index = _Index()
    chat = start_chat(_Over(index), port=0, services=Services())  # type: ignore[arg-type]
    yield chat, index
    index.answers.set()
    chat.close()
    close_the_loop()


def test_an_index_that_hangs_is_told_in_time_and_is_looked_at_once(hanging: tuple[ServedChat, _Index]) -> None:
    chat, index = hanging
    for _ in range(4):
        reply = httpx.get(f"{chat.url}readyz", timeout=300)
        assert reply.status_code == 503
        assert reply.json()["index"] == "the index does not answer in time"
    assert index.looked == 1, "probes do not pile up"
    assert httpx.get(f"{chat.url}healthz", timeout=300).status_code == 200, "the server itself lives"
    assert samples(chat)["citechat_index_up", ()] == 0
    index.answers.set()
    _until(lambda: httpx.get(f"{chat.url}readyz", timeout=300).status_code == 200)
    assert samples(chat)["citechat_index_passages", ()] == 7


def test_an_index_that_cannot_be_read_is_told_without_its_address(hanging: tuple[ServedChat, _Index]) -> None:
    chat, index = hanging
    index.fails = True
    index.answers.set()
    reply = httpx.get(f"{chat.url}readyz", timeout=300)
    assert reply.status_code == 503
    assert reply.json()["index"] == "it cannot be read; see the server log for the reason"
    assert "10.0.0.1" not in reply.text


def test_a_check_that_ends_while_the_next_one_begins_fails_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    async def look() -> list[health.IndexState]:
        loop = asyncio.get_running_loop()
        checks: list[asyncio.Future[health.IndexState]] = []

        def begin(*_: object) -> asyncio.Future[health.IndexState]:
            checks.append(loop.create_future())
            return checks[-1]

        monkeypatch.setattr(loop, "run_in_executor", begin)
        health_ = health.Health(_Over(None), threading.Event())  # type: ignore[arg-type]
        first = asyncio.create_task(health_.state())
        await asyncio.sleep(0)
        checks[0].set_result(health.IndexState("", 1))
        second = asyncio.create_task(health_.state())
        await asyncio.sleep(0)
        checks[1].set_result(health.IndexState("", 2))
        return [await first, await second]

    assert [state.articles for state in run_elsewhere(look())] == [1, 2]


def test_metrics_of_a_program_without_a_server_are_empty() -> None:
    metrics = Metrics("1")
    metrics.observer("page").began()
    metrics.observer("page").ended(None, None)
    metrics.observer("page").ended(None, CancelledWorkError("The answer was stopped.", "Ask again."))
    assert metrics.registry.get_sample_value(
        "citechat_questions_total", {"surface": "page", "outcome": "abandoned"}
    ) == pytest.approx(2)


def _until(holds: Any) -> None:
    deadline = time.monotonic() + 300
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
