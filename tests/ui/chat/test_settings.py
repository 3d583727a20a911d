"""The settings of the page for one question: which articles, which model; whatever a browser sends is checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from index import FilterError, Index, RequestFilter
from rag import AnswerOptions, Assistant, ModelCatalog, SettingsError, load_settings
from ui.chat.session import PageSettings
from ui.conversation import UNEXPECTED, Conversation, converse

TEXT = "The harbour reopened on Monday. Ships came back."


@pytest.fixture
def assistant(index: Index, tmp_path: Path) -> Assistant:
    for name, text in (("port.txt", TEXT), ("tea.txt", "Tea is late. Nobody minds.")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    index.sync([tmp_path / "port.txt", tmp_path / "tea.txt"])
    return Assistant(index, options=AnswerOptions(abstention_threshold=0.0))


@pytest.fixture
def model_catalog(home: Path) -> ModelCatalog:
    return ModelCatalog(load_settings(home=home))


def last(
    assistant: Assistant,
    model_catalog: ModelCatalog | None,
    settings: PageSettings,
    articles: PageSettings | None = None,
) -> Any:
    """The exchange of a question that is answered as the settings say."""
    *_, conversation = converse(
        lambda: settings.assistant(assistant, model_catalog),
        Conversation(),
        "When did the harbour reopen?",
        lambda: (articles or settings).article_filter,
    )
    return conversation.exchanges[-1]


# Which articles


@pytest.mark.parametrize(
    ("choice", "article_filter"),
    [
        (PageSettings(), RequestFilter()),
        (PageSettings("", "  ", [], frozenset()), RequestFilter()),
        (PageSettings(None, None, None), RequestFilter()),
        (PageSettings(" 2024-02 ", "2024"), RequestFilter("2024-02", "2024")),
        (PageSettings(sources=["The Daily", "x"]), RequestFilter(sources=("The Daily", "x"))),
        (PageSettings(selected=frozenset({"b", "a"})), RequestFilter(articles=("a", "b"))),
        (PageSettings(sources=[7, None]), RequestFilter(sources=("7", "None"))),  # type: ignore[list-item]
    ],
)
def test_a_choice_says_which_articles_are_asked(choice: PageSettings, article_filter: RequestFilter) -> None:
    assert choice.article_filter == article_filter


@pytest.mark.parametrize("day", ["yesterday", "24.2.2024", "2024-2", "20240224", "२०२४", "2024\n2025", 7, ["2024"]])
def test_a_day_that_is_none_is_refused(day: Any) -> None:
    with pytest.raises(FilterError, match="Invalid date"):
        _ = PageSettings(day).article_filter
    with pytest.raises(FilterError, match="Invalid date"):
        _ = PageSettings(None, day).article_filter


def test_only_what_is_ticked_is_asked(assistant: Assistant) -> None:
    (port,) = (article.id for article in assistant.article_metadata() if article.title.startswith("The harbour"))
    exchange = last(assistant, None, PageSettings(selected={port}))
    assert {hit.passage.article_id for hit in exchange.answer.hits} == {port}
    assert exchange.article_filter == RequestFilter(articles=(port,))
    gone = last(assistant, None, PageSettings(selected={"gone"}))
    assert not gone.answer.found
    assert gone.answer.notes


# Which model


def test_without_a_choice_the_assistant_answers_as_it_is(assistant: Assistant, model_catalog: ModelCatalog) -> None:
    chosen = PageSettings(model=assistant.model, passages=assistant.options.top_k, strict=assistant.options.strict)
    for choice in (PageSettings(), chosen, PageSettings(model="")):
        for offered in (model_catalog, None):
            exchange = last(assistant, offered, choice)
            assert exchange.error is None
            assert exchange.answer.model == "extractive"
            assert "Monday" in exchange.answer.text


def test_fewer_passages_are_used_where_that_is_chosen(assistant: Assistant, model_catalog: ModelCatalog) -> None:
    assert len(last(assistant, model_catalog, PageSettings(passages=1.0)).answer.hits) == 1
    assert len(last(assistant, model_catalog, PageSettings()).answer.hits) == 2


@pytest.mark.parametrize(
    "choice",
    [
        PageSettings(model="openai:gpt-99"),
        PageSettings(model="../../x"),
        PageSettings(model=["extractive"]),  # type: ignore[arg-type]
        PageSettings(passages=0),
        PageSettings(passages=-5),
        PageSettings(passages=10**9),
        PageSettings(passages=float("nan")),
        PageSettings(passages=float("inf")),
        PageSettings(passages="six"),  # type: ignore[arg-type]
        PageSettings(strict="yes"),  # type: ignore[arg-type]
    ],
    ids=repr,
)
def test_what_is_not_offered_is_told_where_the_answer_would_stand(
    assistant: Assistant, model_catalog: ModelCatalog, choice: PageSettings
) -> None:
    with pytest.raises(SettingsError):
        choice.assistant(assistant, model_catalog)
    exchange = last(assistant, model_catalog, choice)
    assert exchange.answer is None
    assert exchange.error not in (None, UNEXPECTED)


@pytest.mark.parametrize("passages", [float("nan"), float("inf"), "six", [6], {}])
def test_a_number_that_is_none_ends_in_an_error_of_the_page(
    assistant: Assistant, model_catalog: ModelCatalog, passages: Any
) -> None:
    choice = PageSettings(passages=passages)
    assert last(assistant, model_catalog, choice).error is not None
