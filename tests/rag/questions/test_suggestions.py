"""Follow-up questions come from the text around the answer, have an answer, and are always the same."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from index import Article, ArticleFilter, Hit, Index, Passage, Span
from rag import Answer, AnswerOptions, Assistant, Sentence, Turn, build_assistant, follow_up_questions, load_settings
from rag.questions.starters import MAX_CANDIDATES

STORY = """# Storm over Westhaven

## Who pays for the damage

Mayor Anna Bell, who has led Westhaven since 2019, visited the harbour. Westhaven lost two ships. The Heron sank. The
Heron was insured.

## When do ships return

Tom Reed, an engineer at Portworks, said Portworks would repair the cranes.

## Who built the harbour wall

The wall is from 1911.
"""


def article(text: str = STORY, name: str = "a", published: str | None = None) -> Article:
    return Article(name, f"Title {name}", f"{name}.md", text, published)


def hit(article: Article, words: str) -> Hit:
    start = article.text.index(words)
    return Hit(Passage(article.id, start, start + len(words), words), article.title, article.source, None, 1.0)


def answer_from(article: Article, words: str, question: str = "What was asked?", *, found: bool = True) -> Answer:
    """An answer that cites these words of the article, or one that found nothing nearer than them."""
    near = hit(article, words)
    span = Span(near.passage.start, near.passage.end)
    cited = (Sentence(0, 1, "x", (1,), (span,), "quoted"),) if found else ()
    return Answer(question, "x", found=found, sentences=cited, hits=(near,), done=True)


class Scripted:
    """An assistant that answers each question from a different span and records the questions."""

    def __init__(self, *articles: Article, found: bool = True, cites: str = "") -> None:
        self._articles = {article.id: article for article in articles}
        self.found = found
        self.cites = cites
        self.asked: list[tuple[str, ArticleFilter | None]] = []

    def article_metadata(self) -> tuple[Article, ...]:
        return tuple(self._articles.values())

    def article(self, article_id: str) -> Article | None:
        return self._articles.get(article_id)

    def ask(self, question: str, history: Sequence[Turn] = (), article_filter: ArticleFilter | None = None) -> Answer:
        self.asked.append((question, article_filter))
        if self.cites or not self.found:
            first = next(iter(self._articles.values()))
            return answer_from(first, self.cites or first.text[:9], question, found=self.found)
        # each is answered by a sentence of its own
        place = Span(1000 + len(self.asked), 1001 + len(self.asked))
        other = Hit(Passage("elsewhere", place.start, place.end, "x"), "t", "s", None, 1.0)
        sentence = Sentence(0, 1, "x", (1,), (place,), "quoted")
        return Answer(question, "x", sentences=(sentence,), hits=(other,), done=True)


def test_people_names_and_headings_near_the_cited_words_come_first() -> None:
    story = article()
    questions = follow_up_questions(Scripted(story), answer_from(story, "Westhaven lost two ships."), [], 4)
    assert questions == [
        "Who is Mayor Anna Bell?",
        "When do ships return?",
        "What is said about Westhaven?",
        "Who is Tom Reed?",
    ]


def test_headings_after_the_cited_words_come_before_those_above_them() -> None:
    story = article(
        "\n".join(line for line in STORY.splitlines() if line.startswith("##") or line.startswith("The wall"))
    )
    questions = follow_up_questions(Scripted(story), answer_from(story, "## When do ships return"), [])
    assert questions == ["Who built the harbour wall?", "Who pays for the damage?", "When do ships return?"]


def test_what_is_near_comes_before_what_is_far_in_a_long_article() -> None:
    calm = "The sea was calm that day and nothing else happened.\n\n" * 100
    story = article(f"Ada Vale, who leads Eastport, spoke.\n\n{calm}Tom Reed, an engineer at Portworks, spoke.\n")
    assert follow_up_questions(Scripted(story), answer_from(story, "Portworks, spoke."), [], 2) == [
        "Who is Tom Reed?",
        "Who is Ada Vale?",
    ]


def test_a_name_that_stands_only_near_comes_before_one_that_stands_everywhere() -> None:
    everywhere = "The weather in Westhaven was calm.\n\n" * 100
    story = article(f"Off Westhaven the Heron sank. The Heron was insured. Westhaven wept.\n\n{everywhere}")
    assert follow_up_questions(Scripted(story), answer_from(story, "The Heron was insured."), []) == [
        "What is said about Heron?",
        "What is said about Westhaven?",
    ]


def test_cited_articles_come_before_those_that_were_only_found() -> None:
    cited, found = article("Ada Vale, who leads Eastport, spoke.\n"), article(name="b")
    answer = answer_from(cited, "Eastport, spoke.")
    answer = replace(answer, hits=(*answer.hits, hit(found, "Westhaven lost two ships.")))
    questions = follow_up_questions(Scripted(cited, found), answer, [])
    assert questions[:2] == ["Who is Ada Vale?", "Who is Mayor Anna Bell?"]


def test_no_question_is_offered_that_was_asked_whatever_its_case_and_marks() -> None:
    story = article()
    answer = answer_from(story, "Westhaven lost two ships.", "who is mayor ANNA BELL")
    assert follow_up_questions(Scripted(story), answer, ["When do ships return…", "hello"], 2) == [
        "What is said about Westhaven?",
        "Who is Tom Reed?",
    ]


def test_no_question_is_offered_that_the_cited_sentence_would_answer_again() -> None:
    story = article()
    words = "Westhaven lost two ships."
    again, other = Scripted(story, cites=words), Scripted(story, cites="The wall is from 1911.")
    assert follow_up_questions(again, answer_from(story, words), []) == []
    assert len(follow_up_questions(other, answer_from(story, words), [])) == 1, "nor one that the other offered answers"


def test_no_question_is_offered_that_only_the_conversation_explains() -> None:
    story = article("Some words here.\n\n## Who are they then\n\n## Why so\n\n## Who built the harbour wall\n")
    assert follow_up_questions(Scripted(story), answer_from(story, "Some words here."), []) == [
        "Who built the harbour wall?"
    ]


def test_only_questions_that_are_answered_are_offered_and_few_are_tried() -> None:
    people = " ".join(f"Ada{n} Vale{n}, who leads Port{n}, spoke." for n in range(30))
    story = article(people + "\n")
    assistant = Scripted(story, found=False)
    assert follow_up_questions(assistant, answer_from(story, "Ada0 Vale0"), []) == []
    assert len(assistant.asked) == MAX_CANDIDATES
    eager = Scripted(story)
    assert len(follow_up_questions(eager, answer_from(story, "Ada0 Vale0"), [])) == 3
    assert len(eager.asked) == 3, "no more is asked than is shown"


def test_after_an_answer_that_was_not_found_the_nearest_articles_are_asked_about() -> None:
    story = article()
    answer = answer_from(story, "Westhaven lost two ships.", found=False)
    assert follow_up_questions(Scripted(story), answer, [], 2) == ["Who is Mayor Anna Bell?", "When do ships return?"]


def test_questions_come_only_from_the_articles_that_were_chosen() -> None:
    old, new = article(published="2020-01-01"), article("Ada Vale, who leads Eastport, spoke.\n", "b", "2024-01-01")
    answer = answer_from(old, "Westhaven lost two ships.")
    answer = replace(answer, hits=(*answer.hits, hit(new, "Eastport, spoke.")))
    assistant, since = Scripted(old, new), ArticleFilter(since="2023")
    assert follow_up_questions(assistant, answer, [], article_filter=since) == ["Who is Ada Vale?"]
    assert {article_filter for _, article_filter in assistant.asked} == {since}, "and must be answered by these"


def test_chinese_articles_give_chinese_questions() -> None:
    story = article("百度说，《文心一言》很快会更新。记者试用了《文心一言》，也试用了《通义千问》。")
    questions = follow_up_questions(Scripted(story), answer_from(story, "很快会更新。"), [])
    assert questions == ["关于“文心一言”说了什么？", "关于“通义千问”说了什么？"]


def test_an_answer_without_any_source_and_an_article_that_is_gone_give_no_questions() -> None:
    story = article()
    assert follow_up_questions(Scripted(story), Answer("What?", done=True), []) == []
    assert follow_up_questions(Scripted(), answer_from(story, "Westhaven lost two ships."), []) == []


def test_a_very_long_article_does_not_take_long() -> None:
    story = article("".join(f"Name{number} Surname{number} said so. " for number in range(200_000)))
    began = time.thread_time()
    follow_up_questions(Scripted(story), answer_from(story, "Surname99999 said so."), [])
    assert time.thread_time() - began < 10  # seconds of the processor


def test_words_of_another_encoder_are_followed_up_as_well(index: Index, tmp_path: Path) -> None:
    (tmp_path / "story.md").write_text(STORY, encoding="utf-8")
    index.sync([tmp_path / "story.md"])
    assistant = Assistant(index, options=AnswerOptions(abstention_threshold=-100.0))
    assert follow_up_questions(assistant, assistant.ask("Which ships did Westhaven lose?"), [])


@pytest.fixture(scope="module")
def samples(samples_home: Path) -> Assistant:
    return build_assistant(load_settings(home=samples_home))


@pytest.mark.parametrize("question", ["What does Boximator do?", "Who co-founded Pika?", "Who won the cup in 1987?"])
def test_the_samples_give_three_that_are_answered_by_other_sentences(question: str, samples: Assistant) -> None:
    answer = samples.ask(question)
    questions = follow_up_questions(samples, answer, [question])
    assert len(questions) == 3
    assert questions == follow_up_questions(samples, answer, [question])
    for each in questions:
        reply = samples.ask(each, [Turn("user", question), Turn("assistant", answer.text)])
        assert reply.search_query == each, "it stands alone"
        assert reply.found
        assert set(reply.citations) - set(answer.citations)


def test_an_llm_is_not_asked_to_make_questions(samples: Assistant) -> None:
    answer = samples.ask("What does Boximator do?")
    busy = replace(samples, llm=object(), model="some:llm")  # type: ignore[arg-type]  # asked anything, it fails
    assert len(follow_up_questions(busy, answer, [])) == 3
