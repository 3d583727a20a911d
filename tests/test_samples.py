"""The sample briefing and its questions: what a newcomer sees first must be sound in every detail."""

from __future__ import annotations

import datetime
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
BRIEFING = ROOT / "samples" / "briefing.md"
QUESTIONS = ROOT / "samples" / "questions.jsonl"
ARTICLE = Path(os.environ.get("CITECHAT_ARTICLE") or ROOT.parent / "shared" / "article" / "article.txt")

LONGEST_SHARED_RUN = 7
UNANSWERABLE_TAGS = {"off-topic", "near-miss", "false-premise"}

Question = dict[str, Any]


def read_exactly(path: Path) -> str:
    """Decode a file without translating its line ends, so that offsets mean what they say."""
    return path.read_bytes().decode("utf-8")


def split_front_matter(content: str) -> tuple[str, int]:
    """Return the YAML between the two `---` lines and the offset at which the body starts."""
    match = re.match(r"---\n(.*?\n)---\n", content, flags=re.DOTALL)
    assert match is not None, "the briefing must open with front matter between two --- lines"
    return match.group(1), match.end()


def runs_of_words(text: str, length: int) -> set[tuple[str, ...]]:
    """Every run of `length` consecutive words, ignoring case and punctuation."""
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i : i + length]) for i in range(len(words) - length + 1)}


@pytest.fixture(scope="module")
def content() -> str:
    """The whole briefing, front matter included."""
    return read_exactly(BRIEFING)


@pytest.fixture(scope="module")
def questions() -> list[Question]:
    """The questions, one JSON object a line."""
    return [json.loads(line) for line in read_exactly(QUESTIONS).splitlines()]


@pytest.fixture(scope="module")
def answerable(questions: list[Question]) -> list[Question]:
    """The questions that the briefing answers."""
    return [question for question in questions if question["answerable"]]


@pytest.fixture(scope="module")
def unanswerable(questions: list[Question]) -> list[Question]:
    """The questions that the briefing does not answer."""
    return [question for question in questions if not question["answerable"]]


class TestBriefing:
    """The briefing is a Markdown file that describes itself."""

    def test_front_matter_names_title_date_source_author_and_language(self, content: str) -> None:
        front_matter, _ = split_front_matter(content)
        fields = yaml.safe_load(front_matter)
        assert set(fields) == {"title", "published", "source", "author", "language"}
        assert isinstance(fields["title"], str)
        assert fields["title"]
        assert isinstance(fields["published"], datetime.date)
        assert fields["source"] == "citechat samples"
        assert fields["author"] == "the citechat authors"
        assert fields["language"] == "en"

    def test_lines_end_in_lf_everywhere(self, content: str) -> None:
        assert "\r" not in content
        assert content.endswith("\n")

    def test_body_has_sections(self, content: str) -> None:
        _, body_start = split_front_matter(content)
        assert len(re.findall(r"^## \S", content[body_start:], flags=re.MULTILINE)) >= 3

    def test_shares_no_run_of_eight_words_with_the_article_it_reports_on(self, content: str) -> None:
        if not ARTICLE.is_file():
            pytest.skip(f"the article is not part of the repository and is not at {ARTICLE}")
        length = LONGEST_SHARED_RUN + 1
        shared = runs_of_words(content, length) & runs_of_words(read_exactly(ARTICLE), length)
        assert not shared, sorted(" ".join(run) for run in shared)


class TestQuestions:
    """The questions cover the briefing, and say exactly where each answer stands."""

    def test_there_are_at_least_forty(self, questions: list[Question]) -> None:
        assert len(questions) >= 40

    def test_at_least_a_quarter_are_not_answered_by_the_briefing(
        self, questions: list[Question], unanswerable: list[Question]
    ) -> None:
        assert len(unanswerable) >= 12
        assert 4 * len(unanswerable) >= len(questions)

    def test_every_question_has_the_same_fields(self, questions: list[Question]) -> None:
        fields = {"id", "question", "answers", "evidence", "answerable", "tags"}
        assert [question for question in questions if set(question) != fields] == []

    def test_ids_are_unique(self, questions: list[Question]) -> None:
        ids = [question["id"] for question in questions]
        assert len(ids) == len(set(ids))

    def test_no_question_is_asked_twice(self, questions: list[Question]) -> None:
        texts = [question["question"].casefold() for question in questions]
        assert len(texts) == len(set(texts))

    def test_every_question_is_tagged(self, questions: list[Question]) -> None:
        assert [question["id"] for question in questions if not question["tags"]] == []


class TestEvidence:
    """Evidence is an exact passage of the briefing's body."""

    def test_offsets_slice_to_the_text(self, content: str, questions: list[Question]) -> None:
        for question in questions:
            for span in question["evidence"]:
                assert content[span["start"] : span["end"]] == span["text"], question["id"]

    def test_spans_are_not_empty(self, questions: list[Question]) -> None:
        for question in questions:
            for span in question["evidence"]:
                assert span["text"].strip(), question["id"]

    def test_spans_lie_outside_the_front_matter(self, content: str, questions: list[Question]) -> None:
        _, body_start = split_front_matter(content)
        for question in questions:
            for span in question["evidence"]:
                assert span["start"] >= body_start, question["id"]


class TestAnswers:
    """An answerable question can be answered from its evidence; any other has nothing to show."""

    def test_answerable_questions_have_answers_and_evidence(self, answerable: list[Question]) -> None:
        for question in answerable:
            assert question["answers"], question["id"]
            assert question["evidence"], question["id"]

    def test_first_answer_stands_in_the_evidence(self, answerable: list[Question]) -> None:
        for question in answerable:
            if "yes-no" in question["tags"]:
                continue
            answer = question["answers"][0].casefold()
            passages = [span["text"].casefold() for span in question["evidence"]]
            assert any(answer in passage for passage in passages), question["id"]

    def test_yes_no_questions_are_answered_yes_or_no(self, answerable: list[Question]) -> None:
        for question in answerable:
            if "yes-no" in question["tags"]:
                assert question["answers"][0] in {"Yes", "No"}, question["id"]

    def test_unanswerable_questions_have_no_answers_or_evidence(self, unanswerable: list[Question]) -> None:
        for question in unanswerable:
            assert question["answers"] == [], question["id"]
            assert question["evidence"] == [], question["id"]

    def test_unanswerable_questions_say_why(self, unanswerable: list[Question]) -> None:
        for question in unanswerable:
            assert len(question["tags"]) == 1, question["id"]
            assert set(question["tags"]) <= UNANSWERABLE_TAGS, question["id"]

    def test_unanswerable_questions_are_of_every_kind(self, unanswerable: list[Question]) -> None:
        assert {tag for question in unanswerable for tag in question["tags"]} == UNANSWERABLE_TAGS
