"""The real clients of LangChain against scripted servers on this machine: no real key, no real host."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel, FakeListChatModel
from langchain_core.messages import HumanMessage
from pytest_httpserver import HTTPServer
from wires import PATHS, WIRES, anthropic_wire, ollama_wire, openai_wire, refusal

from rag import LLMError, build_assistant, load_settings, ping_llm
from rag.llms.failures import explain_failure
from rag.llms.loader import load_llm
from rag.llms.streaming import stream_text

KEY = "sk-secret-1234567890abcdef"
PIECES = ["Sora is ", "a tool", ". [1]"]
ANSWER = "".join(PIECES)
ASKED = [HumanMessage("What is Sora?")]
OPENAI, ANTHROPIC, OLLAMA = "openai:tiny", "anthropic:tiny", "ollama:tiny"


SPECS = [OPENAI, ANTHROPIC, OLLAMA]


def load(spec: str, address: str, monkeypatch: pytest.MonkeyPatch, timeout: float = 5.0) -> BaseChatModel:
    """The client of `spec`, talking to `address`."""
    if spec == ANTHROPIC:
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    suffix = "/v1" if spec == OPENAI else ""
    return load_llm(spec, base_url=address.rstrip("/") + suffix, timeout=timeout)


def serve(server: HTTPServer, spec: str, body: str, status: int = 200) -> None:
    streamed = "application/x-ndjson" if spec == OLLAMA else "text/event-stream"
    kind = streamed if status == 200 else "application/json"
    server.expect_request(PATHS[spec.partition(":")[0]], method="POST").respond_with_data(
        body, status=status, content_type=kind
    )


def sent(server: HTTPServer) -> Any:
    return server.log[0][0].get_json()


# --- an answer


@pytest.mark.parametrize("spec", SPECS)
def test_an_answer_arrives_in_the_pieces_that_the_server_sends(
    spec: str, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(httpserver, spec, WIRES[spec.partition(":")[0]](PIECES))

    pieces = list(stream_text(load(spec, httpserver.url_for(""), monkeypatch), ASKED, spec))

    assert pieces == PIECES
    assert all(type(piece) is str for piece in pieces)


def test_an_openai_compatible_server_needs_no_key_and_gets_the_limits_it_understands(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(httpserver, OPENAI, openai_wire(PIECES))

    list(stream_text(load(OPENAI, httpserver.url_for(""), monkeypatch), ASKED, OPENAI))

    request = sent(httpserver)
    assert request["max_tokens"] == 700
    assert "max_completion_tokens" not in request
    assert request["temperature"] == 0
    assert request["stream_options"] == {"include_usage": True}


def test_an_openai_compatible_server_that_wants_a_key_gets_the_one_in_the_environment(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    serve(httpserver, OPENAI, openai_wire(PIECES))

    list(stream_text(load(OPENAI, httpserver.url_for(""), monkeypatch), ASKED, OPENAI))

    assert httpserver.log[0][0].headers["Authorization"] == f"Bearer {KEY}"


def test_ollama_is_told_how_long_prompt_and_answer_may_be(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(httpserver, OLLAMA, ollama_wire(PIECES))

    list(stream_text(load(OLLAMA, httpserver.url_for(""), monkeypatch), ASKED, OLLAMA))

    options = sent(httpserver)["options"]
    assert options == {"num_ctx": 8192, "num_predict": 700, "temperature": 0.0}


def test_anthropic_is_told_how_long_the_answer_may_be(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(httpserver, ANTHROPIC, anthropic_wire(PIECES))

    list(stream_text(load(ANTHROPIC, httpserver.url_for(""), monkeypatch), ASKED, ANTHROPIC))

    assert sent(httpserver)["max_tokens"] == 700
    assert any(KEY in value for value in httpserver.log[0][0].headers.values())


def test_a_model_name_keeps_its_own_colons(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(httpserver, OLLAMA, ollama_wire(PIECES))
    llm = load_llm("ollama:llama3.2:1b", base_url=httpserver.url_for(""))

    assert "".join(stream_text(llm, ASKED, "ollama:llama3.2:1b")) == ANSWER
    assert sent(httpserver)["model"] == "llama3.2:1b"


def test_a_reader_who_stops_early_closes_the_stream() -> None:
    closed = []

    class Endless(FakeListChatModel):
        def stream(self, *_: Any, **__: Any) -> Iterator[Any]:
            from langchain_core.messages import AIMessageChunk

            try:
                while True:
                    yield AIMessageChunk(content="on and on ")
            finally:
                closed.append(True)

    pieces = stream_text(Endless(responses=[]), ASKED, "fake:endless")
    assert next(pieces) == "on and on "
    pieces.close()  # type: ignore[attr-defined]

    assert closed == [True]


def test_any_langchain_chat_model_can_be_streamed() -> None:
    assert "".join(stream_text(FakeListChatModel(responses=[ANSWER]), ASKED, "fake:list")) == ANSWER


# --- a failure while answering


def fails(spec: str, address: str, monkeypatch: pytest.MonkeyPatch, timeout: float = 5.0) -> LLMError:
    llm = load(spec, address, monkeypatch, timeout)
    with pytest.raises(LLMError) as caught:
        list(stream_text(llm, ASKED, spec))
    assert "\n" not in caught.value.message
    assert repr(spec) in caught.value.message
    assert caught.value.hint
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None
    return caught.value


@pytest.mark.parametrize("spec", SPECS)
def test_a_refused_key_is_named_by_its_variable_and_never_shown(
    spec: str, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    serve(httpserver, spec, refusal(spec.partition(":")[0], f"Incorrect API key provided: {KEY}"), 401)

    error = fails(spec, httpserver.url_for(""), monkeypatch)

    assert "did not accept the key" in error.message
    assert {OPENAI: "OPENAI_API_KEY", ANTHROPIC: "ANTHROPIC_API_KEY", OLLAMA: "the server's key"}[spec] in error.hint
    assert not error.retryable


@pytest.mark.parametrize("spec", SPECS)
def test_an_unknown_model_is_said_to_be_unknown(
    spec: str, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(httpserver, spec, refusal(spec.partition(":")[0], "model 'tiny' not found"), 404)

    error = fails(spec, httpserver.url_for(""), monkeypatch)

    assert "is not known to the server" in error.message
    assert ("ollama pull tiny" in error.hint) == (spec == OLLAMA)
    assert not error.retryable


@pytest.mark.parametrize("spec", SPECS)
def test_nobody_listening_is_a_server_that_cannot_be_reached(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    error = fails(spec, f"http://127.0.0.1:{port}", monkeypatch)

    assert "cannot be reached" in error.message
    assert ("ollama serve" in error.hint) == (spec == OLLAMA)
    assert error.retryable


@pytest.mark.parametrize("spec", SPECS)
def test_a_stream_that_ends_without_a_reason_and_without_text_was_cut(
    spec: str, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(httpserver, spec, WIRES[spec.partition(":")[0]]([" "], None))

    error = fails(spec, httpserver.url_for(""), monkeypatch)

    assert "broke off in the middle" in error.message
    assert error.retryable


@pytest.mark.parametrize("spec", SPECS)
def test_a_reply_without_any_text_is_an_error(
    spec: str, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(httpserver, spec, WIRES[spec.partition(":")[0]]([], "length"))

    error = fails(spec, httpserver.url_for(""), monkeypatch)

    assert "empty reply" in error.message
    assert "CITECHAT_LLM_MAX_TOKENS" in error.hint


@pytest.mark.parametrize("spec", SPECS)
def test_an_error_in_the_middle_of_a_stream_is_the_servers_fault(
    spec: str, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = refusal(spec.partition(":")[0], "out of memory")
    body = WIRES[spec.partition(":")[0]](PIECES, None)
    body += said + "\n" if spec == OLLAMA else f"event: error\ndata: {said}\n\n"
    serve(httpserver, spec, body)

    error = fails(spec, httpserver.url_for(""), monkeypatch)

    assert "had a server error" in error.message
    assert "out of memory" not in error.message
    assert "out of memory" in error.reported
    assert error.retryable


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (400, "This model's maximum context length is 4096 tokens", "CITECHAT_TOP_K"),
        (400, "Unsupported value: 'temperature' does not support 0", "CITECHAT_LLM_TEMPERATURE=1"),
        (400, "Input tokens exceed the context limit", "CITECHAT_TOP_K"),
        (403, "Country not supported", "OPENAI_API_KEY"),
        (402, "Payment required", "Add credit"),
    ],
)
def test_a_refusal_says_what_to_change(
    status: int, said: str, expected: str, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(httpserver, OPENAI, refusal("openai", said), status)

    assert expected in fails(OPENAI, httpserver.url_for(""), monkeypatch).hint


def test_an_empty_account_is_told_from_too_many_requests(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = json.dumps({"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}})
    serve(httpserver, OPENAI, said, 429)

    error = fails(OPENAI, httpserver.url_for(""), monkeypatch)

    assert "no credit left" in error.message
    assert not error.retryable


def test_a_web_page_instead_of_an_answer_points_at_the_address(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    httpserver.expect_request(PATHS["ollama"]).respond_with_data("<html>Welcome to nginx</html>")

    error = fails(OLLAMA, httpserver.url_for(""), monkeypatch)

    assert "not an answer" in error.message
    assert "CITECHAT_LLM_BASE_URL" in error.hint


def test_an_error_that_no_client_is_known_for_keeps_its_words() -> None:
    error = explain_failure(RuntimeError(f"boom at https://me:pa55word@host/v1 with Bearer {KEY}"), OPENAI)

    assert "boom at https://***@host/v1" in error.reported
    assert KEY not in error.reported
    assert "boom" not in str(error)


def test_an_llm_error_is_passed_on_unchanged() -> None:
    error = LLMError("said already", "and mended")

    assert explain_failure(error, OPENAI) is error


def test_the_value_of_a_key_variable_never_reaches_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SERVER_API_KEY", "plain-looking-value")

    assert "plain-looking-value" not in str(explain_failure(ValueError("plain-looking-value is no good"), OPENAI))


# --- a name that cannot work, said before anything is sent


@pytest.mark.parametrize("spec", ["llama3.2", "openai:", ":gpt-4o-mini", "", " : "])
def test_a_name_without_provider_or_model_is_refused(spec: str) -> None:
    with pytest.raises(LLMError, match="provider:model") as caught:
        load_llm(spec)
    assert "ollama" in caught.value.hint


def test_an_unknown_provider_gets_the_list_of_known_ones() -> None:
    with pytest.raises(LLMError, match=r"unknown provider 'llama3\.2'") as caught:
        load_llm("llama3.2:1b")
    assert "anthropic, gguf, google_genai, ollama, openai, transformers" in caught.value.hint
    assert "'ollama:llama3.2:1b'" in caught.value.hint


def test_extractive_is_not_a_language_model() -> None:
    with pytest.raises(LLMError, match="answers by quoting"):
        load_llm("extractive")


def test_a_missing_package_comes_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "langchain_ollama", None)

    with pytest.raises(LLMError, match="langchain-ollama") as caught:
        load_llm(OLLAMA)
    assert "pip install langchain-ollama" in caught.value.hint


@pytest.mark.parametrize(("spec", "name"), [(OPENAI, "OPENAI_API_KEY"), (ANTHROPIC, "ANTHROPIC_API_KEY")])
def test_a_missing_key_is_said_up_front(spec: str, name: str) -> None:
    with pytest.raises(LLMError, match="needs a key") as caught:
        load_llm(spec)
    assert name in caught.value.hint


def test_a_line_break_after_a_key_is_not_part_of_it(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY}\n")
    serve(httpserver, OPENAI, openai_wire(PIECES))

    list(stream_text(load(OPENAI, httpserver.url_for(""), monkeypatch), ASKED, OPENAI))

    assert httpserver.log[0][0].headers["Authorization"] == f"Bearer {KEY}"


def test_a_key_with_a_line_break_in_it_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "half-a\nkey")

    with pytest.raises(LLMError, match="OPENAI_API_KEY") as caught:
        load_llm(OPENAI)
    assert "half-a" not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["localhost:8080", "ftp://host/v1", "http://", "http://[::1/v1", "http://host:port/"]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(LLMError, match="not a web address") as caught:
        load_llm(OPENAI, base_url=address)
    assert "CITECHAT_LLM_BASE_URL" in caught.value.hint


# --- plug-ins


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installed package that offers the provider `parrot`."""
    information = tmp_path / "parrot_llm-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: parrot-llm\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(
        "[citechat.llms]\nparrot = parrot_llm:parrot\nbroken = parrot_llm:broken\nodd = parrot_llm:odd\n"
    )
    (tmp_path / "parrot_llm.py").write_text(
        "from langchain_core.language_models import FakeListChatModel\n"
        "def parrot(model, **options):\n"
        "    return FakeListChatModel(responses=[f'{model} {sorted(options)}'])\n"
        "def broken(model, **options):\n"
        "    raise RuntimeError('no beak')\n"
        "def odd(model, **options):\n"
        "    return 'a string'\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("parrot_llm", None)


@pytest.mark.usefixtures("plugin")
def test_a_plugin_is_one_function_named_after_its_provider() -> None:
    llm = load_llm("parrot:green")

    said = "".join(stream_text(llm, ASKED, "parrot:green"))

    assert said == "green ['base_url', 'max_tokens', 'temperature', 'timeout']"


@pytest.mark.usefixtures("plugin")
def test_a_plugin_is_listed_among_the_known_providers() -> None:
    with pytest.raises(LLMError) as caught:
        load_llm("nobody:x")
    assert "parrot" in caught.value.hint


@pytest.mark.usefixtures("plugin")
def test_a_plugin_that_fails_or_gives_something_else_is_named() -> None:
    with pytest.raises(LLMError, match="parrot_llm:broken") as caught:
        load_llm("broken:x")
    assert "no beak" in caught.value.reported
    with pytest.raises(LLMError, match=r"parrot_llm:odd.*'str'"):
        load_llm("odd:x")


def test_importing_is_free() -> None:
    heavy = "{'torch', 'transformers', 'chromadb', 'gradio', 'langchain', 'openai', 'httpx'}"
    modules = "rag.llms.loader, rag.prompts, rag.generation.citation_parser"
    code = f"import sys, {modules}; print(sorted({heavy} & set(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_the_example_plugin_answers_and_is_checked(
    tmp_path: Path, samples_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Installed as its own pyproject.toml announces it."""
    example = Path(__file__).resolve().parents[3] / "examples" / "llm-plugin"
    project = tomllib.loads((example / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    information = tmp_path / "citechat_first_sentence-1.0.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: citechat-first-sentence\nVersion: 1.0.0\n")
    entries = project["entry-points"]["citechat.llms"]
    lines = "".join(f"{name} = {target}\n" for name, target in entries.items())
    (information / "entry_points.txt").write_text(f"[citechat.llms]\n{lines}")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.syspath_prepend(example)
    settings = load_settings(home=samples_home, llm="first-sentence:x")
    answer = build_assistant(settings).ask("What is the name of ByteDance's video tool?")
    assert answer.found
    assert answer.model == "first-sentence:x"
    assert {sentence.support for sentence in answer.sentences} == {"quoted"}
    assert str(ping_llm(settings)).startswith("The LLM 'first-sentence:x' answers: first word after ")
    sys.modules.pop("first_sentence", None)


def test_a_trial_of_an_llm_that_cannot_work_says_why(home: Path) -> None:
    trial = ping_llm(load_settings(llm="openai:tiny"))
    assert not trial.answers
    assert str(trial).startswith("The LLM 'openai:tiny' needs a key, and no key is set\n  Set OPENAI_API_KEY")
