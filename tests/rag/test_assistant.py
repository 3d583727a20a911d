"""The assistant: quoting without an LLM, and checking what an LLM writes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import Field

from index import EmptyIndexError, Index
from rag import NOT_FOUND, Assistant, LLMError, QuestionError, Turn, load_settings, open_index


class ScriptedLLM(BaseChatModel):
    """Writes what it was told to, a few characters at a time, and remembers what it was asked."""

    reply: str
    asked: list[list[BaseMessage]] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        self.asked.append(messages)
        return ChatResult(generations=[ChatGeneration(message=AIMessage(self.reply))])

    def _stream(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        self.asked.append(messages)
        for at in range(0, len(self.reply), 5):
            yield ChatGenerationChunk(message=AIMessageChunk(self.reply[at : at + 5]))


@pytest.fixture(scope="module")
def samples(samples_home: Path) -> Index:
    return open_index(load_settings(home=samples_home))


def _assistant(index: Index, reply: str) -> tuple[Assistant, ScriptedLLM]:
    llm = ScriptedLLM(reply=reply)
    return Assistant(index, llm, model="scripted:model"), llm


QUESTION = "What is the name of ByteDance's video tool?"


def test_without_an_llm_the_answer_is_quoted_with_the_exact_place(samples: Index) -> None:
    answer = Assistant(samples).ask(QUESTION)
    assert answer.found
    assert "Boximator" in answer.text
    for citation in answer.citations:
        article = samples.article(citation.article_id)
        assert article is not None
        assert article.text[citation.start : citation.end] == citation.quote
        assert citation.support == "quoted"
        assert citation.quote in answer.text


def test_the_number_in_the_text_is_the_number_of_the_hit(samples: Index) -> None:
    answer = Assistant(samples).ask(QUESTION)
    for citation in answer.citations:
        assert f"[{citation.number}]" in answer.text
        assert citation.quote in answer.hits[citation.number - 1].passage.text


def test_sentences_know_their_place_in_the_answer(samples: Index) -> None:
    answer = Assistant(samples).ask(QUESTION)
    for sentence in answer.sentences:
        assert answer.text[sentence.start : sentence.end].startswith(sentence.text)


def test_when_the_articles_do_not_say_the_llm_is_not_asked(samples: Index) -> None:
    assistant, llm = _assistant(samples, "It is Canberra. [1]")
    answer = assistant.ask("What is the capital of Australia?")
    assert (answer.found, answer.text, answer.citations) == (False, NOT_FOUND, ())
    assert answer.hits
    assert llm.asked == []


def test_an_llm_that_says_it_does_not_know_is_believed_and_cites_nothing(samples: Index) -> None:
    assistant, _ = _assistant(samples, f"{NOT_FOUND} [1]")
    answer = assistant.ask(QUESTION)
    assert (answer.found, answer.text, answer.citations) == (False, NOT_FOUND, ())


def test_what_an_llm_writes_is_checked_sentence_by_sentence(samples: Index) -> None:
    number = 1 + next(i for i, hit in enumerate(samples.search(QUESTION)) if "named Boximator" in hit.passage.text)
    assistant, _ = _assistant(
        samples,
        f"ByteDance has a tool named Boximator [{number}]. It earned 900 million dollars [{number}]. So it goes.",
    )
    answer = assistant.ask(QUESTION)
    assert answer.model == "scripted:model"
    assert answer.sentences[0].support in {"quoted", "supported", "weak"}
    assert [s.support for s in answer.sentences][1:] == ["unsupported", "unsupported"]
    assert answer.sentences[2].numbers == ()


def test_the_answer_of_an_llm_streams_and_only_grows(samples: Index) -> None:
    assistant, _ = _assistant(samples, "ByteDance has a tool. It is named Boximator [1].")
    answers = list(assistant.stream(QUESTION))
    assert answers[0].hits
    assert answers[0].text == ""
    texts = [answer.text for answer in answers]
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(texts))
    assert answers[-1].done
    assert len(answers) > 4


def test_an_llm_that_answers_nothing_is_an_error(samples: Index) -> None:
    assistant, _ = _assistant(samples, "")
    with pytest.raises(LLMError):
        assistant.ask(QUESTION)


def test_a_follow_up_is_searched_with_what_it_leans_on(samples: Index) -> None:
    answer = Assistant(samples).ask("Where is it based?", [Turn("user", "What is Stability AI?")])
    assert answer.question == "Where is it based?"
    assert answer.search_query == "What is Stability AI? Where is it based?"
    assert "London" in answer.text


@pytest.mark.parametrize("question", ["", "   ", "🙂🙂", "?!", "\n\t"])
def test_a_question_without_words_is_refused(samples: Index, question: str) -> None:
    with pytest.raises(QuestionError, match="is empty"):
        Assistant(samples).ask(question)


def test_a_question_that_is_too_long_is_refused_before_it_is_embedded(samples: Index) -> None:
    with pytest.raises(QuestionError, match="100000 characters"):
        Assistant(samples).ask("x" * 100_000)


@pytest.mark.parametrize(
    "question", ["What is \x00Boximator?", "What is \ud800Boximator?", "What is \u202eBoximator\u200b?"]
)
def test_broken_characters_in_a_question_break_nothing(samples: Index, question: str) -> None:
    answer = Assistant(samples).ask(question)
    assert answer.done
    answer.question.encode()


def test_asking_where_nothing_is_indexed_says_what_to_do(index: Index) -> None:
    with pytest.raises(EmptyIndexError, match="nothing is indexed"):
        Assistant(index).ask(QUESTION)
