"""Evidence that is given by its words is found in exactly one place, or told."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from index import Article, Origin
from rag import TestSetError
from rag.evaluate import Case, Evidence, resolve
from rag.evaluate.testset import evidence as module
from rag.evaluate.testset.evidence import occurrences

PORT = Article("a1", "The port", "port.md", "The port reopened. Ann said so. 🚢 Ann left.", path="/news/port.md")
COPY = Article("a2", "A copy", "copy.md", "Ben said so.", copies=(Origin("The Daily", "https://daily.example/ben"),))


def case_with(*evidence: Evidence) -> Case:
    return Case(id="q1", question="Who?", evidence=evidence)


def test_evidence_is_found_by_its_words() -> None:
    (case,), problems = resolve([case_with(Evidence(text="🚢 Ann"), Evidence(text="Ben"))], [PORT, COPY])
    assert problems == []
    assert [(each.article_id, each.start, each.end) for each in case.evidence] == [("a1", 32, 37), ("a2", 0, 3)]
    assert PORT.text[32:37] == "🚢 Ann"
    assert case.id == "q1"


def test_evidence_whose_place_is_known_stays_and_no_article_is_read() -> None:
    known = [case_with(Evidence(start=0, end=3, text="xyz"))]
    assert resolve(known, (1 / 0 for _ in "x")) == (known, [])  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        (Evidence(text="Cem"), "'Cem' does not occur in any of the articles"),
        (Evidence(text="Ann"), "'Ann' occurs in 2 places: 'port.md' at 19, 'port.md' at 34"),
        (Evidence(text="said so"), "'said so' occurs in 2 places: 'port.md' at 23, 'copy.md' at 4"),
        (
            Evidence(text="ben  said so"),
            "does not occur exactly; 'copy.md' has it with different spacing, punctuation or capitals",
        ),
        (Evidence(text="Ben", source="port.md"), "any of the articles that it may belong to"),
    ],
)
def test_evidence_that_stands_nowhere_or_in_several_places_is_told(evidence: Evidence, reason: str) -> None:
    resolved, (problem,) = resolve([case_with(evidence)], [PORT, COPY], path="t.csv", lines={"q1": 7})
    assert resolved == []
    assert str(problem).startswith("t.csv, line 7, field 'evidence[0].text': ")
    assert reason in problem.reason
    assert str(resolve([case_with(evidence)], [PORT, COPY])[1][0]).startswith("case 'q1', field 'evidence[0].text': ")


@pytest.mark.parametrize(
    "named", [{"article_id": "a2"}, {"source": "copy.md"}, {"source": "The Daily"}, {"source": "daily.example/ben"}]
)
def test_the_article_that_evidence_names_decides_between_places(named: dict[str, str]) -> None:
    (case,), problems = resolve([case_with(Evidence(text="said so", **named))], [PORT, COPY])  # type: ignore[arg-type]
    assert not problems
    assert case.evidence[0].article_id == "a2"


def test_evidence_that_stands_everywhere_is_not_searched_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    places = [0]

    def counted(evidence: Evidence, text: str) -> Iterator[int]:
        for place in occurrences(evidence, text):
            places[0] += 1
            yield place

    monkeypatch.setattr(module, "occurrences", counted)
    everywhere = Article("a1", "All", "all.md", "e" * 45_000)
    resolved, (problem,) = resolve([case_with(Evidence(text="e"))], [everywhere, everywhere])
    assert resolved == []
    assert problem.reason.startswith(
        "'e' occurs in more than 3 places: 'all.md' at 0, 'all.md' at 1, 'all.md' at 2, …; give its start"
    )
    assert places[0] == 4


def test_articles_without_the_words_of_the_evidence_are_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[str] = []

    def counted(evidence: Evidence, text: str) -> Iterator[int]:
        searched.append(text)
        return occurrences(evidence, text)

    monkeypatch.setattr(module, "occurrences", counted)
    (case,), problems = resolve([case_with(Evidence(text="en said s"))], [PORT, COPY])
    assert not problems
    assert case.evidence[0].article_id == "a2"
    assert searched == [PORT.text, COPY.text]
    searched.clear()
    resolve([case_with(Evidence(text="The port reopened"), Evidence(text="The ship reopened"))], [PORT])
    assert searched == [PORT.text]


@pytest.mark.parametrize("text", ["e f", "e e F", "unknown words"])
def test_evidence_that_takes_too_long_to_find_is_an_error(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "thread_time", count().__next__)  # each piece takes a second
    article = Article("a1", "All", "all.md", "e " * 45_000)
    cases = [case_with(*[Evidence(text=text)] * 100)]
    with pytest.raises(TestSetError, match="too long to find: 100 pieces") as raised:
        resolve(cases, [article], longest=99.0)
    assert "citechat eval" in raised.value.hint
    assert resolve(cases, [article], longest=100.0)[0] == []
    assert resolve(cases, [article])[0] == []
