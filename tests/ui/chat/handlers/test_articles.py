"""The article pane: an article opens with its overview, and each of its sentences links to its place."""

from __future__ import annotations

import html
import re
import threading
from pathlib import Path

import pytest

from index import Encoder, Index
from rag import Assistant
from ui.chat.handlers.answers import FOLLOW_UPS, STARTERS, AnswerHandlers, Update
from ui.chat.services import Services
from ui.chat.session import PageSession, Visitor
from ui.conversation import Conversation

BRIDGE = (Path(__file__).parents[3] / "rag" / "generation" / "texts" / "bridge.txt").read_text(encoding="utf-8")
TEA = (
    "The tea harvest of Lindau began on Friday. Mira Sand, a farmer in Lindau, said that she expects 300 tonnes. "
    "Rain delayed the harvest by a week. The buyers of Lindau come from four countries, Mira Sand said."
)
ANN = Visitor("ann", "1")
LINK = re.compile(r'<a href="#(brief-\w+-(\d+)-(\d+))" class="at-(\w+)-\2-\3-\2-\3">(.*?)</a>')
FORGED: list[object] = [
    *(None, 7, "open", [], {}, {"what": "open"}, {"what": ["open"], "id": "1"}, {"what": "open", "id": None}),
    *({"what": "open", "id": id_} for id_ in ("unknown", "\x00\ud800", "../x", "9" * 5000)),
]


class Gradio:
    """The part of the web framework that replies use."""

    def update(self, **values: object) -> dict[str, object]:
        return values


def handlers_of(folder: Path, encoder: Encoder, *texts: str, ready: bool = True) -> AnswerHandlers:
    for number, text in enumerate(texts):
        (folder / f"{number}.txt").write_text(text, encoding="utf-8")
    index = Index(folder / "index", encoder)
    index.sync([folder / f"{number}.txt" for number in range(len(texts))])
    services = Services(ready=threading.Event())
    if ready:
        services.ready.set()
    return AnswerHandlers(Gradio(), Assistant(index), services)


def opened(handlers: AnswerHandlers, data: object, conversation: Conversation | None = None) -> Update:
    shown: Update = {}
    for update in handlers.open_article(ANN, data, conversation or Conversation()):
        shown |= update
    return shown


def links(shown: str) -> list[tuple[str, ...]]:
    """Return the target, offsets, article and text of each sentence of an overview."""
    return LINK.findall(html.unescape(shown))


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory, bundled_encoder: Encoder) -> AnswerHandlers:
    return handlers_of(tmp_path_factory.mktemp("one"), bundled_encoder, BRIDGE)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, bundled_encoder: Encoder) -> AnswerHandlers:
    return handlers_of(tmp_path_factory.mktemp("two"), bundled_encoder, BRIDGE, TEA)


def test_the_only_article_is_open_from_the_start_with_its_overview(one: AnswerHandlers) -> None:
    shown = one.load(ANN)["article"]
    assert one.open_only_article(ANN, Conversation()) == {"article": shown}
    (article,) = one.assistant.articles()
    sentences = links(shown)
    assert 3 <= len(sentences) <= 6
    for _, start, end, id_, text in sentences:
        assert id_ == article.id
        assert text == " ".join(article.text[int(start) : int(end)].split())
    assert "In brief" in shown


def test_a_sentence_of_an_overview_opens_its_place(one: AnswerHandlers) -> None:
    target, start, end, _, _ = links(one.load(ANN)["article"])[1]
    shown = one.open_citation(ANN, {"place": target}, Conversation())["article"]
    marked = "".join(re.findall(r"<mark[^>]*>(.*?)</mark>", shown))
    assert html.unescape(marked) == one.assistant.articles()[0].text[int(start) : int(end)]


def test_a_place_outside_the_article_opens_nothing(one: AnswerHandlers) -> None:
    id_ = one.assistant.articles()[0].id
    for place in (f"brief-{id_}-5-5", f"brief-{id_}-9-3", f"brief-{id_}-0-{len(BRIDGE) + 1}", "brief-unknown-0-3"):
        assert "Article not available" in one.open_citation(ANN, {"place": place}, Conversation())["article"]
    for place in (f"brief-{id_}-0-9999999999", f"brief-{id_}--1-3", f"brief-{id_}-0-3\n", "brief-é-0-3"):
        assert "Source not available" in one.open_citation(ANN, {"place": place}, Conversation())["article"]


def test_with_several_articles_none_is_open_until_one_is_chosen(two: AnswerHandlers) -> None:
    assert "Sources open here" in two.load(ANN)["article"]
    assert two.open_only_article(ANN, Conversation()) == {}
    tea = next(each for each in two.assistant.articles() if "tea" in each.text)
    shown = opened(two, {"what": "open", "id": tea.id})
    assert "The tea harvest of Lindau began on Friday." in html.unescape(shown["article"])
    questions = [shown[name]["value"] for name in STARTERS if shown[name]["visible"]]
    assert questions
    assert shown["starter_row"] == {"visible": True}
    for question in questions:
        assert {each.article_id for each in two.assistant.ask(question).citations} == {tea.id}


def test_during_a_conversation_questions_about_an_article_are_follow_ups(two: AnswerHandlers) -> None:
    said = list(two.ask(ANN, "When did the tea harvest begin?", Conversation(), PageSession()))[-1]["conversation"]
    tea = next(each for each in two.assistant.articles() if "tea" in each.text)
    shown = opened(two, {"what": "open", "id": tea.id}, said)
    assert shown["follow_up_row"] == {"visible": True}
    assert set(FOLLOW_UPS) <= set(shown)
    assert "starter_row" not in shown


@pytest.mark.parametrize("data", FORGED, ids=ascii)
def test_a_forged_choice_opens_nothing(data: object, two: AnswerHandlers) -> None:
    shown = opened(two, data)
    assert "article" not in shown or "Article not available" in shown["article"]


def test_while_the_model_is_loading_the_page_does_not_wait(tmp_path: Path, bundled_encoder: Encoder) -> None:
    handlers = handlers_of(tmp_path, bundled_encoder, TEA, ready=False)
    assert "Sources open here" in handlers.load(ANN)["article"]
    handlers.services.ready.set()
    assert "In brief" in handlers.open_only_article(ANN, Conversation())["article"]


def test_an_article_without_an_overview_opens(
    tmp_path: Path, bundled_encoder: Encoder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    handlers = handlers_of(tmp_path, bundled_encoder, TEA)
    monkeypatch.setattr(Assistant, "overview", lambda *_: 1 / 0)
    shown = handlers.load(ANN)["article"]
    assert "The tea harvest" in shown
    assert "In brief" not in shown
    assert "cannot find an overview" in caplog.text
