"""What a reader may choose: the models that are there, and assistants with a reader's choices."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response
from wires import PATHS, ollama_wire

from index import Index
from rag import AnswerOptions, Assistant, LLMError, ModelCatalog, SettingsError, load_settings
from rag.llms import catalog as model_catalog
from rag.llms.servers import ollama_url

TAGS = "/api/tags"
QUESTION = "Which ships came back?"


@pytest.fixture(autouse=True)
def _no_ollama(monkeypatch: pytest.MonkeyPatch) -> None:
    """No Ollama of the developer's."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("OLLAMA_HOST", f"127.0.0.1:{free.getsockname()[1]}")


@pytest.fixture
def assistant(index: Index, tmp_path: Path) -> Assistant:
    (tmp_path / "port.md").write_text("The harbour reopened on Monday. Ships came back.\n", encoding="utf-8")
    index.sync([tmp_path / "port.md"])
    return Assistant(index, options=AnswerOptions(abstention_threshold=-100.0))


@pytest.fixture
def ollama(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Runs an Ollama that has these models, or replies with this; it may take its time on a busy machine."""
    monkeypatch.setattr(model_catalog, "_OLLAMA_SECONDS", 20.0)
    monkeypatch.setenv("OLLAMA_HOST", f"127.0.0.1:{httpserver.port}")

    def run(*names: str, reply: Any = None) -> None:
        listed = {"models": [{"name": name, "details": {"family": "llama"}} for name in names]}
        httpserver.expect_request(TAGS).respond_with_json(listed if reply is None else reply)

    return run


def named(llm: str = "extractive", **given: Any) -> ModelCatalog:
    return ModelCatalog(load_settings(llm=llm, **given))


# --- what is offered


def test_quoting_comes_first_and_then_the_model_of_the_settings() -> None:
    assert named().models() == ("extractive",)
    assert named("some:model").models() == ("extractive", "some:model")


def test_a_provider_is_offered_where_its_package_and_its_key_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_catalog, "is_installed", lambda provider: provider != "anthropic")
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.setenv(name, "sk-secret")
    assert named().models() == ("extractive", "openai:gpt-4o-mini", "google_genai:gemini-3.5-flash-lite")
    monkeypatch.setenv("OPENAI_API_KEY", " ")
    assert named().models() == ("extractive", "google_genai:gemini-3.5-flash-lite")


def test_to_see_what_is_installed_imports_nothing() -> None:
    code = (
        "import sys, rag\n"
        "print(rag.ModelCatalog(rag.load_settings()).models())\n"
        "assert not {'langchain_openai', 'langchain_ollama', 'langchain', 'openai'} & set(sys.modules)"
    )
    environment = {**os.environ, "OPENAI_API_KEY": "sk-secret"}
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, timeout=300, env=environment, capture_output=True, text=True
    )
    assert done.stdout.strip() == "('extractive', 'openai:gpt-4o-mini')"


def test_a_model_is_offered_once(monkeypatch: pytest.MonkeyPatch, ollama: Callable[..., None]) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    assert named("openai:gpt-4o-mini").models() == ("extractive", "openai:gpt-4o-mini")
    monkeypatch.delenv("OPENAI_API_KEY")
    ollama("llama3.2:latest", "llama3.2:latest", "qwen3:4b")
    assert named("ollama:llama3.2").models() == ("extractive", "ollama:llama3.2", "ollama:qwen3:4b")
    assert named("ollama:llama3.2:latest").models() == ("extractive", "ollama:llama3.2:latest", "ollama:qwen3:4b")


def test_the_models_of_a_running_ollama_are_offered_without_odd_names(ollama: Callable[..., None]) -> None:
    ollama("llama3.2:latest", "hf.co/some/Model-GGUF:Q4_K_M", "<b>x</b>", "two words", "ünïcode", "x" * 300, "")
    assert named().models() == ("extractive", "ollama:llama3.2", "ollama:hf.co/some/Model-GGUF:Q4_K_M")


def test_a_model_that_only_embeds_is_not_offered(ollama: Callable[..., None]) -> None:
    models = [{"name": "nomic-embed-text", "details": {"family": "nomic-bert"}}, {"name": "qwen3:4b", "details": None}]
    ollama(reply={"models": models})
    assert named().models() == ("extractive", "ollama:qwen3:4b")


def test_of_very_many_models_twenty_are_offered(ollama: Callable[..., None]) -> None:
    ollama(*(f"model-{number}" for number in range(50)))
    assert len(named().models()) == 1 + 20


@pytest.mark.parametrize(
    "reply",
    [
        [],
        {},
        {"models": None},
        {"models": ["x"]},
        {"models": [{"name": 7}]},
        "text",
        {"models": [{"name": "x"}], "x": "x" * 2_000_000},
    ],
    ids=["list", "empty", "none", "strings", "number", "text", "too long"],
)
def test_an_ollama_that_says_anything_else_offers_nothing(reply: Any, ollama: Callable[..., None]) -> None:
    ollama(reply=reply)
    assert named().models() == ("extractive",)


def test_an_ollama_that_fails_or_sends_elsewhere_offers_nothing(httpserver: HTTPServer, ollama: Any) -> None:
    httpserver.expect_ordered_request(TAGS).respond_with_data("no", status=500)
    assert named().models() == ("extractive",)
    elsewhere = {"Location": httpserver.url_for("/other")}
    httpserver.expect_ordered_request(TAGS).respond_with_data("", status=302, headers=elsewhere)
    assert named().models() == ("extractive",)
    assert [request.path for request, _ in httpserver.log] == [TAGS, TAGS]


def test_an_ollama_that_is_slow_is_not_waited_for(
    httpserver: HTTPServer, ollama: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_catalog, "_OLLAMA_SECONDS", 0.5)
    done = threading.Event()

    def slowly(_: Request) -> Response:
        done.wait(300)
        return Response(json.dumps({"models": [{"name": "late"}]}))

    httpserver.expect_request(TAGS).respond_with_handler(slowly)
    assert named().models() == ("extractive",)
    done.set()
    while not httpserver.log:  # the next test shall not hear of it
        time.sleep(0.01)


def test_without_its_client_ollama_is_not_asked(
    monkeypatch: pytest.MonkeyPatch, httpserver: HTTPServer, ollama: Callable[..., None]
) -> None:
    monkeypatch.setitem(sys.modules, "langchain_ollama", None)
    ollama("llama3.2")
    assert named().models() == ("extractive",)
    assert httpserver.log == []


def test_no_proxy_hears_of_it(monkeypatch: pytest.MonkeyPatch, ollama: Callable[..., None]) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    ollama("llama3.2")
    assert named().models() == ("extractive", "ollama:llama3.2")


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("", "http://127.0.0.1:11434"),
        ("127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:8000", "http://127.0.0.1:8000"),
        (":8000", "http://127.0.0.1:8000"),
        ("gpu.local", "http://gpu.local:11434"),
        ("http://gpu.local", "http://gpu.local:80"),
        ("https://gpu.local/", "https://gpu.local:443"),
        ("https://gpu.local:8000/ollama/", "https://gpu.local:8000/ollama"),
        ("[::]:8000", "http://[::1]:8000"),
        ("[fe80::1]", "http://[fe80::1]:11434"),
    ],
)
def test_the_address_is_read_as_ollamas_own_client_reads_it(host: str, address: str) -> None:
    assert ollama_url(host) == address


@pytest.mark.parametrize("host", ["ftp://gpu.local", "http://[::1", "gpu:port", "127.0.0.1:99999"])
def test_an_address_that_is_none_offers_nothing(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", host)
    assert named().models() == ("extractive",)


def test_what_is_offered_is_looked_up_once_in_half_a_minute(
    monkeypatch: pytest.MonkeyPatch, httpserver: HTTPServer, ollama: Callable[..., None]
) -> None:
    now = [1000.0]
    monkeypatch.setattr(model_catalog.time, "monotonic", lambda: now[0])
    ollama("llama3.2")
    choices = named()
    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(lambda _: choices.models(), range(32))) == {("extractive", "ollama:llama3.2")}
    assert len(httpserver.log) == 1
    now[0] += 31
    choices.models()
    assert len(httpserver.log) == 2


# --- an assistant with a reader's choices


def test_where_nothing_differs_the_assistant_is_the_same(assistant: Assistant) -> None:
    choices = named()
    assert assistant.with_choices(choices) is assistant
    assert assistant.with_choices(choices, "extractive", 6, False) is assistant


def test_passages_and_strictness_may_be_chosen(assistant: Assistant) -> None:
    chosen = assistant.with_choices(named(), top_k=1, strict=True)
    assert (chosen.options.top_k, chosen.options.strict, chosen.index) == (1, True, assistant.index)
    assert (assistant.options.top_k, assistant.options.strict) == (6, False)
    assert assistant.with_choices(named(), top_k=50).options.strict is False


@pytest.mark.parametrize("top_k", [0, 51, -1, True, 6.0, "6", [6]])
def test_a_number_of_passages_that_cannot_be_is_refused(top_k: Any, assistant: Assistant) -> None:
    with pytest.raises(SettingsError, match="number of passages cannot be") as refused:
        assistant.with_choices(named(), top_k=top_k)
    assert "from 1 to 50" in refused.value.hint


@pytest.mark.parametrize("strict", [1, 0, "true", []])
def test_strictness_that_is_neither_is_refused(strict: Any, assistant: Assistant) -> None:
    with pytest.raises(SettingsError, match="strict cannot be"):
        assistant.with_choices(named(), strict=strict)


@pytest.mark.parametrize("model", ["openai:gpt-4o-mini", "gguf:/etc/passwd", "", "Extractive", "ollama:x\n" * 1000])
def test_a_model_that_is_not_offered_is_refused_and_the_offered_are_told(model: str, assistant: Assistant) -> None:
    with pytest.raises(SettingsError, match="is not offered") as refused:
        assistant.with_choices(named("first:one"), model)
    assert repr(model)[:60] in refused.value.message
    assert len(refused.value.message) < 200
    assert "extractive, first:one" in refused.value.hint


@pytest.mark.parametrize("model", [7, ["extractive"], {"x": 1}, True])
def test_a_model_that_is_no_name_is_refused(model: Any, assistant: Assistant) -> None:
    with pytest.raises(SettingsError, match="is not a name"):
        assistant.with_choices(named(), model)


def test_another_model_answers_and_is_loaded_once(
    assistant: Assistant, httpserver: HTTPServer, ollama: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    ollama("llama3.2:latest")
    said = ollama_wire(["Ships came back", " [1]."])
    httpserver.expect_request(PATHS["ollama"]).respond_with_data(said, content_type="application/x-ndjson")
    choices = named(llm_max_tokens=77)
    loaded: list[str] = []
    real = model_catalog.open_llm
    monkeypatch.setattr(model_catalog, "open_llm", lambda settings: (loaded.append(settings.llm), real(settings))[1])
    with ThreadPoolExecutor(8) as threads:
        chosen = list(threads.map(lambda _: assistant.with_choices(choices, "ollama:llama3.2"), range(16)))
    assert loaded == ["ollama:llama3.2"]
    assert len({id(each.llm) for each in chosen}) == 1
    answer = chosen[0].ask(QUESTION)
    assert (answer.model, answer.text) == ("ollama:llama3.2", "Ships came back [1].")
    sent = next(request for request, _ in httpserver.log if request.path == PATHS["ollama"]).get_json()
    assert sent["options"]["num_predict"] == 77, "the other settings of LLMs hold for it, too"


def test_an_address_belongs_to_the_model_that_it_was_given_for(
    assistant: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    seen: list[tuple[str, str | None]] = []
    monkeypatch.setattr(model_catalog, "open_llm", lambda settings: seen.append((settings.llm, settings.llm_base_url)))
    choices = named("openai:tiny", llm_base_url="http://127.0.0.1:9/v1")
    assistant.with_choices(choices, "openai:gpt-4o-mini")
    assistant.with_choices(choices, "openai:tiny")
    assert seen == [("openai:gpt-4o-mini", None), ("openai:tiny", "http://127.0.0.1:9/v1")]


def test_quoting_may_be_chosen_over_the_model_of_the_settings(assistant: Assistant) -> None:
    llm: Any = object()
    base = replace(assistant, llm=llm, model="some:model")
    chosen = base.with_choices(named("some:model"), "extractive")
    assert (chosen.llm, chosen.model) == (None, "extractive")
    assert base.with_choices(named("some:model"), "some:model", 3).llm is llm, "and what is loaded is not loaded again"


def test_a_model_that_was_chosen_before_stays_while_its_server_is_too_busy_to_list_it(
    assistant: Assistant, ollama: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    ollama("llama3.2")
    choices = named()
    first = assistant.with_choices(choices, "ollama:llama3.2")
    monkeypatch.setattr(model_catalog, "_ollama", list)
    choices._valid_until = 0.0
    assert choices.models() == ("extractive",)
    assert assistant.with_choices(choices, "ollama:llama3.2").llm is first.llm


def test_a_model_that_cannot_be_loaded_is_told_as_when_it_starts(assistant: Assistant) -> None:
    with pytest.raises(LLMError, match="unknown provider"):
        assistant.with_choices(named("some:model"), "some:model")
