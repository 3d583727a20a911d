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

from index import Article, ArticleFilter, Hit, Passage, RequestFilter, Span
from index.embedding import onnx
from rag import Answer, AnswerOptions, QuestionError, Sentence, Turn, build_assistant, load_settings
from ui.chat.handlers.answers import AnswerHandlers
from ui.chat.page import load_gradio
from ui.chat.session import PageSession, Visitor
from ui.conversation import Conversation
from ui.server import ServedChat, build_app, launch_app, start_chat

# The framework leaves event loops open for the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning"
)

VISITOR = Visitor()
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
def handlers() -> AnswerHandlers:
    return AnswerHandlers(load_gradio(), Fake(ARTICLE))  # type: ignore[arg-type]


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


def test_an_answer_comes_with_its_article_opened_at_the_words(handlers: AnswerHandlers) -> None:
    screens = list(handlers.ask(VISITOR, "When?", Conversation(), PageSession()))
    last = screens[-1]
    messages, said, box, controls = (last[name] for name in ("chatbot", "conversation", "question", "controls"))
    assert [message["role"] for message in messages] == ["user", "assistant"]
    assert said.exchanges[0].answer is not None
    assert said.exchanges[0].answer.done
    assert box["submit_btn"] == "Ask"
    assert controls["visible"] is True
    articles = [screen["article"] for screen in screens if "article" in screen]
    assert len(articles) == 1, "the article is set once, and what the user opens meanwhile stays"
    assert ">The harbour reopened on Monday" in articles[0]
    assert screens[0]["question"]["stop_btn"] == "Stop"
    assert screens[0]["question"]["value"] == "", "the box is empty as soon as the question is asked"


def test_the_next_question_knows_what_was_said(handlers: AnswerHandlers) -> None:
    said = list(handlers.ask(VISITOR, "When?", Conversation(), PageSession()))[-1]["conversation"]
    list(handlers.ask(VISITOR, "And then?", said, PageSession()))
    question, history = handlers.assistant.heard[-1]  # type: ignore[attr-defined]
    assert question == "And then?"
    assert [turn.text for turn in history] == ["When?", f"{TEXT[:31]} [1]"]


def test_an_empty_question_gets_a_hint_and_a_very_long_one_is_not_echoed_whole(handlers: AnswerHandlers) -> None:
    messages = list(handlers.ask(VISITOR, None, Conversation(), PageSession()))[-1]["chatbot"]
    assert "Type a question" in messages[1]["content"]
    messages = list(handlers.ask(VISITOR, "x" * 100_000, Conversation(), PageSession()))[-1]["chatbot"]
    assert len(messages[0]["content"]) < 3000


def test_asking_again_replaces_the_answer_and_taking_back_returns_the_question(handlers: AnswerHandlers) -> None:
    said = list(handlers.ask(VISITOR, "When?", Conversation(), PageSession()))[-1]["conversation"]
    again = list(handlers.ask_again(VISITOR, said, PageSession()))[-1]["conversation"]
    assert len(again.exchanges) == 1
    assert list(handlers.ask_again(VISITOR, Conversation(), PageSession())) == []
    back = handlers.undo(VISITOR, said, PageSession())
    assert back["conversation"].exchanges == ()
    assert back["question"]["value"] == "When?"
    assert handlers.start_over(VISITOR, PageSession())["conversation"] == Conversation()


def test_stopping_keeps_what_was_written(handlers: AnswerHandlers) -> None:
    halfway = next(iter(list(handlers.ask(VISITOR, "When?", Conversation(), PageSession()))[1:]))["conversation"]
    stopped = handlers.stop(VISITOR, halfway, PageSession())
    messages, said = stopped["chatbot"], stopped["conversation"]
    assert said.exchanges[0].stopped
    assert "Stopped" in messages[1]["content"]


@pytest.mark.parametrize(
    "data", [None, "cite-1-1", {"place": "cite-1-1"}, {"place": ["cite", 1]}, {"doc": "a1"}, 7, []]
)
def test_a_citation_that_was_never_given_opens_nothing(handlers: AnswerHandlers, data: object) -> None:
    assert "not available" in handlers.open_citation(VISITOR, data, Conversation())["article"]


def test_of_an_article_that_is_gone_the_quote_stays_and_it_is_said(handlers: AnswerHandlers) -> None:
    said = list(handlers.ask(VISITOR, "When?", Conversation(), PageSession()))[-1]["conversation"]
    assert "The port" in handlers.open_citation(VISITOR, {"place": "cite-1-1"}, said)["article"]
    handlers.assistant._articles.clear()  # type: ignore[attr-defined]
    kept = handlers.open_citation(VISITOR, {"place": "cite-1-1"}, said)["article"]
    assert "no longer indexed" in kept
    assert "The harbour reopened on Monday" in kept


def test_the_status_line_says_who_answers_from_how_much(handlers: AnswerHandlers) -> None:
    (shown,) = handlers.masthead(VISITOR)
    assert "no language model" in shown["masthead"]
    assert "1 article<" in shown["masthead"]


def test_with_nothing_indexed_the_reader_is_told_what_to_type() -> None:
    handlers = AnswerHandlers(load_gradio(), Fake())  # type: ignore[arg-type]
    assert "no articles" in next(handlers.masthead(VISITOR))["masthead"]
    assert "citechat index PATH" in handlers.load(VISITOR)["article"]


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
        handlers = AnswerHandlers(load_gradio(), assistant)
        answers = handlers.ask(VISITOR, "What is Boximator?", Conversation(), PageSession())
        next(answers)
        may_load.set()
        said = list(answers)[-1]["conversation"]
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
    handlers = AnswerHandlers(load_gradio(), fake)  # type: ignore[arg-type]
    shown = handlers.suggest_starters(VISITOR, Conversation())
    handlers.suggest_starters(VISITOR, Conversation())
    assert shown["starter_row"]["visible"] is True
    assert shown["starter_1"]["value"] == "What is said about Westhaven?"
    assert len(fake.heard) == 1
    broken = AnswerHandlers(load_gradio(), Broken(Article("b", "t", "s", text)))  # type: ignore[arg-type]
    assert broken.suggest_starters(VISITOR, Conversation())["starter_row"]["visible"] is False
    assert "cannot suggest starter questions" in caplog.text


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


def test_a_question_may_be_asked_of_some_articles_only_and_again_of_the_same(handlers: AnswerHandlers) -> None:
    heard: list[ArticleFilter | None] = []
    answers = handlers.assistant.stream
    handlers.assistant.stream = lambda q, h=(), article_filter=None: (heard.append(article_filter), answers(q, h))[1]  # type: ignore[method-assign]
    said = list(handlers.ask(VISITOR, "When?", Conversation(), PageSession(), " 2024-02 ", "", ["The Daily"]))[-1][
        "conversation"
    ]
    chosen = RequestFilter(since="2024-02", sources=("The Daily",))
    assert said.exchanges[-1].article_filter == chosen
    messages = list(handlers.ask_again(VISITOR, said, PageSession(), "2023", "", ["The Herald"]))[-1]["chatbot"]
    assert heard == [chosen, chosen], "whatever is chosen on the page by now"
    assert "Limited to&#58; since 2024&#45;02 · The Daily" in messages[-1]["content"]


def test_a_day_that_is_none_is_said_in_the_chat(handlers: AnswerHandlers) -> None:
    messages = list(handlers.ask(VISITOR, "When?", Conversation(), PageSession(), "yesterday", None, []))[-1]["chatbot"]
    assert "Invalid date" in messages[-1]["content"]
