"""A reader's choice for one question: which articles, which model; whatever comes from a browser is looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from index import ArticleFilter, FilterError, Index
from rag import AnswerOptions, Assistant, ModelCatalog, SettingsError, load_settings
from ui.chat.answer_options import Choice, Chosen
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


def last(answering: Chosen, choice: Choice) -> Any:
    *_, said = converse(answering, Conversation(), "When did the harbour reopen?", lambda: choice.article_filter)
    return said.exchanges[-1]


# Which articles


@pytest.mark.parametrize(
    ("choice", "article_filter"),
    [
        (Choice(), ArticleFilter()),
        (Choice("", "  ", [], frozenset()), ArticleFilter()),
        (Choice(None, None, None), ArticleFilter()),
        (Choice(" 2024-02 ", "2024"), ArticleFilter("2024-02", "2024")),
        (Choice(sources=["The Daily", "x"]), ArticleFilter(sources=("The Daily", "x"))),
        (Choice(ticked=frozenset({"b", "a"})), ArticleFilter(articles=("a", "b"))),
        (Choice(sources=[7, None]), ArticleFilter(sources=("7", "None"))),  # type: ignore[list-item]
    ],
)
def test_a_choice_says_which_articles_are_asked(choice: Choice, article_filter: ArticleFilter) -> None:
    assert choice.article_filter == article_filter


@pytest.mark.parametrize("day", ["yesterday", "24.2.2024", "2024-2", "20240224", "२०२४", "2024\n2025", 7, ["2024"]])
def test_a_day_that_is_none_is_refused(day: Any) -> None:
    with pytest.raises(FilterError, match="Invalid date"):
        _ = Choice(day).article_filter
    with pytest.raises(FilterError, match="Invalid date"):
        _ = Choice(None, day).article_filter


def test_only_what_is_ticked_is_asked(assistant: Assistant) -> None:
    (port,) = (article.id for article in assistant.article_metadata() if article.title.startswith("The harbour"))
    exchange = last(Chosen(assistant, None, Choice()), Choice(ticked={port}))
    assert {hit.passage.article_id for hit in exchange.answer.hits} == {port}
    assert exchange.article_filter == ArticleFilter(articles=(port,))
    gone = last(Chosen(assistant, None, Choice()), Choice(ticked={"gone"}))
    assert not gone.answer.found
    assert gone.answer.notes


# Which model


def test_without_a_choice_the_assistant_answers_as_it_is(assistant: Assistant, model_catalog: ModelCatalog) -> None:
    chosen = Choice(model=assistant.model, passages=assistant.options.top_k, strict=assistant.options.strict)
    for choice in (Choice(), chosen, Choice(model="")):
        for offered in (model_catalog, None):
            exchange = last(Chosen(assistant, offered, choice), choice)
            assert exchange.error is None
            assert exchange.answer.model == "extractive"
            assert "Monday" in exchange.answer.text


def test_fewer_passages_are_used_where_that_is_chosen(assistant: Assistant, model_catalog: ModelCatalog) -> None:
    assert len(last(Chosen(assistant, model_catalog, Choice(passages=1.0)), Choice()).answer.hits) == 1
    assert len(last(Chosen(assistant, model_catalog, Choice()), Choice()).answer.hits) == 2


@pytest.mark.parametrize(
    "choice",
    [
        Choice(model="openai:gpt-99"),
        Choice(model="../../x"),
        Choice(model=["extractive"]),  # type: ignore[arg-type]
        Choice(passages=0),
        Choice(passages=-5),
        Choice(passages=10**9),
        Choice(strict="yes"),  # type: ignore[arg-type]
    ],
    ids=repr,
)
def test_what_is_not_offered_is_told_where_the_answer_would_stand(
    assistant: Assistant, model_catalog: ModelCatalog, choice: Choice
) -> None:
    with pytest.raises(SettingsError):
        next(Chosen(assistant, model_catalog, choice).stream("When?"))
    exchange = last(Chosen(assistant, model_catalog, choice), choice)
    assert exchange.answer is None
    assert exchange.error not in (None, UNEXPECTED)


@pytest.mark.parametrize("passages", [float("nan"), float("inf"), "six", [6], {}])
def test_a_number_that_is_none_ends_in_an_error_of_the_page(
    assistant: Assistant, model_catalog: ModelCatalog, passages: Any
) -> None:
    choice = Choice(passages=passages)
    assert last(Chosen(assistant, model_catalog, choice), choice).error is not None


def test_a_choice_is_looked_at_when_the_question_is_asked(assistant: Assistant, model_catalog: ModelCatalog) -> None:
    chosen = Chosen(assistant, model_catalog, Choice(model="no such model"))
    with pytest.raises(SettingsError, match="is not offered"):
        next(chosen.stream("When?"))
