"""How much a model can read: what servers and model files say about it, and what is assumed if they say nothing."""

from __future__ import annotations

import json
import logging
import struct
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from rag import load_settings
from rag.llms import context_window as module
from rag.llms.context_window import context_tokens, context_window, gguf_context_length

KEY = "sk-secret-1234567890abcdef"


@pytest.fixture(autouse=True)
def _no_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """No servers of the developer's, and as much time as a busy machine needs."""
    for name in ("OPENAI_BASE_URL", "OPENAI_API_BASE", "OLLAMA_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(module, "_SECONDS", 20.0)


def window(llm: str, server: HTTPServer | None = None, suffix: str = "/v1") -> int | None:
    return context_window(load_settings(llm=llm, llm_base_url=server.url_for(suffix) if server else None))


def says(server: HTTPServer, **replies: Any) -> None:
    """The server replies with this JSON at these paths; at others, it knows nothing."""
    for path, reply in replies.items():
        server.expect_request("/" + path.replace("__", "/")).respond_with_json(reply)
    server.expect_request("/v1/models").respond_with_data("no", status=404)


def models(**entry: Any) -> dict[str, Any]:
    return {"object": "list", "data": [{"id": "other", "max_model_len": 7}, {"id": "tiny", "object": "model", **entry}]}


# --- servers


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"max_model_len": 32768, "owned_by": "vllm"}, 32768),
        ({"context_length": 131072, "top_provider": {"context_length": 9}}, 131072),
        ({"context_window": 8192, "owned_by": "Meta"}, 8192),
        ({"max_context_length": 65536}, 65536),
        ({"meta": {"n_ctx": 4096, "n_ctx_train": 131072}}, 4096),
        ({"meta": {"n_ctx_train": 131072}}, 131072),
        ({"max_model_len": "many"}, None),
        ({"max_model_len": True}, None),
        ({"max_model_len": 0}, None),
        ({}, None),
    ],
    ids=str,
)
def test_an_openai_compatible_server_says_it_in_its_list_of_models(
    entry: dict[str, Any], expected: int | None, httpserver: HTTPServer
) -> None:
    says(httpserver, v1__models=models(**entry))
    assert window("openai:tiny", httpserver) == expected


def test_a_server_with_one_model_means_this_one_whatever_its_name(httpserver: HTTPServer) -> None:
    says(httpserver, v1__models={"data": [{"id": "/models/tiny.gguf", "max_model_len": 5000}]})
    assert window("openai:anything", httpserver) == 5000


def test_a_model_that_is_not_in_a_longer_list_is_unknown(httpserver: HTTPServer) -> None:
    says(httpserver, v1__models=models(max_model_len=5000))
    assert window("openai:third", httpserver) is None


def test_llama_server_is_believed_about_what_it_takes_rather_than_what_the_model_was_trained_for(
    httpserver: HTTPServer,
) -> None:
    says(
        httpserver,
        v1__models=models(meta={"n_ctx_train": 131072}),
        props={"default_generation_settings": {"n_ctx": 4096}, "total_slots": 1},
    )
    assert window("openai:tiny", httpserver) == 4096


def test_lm_studio_says_with_how_much_the_model_was_loaded(httpserver: HTTPServer) -> None:
    loaded = {"id": "tiny", "max_context_length": 131072, "loaded_context_length": 6000}
    says(httpserver, v1__models=models(), api__v0__models={"data": [{"id": "other"}, loaded]})
    assert window("openai:tiny", httpserver) == 6000


def test_a_model_that_lm_studio_has_not_loaded_is_unknown(httpserver: HTTPServer) -> None:
    says(httpserver, v1__models=models(), api__v0__models={"data": [{"id": "tiny", "max_context_length": 131072}]})
    assert window("openai:tiny", httpserver) is None


def test_a_server_that_wants_a_key_gets_it(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY}\n")
    wanted = {"Authorization": f"Bearer {KEY}"}
    httpserver.expect_request("/v1/models", headers=wanted).respond_with_json(models(max_model_len=5000))
    assert window("openai:tiny", httpserver) == 5000


def test_ollama_says_what_the_model_was_made_for(httpserver: HTTPServer) -> None:
    shown = {"model_info": {"general.architecture": "llama", "llama.context_length": 131072, "llama.block_count": 16}}
    httpserver.expect_request("/api/show", method="POST", json={"model": "llama3.2:1b"}).respond_with_json(shown)
    assert window("ollama:llama3.2:1b", httpserver, "/") == 131072


def test_ollama_is_found_where_its_own_client_looks(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", f"127.0.0.1:{httpserver.port}")
    httpserver.expect_request("/api/show").respond_with_json({"model_info": {"qwen3.context_length": 40960}})
    assert window("ollama:qwen3") == 40960


@pytest.mark.parametrize("reply", [[], {}, {"data": None}, {"data": ["tiny"]}, {"data": {}}, "text", None], ids=str)
@pytest.mark.parametrize("llm", ["openai:tiny", "ollama:tiny"])
def test_a_server_that_says_anything_else_says_nothing(llm: str, reply: Any, httpserver: HTTPServer) -> None:
    for path in ("/v1/models", "/v1/api/show", "/props", "/api/v0/models"):
        httpserver.expect_request(path).respond_with_json(reply)
    assert window(llm, httpserver) is None


@pytest.mark.parametrize("llm", ["openai:tiny", "ollama:tiny"])
def test_a_server_that_fails_or_is_not_there_says_nothing_and_no_key_is_logged(
    llm: str, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    assert window(llm, httpserver) is None
    assert context_window(load_settings(llm=llm, llm_base_url="http://127.0.0.1:1/v1")) is None
    assert context_window(load_settings(llm=llm, llm_base_url="http://[::1")) is None
    assert KEY not in caplog.text


def test_a_server_that_is_slow_is_not_waited_for(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SECONDS", 0.2)
    done = threading.Event()

    def slowly(_: Request) -> Response:
        done.wait(300)
        return Response(json.dumps(models(max_model_len=5000)))

    httpserver.expect_request("/v1/models").respond_with_handler(slowly)
    assert window("openai:tiny", httpserver) is None
    for thread in threading.enumerate():
        if thread.name == "ask-server":
            thread.join(300)  # it ends although the server has not replied, and asks nothing else
    done.set()
    httpserver.check()
    assert {request.path for request, _ in httpserver.log} <= {"/v1/models"}


@pytest.mark.parametrize(
    "llm", ["extractive", "openai:gpt-4o-mini", "anthropic:claude-haiku-4-5", "plug-in:x", "ollama:", ""]
)
def test_hosted_models_and_plugins_are_not_asked(llm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "fetch_json", lambda *_, **__: pytest.fail("a request was sent"))
    assert window(llm) is None


# --- files


def gguf(*pairs: tuple[str, int, bytes], version: int = 3) -> bytes:
    """The header of a GGUF file with these keys, types and encoded values."""
    body = b"".join(text(key) + struct.pack("<I", kind) + value for key, kind, value in pairs)
    return b"GGUF" + struct.pack("<IQQ", version, 0, len(pairs)) + body


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


BEFORE = [
    ("general.architecture", 8, text("llama")),
    ("general.tags", 9, struct.pack("<IQ", 8, 2) + text("one") + text("two")),
    ("general.sizes", 9, struct.pack("<IQ", 5, 3) + bytes(12)),
    ("general.is_good", 7, b"\1"),
]


def test_a_gguf_file_says_it_in_its_header(tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(gguf(*BEFORE, ("llama.context_length", 4, struct.pack("<I", 8192))))
    assert gguf_context_length(path) == 8192
    assert window(f"gguf:{path}") == 8192
    assert window(f"transformers:{path}") == 8192
    assert window(f"transformers:{tmp_path}") == 8192


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GGUF",
        b"PK\3\4" + bytes(100),
        gguf(*BEFORE)[:-3],
        gguf(("llama.context_length", 99, bytes(8))),
        gguf(("key", 9, struct.pack("<IQ", 5, 2**63))),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 2**64 - 1) + struct.pack("<Q", 2**62),
        gguf(*BEFORE),
    ],
    ids=["empty", "magic only", "zip", "cut", "unknown type", "huge array", "huge string", "no such key"],
)
def test_a_file_that_is_damaged_or_does_not_say_it_says_nothing(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(data)
    assert window(f"gguf:{path}") is None


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"max_position_embeddings": 2048}, 2048),
        ({"n_positions": 1024}, 1024),
        ({"text_config": {"max_position_embeddings": 32768}}, 32768),
        ({"architectures": ["LlamaForCausalLM"]}, None),
    ],
    ids=str,
)
def test_a_folder_says_it_in_its_configuration(config: dict[str, Any], expected: int | None, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert window(f"transformers:{tmp_path}") == expected


def test_a_folder_without_a_model_says_nothing(tmp_path: Path) -> None:
    assert window(f"transformers:{tmp_path}") is None
    assert window(f"transformers:{tmp_path / 'none'}") is None


# --- how many tokens are used


@pytest.mark.parametrize(
    ("setting", "said", "used"),
    [(None, 131072, 16384), (None, 4096, 4096), (None, None, 8192), (2000, 131072, 2000), (100_000, 4096, 100_000)],
)
def test_the_setting_counts_and_without_it_what_the_model_says_up_to_a_limit(
    setting: int | None, said: int | None, used: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "context_window", lambda _: said)
    settings: Any = SimpleNamespace(llm_context_tokens=setting, llm_context_limit=16_384)
    assert context_tokens(settings) == used
