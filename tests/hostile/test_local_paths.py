"""No folder name on the server's disk reaches a hosted LLM, a caller of the API, the page or an export.

Folder names can be confidential: /newsroom/confidential/source-anna/talk.txt names a source.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from pydantic import Field
from scripted import Scripted
from servers import serving_chat

from index import Article, ArticleFilter, Origin, RequestFilter, StoreError, public_name
from index.storage.serialization import to_article, to_metadata
from rag import Answer, Assistant, as_retriever, load_settings, open_index
from rag.evaluate import Case, Evidence, resolve
from rag.llms.loader import model_label
from ui.api.mcp import _read_arguments
from ui.chat.render.export import as_json, as_markdown
from ui.chat.session import PageSettings
from ui.conversation import Conversation, Exchange, converse
from ui.html import without_folders

# The framework leaves event loops open for the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning"
)

SECRET = "source-anna"
QUESTION = "When does the ferry to Skye leave?"
TEXT = "The ferry to Skye leaves at seven in the morning. It carries forty cars.\n"


class RecordingLLM(FakeListChatModel):
    """A chat model that records its prompts."""

    prompts: list[str] = Field(default_factory=list)

    def _stream(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        self.prompts.append("\n".join(str(message.content) for message in messages))
        yield from super()._stream(messages, *args, **kwargs)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index with an article from a confidential folder, and the same text from another one."""
    folder = tmp_path_factory.mktemp("newsroom") / "confidential" / SECRET
    for place in (folder / "talk.txt", folder / "z" / "notes.txt"):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(TEXT, encoding="utf-8")
    home = folder.parent / "home"
    open_index(load_settings(home=home)).sync([folder])
    return home


@pytest.fixture
def recording() -> RecordingLLM:
    return RecordingLLM(responses=["The ferry leaves at seven in the morning [1]."])


@pytest.fixture
def assistant(home: Path, recording: RecordingLLM) -> Assistant:
    return Assistant(open_index(load_settings(home=home)), recording, model="recording:model")


def test_a_prompt_names_the_file_and_no_folder(assistant: Assistant, recording: RecordingLLM) -> None:
    assert assistant.ask(QUESTION).found
    (prompt,) = recording.prompts
    assert "talk.txt" in prompt
    assert SECRET not in prompt
    assert "confidential" not in prompt


def test_answers_and_exports_name_the_file_and_no_folder(assistant: Assistant) -> None:
    *_, conversation = converse(lambda: assistant, Conversation(), QUESTION)
    answer = conversation.exchanges[-1].answer
    assert answer is not None
    for written in (
        json.dumps(answer.to_dict()),
        as_json(conversation),
        as_markdown(conversation),
        repr(as_retriever(assistant.index).invoke(QUESTION)),  # type: ignore[arg-type]
    ):
        assert "talk.txt" in written
        assert SECRET not in written
        assert "confidential" not in written


def test_the_api_names_the_file_and_no_folder(assistant: Assistant) -> None:
    with serving_chat(assistant) as chat, httpx.Client(base_url=chat.url, timeout=300) as client:
        article_id = client.get("v1/articles").json()[0]["id"]
        messages = [{"role": "user", "content": QUESTION}]
        for response in (
            client.get("v1/articles"),
            client.get(f"v1/articles/{article_id}"),
            client.post("v1/ask", json={"question": QUESTION}),
            client.post("v1/chat/completions", json={"model": "citechat", "messages": messages}),
        ):
            assert response.status_code == 200, response.text
            assert "talk.txt" in response.text
            assert SECRET not in response.text
            assert "confidential" not in response.text


def test_no_folder_can_be_guessed_with_the_article_filter_of_the_api(assistant: Assistant) -> None:
    with serving_chat(assistant.without_llm()) as chat, httpx.Client(base_url=chat.url, timeout=300) as client:

        def found(source: str) -> bool:
            asked = {"question": QUESTION, "only": {"sources": [source]}}
            return bool(client.post("v1/ask", json=asked).json()["found"])

        assert found("talk.txt")
        assert not found(SECRET)
        assert not found("/talk.txt")


def test_the_command_line_and_python_compare_the_path_and_a_request_does_not() -> None:
    path = f"/home/ann/{SECRET}/talk.txt"
    article = Article("a1", "Talk", "talk.txt", TEXT, path=path, copies=(Origin("The Daily", f"{path}.bak"),))
    for shown in ("TALK", "daily"):
        assert RequestFilter(sources=(shown,)).allows(article)
    for hidden in (SECRET, ".bak", "/"):
        assert ArticleFilter(sources=(hidden,)).allows(article)
        assert not RequestFilter(sources=(hidden,)).allows(article)


def test_every_filter_from_the_network_is_a_request_filter() -> None:
    for article_filter in (
        _read_arguments({"question": QUESTION, "sources": [SECRET]})[1],
        PageSettings(sources=[SECRET], selected={"a1"}).article_filter,
        Exchange(QUESTION).article_filter,
    ):
        assert type(article_filter) is RequestFilter
    interface = Path(__file__).resolve().parents[2] / "ui"
    forgotten = [
        f"{path.name}:{node.lineno}"
        for path in interface.rglob("*.py")
        if path.parent.name != "cli"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "ArticleFilter"
    ]
    assert not forgotten, "use RequestFilter, which does not compare paths"


def test_no_folder_can_be_guessed_with_a_test_set_from_the_network() -> None:
    article = Article("a1", "Talk", "talk.txt", TEXT, path=f"/home/ann/{SECRET}/talk.txt")

    def is_found(source: str, *, with_folders: bool) -> bool:
        evidence = Evidence(text="at seven in the morning", source=source)
        case = Case(id="q1", question=QUESTION, evidence=(evidence,))
        return not resolve([case], [article], with_folders=with_folders)[1]

    assert is_found(f"{SECRET}/talk.txt", with_folders=True)
    assert not is_found("source-ben/talk.txt", with_folders=True)
    for source in ("talk.txt", f"{SECRET}/talk.txt", "source-ben/talk.txt"):
        assert is_found(source, with_folders=False), "folders make no difference"


def test_an_error_tells_a_caller_of_the_api_no_folder() -> None:
    def fail(_: str) -> list[Answer]:
        raise StoreError(f"Cannot read the index in '/home/ann/{SECRET}/index'.", f"Remove '/home/{SECRET}/index'.")

    with serving_chat(Scripted(fail)) as chat:
        response = httpx.post(f"{chat.url}v1/ask", json={"question": QUESTION}, timeout=300)
    assert response.json()["error"] == {"message": "Cannot read the index in 'index'.", "hint": "Remove 'index'."}


def test_an_article_stored_with_its_whole_path_as_source_is_shown_with_its_file_name() -> None:
    path = f"/home/ann/{SECRET}/talk.txt"
    copies = (Origin(f"{path}.bak", f"{path}.bak"), Origin("The Daily", path))
    stored = Article("a1", "Talk", path, TEXT, path=path, copies=copies)

    article = to_article("a1", TEXT, to_metadata(stored, ["a1:0-10"]))

    assert article.source == "talk.txt"
    assert article.path == path
    assert [copy.source for copy in article.copies] == ["talk.txt.bak", "The Daily"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/home/ann/port.md", "port.md"),
        ("C:\\Users\\ann\\port.md", "port.md"),
        ("/home/ann/news.zip!inner/port.html", "port.html"),
        ("https://news.example/port.html", "https://news.example/port.html"),
        ("port.md", "port.md"),
    ],
)
def test_the_public_name_of_a_path_has_no_folder(path: str, name: str) -> None:
    assert public_name(path) == name


def test_the_name_of_a_local_model_has_no_folder() -> None:
    assert model_label(f"gguf:/home/{SECRET}/tiny.gguf") == "gguf:tiny.gguf"
    assert model_label("openai:org/model") == "openai:org/model"


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("Cannot read '/home/ann/x.pdf': it is encrypted.", "Cannot read 'x.pdf': it is encrypted."),
        ('The folder "/home/o\'neil/articles/" is missing.', 'The folder "articles" is missing.'),
        ("The LLM 'gguf:/models/x.gguf' failed.", "The LLM 'gguf:x.gguf' failed."),
        ("Cannot read 'C:\\news\\x.pdf'.", "Cannot read 'x.pdf'."),
        ("Ann's file '/home/ann/x.pdf' is empty.", "Ann's file 'x.pdf' is empty."),
        ("Cannot reach 'http://127.0.0.1:8000/v1'.", "Cannot reach 'http://127.0.0.1:8000/v1'."),
        ("Set 'top_k' to 'a/b'.", "Set 'top_k' to 'a/b'."),
    ],
)
def test_a_message_for_users_has_no_folder(message: str, shown: str) -> None:
    assert without_folders(message) == shown
