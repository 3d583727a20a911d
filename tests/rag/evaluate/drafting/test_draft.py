"""Drafts read like what a person would ask, and each was answered by exactly what it takes for right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hashing import HashingEncoder

from index import Article, Encoder, Index, Span
from rag import AnswerOptions, Assistant, build_assistant, load_settings
from rag.evaluate import Case, draft_cases, read_cases, write_cases
from rag.evaluate.drafting.draft import article_statements
from rag.evaluate.drafting.quotations import find_quotations, full_name, people_of
from rag.evaluate.drafting.statements import find_statements
from rag.evaluate.drafting.swaps import swap_names


def found(sentence: str) -> dict[str, str]:
    """The questions about a sentence, with their answers."""
    return {statement.question: sentence[slice(*statement.answer)] for statement in find_statements(sentence)}


@pytest.mark.parametrize(
    ("sentence", "question", "answer"),
    [
        ("Ann Lee, the founder of Danish shipping firm Norden Lines, left.", "Who founded Norden Lines?", "Ann Lee"),
        ("This May, Ann Lee, who founded Norden Lines, left.", "Who founded Norden Lines?", "Ann Lee"),
        ("Pika, co-founded by student Guo Wenjing at Stanford, is new.", "Who co-founded Pika?", "Guo Wenjing"),
        ("Maria Jensen, who runs the customs house, paid.", "Who runs the customs house?", "Maria Jensen"),
        ("Norden Group, which owns the Evening Post, agreed.", "Who owns the Evening Post?", "Norden Group"),
        ("Norden, the Danish owner of Evening Post, agreed.", "Who owns Evening Post?", "Norden"),
        (
            "It runs on the cloud of Microsoft, which is Norden’s biggest backer.",
            "Who is Norden’s biggest backer?",
            "Microsoft",
        ),
        ("Norden chairman and CEO Li Yan Hong spoke.", "Who is the chairman and CEO of Norden?", "Li Yan Hong"),
        ("Ann Lee, the chief executive of Norden, spoke.", "Who is the chief executive of Norden?", "Ann Lee"),
        ("London-based unicorn Stability Works grew.", "Where is Stability Works based?", "London"),
        ("Norden, the Oslo-based ferry line, grew.", "Where is Norden based?", "Oslo"),
        ("Xu Liang, an entrepreneur based in Hangzhou, said so.", "Where is Xu Liang based?", "Hangzhou"),
        ("Ann Lee, a professor of law at Lund University, left.", "Where does Ann Lee work?", "Lund University"),
        ("Tesla was born in Smiljan, Croatia.", "Where was Tesla born?", "Smiljan, Croatia"),
        ("He spoke at the Norden World conference in Oslo.", "Where was the Norden World conference held?", "Oslo"),
        (
            "Among OpenAI’s 1,677 associated members on LinkedIn, some left.",
            "How many associated members does OpenAI have on LinkedIn?",
            "1,677",
        ),
        (
            "He guessed that Sora might have around 3 billion parameters.",
            "How many parameters might Sora have?",
            "3 billion",
        ),
        (
            "Twelve ships had waited outside Oslo for three days.",
            "How many ships had waited outside Oslo for three days?",
            "Twelve",
        ),
        ("There are 131 seats in the chamber.", "How many seats are there in the chamber?", "131"),
        (
            "The storm broke eleven windows of the house.",
            "How many windows of the house did the storm break?",
            "eleven",
        ),
        ("The harbour reopened on Monday after the storm.", "When did the harbour reopen?", "Monday"),
        ("In 1825 George Stephenson built the Locomotion.", "When did George Stephenson build the Locomotion?", "1825"),
        ("The bridge was opened to traffic on 9 May 1901.", "When was the bridge opened to traffic?", "9 May 1901"),
        ("Lu Yanxia, research director for Asia, agreed.", "Who is Lu Yanxia?", "research director for Asia"),
        ("VBench, a benchmark for video, is new.", "What is VBench?", "a benchmark for video"),
        ("The Diffusion Transformer (DiT) is new.", "What does DiT stand for?", "Diffusion Transformer"),
        ("Use large language models (LLMs).", "What does LLM stand for?", "large language models"),
        ("Use a TPU [Tensor Processing Unit].", "What does TPU stand for?", "Tensor Processing Unit"),
    ],
)
def test_a_fact_becomes_the_question_that_a_person_would_ask(sentence: str, question: str, answer: str) -> None:
    assert found(sentence).get(question) == answer


@pytest.mark.parametrize(
    "sentence",
    [
        "It has 131 seats.",
        "He founded it in 1999.",
        "This was built in 1999.",
        "After the Edict of Nantes, the Dutch Republic took them in.",
        "The Beijing-based owner of TikTok left.",
        "Normally, the leader of the largest party is a minister.",
        "The victory was blorbed nobody knows when.",
        "The harbour zorbed the ships on Monday.",
        "A house (Barn) stood there.",
        "The ships and the men came back.",
        "",
    ],
)
def test_what_is_not_sure_gives_no_question(sentence: str) -> None:
    assert found(sentence) == {}


PEOPLE = ["Xie Saining", "Alexander Harrowell", "Xu Liang"]


@pytest.mark.parametrize(
    ("paragraph", "question", "answer"),
    [
        (
            "“The further you go from the GPU route, the more it costs,” Harrowell said.",
            "What did Alexander Harrowell say about the GPU route?",
            "The further you go from the GPU route, the more it costs",
        ),
        (
            "Xie, at New York, wrote that “data is the key to Sora’s success”.",
            "What did Xie Saining say about Sora’s success?",
            "data is the key to Sora’s success",
        ),
        (
            "Xie Saining, a professor, denied he was involved in Sora and left.",
            "What did Xie Saining deny?",
            "he was involved in Sora",
        ),
        (
            "Xu Liang, of Hangzhou, is sure. “We will soon see models that equal Sora,” he said.",
            "What did Xu Liang say about Sora?",
            "We will soon see models that equal Sora",
        ),
        (
            "Ping An warned in a report that controls from the US “may speed up the home industry”.",
            "What did Ping An say about the US?",
            "may speed up the home industry",
        ),
    ],
)
def test_what_somebody_said_is_asked_for_by_full_name_and_topic(paragraph: str, question: str, answer: str) -> None:
    assert {f.question: paragraph[slice(*f.answer)] for f in find_quotations(paragraph, PEOPLE)}.get(question) == answer


def test_who_he_is_must_be_certain() -> None:
    paragraph = "Xie met Xu. “We will soon see models that equal Sora,” he said."
    assert [statement.question for statement in find_quotations(paragraph, PEOPLE)] == []


def test_a_part_of_a_name_stands_for_the_whole_only_where_that_is_certain() -> None:
    assert full_name("Xie", PEOPLE) == "Xie Saining"
    assert full_name("Harrowell", PEOPLE) == "Alexander Harrowell"
    assert full_name("Lee", ["Ann Lee", "Bob Lee"]) == "Lee"
    assert people_of("Ann Lee, a professor, spoke. Bob Ray said so. Lund University said no.") == ["Ann Lee", "Bob Ray"]


def test_questions_that_hold_their_answer_or_no_name_are_not_asked() -> None:
    text = "The port of call\n\nThe fort was destroyed by fire in 1560. The port was closed by ice in 1561."
    questions = [statement.question for statement in article_statements(Article("a", "The port", "", text))]
    assert questions == ["When was the port closed by ice?"], (
        "which fort, nobody knows; the port is the article's topic"
    )


def test_what_is_no_story_is_not_asked_about() -> None:
    text = "Photo of Oslo-based Norden.\nLondon-based Calder grew."
    article = Article("a", "", "", text, boilerplate=(Span(0, 27),))
    assert [statement.question for statement in article_statements(article)] == ["Where is Calder based?"]


@pytest.mark.timeout(20)
def test_a_text_that_is_no_prose_takes_no_time() -> None:
    text = "\n".join(["Aaa " * 5000, "Aaa " * 240 + ".", "“Aaa, a aaa said " * 2000, "aaa-bbb " * 3000 + "(ABC)"])
    assert article_statements(Article("a", "", "", text)) == []


def test_a_name_or_year_is_exchanged_for_one_that_stands_nowhere() -> None:
    held = "marta lindqvist and northbridge and 1825 and 1832"
    questions = [
        "Who is Ann Lee?",
        "Who owns the Evening Post?",
        "When did Norden buy ships?",
        "What happened in 1825?",
    ]
    new = swap_names(questions, held)
    assert new[0] == "Who is Daniel Okafor?"
    assert new[1].startswith("Who owns ")
    assert new[2].startswith("When did ")
    assert new[2].endswith(" buy ships?")
    assert new[3] == "What happened in 1839?"
    assert not set(new) & set(questions)
    assert not any("Northbridge" in question or "Lindqvist" in question for question in new)


# Checked against the articles


def assert_answered(assistant: Assistant, cases: list[Case]) -> None:
    """Every draft holds, looked at afresh."""
    everything = "\n".join(article.text for article in assistant.articles())
    for case in cases:
        assert "draft" in case.tags
        assert case.notes == "drafted; accept or delete"
        answer = assistant.ask(case.question)
        if not case.answerable:
            assert not answer.found, case.question
            assert not case.answers
            continue
        assert answer.found
        assert case.answers
        held = [False]
        for evidence in case.evidence:
            article = assistant.article(evidence.article_id or "")
            assert article is not None
            assert evidence.span is not None
            assert article.text[evidence.span.start : evidence.span.end] == evidence.text
            held.append(any(text in evidence.text for text in case.answers))
        assert any(held)
        assert any(text in citation.quote for citation in answer.citations for text in case.answers), case.question
    for case in cases:
        if not case.answerable and "unanswerable" in case.tags:
            words = [word for word in case.question.rstrip("?").split() if word[0].isupper()][1:]
            assert any(word not in everything for word in words), case.question


def test_every_draft_of_the_sample_was_answered_by_its_evidence(samples_home: Path, tmp_path: Path) -> None:
    assistant = build_assistant(load_settings(home=samples_home))
    cases = draft_cases(assistant, assistant.articles(), 20)
    assert_answered(assistant, cases)
    assert len({case.question for case in cases}) == len(cases) == 20
    assert len({case.tags[1] for case in cases}) >= 6
    assert sum(not case.answerable for case in cases) == 4
    assert draft_cases(assistant, assistant.articles(), 20) == cases, "the same articles, the same drafts"
    for name in ("drafts.jsonl", "drafts.csv"):
        write_cases(tmp_path / name, cases)
        assert read_cases(tmp_path / name) == cases


def test_the_real_article_gives_twenty_drafts(real_article: Path, bundled_encoder: Encoder, tmp_path: Path) -> None:
    index = Index(tmp_path / "index", bundled_encoder)
    index.sync([real_article])
    assistant = Assistant(index)
    cases = draft_cases(assistant, assistant.articles(), 20)
    assert_answered(assistant, cases)
    assert len(cases) == 20
    said = {case.question: case.answers[0] for case in cases if case.answerable}
    assert said["Who founded 360 Security Technology?"] == "Zhou Hongyi"
    assert said["Who owns the South China Morning Post?"] == "Alibaba Group Holding"
    assert said["How many associated members does OpenAI have on LinkedIn?"] == "1,677"


STORY = """# The harbour

Oslo-based Norden runs the harbour.

## Who pays for the repairs in Northport

"""


def stories(tmp_path: Path, *texts: str) -> Index:
    index = Index(tmp_path / "index", HashingEncoder())
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.md").write_text(text, encoding="utf-8")
    index.sync(sorted(tmp_path.glob("*.md")))
    return index


def test_a_heading_that_asks_is_answered_by_what_is_below_it(tmp_path: Path) -> None:
    answer = "Who pays for the repairs in Northport is the city."
    assistant = Assistant(stories(tmp_path, f"{STORY}{answer}\n"), options=AnswerOptions(abstention_threshold=-1000))
    (case,) = [case for case in draft_cases(assistant, assistant.articles(), 4) if "heading" in case.tags]
    assert (case.question, case.answers) == ("Who pays for the repairs in Northport?", (answer,))


def test_a_question_that_the_assistant_answers_from_elsewhere_is_no_draft(tmp_path: Path) -> None:
    true, near = "Oslo-based Norden grew.", "Where is Norden based? Where Norden is based, nobody says."
    alone = Assistant(stories(tmp_path, true), options=AnswerOptions(abstention_threshold=-1000))
    assert [case.question for case in draft_cases(alone, alone.articles(), 1)] == ["Where is Norden based?"]
    both = Assistant(stories(tmp_path, true, near), options=AnswerOptions(abstention_threshold=-1000))
    first = [article for article in both.articles() if article.text == true]
    assert draft_cases(both, first, 1) == []


def test_what_the_assistant_refuses_is_no_draft(tmp_path: Path) -> None:
    assistant = Assistant(stories(tmp_path, STORY), options=AnswerOptions(abstention_threshold=1000))
    assert draft_cases(assistant, assistant.articles(), 5) == []


def test_a_question_without_an_answer_that_the_assistant_does_not_refuse_is_no_draft(tmp_path: Path) -> None:
    assistant = Assistant(stories(tmp_path, STORY), options=AnswerOptions(abstention_threshold=-1000))
    cases = draft_cases(assistant, assistant.articles(), 5)
    assert cases
    assert all(case.answerable for case in cases)


def test_no_llm_is_asked(tmp_path: Path) -> None:
    silent: Any = object()
    assistant = Assistant(
        stories(tmp_path, STORY), silent, model="none", options=AnswerOptions(abstention_threshold=-1000)
    )
    assert draft_cases(assistant, assistant.articles(), 2)


def test_the_articles_take_turns(tmp_path: Path) -> None:
    index = stories(tmp_path, "Oslo-based Norden and Paris-based Calder grew.", "Rome-based Verda grew.")
    assistant = Assistant(index, options=AnswerOptions(abstention_threshold=-1000))
    cases = draft_cases(assistant, assistant.articles(), 2)
    assert len({case.evidence[0].article_id for case in cases}) == 2
