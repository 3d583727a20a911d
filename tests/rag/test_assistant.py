"""The assistant: quoting without an LLM, and checking what an LLM writes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import Field

from index import ArticleFilter, EmptyIndexError, Index
from rag import (
    NOT_FOUND,
    UNSURE,
    AnswerOptions,
    Assistant,
    LLMError,
    QuestionError,
    SettingsError,
    Turn,
    build_assistant,
    evaluate,
    load_settings,
    open_index,
)
from rag.evaluate import Case


class ScriptedLLM(BaseChatModel):
    """An LLM that writes a given reply, a few characters at a time, and records its prompts."""

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


class BreakingLLM(ScriptedLLM):
    """Writes its reply, and then fails."""

    error: Exception

    def _stream(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        yield from super()._stream(messages)
        raise self.error


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


def test_a_question_without_a_subject_is_about_the_only_article(samples: Index) -> None:
    answer = Assistant(samples).ask("Why did it happen?")
    assert answer.found
    assert UNSURE in answer.notes
    assert answer.search_query == f"Why did it happen? {Assistant(samples).article_metadata()[0].title}"


def test_a_question_without_a_subject_stays_as_it_is_if_several_articles_are_searched(
    index: Index, tmp_path: Path
) -> None:
    for name in ("Ferry", "Market"):
        (tmp_path / f"{name}.md").write_text(f"# {name}\n\nThe {name.lower()} opened on Monday.")
    index.sync([tmp_path])
    assistant = Assistant(index)
    assert assistant.ask("Why did it happen?").search_query == "Why did it happen?"
    (ferry,) = (each.id for each in assistant.article_metadata() if each.title == "Ferry")
    only = assistant.ask("Why did it happen?", article_filter=ArticleFilter(articles=(ferry,)))
    assert only.search_query == "Why did it happen? Ferry"


def test_the_number_in_the_text_is_the_number_of_the_hit(samples: Index) -> None:
    answer = Assistant(samples).ask(QUESTION)
    for citation in answer.citations:
        assert f"[{citation.number}]" in answer.text
        assert citation.quote in answer.hits[citation.number - 1].passage.text


def test_sentences_know_their_place_in_the_answer(samples: Index) -> None:
    answer = Assistant(samples).ask(QUESTION)
    for sentence in answer.sentences:
        assert answer.text[sentence.start : sentence.end].startswith(sentence.text)


def test_an_llm_that_says_it_does_not_know_is_believed_and_cites_nothing(samples: Index) -> None:
    assistant, _ = _assistant(samples, f"{NOT_FOUND} [1]")
    answer = assistant.ask(QUESTION)
    assert (answer.found, answer.text, answer.citations) == (False, NOT_FOUND, ())


def test_what_an_llm_writes_is_checked_sentence_by_sentence(samples: Index) -> None:
    hits = next(iter(_assistant(samples, "")[0].stream(QUESTION))).hits
    number = 1 + next(i for i, hit in enumerate(hits) if "named Boximator" in hit.passage.text)
    assistant, _ = _assistant(
        samples,
        f"ByteDance has a tool named Boximator [{number}]. It earned 900 million dollars [{number}]. So it goes.",
    )
    answer = assistant.ask(QUESTION)
    assert answer.model == "scripted:model"
    assert answer.sentences[0].support in {"quoted", "supported", "weak"}
    assert [s.support for s in answer.sentences][1:] == ["unsupported", "unsupported"]
    assert answer.sentences[2].numbers == ()


def test_the_answer_of_an_llm_streams_and_finished_sentences_stay_as_they_are(samples: Index) -> None:
    assistant, _ = _assistant(samples, "ByteDance has a tool. It is named Boximator [1]. So it goes.")
    answers = list(assistant.stream(QUESTION))
    assert answers[0].hits
    assert answers[0].text == ""
    for earlier, later in itertools.pairwise(answers):
        assert later.sentences[: len(earlier.sentences)] == earlier.sentences
        finished = earlier.sentences[-1].end if earlier.sentences else 0
        assert later.text[:finished] == earlier.text[:finished]
    assert answers[-1].done
    assert len(answers) > 4
    assert 0 < answers[-1].timings["first token"] < answers[-1].timings["total"]


def test_where_the_llm_fails_the_articles_are_quoted_and_the_answer_says_so(samples: Index) -> None:
    assistant, _ = _assistant(samples, "")
    answer = assistant.ask(QUESTION)
    assert "Boximator" in answer.text
    assert {sentence.support for sentence in answer.sentences} == {"quoted"}
    assert answer.model == "extractive"
    assert "'scripted:model' gave an empty reply" in answer.notes[0]
    assert "Quoted from the articles instead" in answer.notes[0]


def test_a_failure_of_the_llm_is_raised_where_that_is_wanted(samples: Index) -> None:
    assistant, _ = _assistant(samples, "")
    with pytest.raises(LLMError, match="empty reply"):
        assistant.with_options(fallback=False).ask(QUESTION)
    assert assistant.options.fallback, "the assistant itself stays as it was"


def test_an_assistant_with_changes_shares_the_index_and_keeps_what_is_not_given(samples: Index) -> None:
    assistant, llm = _assistant(samples, "It is named Boximator [1].")
    other = assistant.with_options(top_k=2, strict=True, scope="passages")
    assert (other.index, other.llm, other.model) == (samples, llm, "scripted:model")
    assert (other.options.top_k, other.options.strict, other.options.fallback) == (2, True, True)
    assert (assistant.options.top_k, assistant.options.strict) == (6, False), "the assistant itself stays as it was"
    assert len(other.without_llm().ask(QUESTION).hits) == 2
    assert other.with_options(strict=False).options.strict is False


def test_without_its_llm_an_assistant_quotes_and_says_so(samples: Index) -> None:
    assistant, llm = _assistant(samples, "It is named Boximator [1].")
    answer = assistant.without_llm().ask(QUESTION)
    assert answer.model == "extractive"
    assert {sentence.support for sentence in answer.sentences} == {"quoted"}
    assert llm.asked == []


def test_another_llm_answers_under_its_own_name(samples: Index) -> None:
    assistant, llm = _assistant(samples, "unheard")
    other = ScriptedLLM(reply="ByteDance has a tool named Boximator [1].")
    answer = replace(assistant, llm=other, model="other:model").ask(QUESTION)
    assert (answer.model, len(other.asked), llm.asked) == ("other:model", 1, [])


def test_an_evaluation_scores_no_quotes_as_the_models_answers(samples: Index) -> None:
    assistant, _ = _assistant(samples, "")
    report = evaluate(assistant, [Case(id="1", question=QUESTION, answerable=True, answers=("Boximator",))])
    assert report.results[0].error is not None
    assert "empty reply" in report.results[0].error


def test_an_answer_that_breaks_off_is_kept_and_said_to_be_incomplete(
    samples: Index, caplog: pytest.LogCaptureFixture
) -> None:
    llm = BreakingLLM(reply="ByteDance has a tool named Boximator [1]. It", error=ConnectionError("the line was cut"))
    answer = Assistant(samples, llm, model="scripted:model").ask(QUESTION)
    assert answer.found
    assert answer.done
    assert answer.text.startswith("ByteDance has a tool named Boximator")
    assert answer.notes[0].startswith("The answer is not complete: the LLM 'scripted:model' cannot be reached. ")
    assert "the line was cut" in caplog.text


def test_an_answer_that_breaks_off_before_it_says_anything_is_quoted_instead(
    samples: Index, caplog: pytest.LogCaptureFixture
) -> None:
    llm = BreakingLLM(reply="By", error=ConnectionError("the line was cut"))
    answer = Assistant(samples, llm, model="scripted:model").ask(QUESTION)
    assert "Boximator" in answer.text
    assert answer.model == "extractive"
    assert "cannot be reached" in answer.notes[0]
    assert "the line was cut" in caplog.text


UNCONFIRMED = "Paris won the cup in 1987 [1]. Nobody was surprised [2]."


def test_an_answer_that_no_passage_supports_is_shown_with_its_labels_and_never_refused(samples: Index) -> None:
    assistant, _ = _assistant(samples, UNCONFIRMED)
    answer = assistant.ask(QUESTION)
    assert answer.found
    assert answer.text == UNCONFIRMED
    assert {sentence.support for sentence in answer.sentences} <= {"unsupported", "weak"}
    assert all(sentence.reason for sentence in answer.sentences)


def test_in_strict_mode_what_names_something_that_is_in_no_passage_is_left_out(samples: Index) -> None:
    llm = ScriptedLLM(reply="ByteDance has a tool named Boximator [1]. It earned 900 million dollars [1].")
    answer = Assistant(samples, llm, model="scripted:model", options=AnswerOptions(strict=True)).ask(QUESTION)
    assert answer.text.startswith("ByteDance has a tool named Boximator")
    assert "900" not in answer.text
    assert answer.notes == (
        "Left out, because the articles contradict it or do not mention what it names: one sentence.",
    )


def test_if_strict_mode_leaves_nothing_the_articles_are_quoted_instead(samples: Index) -> None:
    llm = ScriptedLLM(reply="It earned 900 million dollars in Kyoto [1].")
    answer = Assistant(samples, llm, model="scripted:model", options=AnswerOptions(strict=True)).ask(QUESTION)
    assert answer.found
    assert answer.model == "extractive"
    assert "Boximator" in answer.text
    assert answer.notes[0].endswith("Quoted from the articles instead.")


def test_the_llm_is_asked_even_if_the_articles_seem_not_to_answer(samples: Index) -> None:
    question = "What is the capital of Peru?"
    assert not Assistant(samples).ask(question).found
    assistant, llm = _assistant(samples, "The articles are about video models [1].")
    assert assistant.ask(question).found
    assert len(llm.asked) == 1


def test_to_save_money_the_llm_may_be_left_out_if_the_articles_hardly_answer(samples: Index) -> None:
    assistant, llm = _assistant(samples, "Lima [1].")
    saving = assistant.with_options(abstain_before_llm=True)

    def prompts() -> int:
        return sum("<document" in str(messages[-1].content) for messages in llm.asked)

    assert not saving.ask("How do I cook lentil soup?").found
    assert prompts() == 0
    assert saving.ask(QUESTION).hits
    assert prompts() == 1


@pytest.mark.parametrize(
    "reply",
    [
        f"**{NOT_FOUND}**",
        f'"{NOT_FOUND}" [1]',
        "The provided passages do not contain any information about this.",
        "I'm sorry, but the articles do not mention this.",
        "文章没有提到这一点。",
        "Los artículos no lo dicen.",
    ],
)
def test_only_the_llm_says_that_the_articles_do_not_answer_in_whatever_words(reply: str, samples: Index) -> None:
    assistant, _ = _assistant(samples, reply)
    answer = assistant.ask(QUESTION)
    assert (answer.found, answer.text, answer.sentences) == (False, NOT_FOUND, ())


def test_a_refusal_of_the_llm_comes_with_the_closest_passages_first(samples: Index) -> None:
    assistant, _ = _assistant(samples, NOT_FOUND)
    assert assistant.ask(QUESTION).hits == Assistant(samples).ask(QUESTION).hits


def test_if_the_llm_fails_and_the_articles_do_not_answer_no_quote_is_shown(samples: Index) -> None:
    assistant, _ = _assistant(samples, "")
    answer = assistant.ask("How do I cook lentil soup?")
    assert (answer.found, answer.text, answer.model) == (False, NOT_FOUND, "extractive")
    assert "empty reply" in answer.notes[0]


@pytest.mark.parametrize(
    ("reason", "reply", "note"),
    [
        ("length", "ByteDance has a tool named Boximator [1]. It can move", "the LLM reached its token limit"),
        ("max_tokens", "ByteDance has a tool named Boximator [1]. It can move", "the LLM reached its token limit"),
        ("content_filter", "ByteDance has a tool named Boximator [1]. It can move", "content filter"),
        ("", "ByteDance has a tool named Boximator [1]. It can move", "the connection ended early"),
        ("length", "ByteDance has a tool named Boximator [1].", "the LLM reached its token limit"),
        ("", "ByteDance has a tool named Boximator [1].", ""),
        ("stop", "ByteDance has a tool named Boximator [1]", ""),
    ],
)
def test_an_answer_that_is_cut_short_loses_its_last_words_and_says_so(
    reason: str, reply: str, note: str, samples: Index
) -> None:
    class CutLLM(ScriptedLLM):
        def _stream(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
            yield from super()._stream(messages)
            yield ChatGenerationChunk(message=AIMessageChunk("", response_metadata={"finish_reason": reason}))

    answer = Assistant(samples, CutLLM(reply=reply), model="scripted:model").ask(QUESTION)
    assert answer.found
    assert answer.text.startswith("ByteDance has a tool named Boximator")
    assert "can move" not in answer.text
    assert len(answer.sentences) == 1
    assert (note in answer.notes[0]) if note else answer.notes == ()


def test_what_the_llm_thinks_is_neither_shown_nor_checked(samples: Index) -> None:
    assistant, _ = _assistant(samples, "<think>Paris won in 1987?</think>ByteDance has a tool named Boximator [1].")
    answer = assistant.ask(QUESTION)
    assert "Paris" not in answer.text
    assert "Paris" in answer.reasoning
    assert [sentence.support for sentence in answer.sentences] == ["supported"]


def test_a_greeting_gets_a_friendly_reply_without_a_search_or_the_llm(samples: Index) -> None:
    assistant, llm = _assistant(samples, "unheard")
    answer = assistant.ask("Hi!")
    assert answer.found
    assert answer.done
    assert answer.text.startswith("Hello! You can ask me about ")
    assert (answer.citations, answer.hits, llm.asked) == ((), (), [])
    questions = [line.removeprefix("- ") for line in answer.text.splitlines() if line.startswith("- ")]
    assert len(questions) == 3
    assert all(Assistant(samples).ask(question).found for question in questions)


class TranslatingLLM(ScriptedLLM):
    """An LLM with one reply to the request to translate a question, and another to all other prompts."""

    translated: str

    def _stream(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        if "<titles>" in str(messages[-1].content):
            self.asked.append(messages)
            yield ChatGenerationChunk(message=AIMessageChunk(self.translated))
        else:
            yield from super()._stream(messages)


def test_a_question_in_another_language_is_translated_once_for_the_search(samples: Index) -> None:
    llm = TranslatingLLM(reply="Se llama Boximator [1].", translated="What is ByteDance's tool called?")
    assistant = Assistant(samples, llm, model="scripted:model")
    for _ in range(2):
        answer = assistant.ask("¿Cómo se llama la herramienta que desarrolló ByteDance?")
    assert answer.search_query == "What is ByteDance's tool called?"
    assert answer.question.startswith("¿Cómo")
    asked = [str(messages[-1].content) for messages in llm.asked]
    assert ["<titles>" in each for each in asked] == [True, False, False]
    assert "<question>\n¿Cómo se llama" in asked[-1], "the answer is asked for in the question's own language"


class VerifyingLLM(ScriptedLLM):
    """An LLM that writes an answer, and grades it when it is asked to."""

    grades: str

    def _stream(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        if "<document" in str(messages[-1].content):
            yield from super()._stream(messages)
        else:
            yield ChatGenerationChunk(message=AIMessageChunk(self.grades))


def test_the_llm_may_grade_its_own_sentences(samples: Index) -> None:
    grades = '[{"sentence": 1, "verdict": "contradicted", "words": ""}]'
    llm = VerifyingLLM(reply="ByteDance has a tool named Boximator [1].", grades=grades)
    assistant = Assistant(samples, llm, model="scripted:model")
    (bundled,) = assistant.ask(QUESTION).sentences
    (graded,) = assistant.with_options(verifier="llm").ask(QUESTION).sentences
    assert (bundled.support, graded.support) == ("supported", "unsupported")
    assert graded.reason


def test_a_verifier_that_cannot_be_loaded_loses_no_answer(samples: Index) -> None:
    assistant, _ = _assistant(samples, "ByteDance has a tool named Boximator [1].")
    answer = assistant.with_options(verifier="/no/such/model").ask(QUESTION)
    assert [sentence.support for sentence in answer.sentences] == ["supported"]
    assert "cannot load the verifier" in answer.notes[0]


def test_a_short_article_is_read_whole(samples: Index) -> None:
    assistant, llm = _assistant(samples, "It is named Boximator [1].")
    answer = assistant.ask(QUESTION, article_filter=ArticleFilter(sources=("briefing",)))
    sent = str(llm.asked[0][-1].content)
    (article,) = [each for each in assistant.articles() if "briefing" in each.path]
    assert len(answer.hits) == len(samples.outline(articles=[article.id])[article.id])
    assert [hit.passage.start for hit in answer.hits] == sorted(hit.passage.start for hit in answer.hits)
    assert all(f"[{number}] " in sent for number in range(1, len(answer.hits) + 1))


def test_instructions_of_ones_own_take_the_place_of_the_built_in_ones(
    samples_home: Path, tmp_path: Path, samples: Index
) -> None:
    own = f"Answer like a pirate. Cite as [1]. Otherwise say: {NOT_FOUND}"
    llm = ScriptedLLM(reply="Aye, it be named Boximator [1].")
    Assistant(samples, llm, model="scripted:model", options=AnswerOptions(instructions=own)).ask(QUESTION)
    assert llm.asked[0][0].content == own
    (tmp_path / "own.txt").write_text(own, encoding="utf-8")
    settings = load_settings(home=samples_home, llm_instructions=tmp_path / "own.txt")
    assert build_assistant(settings).options.instructions == own


@pytest.mark.parametrize(
    ("text", "lacks"), [("Cite as [1].", "The articles do not say"), (f"Say {NOT_FOUND}", r"\[1\]")]
)
def test_instructions_that_cannot_work_are_refused(text: str, lacks: str, samples: Index) -> None:
    with pytest.raises(SettingsError, match=lacks) as refused:
        Assistant(samples, options=AnswerOptions(instructions=text))
    assert "CITECHAT_LLM_INSTRUCTIONS" in refused.value.hint


def test_instructions_that_cannot_be_read_are_refused(samples_home: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        build_assistant(load_settings(home=samples_home, llm_instructions="/no/such/file"))


def test_only_as_many_passages_are_sent_as_fit_whole_ones_and_the_best(samples: Index) -> None:
    llm = ScriptedLLM(reply="ByteDance has a tool named Boximator [1].")
    assistant = Assistant(samples, llm, model="scripted:model", options=AnswerOptions(prompt_tokens=1000))
    answer = assistant.ask(QUESTION)
    sent = str(llm.asked[0][-1].content)
    best = Assistant(samples).ask(QUESTION).hits
    assert 1 <= len(answer.hits) < 6
    assert {hit.passage for hit in answer.hits} <= {hit.passage for hit in best}
    assert best[0].passage in [hit.passage for hit in answer.hits]
    assert best[5].passage.text.strip()[:40] not in sent


def test_a_follow_up_is_searched_with_what_it_leans_on(samples: Index) -> None:
    answer = Assistant(samples).ask("Where is it based?", [Turn("user", "What is Stability AI?")])
    assert answer.question == "Where is it based?"
    assert answer.search_query == "Where is Stability AI based?"
    assert "London" in answer.text


class RewritingLLM(ScriptedLLM):
    """An LLM with one reply to the request to rewrite a question, and another to all other prompts."""

    rewritten: str

    def _stream(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        if "so that it stands alone" not in str(messages[-1].content):
            yield from super()._stream(messages)
        elif self.rewritten == "fails":
            raise ConnectionError("no line")
        else:
            yield ChatGenerationChunk(message=AIMessageChunk(self.rewritten))


@pytest.mark.parametrize(
    ("rewritten", "searched"),
    [
        ("Where is Stability AI based?", "Where is Stability AI based?"),
        ("", "Where is Stability AI based?"),
        ("Sure!\nHere is the question:\nWhere?", "Where is Stability AI based?"),
        ("London. " * 100, "Where is Stability AI based?"),
        ("fails", "Where is Stability AI based?"),
    ],
    ids=["used", "empty", "chatter", "an answer", "failure"],
)
def test_an_llm_makes_a_follow_up_stand_alone_and_where_it_cannot_a_rule_does(
    rewritten: str, searched: str, samples: Index
) -> None:
    llm = RewritingLLM(reply="Stability AI is based in London [1].", rewritten=rewritten)
    assistant = Assistant(samples, llm, model="scripted:model")
    answer = assistant.ask("Where is it based?", [Turn("user", "What is Stability AI?"), Turn("assistant", "A firm.")])
    assert answer.search_query == searched
    assert answer.found
    assert "London" in answer.text


def test_a_question_that_stands_alone_is_not_rewritten(samples: Index) -> None:
    llm = RewritingLLM(reply="It is named Boximator [1].", rewritten="Something else?")
    answer = Assistant(samples, llm, model="scripted:model").ask(QUESTION, [Turn("user", "What is Stability AI?")])
    assert answer.search_query == QUESTION


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
    with pytest.raises(EmptyIndexError, match="Nothing is indexed yet"):
        Assistant(index).ask(QUESTION)
