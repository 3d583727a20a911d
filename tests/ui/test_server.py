"""The chat as a server: what a page may do, who may call, and what the events answer. No browser is needed."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from servers import close_the_loop

from index import Article, ArticleFilter, Hit, Passage, Span
from index.embedding import onnx
from rag import Answer, AnswerOptions, QuestionError, Sentence, Turn, build_assistant, load_settings
from ui.chat.handlers.answering import Replies
from ui.chat.page import load_gradio
from ui.chat.session import Reader
from ui.chat.writing import Writing
from ui.conversation import Conversation
from ui.server import ServedChat, build_app, launch_app, start_chat

# The framework leaves event loops open for the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning"
)

READER = Reader()
TEXT = "The harbour reopened on Monday. Ships came back."
ARTICLE = Article("a1", "The port", "The Daily", TEXT, "2024-02-24")


class Fake:
    """Knows one sentence of one article."""

    model = "extractive"
    options = AnswerOptions()

    def __init__(self, *articles: Article) -> None:
        self._articles = {article.id: article for article in articles}
        self.warm = False
        self.heard: list[tuple[str, Sequence[Turn]]] = []

    def articles(self) -> tuple[Article, ...]:
        return tuple(self._articles.values())

    def article_metadata(self) -> tuple[Article, ...]:
        return self.articles()

    def article(self, article_id: str) -> Article | None:
        return self._articles.get(article_id)

    def warm_up(self) -> None:
        self.warm = True
        raise RuntimeError("no model here")

    def ask(self, question: str, history: Sequence[Turn] = (), article_filter: ArticleFilter | None = None) -> Answer:
        return list(self.stream(question, history, article_filter))[-1]

    def stream(
        self, question: str, history: Sequence[Turn] = (), article_filter: ArticleFilter | None = None
    ) -> Iterator[Answer]:
        self.heard.append((question, history))
        if not question.strip():
            raise QuestionError("the question is empty", "Type a question about the articles.")
        hits = (Hit(Passage("a1", 0, 48, TEXT), "The port", "The Daily", "2024-02-24", 1.0),)
        yield Answer(question, hits=hits)
        sentence = Sentence(0, 35, TEXT[:31], (1,), (Span(0, 31),), "quoted")
        yield Answer(question, f"{TEXT[:31]} [1]", hits=hits, sentences=(sentence,), done=True)


@pytest.fixture(scope="module")
def chat() -> Iterator[ServedChat]:
    served = launch_app(build_app(Fake(ARTICLE)), port=0)  # type: ignore[arg-type]
    yield served
    served.close()
    close_the_loop()


@pytest.fixture
def replies() -> Replies:
    return Replies(load_gradio(), Fake(ARTICLE))  # type: ignore[arg-type]


def call(
    chat: ServedChat, path: str, *, method: str = "GET", body: bytes = b"", **headers: str
) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", chat.port, timeout=300)
    connection.request(method, path, body or None, {name.replace("_", "-"): value for name, value in headers.items()})
    response = connection.getresponse()
    response.body = response.read()  # type: ignore[attr-defined]
    connection.close()
    return response


def test_the_page_is_served_with_the_security_headers(chat: ServedChat) -> None:
    response = call(chat, "/")
    assert response.status == 200
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy, "no other host is allowed"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"


def test_an_unknown_host_name_is_refused_and_an_address_is_not(chat: ServedChat) -> None:
    assert call(chat, "/", Host="evil.example").status == 400
    assert call(chat, "/", Host=f"evil.example:{chat.port}").status == 400
    assert call(chat, "/", Host="").status == 400
    for host in ("localhost", f"127.0.0.1:{chat.port}", "192.168.1.5", f"[::1]:{chat.port}"):
        assert call(chat, "/", Host=host).status == 200, host


def test_a_body_larger_than_any_question_is_refused(chat: ServedChat) -> None:
    large = json.dumps({"data": ["x" * 2_000_000]}).encode()
    headers = {"Content-Type": "application/json"}
    assert call(chat, "/gradio_api/queue/join", method="POST", body=large, **headers).status == 413
    chunked = iter([large[:600_000], large[600_000:]])
    connection = http.client.HTTPConnection("127.0.0.1", chat.port, timeout=300)
    connection.request("POST", "/gradio_api/queue/join", chunked, headers, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()


@pytest.mark.parametrize("path", ["/openapi.json", "/monitoring/summary", "/gradio_api/file=/etc/passwd"])
def test_what_the_chat_does_not_need_is_not_served(chat: ServedChat, path: str) -> None:
    assert call(chat, path).status in (403, 404)


def test_nothing_is_listed_as_an_interface_for_programs(chat: ServedChat) -> None:
    listed = json.loads(call(chat, "/gradio_api/info").body)  # type: ignore[attr-defined]
    assert listed["named_endpoints"] == {}


def test_no_run_is_remembered_and_no_analytics_are_sent(chat: ServedChat) -> None:
    config = json.loads(call(chat, "/config").body)  # type: ignore[attr-defined]
    assert config["analytics_enabled"] is False
    assert config.get("run_history") in (False, None)
    assert config["title"] == "citechat"


def test_the_next_free_port_is_taken_and_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        wanted = taken.getsockname()[1]
        fake = Fake(ARTICLE)
        chat = start_chat(fake, port=wanted)  # type: ignore[arg-type]
        try:
            assert chat.port > wanted
            assert chat.url == f"http://127.0.0.1:{chat.port}/"
            assert call(chat, "/").status == 200, "and a model that cannot be loaded ahead of time stops nothing"
        finally:
            chat.close()
    with pytest.raises(ConnectionRefusedError):
        call(chat, "/")


def test_an_answer_comes_with_its_article_opened_at_the_words(replies: Replies) -> None:
    screens = list(replies.ask(READER, "When?", Conversation(), Writing()))
    messages, said, _, box, _, controls, *_ = screens[-1]
    assert [message["role"] for message in messages] == ["user", "assistant"]
    assert said.exchanges[0].answer is not None
    assert said.exchanges[0].answer.done
    assert box["submit_btn"] == "Ask"
    assert controls["visible"] is True
    panes = [screen[2] for screen in screens if isinstance(screen[2], str)]
    assert len(panes) == 1, "the pane is set once, and what the reader opens meanwhile stays"
    assert ">The harbour reopened on Monday" in panes[0]
    assert screens[0][3]["stop_btn"] == "Stop"
    assert screens[0][3]["value"] == "", "the box is empty as soon as the question is asked"


def test_the_next_question_knows_what_was_said(replies: Replies) -> None:
    said = list(replies.ask(READER, "When?", Conversation(), Writing()))[-1][1]
    list(replies.ask(READER, "And then?", said, Writing()))
    question, history = replies.assistant.heard[-1]  # type: ignore[attr-defined]
    assert question == "And then?"
    assert [turn.text for turn in history] == ["When?", f"{TEXT[:31]} [1]"]


def test_an_empty_question_gets_a_hint_and_a_very_long_one_is_not_echoed_whole(replies: Replies) -> None:
    messages = list(replies.ask(READER, None, Conversation(), Writing()))[-1][0]
    assert "Type a question" in messages[1]["content"]
    messages = list(replies.ask(READER, "x" * 100_000, Conversation(), Writing()))[-1][0]
    assert len(messages[0]["content"]) < 3000


def test_asking_again_replaces_the_answer_and_taking_back_returns_the_question(replies: Replies) -> None:
    said = list(replies.ask(READER, "When?", Conversation(), Writing()))[-1][1]
    again = list(replies.ask_again(READER, said, Writing()))[-1][1]
    assert len(again.exchanges) == 1
    assert list(replies.ask_again(READER, Conversation(), Writing())) == []
    back = replies.take_back(READER, said, Writing())
    assert back[1].exchanges == ()
    assert back[3]["value"] == "When?"
    assert replies.start_over(READER, Writing())[1] == Conversation()


def test_stopping_keeps_what_was_written(replies: Replies) -> None:
    halfway = next(iter(list(replies.ask(READER, "When?", Conversation(), Writing()))[1:]))[1]
    messages, said, *_ = replies.stop(READER, halfway, Writing())
    assert said.exchanges[0].stopped
    assert "Stopped" in messages[1]["content"]


@pytest.mark.parametrize(
    "data", [None, "cite-1-1", {"place": "cite-1-1"}, {"place": ["cite", 1]}, {"doc": "a1"}, 7, []]
)
def test_a_citation_that_was_never_given_opens_nothing(replies: Replies, data: object) -> None:
    assert "cannot be shown" in replies.open_citation(READER, data, Conversation())


def test_of_an_article_that_is_gone_the_quote_stays_and_it_is_said(replies: Replies) -> None:
    said = list(replies.ask(READER, "When?", Conversation(), Writing()))[-1][1]
    assert "The port" in replies.open_citation(READER, {"place": "cite-1-1"}, said)
    replies.assistant._articles.clear()  # type: ignore[attr-defined]
    kept = replies.open_citation(READER, {"place": "cite-1-1"}, said)
    assert "No longer indexed" in kept
    assert "The harbour reopened on Monday" in kept


def test_the_status_line_says_who_answers_from_how_much(replies: Replies) -> None:
    (masthead,) = replies.masthead(READER)
    assert "no language model" in masthead
    assert "1 article<" in masthead


def test_with_nothing_indexed_the_reader_is_told_what_to_type() -> None:
    replies = Replies(load_gradio(), Fake())  # type: ignore[arg-type]
    assert "no articles" in next(replies.masthead(READER))
    assert "citechat index PATH" in replies.load(READER)[0]


@pytest.mark.usefixtures("chat")  # which tidies up after the framework when all is done
def test_a_question_asked_while_the_model_is_loading_is_answered(
    samples_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loading, may_load, opened = threading.Event(), threading.Event(), []
    real = onnx._open

    def slowly(path: Path) -> Any:
        loading.set()
        assert may_load.wait(300)
        opened.append(path)
        return real(path)

    monkeypatch.setattr(onnx, "_open", slowly)
    assistant = build_assistant(load_settings(home=samples_home))
    chat = start_chat(assistant, port=0)
    try:
        assert call(chat, "/").status == 200, "the page does not wait for the model"  # type: ignore[attr-defined]
        assert loading.wait(300), "which is loaded behind it"
        replies = Replies(load_gradio(), assistant)
        answers = replies.ask(READER, "What is Boximator?", Conversation(), Writing())
        next(answers)
        may_load.set()
        said = list(answers)[-1][1]
    finally:
        chat.close()
    assert said.exchanges[-1].answer.found
    assert len(opened) == 1, "and once for both"


def test_starters_are_made_once_and_their_failure_leaves_a_page_without_them(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Fake):
        def ask(self, question: str, history: Sequence[Turn] = ()) -> Answer:
            raise RuntimeError("no index")

    text = "Westhaven is small. Westhaven is old. Westhaven is quiet."
    fake = Fake(Article("b", "t", "s", text))
    replies = Replies(load_gradio(), fake)  # type: ignore[arg-type]
    row, *buttons = replies.suggest(Conversation())
    replies.suggest(Conversation())
    assert row["visible"] is True
    assert buttons[0]["value"] == "What is said about Westhaven?"
    assert len(fake.heard) == 1
    row, *_ = Replies(load_gradio(), Broken(Article("b", "t", "s", text))).suggest(Conversation())  # type: ignore[arg-type]
    assert row["visible"] is False
    assert "no questions to start with" in caplog.text


def test_the_handlers_trust_nothing_that_a_browser_sends(chat: ServedChat) -> None:
    """A forged call reaches the function; the conversation is the server's own all the same."""
    config = json.loads(call(chat, "/config").body)  # type: ignore[attr-defined]
    opening: dict[str, Any] = next(
        one for one in config["dependencies"] if any(target[1] == "open_citation" for target in one["targets"])
    )
    forged = {
        "data": [{"exchanges": ["forged"]}],
        "event_data": {"place": "../../etc/passwd"},
        "fn_index": opening["id"],
        "session_hash": "forged",
    }
    response = call(
        chat,
        "/gradio_api/run/predict",
        method="POST",
        body=json.dumps(forged).encode(),
        Content_Type="application/json",
    )
    assert b"etc/passwd" not in response.body  # type: ignore[attr-defined]
    assert b"forged" not in response.body  # type: ignore[attr-defined]


def test_a_question_may_be_asked_of_some_articles_only_and_again_of_the_same(replies: Replies) -> None:
    heard: list[ArticleFilter | None] = []
    answers = replies.assistant.stream
    replies.assistant.stream = lambda q, h=(), article_filter=None: (heard.append(article_filter), answers(q, h))[1]  # type: ignore[method-assign]
    said = list(replies.ask(READER, "When?", Conversation(), Writing(), " 2024-02 ", "", ["The Daily"]))[-1][1]
    chosen = ArticleFilter(since="2024-02", sources=("The Daily",))
    assert said.exchanges[-1].article_filter == chosen
    messages = list(replies.ask_again(READER, said, Writing(), "2023", "", ["The Herald"]))[-1][0]
    assert heard == [chosen, chosen], "whatever is chosen on the page by now"
    assert "Asked only of articles: since 2024&#45;02 · The Daily" in messages[-1]["content"]


def test_a_day_that_is_none_is_said_in_the_chat(replies: Replies) -> None:
    messages = list(replies.ask(READER, "When?", Conversation(), Writing(), "yesterday", None, []))[-1][0]
    assert "Invalid date" in messages[-1]["content"]
