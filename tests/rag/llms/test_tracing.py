"""Whoever traces LangChain traces this too: a question, and within it what the LLM was asked. Off by default.

Each in a process of its own, for tracers read the environment once.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

QUESTION = "What is the name of ByteDance's video tool?"
SAID = "ByteDance’s video generation tool is Boximator [6]."

ASKED = f"""
from langchain_core.language_models import FakeListChatModel
from langchain_core.tracers.langchain import wait_for_all_tracers
from rag import Assistant, as_runnable, open_index

assistant = Assistant(open_index(), FakeListChatModel(responses=[{SAID!r}]), model="fake:x")
print(as_runnable(assistant).invoke({QUESTION!r}).text)
wait_for_all_tracers()
"""
WITH_SPANS = f"""
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

exporter, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
{ASKED}
spans = {{span.name: span for span in exporter.get_finished_spans()}}
asked, written = spans["AssistantRunnable"], spans["FakeListChatModel"]
print("inside" if written.parent.span_id == asked.context.span_id else "outside")
print("Boximator" in str(dict(written.attributes)))
"""


def _run(code: str, home: Path, **environment: str) -> list[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LANGSMITH_", "LANGCHAIN_"))}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
        env={**kept, "CITECHAT_HOME": str(home), **environment},
    )
    return done.stdout.splitlines()


@pytest.mark.slow
def test_langsmith_is_told_when_it_is_asked_for_and_only_then(httpserver: HTTPServer, samples_home: Path) -> None:
    httpserver.expect_request("/info").respond_with_json({})
    httpserver.expect_request("/runs/multipart", method="POST").respond_with_json({})
    where = {"LANGSMITH_ENDPOINT": httpserver.url_for("").rstrip("/"), "LANGSMITH_API_KEY": "x"}

    assert _run(ASKED, samples_home, **where) == [SAID]
    assert httpserver.log == []

    assert _run(ASKED, samples_home, **where, LANGSMITH_TRACING="true") == [SAID]
    sent = b"".join(request.get_data() for request, _ in httpserver.log)
    assert b"AssistantRunnable" in sent
    assert b"FakeListChatModel" in sent
    assert b"parent_run_id" in sent
    assert b"Boximator" in sent


@pytest.mark.slow
def test_opentelemetry_gets_a_span_of_the_llm_within_that_of_the_question(samples_home: Path) -> None:
    told = _run(
        WITH_SPANS,
        samples_home,
        LANGSMITH_TRACING="true",
        LANGSMITH_OTEL_ENABLED="true",
        LANGSMITH_OTEL_ONLY="true",
        LANGSMITH_API_KEY="x",
        LANGSMITH_ENDPOINT="http://127.0.0.1:9",
    )
    assert told == [SAID, "inside", "True"]
