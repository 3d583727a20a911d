"""Conversations are kept for their reader, and an answer can be copied, exported, judged and made a test."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from readers import IN_A_BROWSER, Reader

from rag.evaluate import read_cases

pytestmark = IN_A_BROWSER

REOPENED = "The harbour reopened on Monday after the storm."
HARBOUR = "When did the harbour reopen after the storm?"
FERRY = "How often does the ferry sail?"


@pytest.fixture
def at_news(reader: Reader, news: Any) -> Reader:
    """A reader who has opened the chat."""
    reader.open(news.url)
    return reader


@pytest.fixture
def own(browser: Any, make_newsroom: Any, tmp_path: Path) -> Callable[[], Any]:
    """`own()`: what a chat needs that is of this test alone; called again, the same after a new start."""
    return lambda: make_newsroom(tmp_path / "home")


def titles(reader: Any) -> list[str]:
    """The conversations in the list, whether it is open or not."""
    return list(reader.locator("#history .title").all_text_contents())


def rename(reader: Any, title: str, key: str) -> None:
    """Type a new title for the first conversation in the list, and press a key."""
    reader.click("#history [data-do=rename] >> nth=0")
    reader.wait_for_function("document.activeElement.matches('#history input.name')")
    reader.keyboard.type(title)  # what stands there is selected
    reader.keyboard.press(key)


def test_a_conversation_is_listed_and_opened_again_with_its_citations(at_news: Any) -> None:
    at_news.ask(HARBOUR)
    at_news.ask(FERRY)
    at_news.start_over()
    at_news.ask("How far is the moon?")
    at_news.panel("history")
    assert titles(at_news) == ["How far is the moon?", HARBOUR]
    assert at_news.get_attribute("#history .title >> nth=0", "aria-current") == "true"
    assert at_news.locator("#history .byline").nth(1).inner_text().startswith("2 questions · ")
    at_news.click("#history .title >> nth=1")
    at_news.wait_for_function("document.querySelectorAll('.reply').length === 2")
    at_news.wait_for_selector("#history-panel", state="hidden")
    assert at_news.locator(".question").all_inner_texts() == [HARBOUR, FERRY]
    at_news.click("a.cite >> nth=0")
    at_news.wait_for_function("document.activeElement.id === 'place'")
    assert at_news.marked() == REOPENED
    at_news.ask(FERRY)
    at_news.wait_for_function("document.querySelector('#history .byline')?.textContent.startsWith('3 questions')")


def test_a_conversation_is_renamed_by_enter_and_not_by_escape(at_news: Any) -> None:
    at_news.ask(HARBOUR)
    at_news.panel("history")
    rename(at_news, "Never", "Escape")
    assert at_news.locator("#history .title").inner_text() == HARBOUR
    assert at_news.locator("#history-panel").is_visible(), "it ends the renaming and nothing else"
    rename(at_news, "The port", "Enter")
    at_news.wait_for_words("#history .title", "The port")
    at_news.close_panel()
    at_news.ask(FERRY)
    assert titles(at_news) == ["The port"]
    at_news.reload()
    at_news.wait_for_function("document.querySelector('#history .title')?.textContent === 'The port'")


def test_a_name_that_was_called_off_is_not_there_when_renaming_again(at_news: Any) -> None:
    at_news.ask(HARBOUR)
    at_news.panel("history")
    rename(at_news, "Never", "Escape")
    at_news.click("#history [data-do=rename]")
    assert at_news.input_value("#history input.name") == HARBOUR


def test_a_conversation_is_deleted_after_asking_twice(at_news: Any) -> None:
    at_news.ask(HARBOUR)
    at_news.start_over()
    at_news.ask(FERRY)
    at_news.panel("history")
    delete = at_news.locator("#history [data-do=delete]").nth(1)
    delete.click()
    assert delete.inner_text() == "Delete permanently?"
    at_news.focus("#history .title >> nth=0")
    assert delete.inner_text() == "Delete", "who turns away is asked anew"
    assert len(titles(at_news)) == 2
    delete.click()
    delete.click()
    at_news.wait_for_function("document.querySelectorAll('#history .title').length === 1")
    assert titles(at_news) == [FERRY]
    assert at_news.locator(".reply").count() == 1, "the one that is open stays open"
    at_news.locator("#history [data-do=delete]").dblclick()
    at_news.wait_for_words("#history .empty", "No conversations yet.")
    assert at_news.locator(".reply").count() == 0


def test_conversations_outlive_the_server_and_the_page(reader: Any, own: Any, serve: Any) -> None:
    first = own()
    with serve(first.assistant, first.services) as url:
        reader.open(url)
        reader.ask(HARBOUR)
    second = own()
    with serve(second.assistant, second.services, urlsplit(url).port) as again:
        assert again == url
        reader.page.goto("about:blank")  # the old page reloads itself once the server is back
        reader.open(url)
        reader.panel("history")
        reader.click("#history .title")
        reader.wait_for_selector(".reply")
        assert reader.locator(".support").all_inner_texts() == [
            "quoted",
            "supported",
            "partly supported",
            "not confirmed",
        ]
        reader.click("a.cite >> nth=0")
        reader.wait_for_function("document.activeElement.id === 'place'")
        assert reader.marked() == REOPENED
        reader.ask(FERRY)
        assert titles(reader) == [HARBOUR]


def test_another_browser_sees_none_of_it(at_news: Any, another: Any, news: Any) -> None:
    at_news.ask(HARBOUR)
    other = another()
    other.open(news.url)
    other.panel("history")
    other.wait_for_words("#history .empty", "No conversations yet.")
    assert titles(other) == []
    assert titles(at_news) == [HARBOUR]


def test_of_an_article_that_was_removed_the_passage_is_still_shown(reader: Any, own: Any, serve: Any) -> None:
    made = own()
    with serve(made.assistant, made.services) as url:
        reader.open(url)
        reader.ask(FERRY)
        ferry = next(article for article in made.index.article_metadata() if "ferry" in article.title)
        made.services.library.remove([ferry.id])
        reader.open(url)
        reader.panel("history")
        reader.click("#history .title")
        reader.click("a.cite >> nth=0")
        reader.wait_for_words("#article-pane .gone", "no longer indexed")
        assert reader.marked() == "The ferry to the island sails every hour."
        assert "In summer the ferry" in reader.inner_text("#article-pane .story")
        assert reader.locator("#article-pane a.original").count() == 0


@pytest.fixture
def exported(at_news: Any) -> Callable[[str], tuple[str, str]]:
    """`exported("json")`: the name and the text of the file that a conversation is downloaded as."""
    at_news.ask(HARBOUR)
    at_news.ask(FERRY)
    at_news.panel("history")

    def download(what: str) -> tuple[str, str]:
        with at_news.expect_download() as waiting:
            at_news.click(f"#history-panel [data-do={what}]")
        return waiting.value.suggested_filename, Path(waiting.value.path()).read_text(encoding="utf-8")

    return download


def test_a_conversation_is_downloaded_as_markdown(exported: Any) -> None:
    name, text = exported("markdown")
    assert name == "When-did-the-harbour-reopen-after-the-storm.md"
    assert text.startswith(f"# {HARBOUR}\n\n## {HARBOUR}\n\n{REOPENED} [^1]")
    assert f"\n## {FERRY}\n" in text
    assert f"[^1]: “{REOPENED}” *The harbour reopens*, daily.example, Ann Lee, 24 February 2024" in text


def test_a_conversation_is_downloaded_as_json(exported: Any) -> None:
    name, text = exported("json")
    assert name == "When-did-the-harbour-reopen-after-the-storm.json"
    said = json.loads(text)
    assert [each["question"] for each in said["questions"]] == [HARBOUR, FERRY]
    assert said["questions"][0]["answer"]["citations"][0]["quote"] == REOPENED


def test_the_same_file_can_be_downloaded_twice(exported: Any) -> None:
    assert exported("json") == exported("json")


def test_an_answer_is_copied_with_its_sources(at_news: Any) -> None:
    at_news.context.grant_permissions(["clipboard-read", "clipboard-write"])
    at_news.ask(HARBOUR)
    at_news.click("#act-copy-1")
    at_news.wait_for_words("#notice", "Copied")
    copied = at_news.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"{REOPENED} [1]")
    assert f"\nSources:\n[1] “{REOPENED}” The harbour reopens, daily.example, Ann Lee, 24 February 2024" in copied


def test_the_same_answer_can_be_copied_twice(at_news: Any) -> None:
    at_news.evaluate("navigator.clipboard.writeText = async text => (window.copies ??= []).push(text)")
    at_news.ask(HARBOUR)
    for times in (1, 2):
        at_news.click("#act-copy-1")
        at_news.wait_for_function(f"window.copies?.length >= {times}")


@pytest.mark.parametrize(
    ("rating", "label"), [("good", "What was good about this answer?"), ("bad", "What was wrong with this answer?")]
)
def test_a_verdict_is_kept_with_its_reason(at_news: Any, news: Any, rating: str, label: str) -> None:
    at_news.ask(HARBOUR)
    at_news.click(f"#act-{rating}-1")
    at_news.wait_for_words(f"#act-{rating}-1.chosen", "✓")
    field = at_news.locator("#reason textarea, #reason input")
    field.wait_for(state="visible")
    assert field.get_attribute("placeholder") == label
    field.fill(f"It is {rating}, and I say why.")
    at_news.click("#reason .submit-button")
    field.wait_for(state="hidden")
    kept = [
        each for each in news.services.conversations.feedback() if each["reason"] == f"It is {rating}, and I say why."
    ]
    assert [(each["question"], each["verdict"]) for each in kept] == [(HARBOUR, rating)]
    assert kept[0]["citations"][0]["quote"] == REOPENED


def test_a_verdict_can_be_changed(at_news: Any) -> None:
    at_news.ask(HARBOUR)
    at_news.click("#act-good-1")
    at_news.wait_for_selector("#act-good-1.chosen")
    at_news.click("#act-bad-1")
    at_news.wait_for_selector("#act-bad-1.chosen")
    assert at_news.locator("#act-good-1.chosen").count() == 0


def test_an_answer_becomes_a_case_of_the_test_set_once(at_news: Any, news: Any) -> None:
    at_news.ask(FERRY)
    at_news.click("#act-case-1")
    at_news.wait_for_words("#notice", "Added to test set testset.jsonl.")
    at_news.click("#act-case-1")
    at_news.wait_for_words("#notice", "Already in test set testset.jsonl.")
    (case,) = read_cases(news.services.testset)
    assert case.question == FERRY
    assert case.evidence[0].text == "The ferry to the island sails every hour."
