"""No folder name on the server's disk reaches a hosted LLM, a caller of the API, the page or an export.

Folder names can be confidential: /newsroom/confidential/source-anna/talk.txt names a source.
"""

from __future__ import annotations

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

from index import Article, Origin, StoreError, public_name
from index.storage.serialization import to_article, to_metadata
from rag import Answer, Assistant, as_retriever, load_settings, open_index
from rag.llms.loader import model_label
from ui.chat.render.export import as_json, as_markdown
from ui.conversation import Conversation, converse
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

    article = to_article("a1", TEXT, to_metadata(stored, 1))

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
