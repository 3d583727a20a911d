"""A folder of files in every format is indexed, and a question about each is answered with the right citation."""

from __future__ import annotations

from pathlib import Path

import pytest
from writers import Expectation, write_all

from index import Article
from rag import Assistant, load_settings, open_index


@pytest.mark.slow
def test_a_question_about_each_file_is_answered_with_its_citation(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "articles"
    folder.mkdir()
    written = write_all(folder)
    index = open_index(load_settings(home=home))
    report = index.sync([folder])
    assert report.skipped == ()
    assert len({name.partition("!")[0] for name in written}) >= 12, "files"
    assert report.articles >= len(written)
    assistant = Assistant(index)
    wrong = {name: reason for name, expected in written.items() if (reason := _fault(assistant, name, expected))}
    assert wrong == {}


def _fault(assistant: Assistant, name: str, expected: Expectation) -> str:
    """What is wrong with the answer to a file's question; nothing where it is right."""
    answer = assistant.ask(expected.question)
    if not answer.citations:
        return f"nothing is cited: {answer.text}"
    first = answer.citations[0]
    article = assistant.article(first.article_id)
    assert isinstance(article, Article)
    assert article.text[first.start : first.end] == first.quote
    said = "\n".join([answer.text, first.quote])
    if first.title != expected.title:
        return f"another article is cited: {first.title}"
    if missing := [word for word in expected.answer if word not in said]:
        return f"{missing} is not said: {said}"
    if (first.page is not None) != bool(expected.pages):
        return f"page {first.page} of {expected.pages}"
    return ""
