"""The assistant, which takes a question and streams the answer."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast, get_args

from index import Article, ArticleFilter, Index, SearchResult

from .answer import NO_OPINION, NOT_FROM_ARTICLES, SHOWING, UNSURE, Answer, Turn
from .errors import LLMError, SettingsError
from .generation.compose import COMPOSED, compose, joined, with_title_cited, write_composition
from .generation.context import Context, gather
from .generation.extractive import quote
from .generation.generate import count_tokens, not_found, rewrite, translate, write
from .generation.record import from_record
from .generation.unwrap import split_reasoning
from .grounding.verifiers import load_verifier, verified
from .grounding.versions import with_date_notes
from .hooks import Observer, observed
from .llms.catalog import ModelCatalog, abbreviated
from .llms.retry import LLMCall
from .prompts import unchanged_messages, without_markers
from .questions.answer_kinds import asks_for_several
from .questions.classify import classify
from .questions.contextualize import contextualize, has_pronoun, needs_context, needs_subject
from .questions.foreign import foreign_note, is_foreign
from .questions.message import read_message, without_text
from .questions.request import Request
from .questions.small_talk import SmallTalk, small_talk, small_talk_reply
from .questions.starters import starter_questions
from .reading.abstention import (
    DEFAULT_ABSTENTION_THRESHOLD,
    LLM_ABSTENTION_THRESHOLD,
    UNSURE_THRESHOLDS,
    Certainty,
    Scale,
    default_threshold,
    read_probability,
    similarity_confidence,
)
from .reading.evidence import Quote, rank_sentences, read_passages, with_readings
from .reading.reader import warm_up_reader
from .settings import EXTRACTIVE, MOST_PASSAGES, AnswerOptions, Scope

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from .grounding.verdicts import Verifier
    from .reading.reader import Reader


_CORRECTED = frozenset({"fact", "reason", "said", "about", "compare"})  # requests whose misspelt words are corrected
_BARE = frozenset({"fact", "reason"})  # requests that may lack a subject
_ALONE = frozenset({"overview", "list", "compare", "metadata"})  # requests that need no earlier question
_WITH_PARTS = frozenset({"reason", "list", "compare", "said"})  # requests whose answers usually have several parts
_SUGGESTIONS = 3  # number of questions in a reply to a greeting
_MOST_SHOWN = 50_000  # characters of earlier answers in which "tell me more" looks for what was shown
_TITLES = 5  # maximum number of titles from which the LLM sees the language of the articles
_MOST_TRANSLATIONS = 1000  # number of translated queries that are kept


@dataclass(eq=False)
class Assistant:
    """An assistant that answers questions about the articles in one index.

    Without an `llm` it quotes the articles; with one it checks every sentence that the LLM writes. `model` names the
    LLM in answers and errors. The `reader` chooses the evidence and estimates whether it answers; without one,
    similarities decide. The `observer` is notified of every question. Use `dataclasses.replace`, `with_options`,
    `with_choices` or `without_llm` to create another assistant for the same index.
    """

    index: Index
    llm: BaseChatModel | None = None
    _: KW_ONLY
    model: str = EXTRACTIVE
    options: AnswerOptions = field(default_factory=AnswerOptions)
    reader: Reader | None = None
    observer: Observer | None = None
    _translations: dict[tuple[str, ...], str] = field(default_factory=dict, repr=False)
    _verifiers: dict[tuple[str, str], Verifier | None] = field(default_factory=dict, repr=False)

    def ask(self, question: str, history: Sequence[Turn] = (), article_filter: ArticleFilter | None = None) -> Answer:
        """Return the finished answer: the last value of `stream`."""
        return deque(self.stream(question, history, article_filter), maxlen=1).pop()

    def stream(
        self, question: str, history: Sequence[Turn] = (), article_filter: ArticleFilter | None = None
    ) -> Iterator[Answer]:
        """Yield the answer as it grows, from the articles that match `article_filter`.

        The first value already has its sources in `hits`; the last value has `done=True`. Raises `QuestionError` if the
        question is empty or too long, `StoreError` if there is no index to search, and `LLMError` if the LLM fails and
        `options.fallback` is off.
        """
        answers = self._answers(question, history, article_filter)
        return observed(answers, self.observer) if self.observer else answers

    def _answers(self, message: str, history: Sequence[Turn], article_filter: ArticleFilter | None) -> Iterator[Answer]:
        """Yield the answer to the question in a message, with the notes on the rest of the message."""
        limit = self.options.max_question_chars
        question, notes = read_message(message, limit)
        for answer in self._stream(question, [without_text(turn, limit) for turn in history], article_filter):
            yield replace(answer, notes=(*notes, *answer.notes)) if notes else answer

    def _stream(self, question: str, history: Sequence[Turn], article_filter: ArticleFilter | None) -> Iterator[Answer]:
        started = time.perf_counter()
        talk = small_talk(question)
        if talk is not None:
            yield self._talk(talk, question, article_filter, started)
            return
        call = LLMCall(self.llm, self.model, self.options.llm_total_timeout) if self.llm is not None else None
        request, base = self._request(question, history) if call is None else (Request("fact"), question)
        if request.kind == "several":
            yield from self._several(question, request, history, article_filter, started)
            return
        query = rewrite(question, history, call) if call else self._with_subject(base, request, article_filter)
        is_bare = call is None and query != base
        query, notes = self._corrected(query) if call is None and request.kind in _CORRECTED else (query, ())
        found = self.index.find(query, self.options.top_k, article_filter)
        if call and is_foreign(found) and (translated := self._translated(query, found, call)) != query:
            query = translated
            found = self.index.find(query, self.options.top_k, article_filter)
        context = self._context(question, found, history, article_filter) if call else None
        searched = time.perf_counter()
        timings = {"search": searched - started}
        hits = tuple((context.found if context else found).hits)
        answer = Answer(question, model=self.model, search_query=query, hits=hits, timings=timings, notes=notes)
        yield answer

        composed = self._composed(request, answer, found, article_filter) if call is None else None
        ranked, certainty = self._evidence(found, read=composed is None)
        answer = replace(composed or answer, confidence=round(certainty.confidence, 6))
        ranked = [each for each in ranked if without_markers(each.text) not in request.shown]
        if composed is not None:
            pass
        elif not ranked:
            answer = _nothing(answer, found, article_filter)
        elif call is None or context is None:
            answer = self._quoted(request, answer, ranked, found, is_unsure=is_bare or self._is_unsure(certainty))
        elif self.options.abstain_before_llm and answer.confidence < self._llm_abstention_threshold:
            answer = not_found(answer)
        else:
            quotes = partial(_quotes, answer, ranked, found)
            for written in self._written(answer, context, call, history, quotes):
                answer = written
                yield answer
            if not answer.found:
                answer = replace(answer, hits=tuple(found.hits))  # the closest passages first, not the first ones
        if call is None and not answer.found and NO_OPINION not in answer.notes:
            answer = replace(answer, searched=self._count(article_filter))
        if request.kind != "metadata":
            answer = with_date_notes(answer)
        ended = time.perf_counter()
        timings = {**answer.timings, "answer": ended - searched, "total": ended - started}
        yield replace(answer, done=True, timings=timings)

    def _written(
        self,
        answer: Answer,
        context: Context,
        call: LLMCall,
        history: Sequence[Turn],
        quotes: Callable[[str], Answer],
    ) -> Iterator[Answer]:
        """Yield the answer as the LLM writes it; if it fails and `options.fallback` is on, quotes or an abstention."""
        encoder, options = self.index.encoder, self.options
        written = answer
        try:
            for written in write(
                answer, context, call, history, encoder, options=options, quoted=quotes, reader=self.reader
            ):
                yield written
            if written.model == self.model and (verifier := self._verifier()) is not None:
                yield verified(written, context.found, verifier)
        except LLMError as error:
            if not options.fallback:
                raise
            reason = f"{_capitalized(error.message)}."
            if self._is_refused(answer, context.found):
                yield replace(not_found(answer), model=EXTRACTIVE, notes=(f"{reason} {error.hint}",))
            else:
                yield quotes(f"{reason} Quoted from the articles instead. {error.hint}")

    def _evidence(self, found: SearchResult, *, read: bool) -> tuple[list[Quote], Certainty]:
        """Return the sentences that answer the question best, best first, and how certain it is that they do.

        The reader is used if `read` is True: an answer that is composed of other sentences does not need it.
        """
        reader = self.reader if read and self.reader is not None and "question" in self.reader.kinds else None
        ranked = rank_sentences(found)
        readings = read_passages(found, reader, ranked) if reader is not None else {}
        ranked = with_readings(found, ranked, readings)
        if not ranked:
            return ranked, Certainty(0.0, 1.0, "similarity")
        confidence = similarity_confidence(found, ranked[0])
        if readings:
            return ranked, Certainty(confidence, read_probability(readings.values()), "probability")
        return ranked, Certainty(confidence, confidence, "similarity")

    def certainty(self, question: str, history: Sequence[Turn] = ()) -> Certainty:
        """Return how certain it is that the articles answer a question, without an LLM. Raises the errors of `ask`."""
        request, query = self._request(read_message(question, self.options.max_question_chars)[0], history)
        query, _ = self._corrected(query) if request.kind in _CORRECTED else (query, ())
        return self._evidence(self.index.find(query, self.options.top_k), read=True)[1]

    def unsure_threshold(self, scale: Scale) -> float:
        """Return the value on a scale below which quotes are unsure: the calibrated value, else the default."""
        calibrated = self.index.unsure_threshold(scale)
        return UNSURE_THRESHOLDS[scale] if calibrated is None else calibrated

    def _is_unsure(self, certainty: Certainty) -> bool:
        return certainty.value < self.unsure_threshold(certainty.scale)

    def _verifier(self) -> Verifier | None:
        """Return the verifier in the options, which is loaded once; None for the bundled check."""
        options = self.options
        key = (options.verifier, self.model)
        if key not in self._verifiers:
            timeout = options.llm_total_timeout
            self._verifiers[key] = load_verifier(options.verifier, self.llm, self.model, timeout)
        return self._verifiers[key]

    @staticmethod
    def _request(question: str, history: Sequence[Turn]) -> tuple[Request, str]:
        """Return what is asked for, and the standalone question."""
        request = classify(question)
        is_overview = request.kind == "overview" and not request.subject  # "What is this about?": the articles
        if is_overview or (request.kind in _ALONE and not has_pronoun(question)):
            return request, question
        if request.kind not in ("more", "who said"):
            if needs_context(question):
                history = _without_overviews(history)
            base = contextualize(question, history)
            return classify(base), base
        answers = [turn.text for turn in history if turn.role == "assistant"]
        asked = [turn.text for turn in history if turn.role == "user" and classify(turn.text).kind != "more"]
        if not asked or not answers:
            return Request("fact"), question
        last = contextualize(asked[-1], history[: 2 * len(asked) - 2])
        shown = answers[-1] if request.kind == "who said" else "\n".join(answers)
        request = request if request.kind == "who said" else classify(last)
        return replace(request, shown=shown[-_MOST_SHOWN:]), last

    def _with_subject(self, question: str, request: Request, article_filter: ArticleFilter | None) -> str:
        """Return a question without a subject, such as "why did it happen?", with the title of the only article."""
        if request.kind not in _BARE or not needs_subject(question) or self._count(article_filter) != 1:
            return question
        return f"{question} {self._allowed(article_filter)[0].title}"

    def _corrected(self, query: str) -> tuple[str, tuple[str, ...]]:
        """Return the query with misspelt words replaced by words of the articles, and a note if there are any."""
        if not self.index.exists():
            return query, ()
        corrected = self.index.corrected(query)
        for wrong, right in corrected.items():
            query = query.replace(wrong, right)
        return query, (SHOWING.format(query=query),) if corrected else ()

    def _composed(
        self,
        request: Request,
        answer: Answer,
        found: SearchResult,
        article_filter: ArticleFilter | None,
    ) -> Answer | None:
        """Return the answer to a request that no single sentence answers, without an LLM; None for other questions."""
        if request.kind == "your opinion":
            return replace(not_found(answer), notes=(NO_OPINION,))
        if request.kind == "metadata":
            known = self._allowed(article_filter)
            hits = [hit.passage.article_id for hit in found.hits]
            return with_title_cited(
                answer,
                from_record(request.subject, answer.question, known, list(dict.fromkeys(hits))),
                found,
                self.index,
            )
        if request.kind not in COMPOSED or not found.hits:
            return None
        composition = compose(request, found, self.index, article_filter)
        if composition is None:
            return None
        return not_found(answer) if composition.is_empty else write_composition(answer, composition)

    def _several(
        self,
        question: str,
        request: Request,
        history: Sequence[Turn],
        article_filter: ArticleFilter | None,
        started: float,
    ) -> Iterator[Answer]:
        """Yield the answers to the questions in one, each in turn."""
        answers: list[Answer] = []
        for part in request.parts:
            answers.append(deque(self._stream(part, history, article_filter), maxlen=1).pop())
            yield joined(question, answers)
        timings = {"total": time.perf_counter() - started}
        yield replace(joined(question, answers), done=True, timings=timings)

    def _quoted(
        self, request: Request, answer: Answer, ranked: Sequence[Quote], found: SearchResult, *, is_unsure: bool
    ) -> Answer:
        """Return the answer in quotes, or an abstention if the confidence is below the threshold."""
        if self._is_refused(answer, found):
            note = foreign_note(found)
            return replace(not_found(answer), notes=(*answer.notes, *([note] if note else [])))
        if is_unsure:
            answer = replace(answer, notes=(*answer.notes, UNSURE))
        many = request.kind in _WITH_PARTS or asks_for_several(answer.question)
        return quote(answer, ranked, found, many=many)

    def _context(
        self, question: str, found: SearchResult, history: Sequence[Turn], article_filter: ArticleFilter | None
    ) -> Context:
        """Return the passages for the LLM's prompt."""
        options = self.options

        def count(context: Context) -> int:
            return count_tokens(question, context, history, self.index.encoder, options)

        limit = options.prompt_tokens
        return gather(self.index, found, article_filter, scope=options.scope, prompt_tokens=limit, count_tokens=count)

    def _translated(self, query: str, found: SearchResult, call: LLMCall) -> str:
        """Return the query in the language of the articles; the LLM translates each query once."""
        titles = list(dict.fromkeys(hit.title for hit in found.hits))[:_TITLES]
        key = (self.model, query, *titles)
        if key not in self._translations:
            if len(self._translations) >= _MOST_TRANSLATIONS:
                self._translations.clear()
            self._translations[key] = translate(query, titles, call)
        return self._translations[key]

    def _talk(self, talk: SmallTalk, question: str, article_filter: ArticleFilter | None, started: float) -> Answer:
        """Return the reply to small talk; it has no citations, and nothing is searched for it."""
        articles = self._allowed(article_filter)
        suggestions = starter_questions(self, _SUGGESTIONS, article_filter) if articles else []
        text = small_talk_reply(talk, question, articles, suggestions)
        timings = {"total": time.perf_counter() - started}
        return Answer(question, text, model=self.model, search_query=question, timings=timings, done=True)

    def pass_on(self, messages: Sequence[tuple[str, str]]) -> Iterator[Answer]:
        """Yield the LLM's reply to messages that are not a question about the articles, given as roles and texts.

        The messages are sent without passages, and unchanged except for control tokens. The reply is not checked:
        `found` is False, and a note says so. Raises `LLMError` if the LLM fails or is missing.
        """
        answers = self._pass_on(messages)
        return observed(answers, self.observer) if self.observer else answers

    def _pass_on(self, messages: Sequence[tuple[str, str]]) -> Iterator[Answer]:
        if self.llm is None:
            raise LLMError("no LLM is set", "Set CITECHAT_LLM.")
        started = time.perf_counter()
        call = LLMCall(self.llm, self.model, self.options.llm_total_timeout)
        answer = Answer(messages[-1][1], found=False, model=self.model, notes=(NOT_FROM_ARTICLES,))
        yield answer
        text, reasoning = split_reasoning(call.complete(unchanged_messages(messages)))
        timings = {"total": time.perf_counter() - started}
        reasoning = reasoning or call.reasoning
        yield replace(answer, text=text, reasoning=reasoning, tokens=dict(call.tokens), timings=timings, done=True)

    def overview(self, article_filter: ArticleFilter | None = None) -> Answer:
        """Return the most central sentences of an article, or one sentence of each of several, quoted and cited.

        `article_filter` selects the articles. Raises `StoreError` if there is no index to search.
        """
        return self.without_llm().ask("What is this about?", (), article_filter)

    def with_options(self, **changes: Any) -> Assistant:
        """Return a copy of this assistant with some of its `AnswerOptions` changed."""
        return replace(self, options=replace(self.options, **changes))

    def without_llm(self) -> Assistant:
        """Return a copy of this assistant that quotes the articles."""
        return replace(self, llm=None, model=EXTRACTIVE)

    def with_choices(
        self,
        catalog: ModelCatalog,
        model: str | None = None,
        top_k: int | None = None,
        strict: bool | None = None,
        scope: str | None = None,
    ) -> Assistant:
        """Return an assistant with a user's choices, or this assistant if they change nothing; `None` means no choice.

        The values are untrusted and are validated. Raises `SettingsError` for a value that is not offered, and
        `LLMError` if the model cannot be loaded.
        """
        if model is not None and not isinstance(model, str):
            raise SettingsError(f"the model {abbreviated(model)} is not a name", "Choose one of those offered.")
        if top_k is not None and (type(top_k) is not int or not 1 <= top_k <= MOST_PASSAGES):
            raise SettingsError(
                f"the number of passages cannot be {abbreviated(top_k)}",
                f"Choose a whole number from 1 to {MOST_PASSAGES}.",
            )
        if strict is not None and type(strict) is not bool:
            raise SettingsError(f"strict cannot be {abbreviated(strict)}", "Choose true or false.")
        if scope is not None and scope not in get_args(Scope):
            raise SettingsError(f"scope cannot be {abbreviated(scope)}", f"Choose {', '.join(get_args(Scope))}.")
        options = replace(
            self.options,
            top_k=self.options.top_k if top_k is None else top_k,
            strict=self.options.strict if strict is None else strict,
            scope=self.options.scope if scope is None else cast(Scope, scope),
        )
        if model is not None and model != self.model:
            return replace(self, llm=catalog.llm(model), model=model, options=options)
        return self if options == self.options else replace(self, options=options)

    @property
    def abstention_threshold(self) -> float:
        """The confidence below which the assistant abstains: the configured value, else the calibrated value, else the
        default for many passages; see `default_threshold`."""
        chosen = self._chosen_threshold
        return DEFAULT_ABSTENTION_THRESHOLD if chosen is None else chosen

    @property
    def _chosen_threshold(self) -> float | None:
        configured = self.options.abstention_threshold
        return self.index.abstention_threshold() if configured is None else configured

    def _is_refused(self, answer: Answer, found: SearchResult) -> bool:
        chosen = self._chosen_threshold
        return answer.confidence < (default_threshold(found) if chosen is None else chosen)

    @property
    def _llm_abstention_threshold(self) -> float:
        threshold = self.options.abstention_threshold
        return LLM_ABSTENTION_THRESHOLD if threshold is None else threshold

    def articles(self) -> tuple[Article, ...]:
        """Return every indexed article, sorted by title."""
        return self.index.articles()

    def article_metadata(self) -> tuple[Article, ...]:
        """Return every indexed article without its text, sorted by title."""
        return self.index.article_metadata()

    def _allowed(self, article_filter: ArticleFilter | None) -> list[Article]:
        """Return the articles that the filter allows, without their texts."""
        return [each for each in self.article_metadata() if not article_filter or article_filter.allows(each)]

    def _count(self, article_filter: ArticleFilter | None) -> int:
        return len(self._allowed(article_filter)) if article_filter else self.index.count()[0]

    def article(self, article_id: str) -> Article | None:
        """Return one article, or None if it is not in the index."""
        return self.index.article(article_id)

    def warm_up(self) -> None:
        """Load the models and open the index now, so that the first question does not have to wait for them."""
        if self.index.exists():
            self.index.find("warm up", 1)
        else:
            self.index.encoder.query("warm up")
        if self.reader is not None:
            warm_up_reader(self.reader)


def _without_overviews(history: Sequence[Turn]) -> list[Turn]:
    """Return the history without requests for an overview: what is asked next is not about the word "about"."""
    kept: list[Turn] = []
    is_overview = False
    for turn in history:
        if turn.role == "user":
            request = classify(turn.text)
            is_overview = request.kind == "overview" and not request.subject
        if not is_overview:
            kept.append(turn)
    return kept


def _nothing(answer: Answer, found: SearchResult, article_filter: ArticleFilter | None) -> Answer:
    """Return an abstention if no sentence was found."""
    notes = ("No article is among those that were chosen.",) if article_filter and not found.hits else ()
    return replace(not_found(answer), notes=(*answer.notes, *notes))


def _quotes(answer: Answer, ranked: Sequence[Quote], found: SearchResult, note: str) -> Answer:
    """Return the answer in quotes that replaces an LLM's answer, with a note that says why."""
    quoted = quote(replace(answer, hits=tuple(found.hits)), ranked, found)
    return replace(quoted, model=EXTRACTIVE, notes=(note,))


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]
