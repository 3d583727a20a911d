"""Event handlers for saved conversations, and for one answer: copy, rate, export, add to the test set."""

from __future__ import annotations

import logging
import re
import time
from dataclasses import replace
from typing import Any

from index import CitechatError
from rag import FullTestSetError
from rag.evaluate import add_case, case_from_answer

from ...conversation import Conversation, Exchange, Rating
from ..render.conversations import outgoing_html
from ..render.exchange import MOST_SHOWN, messages
from ..render.export import as_json, as_markdown, file_name, with_sources
from ..session import Action, OpenPage, PageSession, Visitor
from .answers import AnswerHandlers, Update
from .evaluation import MOST_QUESTIONS

logger = logging.getLogger(__name__)

_LONGEST_REASON = 1000
_TURN = re.compile("[0-9]{1,6}", re.ASCII)


class ConversationHandlers:
    """The event handlers for user actions on an answer or in the history.

    The browser sends each action as `{what, id, value}`. The id is looked up in the user's own conversations or in the
    open one; an action with an unknown id has no effect.
    """

    def __init__(self, gr: Any, answers: AnswerHandlers) -> None:
        self.gr = gr
        self.answers = answers
        self.services = answers.services

    def choose(self, visitor: Visitor, data: object, conversation: Conversation, session: PageSession) -> Update:
        """Perform the action. Hide the reason field unless the action rates an answer."""
        action = Action.parse(data)
        page = OpenPage(visitor, conversation, session)
        return {"reason_row": self.gr.update(visible=False), **self._do(page, action)}

    def give_reason(self, visitor: Visitor, text: str | None, conversation: Conversation, turn: int) -> Update:
        """Save the user's reason for a rating."""
        done: Update = {"reason_row": self.gr.update(visible=False)}
        exchange = conversation.exchange(turn)
        if exchange is None or exchange.rating is None or not (text or "").strip():
            return done
        reason = str(text).strip()[:_LONGEST_REASON]
        return {**done, **self._save_rating(visitor, conversation, turn, exchange.rating, reason)}

    def _do(self, page: OpenPage, action: Action) -> Update:
        visitor, conversation, session = page
        if action.name == "new":
            self._save_unfinished(page)
            return self.answers.start_over(visitor, session)
        if action.name in ("open", "rename", "delete"):
            return self._change_saved(page, action)
        if action.name == "earlier":
            return {"chatbot": messages(conversation, visitor.translate, whole=True)}
        if action.name in ("markdown", "json"):
            return _export(page, action.name) if conversation.exchanges else {}
        turn = int(action.id) if _TURN.fullmatch(action.id) else 0
        exchange = conversation.exchange(turn)
        return {} if exchange is None else self._do_with_answer(page, action.name, turn, exchange)

    def _do_with_answer(self, page: OpenPage, name: str, turn: int, exchange: Exchange) -> Update:
        translate = page.visitor.translate
        if name == "edit":
            return self.answers.edit(page.visitor, page.conversation, page.session, turn)
        if name in ("good", "bad") and exchange.finished_answer is not None:
            return self._rate(page, turn, "good" if name == "good" else "bad")
        if name == "copy":
            return _send("copy", translate("Copied"), with_sources(exchange, translate))
        if name == "case":
            return _send("notice", self._add_case(page, turn, exchange))
        return {}

    def _change_saved(self, page: OpenPage, action: Action) -> Update:
        """Open, rename or delete one of the user's conversations."""
        visitor, conversation, session = page
        store, translate = self.services.conversations, visitor.translate
        if store is None or not visitor.owner:
            return {}
        is_open = action.id == conversation.id
        try:
            if action.name == "open":
                found = store.load(visitor.owner, action.id)
                if found is None:
                    return _send("notice", translate("Conversation not found."))
                self._save_unfinished(page)
                session.begin_answer()
                return self.answers.screen(visitor, found, article=self.answers.pane.initial(visitor), question="")
            if action.name == "rename":
                renamed = store.rename(visitor.owner, action.id, action.value) and is_open
                if renamed and (saved := store.load(visitor.owner, action.id)):
                    conversation = replace(conversation, title=saved.title)
            else:
                store.delete(visitor.owner, action.id)
                if is_open:
                    return self.answers.start_over(visitor, session)
        except CitechatError as error:
            logger.warning("cannot read or write conversations: %s", error)
            return _send("notice", translate("Could not read or save conversations. See the server log."))
        # Only the list and a title have changed: do not update an answer that is being written.
        shown: Update = {"history": self.answers.history(visitor, conversation)}
        return shown if conversation.is_unfinished else {**shown, "conversation": conversation}

    def _save_unfinished(self, page: OpenPage) -> None:
        """Save an unfinished answer when the user leaves its conversation."""
        if page.conversation.is_unfinished:
            self.answers.save(page.visitor, page.conversation.stopped)

    def _rate(self, page: OpenPage, turn: int, rating: Rating) -> Update:
        visitor, conversation = page.visitor, page.conversation.with_rating(turn, rating)
        translate = visitor.translate
        shown: Update = {}
        if conversation.is_unfinished:
            page.session.ratings[turn] = rating  # the answer's handler shows and saves the rating
        else:
            conversation = self.answers.save(visitor, conversation)
            shown = self.answers.screen(visitor, conversation)
            del shown["follow_up_row"]  # do not hide the suggestions
            if turn <= len(conversation.exchanges) - MOST_SHOWN:  # the user had expanded all questions
                shown["chatbot"] = messages(conversation, translate, whole=True)
        saved = self._save_rating(visitor, conversation, turn, rating, "")
        if not saved:
            return shown
        good, bad = translate("What was good about this answer?"), translate("What was wrong with this answer?")
        label = good if rating == "good" else bad
        field = self.gr.update(value="", label=label, placeholder=label)
        return {**shown, **saved, "reason_row": self.gr.update(visible=True), "reason": field, "rated_turn": turn}

    def _save_rating(
        self, visitor: Visitor, conversation: Conversation, turn: int, rating: Rating, reason: str
    ) -> Update:
        """Save a rating and thank the user; if saving fails, warn the user and return an empty update."""
        store, translate = self.services.conversations, visitor.translate
        if store is None or not visitor.owner:
            return {}
        try:
            store.record_feedback(visitor.owner, conversation.id, turn, rating, reason)
        except CitechatError as error:
            logger.warning("cannot save a rating: %s", error)
            self.gr.Warning(translate("Could not save your feedback. See the server log."))
            return {}
        thanks = _send("notice", translate("Thank you for your feedback."))
        return {**thanks, "feedback": self.answers.feedback(visitor)}

    def _add_case(self, page: OpenPage, turn: int, exchange: Exchange) -> str:
        """Add an answer to the test set, and return a message for the user."""
        translate, path = page.visitor.translate, self.services.testset
        if path is None or exchange.answer is None or not exchange.answer.done:
            return translate("Cannot add this answer to a test set.")
        try:
            case = case_from_answer(exchange.answer, page.conversation.before(turn).history)
            added = add_case(path, case, MOST_QUESTIONS)
        except FullTestSetError as error:
            logger.warning("%s", error)
            return translate("Test set {name} is full. See the server log.", name=path.name)
        except CitechatError as error:
            logger.warning("cannot add an answer to the test set: %s", error)
            return translate("Could not add this answer to the test set. See the server log.")
        if added and case.history:
            return translate(
                "Added to test set {name}, with the earlier messages of this conversation.", name=path.name
            )
        if added:
            return translate("Added to test set {name}.", name=path.name)
        return translate("Already in test set {name}.", name=path.name)


def _export(page: OpenPage, kind: str) -> Update:
    conversation = page.conversation
    if kind == "markdown":
        return _send("download", file_name(conversation, ".md"), as_markdown(conversation, page.visitor.translate))
    return _send("download", file_name(conversation, ".json"), as_json(conversation))


def _send(kind: str, word: str, text: str = "") -> Update:
    """Return an update with a notice, text to copy or a file to save; a timestamp makes Gradio send repeated values."""
    return {"outbox": outgoing_html(kind, word, text, sent=time.monotonic_ns())}
