"""Starter questions come from the articles, have an answer, and are always the same."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from index import Article, ArticleFilter, Span
from rag import Answer, Turn, build_assistant, load_settings, starter_questions
from rag.questions.starters import MAX_CANDIDATES, candidates

STORY = """# Storm over Westhaven

## Who pays for the damage

Mayor Anna Bell, who has led Westhaven since 2019, visited the harbour. Tom Reed, an engineer at Portworks, said
Portworks would repair the cranes. Westhaven lost two ships. Friday was calm. “Portworks is ready,” said Ada Vale.

## What he did next
"""


class Counting:
    """An assistant that finds everything, or nothing, and counts the questions."""

    def __init__(self, *articles: Article, found: bool = True) -> None:
        self._articles = {article.id: article for article in articles}
        self.found = found
        self.asked: list[str] = []
        self.read: list[str] = []

    def article_metadata(self) -> tuple[Article, ...]:
        return tuple(replace(article, text="") for article in self._articles.values())

    def article(self, article_id: str) -> Article | None:
        self.read.append(article_id)
        return self._articles.get(article_id)

    def ask(self, question: str, history: Sequence[Turn] = (), article_filter: ArticleFilter | None = None) -> Answer:
        self.asked.append(question)
        return Answer(question, "x", found=self.found, done=True)


def article(text: str, name: str = "a", **given: tuple[Span, ...]) -> Article:
    return Article(name, f"Title {name}", f"{name}.md", text, **given)


def test_questions_come_from_headings_people_and_names() -> None:
    questions = candidates([article(STORY)])
    assert questions[0] == "Who pays for the damage?"
    assert "Who is Anna Bell?" in questions or "Who is Mayor Anna Bell?" in questions
    assert "Who is Tom Reed?" in questions
    assert "What did Ada Vale say?" in questions
    assert "What is said about Westhaven?" in questions
    assert "What is said about Portworks?" in questions


def test_a_weekday_is_not_a_name_and_a_heading_that_points_back_is_no_question() -> None:
    questions = " ".join(candidates([article(STORY + " Friday again, Friday.")]))
    assert "Friday" not in questions
    assert "What he did next" not in questions


def test_what_is_not_the_story_gives_no_questions() -> None:
    text = "Newsletter Signup Newsletter Signup. The rain fell."
    assert candidates([article(text, boilerplate=(Span(0, 36),))]) == []


def test_the_names_of_columns_are_no_names() -> None:
    table = "| Library | Loans | District |\n|---|---|---|\n| Ashby | 1930 | Ost |\n| Bexton | 1961 | Ost |"
    rows = "Station: Ashby | Passengers: 10\nStation: Corley | Passengers: 12"
    questions = " ".join(candidates([article(f"{STORY}\n{table}\n\n{rows}\n")]))
    assert not [name for name in ("Loans", "District", "Ost", "Station", "Passengers") if name in questions]
    assert "Westhaven" in questions


def test_chinese_articles_give_chinese_questions() -> None:
    assert "关于“文心一言”说了什么？" in candidates([article("《文心一言》发布。百度说，《文心一言》很快会更新。")])


def test_articles_take_turns() -> None:
    other = STORY.replace("Westhaven", "Eastport").replace("Who pays for the damage", "Who builds the bridge")
    assert candidates([article(STORY), article(other, "b")])[:4:3] == [
        "Who pays for the damage?",
        "Who builds the bridge?",
    ]


def test_only_questions_that_the_articles_answer_are_shown_and_few_are_tried() -> None:
    assistant = Counting(*(article(f"{STORY} Name{n} Name{n}.", str(n)) for n in range(9)), found=False)
    assert starter_questions(assistant) == []
    assert len(assistant.asked) <= MAX_CANDIDATES


def test_no_more_is_asked_than_is_shown_where_everything_is_answered() -> None:
    assistant = Counting(article(STORY))
    assert len(starter_questions(assistant, 3)) == 3
    assert len(assistant.asked) == 3


def test_the_same_articles_give_the_same_questions_in_any_order() -> None:
    one, two = article(STORY), article(STORY.replace("Reed", "Rice"), "b")
    assert candidates([one, two]) == candidates([two, one])


def test_of_many_articles_few_are_read_always_the_same() -> None:
    many = [article(STORY, f"{number:05}") for number in range(10_000)]
    one, other = Counting(*many), Counting(*reversed(many))
    assert starter_questions(one) == starter_questions(other)
    assert one.read == other.read == [f"{number:05}" for number in range(50)]


def test_an_article_that_has_just_been_removed_gives_no_questions() -> None:
    assistant = Counting(article(STORY), article(STORY, "b"))
    del assistant._articles["a"]
    assistant.facts = lambda: (article("", "a"), article("", "b"))  # type: ignore[method-assign]
    assert len(starter_questions(assistant)) == 4


def test_a_very_long_article_does_not_take_long() -> None:
    calm = "the sea was calm. " * 5_000
    assert candidates([article(f"{calm}Ada Vale, who leads Eastport, spoke.")]) == [], "its beginning is looked at"
    began = time.thread_time()
    candidates([article("".join(f"Name{number} Surname{number} said so. " for number in range(100_000)))])
    assert time.thread_time() - began < 10  # seconds of the processor


def test_a_part_of_a_name_and_a_kind_of_place_are_no_names() -> None:
    text = (
        "Tom Reed, an engineer at Westhaven University, spoke. Reed left. Reed was sad. Eastport University wept. "
        "Every University wept. Eastport-like towns, Eastport-like ports. Portworks wept. Portworks left."
    )
    about = [question for question in candidates([article(text)]) if question.startswith("What is said about")]
    assert about == ["What is said about Portworks?"]


def test_no_articles_give_no_questions() -> None:
    assert starter_questions(Counting()) == []


def test_the_samples_give_four_questions_that_are_answered(samples_home: Path) -> None:
    assistant = build_assistant(load_settings(home=samples_home))
    questions = starter_questions(assistant)
    assert len(questions) == 4
    assert all(assistant.ask(question).found for question in questions)


def test_an_llm_is_not_asked_to_make_questions(samples_home: Path) -> None:
    assistant = build_assistant(load_settings(home=samples_home))
    assistant.llm = object()  # type: ignore[assignment]  # anything that is asked of it would fail
    assistant.model = "some:llm"
    assert len(starter_questions(assistant)) == 4
