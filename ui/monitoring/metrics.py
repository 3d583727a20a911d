"""Prometheus metrics: counts and durations, without any content from questions, answers or articles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from index import CancelledWorkError, StoreError
from rag import NOT_FROM_ARTICLES, Answer, LLMError, QuestionError

from .health import Health, IndexState

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0)
"""Upper bounds of the duration buckets, in seconds: from a cached answer to a model that reaches its timeout."""

_STAGES = {"search": "search", "first token": "first_token", "answer": "answer", "total": "total"}
_PARTS = ("/v1/ask", "/v1/chat/completions", "/v1/articles", "/v1/evaluate", "/v1", "/mcp", "/metrics")
_HEALTH = ("/healthz", "/readyz")


class Metrics:
    """A server's metrics, in a separate registry: two servers in one process do not share metrics."""

    def __init__(self, version: str) -> None:
        """Create all metrics. Loads the Prometheus library."""
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector

        self.registry: CollectorRegistry = CollectorRegistry()
        shared: Any = {"registry": self.registry}
        ends = "Questions by outcome: answered, abstained, passed on, abandoned, or the kind of failure."
        self.questions = Counter("citechat_questions", ends, ["surface", "outcome"], **shared)
        grades = "Answer sentences by how well their citations support them."
        self.sentences = Counter("citechat_sentences", grades, ["support"], **shared)
        self.seconds = Histogram(
            "citechat_answer_seconds",
            "Duration of each answer stage, in seconds.",
            ["stage"],
            buckets=SECONDS,
            **shared,
        )
        self.tokens = Counter("citechat_llm_tokens", "LLM tokens, if the provider reports them.", ["way"], **shared)
        self.answering = Gauge("citechat_questions_answering", "Questions being answered now.", ["surface"], **shared)
        self.waiting = Gauge("citechat_questions_waiting", "Questions waiting for their turn.", ["surface"], **shared)
        self.requests = Counter(
            "citechat_http_requests", "HTTP requests by server part and status code.", ["part", "status"], **shared
        )
        Info("citechat_build", "The running version.", **shared).info({"version": version})
        ProcessCollector(registry=self.registry)

    def observer(self, surface: str) -> Observer:
        """Return an observer for questions from a surface: the page, the API or another one."""
        return Observer(self, surface)

    def watch_waiting(self, surface: str, count: Callable[[], int]) -> None:
        """Report the number of waiting questions, which `count` returns whenever the metrics are read."""
        self.waiting.labels(surface).set_function(count)

    def routes(self, health: Health) -> list[BaseRoute]:
        """Return the route `/metrics`, which also reports the index size at the last check."""
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import Response
        from starlette.routing import Route

        size = _IndexSize()
        self.registry.register(size)

        async def metrics(request: Request) -> Response:
            from prometheus_client.exposition import choose_encoder

            size.state = await health.state()
            encode, content_type = choose_encoder(request.headers.get("accept", ""))
            headers = {"cache-control": "no-store", "content-type": content_type}
            return Response(await run_in_threadpool(encode, self.registry), 200, headers)

        return [Route("/metrics", metrics, methods=["GET"], include_in_schema=False)]


class Observer:
    """A `rag.Observer` that counts the questions from one surface."""

    def __init__(self, metrics: Metrics, surface: str) -> None:
        self._metrics = metrics
        self._surface = surface

    def began(self) -> None:
        """Count the start of a question."""
        self._metrics.answering.labels(self._surface).inc()

    def ended(self, answer: Answer | None, error: Exception | None) -> None:
        """Count the end of a question and its outcome: an answer or an error."""
        metrics = self._metrics
        metrics.answering.labels(self._surface).dec()
        metrics.questions.labels(self._surface, _outcome(answer, error)).inc()
        if answer is None or not answer.done:
            return
        for sentence in answer.sentences:
            metrics.sentences.labels(sentence.support).inc()
        for name, stage in _STAGES.items():
            if name in answer.timings:
                metrics.seconds.labels(stage).observe(answer.timings[name])
        for direction, count in answer.tokens.items():
            metrics.tokens.labels(direction).inc(count)


class RequestCounter:
    """ASGI middleware that counts requests by server part and status code."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def counting_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.metrics.requests.labels(part_of(scope["path"]), str(message["status"])).inc()
            await send(message)

        await self.app(scope, receive, counting_send)


class _IndexSize:
    """A collector for the index size, or for the last known size if the index cannot be read."""

    def __init__(self) -> None:
        self.state = IndexState()

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.metrics_core import GaugeMetricFamily

        state = self.state
        yield GaugeMetricFamily(
            "citechat_index_up", "1 if the index can be read, else 0.", value=float(not state.problem)
        )
        yield GaugeMetricFamily("citechat_index_articles", "Articles in the index.", value=state.articles)
        yield GaugeMetricFamily("citechat_index_passages", "Passages in the index.", value=state.passages)


def part_of(path: str) -> str:
    """Return the value of the label `part` for a path. There are few values, so that there are few time series."""
    if path in _HEALTH:
        return "health"
    return next((part for part in _PARTS if path == part or path.startswith(f"{part}/")), "page")


def _outcome(answer: Answer | None, error: Exception | None) -> str:
    outcomes = {QuestionError: "refused", LLMError: "llm_failed", StoreError: "index_failed"}
    if isinstance(error, CancelledWorkError):
        return "abandoned"
    if error is not None:
        return next((name for kind, name in outcomes.items() if isinstance(error, kind)), "failed")
    if answer is None or not answer.done:
        return "abandoned"
    if NOT_FROM_ARTICLES in answer.notes:
        return "passed_on"
    return "answered" if answer.found else "abstained"
