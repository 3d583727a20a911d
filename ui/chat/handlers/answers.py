"""Event handlers for the conversation: ask a question, stop an answer, click a citation, open the page."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import uuid4

from index import Article, CitechatError, RequestFilter
from rag import Assistant, follow_up_questions, starter_questions

from ...conversation import Conversation, converse
from ...html import outlet, public_error
from ...persistence.conversations import MOST_LISTED
from ..render.article import message_html
from ..render.conversations import feedback_html, history_html
from ..render.exchange import messages
from ..render.masthead import masthead_html, model_name
from ..services import Services
from ..session import OpenPage, PageSession, PageSettings, Visitor
from .articles import ArticlePane, chosen_article

logger = logging.getLogger(__name__)

STARTERS = tuple(f"starter_{number}" for number in range(1, 4))
"""The component names of the buttons with starter questions."""

FOLLOW_UPS = tuple(f"follow_up_{number}" for number in range(1, 4))
"""The component names of the buttons with follow-up questions."""

Update = dict[str, Any]
"""New values by component name."""

_INDEX_COMMAND = "citechat index PATH"
_LOADING_TIMEOUT = 300.0  # maximum time that a page waits for the model to load, in seconds


class AnswerHandlers:
    """The event handlers for questions, answers, citations and page loads."""

    def __init__(self, gr: Any, assistant: Assistant, services: Services | None = None) -> None:
        self.gr = gr
        self.assistant = assistant
        self.services = services or Services()
        self._sessions: dict[str, PageSession] = {}
        self.pane = ArticlePane(assistant, self.services)
        self._lock = threading.Lock()
        self._starters_of: tuple[str, ...] = ()  # ids of the articles that the starters are based on
        self._starters: list[str] = []

    def screen(
        self,
        visitor: Visitor,
        conversation: Conversation,
        *,
        busy: bool = False,
        article: str | None = None,
        question: str | None = None,
    ) -> Update:
        """Return the page state for a conversation; None leaves the article or the typed question unchanged."""
        translate, update = visitor.translate, self.gr.update
        box: Update = {
            "submit_btn": False if busy else translate("Ask"),
            "stop_btn": translate("Stop") if busy else False,
        }
        return {
            "chatbot": messages(conversation, translate),
            "conversation": conversation,
            "question": update(**box) if question is None else update(value=question, **box),
            "starter_row": update(visible=not conversation.exchanges and bool(self._starters)),
            "controls": update(visible=bool(conversation.exchanges) and not busy),
            "follow_up_row": update(visible=False),  # `suggest_follow_ups` shows it once the answer is complete
            **({} if article is None else {"article": article}),
            **({} if busy else {"history": self.history(visitor, conversation)}),
        }

    def ask(
        self,
        visitor: Visitor,
        question: str | None,
        conversation: Conversation,
        session: PageSession,
        *settings: Any,
    ) -> Iterator[Update]:
        """Answer a question with the page's settings; open the article for the first citation."""
        chosen = PageSettings(*settings)
        yield from self._ask(OpenPage(visitor, conversation, session), question, chosen, lambda: chosen.article_filter)

    def ask_again(
        self, visitor: Visitor, conversation: Conversation, session: PageSession, *settings: Any
    ) -> Iterator[Update]:
        """Answer the last question again from the same articles, and replace the earlier answer."""
        if conversation.exchanges:
            last = conversation.exchanges[-1]
            page = OpenPage(visitor, conversation.without_last, session)
            yield from self._ask(page, last.question, PageSettings(*settings), lambda: last.article_filter)

    def _ask(
        self,
        page: OpenPage,
        question: str | None,
        settings: PageSettings,
        choose_articles: Callable[[], RequestFilter],
    ) -> Iterator[Update]:
        visitor, before, session = page
        if before.is_full:
            self.gr.Warning(visitor.translate("This conversation is full. Begin a new one."))
            yield self.screen(visitor, before, question=question or "")
            return
        number = session.begin_answer()
        self._sessions[visitor.session] = session
        opened = False
        # Assign the id before the first word, so that a stop and the end of the answer save the same conversation.
        state = before = before if before.id else replace(before, id=uuid4().hex)

        def is_over() -> bool:
            return session.stopped or session.answer_number != number

        def choose_assistant() -> Assistant:
            return settings.assistant(self.assistant, self.services.model_catalog)

        for state in converse(choose_assistant, before.stopped, question or "", choose_articles, is_over):
            if is_over():
                break
            state = _with_ratings(state, session)  # noqa: PLW2901
            answer = state.exchanges[-1].answer
            article = None
            if not opened and answer is not None and answer.citations:
                opened = True
                article = self.pane.cited(visitor, state, f"cite-{len(state.exchanges)}-1")
            yield self.screen(visitor, state, busy=True, article=article, question="" if answer is None else None)
        if session.answer_number == number:
            yield self.screen(visitor, self.save(visitor, _with_ratings(state, session).stopped))

    def stop(self, visitor: Visitor, conversation: Conversation, session: PageSession) -> Update:
        """Stop the answer without removing its text; the page changes immediately, even if the model stops later."""
        session.stopped = True
        return self.screen(visitor, self.save(visitor, conversation.stopped))

    def leave(self, visitor: Visitor) -> None:
        """Stop the answer for a closed page."""
        session = self._sessions.pop(visitor.session, None)
        if session is not None:
            session.stopped = True

    def undo(self, visitor: Visitor, conversation: Conversation, session: PageSession) -> Update:
        """Remove the last question, and copy its text to the question box."""
        return self.edit(visitor, conversation, session, len(conversation.exchanges))

    def edit(self, visitor: Visitor, conversation: Conversation, session: PageSession, turn: int) -> Update:
        """Show the conversation before a question, and copy the question to the question box.

        The saved conversation changes only when the user asks a question.
        """
        session.begin_answer()
        exchange = conversation.exchange(turn)
        question = None if exchange is None else exchange.question
        before = conversation if exchange is None else conversation.before(turn)
        return self.screen(visitor, before, article=self.pane.initial(visitor), question=question)

    def start_over(self, visitor: Visitor, session: PageSession) -> Update:
        """Begin a new conversation; the previous one remains saved."""
        session.begin_answer()
        return self.screen(visitor, Conversation(), article=self.pane.initial(visitor), question="")

    def save(self, visitor: Visitor, conversation: Conversation) -> Conversation:
        """Save a conversation and return the saved version. If saving fails, warn the user and return it unchanged."""
        store = self.services.conversations
        if store is None or not visitor.owner or not conversation.exchanges:
            return conversation
        try:
            return store.save(visitor.owner, conversation)
        except CitechatError as error:
            logger.warning("cannot save a conversation: %s", error)
            self.gr.Warning(visitor.translate("Could not save this conversation. See the server log."))
            return conversation

    def history(self, visitor: Visitor, conversation: Conversation) -> str:
        """Return HTML that lists the visitor's conversations, or an empty string if they cannot be read."""
        store, translate = self.services.conversations, visitor.translate
        try:
            listed = store.listing(visitor.owner) if store is not None and visitor.owner else []
        except CitechatError as error:
            logger.warning("cannot list the conversations: %s", error)
            listed = []
        return history_html(listed, conversation.id, translate, is_cut=len(listed) >= MOST_LISTED)

    def feedback(self, visitor: Visitor) -> str:
        """Return HTML that summarizes the visitor's ratings, or an empty string without ratings."""
        store = self.services.conversations
        try:
            ratings = list(store.feedback(visitor.owner)) if store is not None and visitor.owner else []
        except CitechatError as error:
            logger.warning("cannot read the feedback: %s", error)
            ratings = []
        return feedback_html(ratings, visitor.translate)

    def open_citation(self, visitor: Visitor, data: object, conversation: Conversation) -> Update:
        """Open the article for a citation. The id comes from the browser and is used only for a lookup."""
        target = data.get("place") if isinstance(data, dict) else None
        return {"article": self.pane.cited(visitor, conversation, target)}

    def open_article(self, visitor: Visitor, data: object, conversation: Conversation) -> Iterator[Update]:
        """Open the article that the user chose from the list, with its overview, then suggest questions about it."""
        article_id = chosen_article(data)
        if article_id is None:
            yield {}  # without it, the page would show the pane's initial text
            return
        yield {"article": self.pane.opened(visitor, article_id)}
        row, names = ("follow_up_row", FOLLOW_UPS) if conversation.exchanges else ("starter_row", STARTERS)
        questions = self.pane.starters(article_id)
        if questions:
            yield self._buttons(row, names, questions)

    def open_only_article(self, visitor: Visitor, conversation: Conversation) -> Update:
        """Open the only article of the index with its overview, unless a conversation has begun."""
        self.services.ready.wait(_LOADING_TIMEOUT)
        article_id = self.pane.only_article()
        return (
            {} if article_id is None or conversation.exchanges else {"article": self.pane.opened(visitor, article_id)}
        )

    def masthead(self, visitor: Visitor) -> Iterator[Update]:
        """Show the model and the number of articles, and update them once the model is loaded."""
        found, _ = self._metadata()
        articles = None if found is None else len(found)
        show = partial(
            masthead_html, self.assistant.model, articles, visitor.translate, can_log_out=visitor.can_log_out
        )
        if not self.services.ready.is_set():
            yield {"masthead": show(loading=True)}
            self.services.ready.wait(_LOADING_TIMEOUT)
        yield {"masthead": show()}

    def load(self, visitor: Visitor) -> Update:
        """Return the initial page state: a hint, the available sources and models, and the history."""
        articles, problem = self._metadata()
        outlets = {outlet(origin.source) for article in articles or () for origin in article.origins}
        catalog, translate, update = self.services.model_catalog, visitor.translate, self.gr.update
        models = list(catalog.models()) if catalog else [self.assistant.model]
        hint = self.pane.initial(visitor)
        if problem is not None:
            hint = message_html(translate("Cannot read the index"), " ".join(public_error(problem)))
        elif not articles:
            add = translate("Add articles in the Articles panel, or index a folder:")
            hint = message_html(translate("No articles yet"), add, _INDEX_COMMAND)
        return {
            "article": hint,
            "sources": update(choices=sorted(outlets, key=str.casefold), visible=len(outlets) > 1),
            "model": update(choices=[(model_name(model, translate), model) for model in models]),
            "history": self.history(visitor, Conversation()),
            "feedback": self.feedback(visitor),
        }

    def _metadata(self) -> tuple[Sequence[Article] | None, CitechatError | None]:
        """Return the articles, or the error if they cannot be read."""
        try:
            return self.assistant.article_metadata(), None
        except CitechatError as error:
            logger.warning("cannot read the articles: %s", error)
            return None, error

    def suggest_starters(self, _: Visitor, conversation: Conversation) -> Update:
        """Suggest starter questions, and create new ones when the indexed articles change. Errors are only logged."""
        with self._lock:
            try:
                ids = tuple(sorted(article.id for article in self.assistant.article_metadata()))
                if ids != self._starters_of:
                    self._starters = starter_questions(self.assistant, len(STARTERS))
                    self._starters_of = ids
            except Exception as error:
                logger.warning("cannot suggest starter questions: %r", error)
        return self._buttons("starter_row", STARTERS, [] if conversation.exchanges else self._starters)

    def suggest_follow_ups(self, _: Visitor, conversation: Conversation) -> Update:
        """Suggest follow-up questions that the articles answer; none if the last answer failed or was stopped."""
        last = conversation.exchanges[-1] if conversation.exchanges else None
        answer = last.finished_answer if last is not None else None
        questions: list[str] = []
        if last is not None and answer is not None:
            asked = [exchange.question for exchange in conversation.exchanges]
            try:
                questions = follow_up_questions(self.assistant, answer, asked, len(FOLLOW_UPS), last.article_filter)
            except Exception as error:
                logger.warning("cannot suggest follow-up questions: %r", error)
        return self._buttons("follow_up_row", FOLLOW_UPS, questions)

    def _buttons(self, row: str, names: Sequence[str], questions: Sequence[str]) -> Update:
        labels = [*questions, *[""] * len(names)]
        update = self.gr.update
        buttons = {name: update(value=label, visible=bool(label)) for name, label in zip(names, labels, strict=False)}
        return {row: update(visible=bool(questions)), **buttons}


def _with_ratings(state: Conversation, session: PageSession) -> Conversation:
    """Return the conversation with the ratings that the user gave while its last answer was being written."""
    for turn, rating in tuple(session.ratings.items()):
        state = state.with_rating(turn, rating)
    return state
