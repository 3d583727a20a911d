"""What the server does when something happens on the page: a question, a stop, a click on a citation."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

from index import Article, ArticleFilter, CitechatError, Span
from rag import Assistant, follow_up_questions

from ...conversation import Conversation, converse
from ...html import outlet
from ...i18n.translate import Say, english
from ..answer_options import Choice, Chosen
from ..render.article import article_html, kept_html, message_html
from ..render.conversations import past_html
from ..render.exchange import messages
from ..render.masthead import masthead_html
from ..services import Services
from ..session import Reader
from ..starters import STARTERS, Starters
from ..writing import Page, Writing

logger = logging.getLogger(__name__)

_INDEX = "citechat index PATH"

SCREEN_PARTS = 8
"""How many parts of the page a reply sets, in the order of `Replies.screen`."""

FOLLOW_UPS = 3
"""Questions to go on with."""

_LOADING_PATIENCE = 300.0  # seconds that a page waits to hear that the model is loaded


def no_citation_yet(say: Say = english) -> str:
    """What stands where the article will be."""
    return message_html(
        say("The article opens here"),
        say("Ask a question, then choose a number such as [1] in the answer: its source is marked here."),
    )


class Replies:
    """What the server does when a reader asks, stops, looks at a citation or opens the page.

    Every reply is given its reader first, who is told by the request and by nothing that the page sends.
    """

    def __init__(self, gr: Any, assistant: Assistant, services: Services | None = None) -> None:
        self.gr = gr
        self.assistant = assistant
        self.services = services or Services()
        self.starters = Starters(assistant)
        self._writing: dict[str, Writing] = {}

    def screen(
        self, reader: Reader, said: Conversation, *, busy: bool = False, pane: Any = None, text: str | None = None
    ) -> list[Any]:
        """One state of the screen; `None` leaves the pane or the text in the box as it is."""
        say, update = reader.say, self.gr.update
        box = {"submit_btn": False, "stop_btn": say("Stop")} if busy else {"submit_btn": say("Ask"), "stop_btn": False}
        return [
            messages(said, say),
            said,
            self.gr.skip() if pane is None else pane,
            update(**box) if text is None else update(value=text, **box),
            update(visible=not said.exchanges and self.starters.ready),
            update(visible=bool(said.exchanges) and not busy),
            update(visible=False),  # what to go on with is found once the answer is there
            self.gr.skip() if busy else self.past(reader, said),
        ]

    def ask(
        self, reader: Reader, question: str | None, said: Conversation, writing: Writing, *choice: Any
    ) -> Iterator[list[Any]]:
        """Answer, from all articles or those of a `choice` (see `Choice`); as soon as a sentence is cited, its article
        is opened there."""
        chosen = Choice(*choice)
        yield from self._ask(Page(reader, said, writing), question, chosen, lambda: chosen.article_filter)

    def _ask(
        self, page: Page, question: str | None, choice: Choice, choose: Callable[[], ArticleFilter]
    ) -> Iterator[list[Any]]:
        reader, said, writing = page
        mine = writing.begin()
        self._writing[reader.session] = writing
        opened = False
        # The id stands before the first word: whoever keeps it first, a stop or the end, keeps the same conversation.
        state = said = said if said.id else replace(said, id=uuid4().hex)

        def is_over() -> bool:
            return writing.stopped or writing.number != mine

        chosen = Chosen(self.assistant, self.services.model_catalog, choice)
        for state in converse(chosen, said.stopped, question or "", choose, is_over):
            if is_over():
                break
            state = _judged(state, writing)  # noqa: PLW2901 - what was said meanwhile
            answer = state.exchanges[-1].answer
            pane = None
            if not opened and answer is not None and answer.citations:
                opened = True
                pane = self.article(reader, state, f"cite-{len(state.exchanges)}-1")
            yield self.screen(reader, state, busy=True, pane=pane, text="" if answer is None else None)
        if writing.number == mine:
            yield self.screen(reader, self.keep(reader, _judged(state, writing).stopped))

    def ask_again(self, reader: Reader, said: Conversation, writing: Writing, *choice: Any) -> Iterator[list[Any]]:
        """The last question once more, of the same articles, in place of its first answer."""
        if said.exchanges:
            last = said.exchanges[-1]
            before = said.without_last
            yield from self._ask(
                Page(reader, before, writing), last.question, Choice(*choice), lambda: last.article_filter
            )

    def stop(self, reader: Reader, said: Conversation, writing: Writing) -> list[Any]:
        """Keep what was written. It is shown at once, however long the writer takes to notice."""
        writing.stopped = True
        return self.screen(reader, self.keep(reader, said.stopped))

    def leave(self, session: str) -> None:
        """The page is closed: what is being written for it is not written on."""
        writing = self._writing.pop(session, None)
        if writing is not None:
            writing.stopped = True

    def take_back(self, reader: Reader, said: Conversation, writing: Writing) -> list[Any]:
        """Forget the last question, and put it in the box again to be changed."""
        return self.edit(reader, said, writing, len(said.exchanges))

    def edit(self, reader: Reader, said: Conversation, writing: Writing, turn: int) -> list[Any]:
        """Go back to before a question, and put it in the box again. What is kept is cut off when it is asked."""
        writing.begin()
        exchange = said.exchange(turn)
        text = None if exchange is None else exchange.question
        before = said if exchange is None else said.before(turn)
        return self.screen(reader, before, pane=no_citation_yet(reader.say), text=text)

    def start_over(self, reader: Reader, writing: Writing) -> list[Any]:
        """Begin a new conversation; the one before stays kept."""
        writing.begin()
        return self.screen(reader, Conversation(), pane=no_citation_yet(reader.say), text="")

    def keep(self, reader: Reader, said: Conversation) -> Conversation:
        """Keep the conversation for its reader; the reader is told where that fails, and the conversation goes on."""
        if self.services.saved is None or not reader.owner or not said.exchanges:
            return said
        try:
            return self.services.saved.save(reader.owner, said)
        except CitechatError as error:
            logger.warning("a conversation is not kept: %s", error)
            self.gr.Warning(reader.say("This conversation could not be kept; the log of the server says why."))
            return said

    def past(self, reader: Reader, said: Conversation) -> str:
        """The list of the reader's conversations."""
        if self.services.saved is None or not reader.owner:
            return past_html((), say=reader.say)
        try:
            return past_html(self.services.saved.listing(reader.owner), said.id, reader.say)
        except CitechatError as error:
            logger.warning("the conversations cannot be listed: %s", error)
            return past_html((), say=reader.say)

    def open_citation(self, reader: Reader, data: object, said: Conversation) -> str:
        """The article of one citation. Its id comes from the browser; it is only ever looked up."""
        return self.article(reader, said, data.get("place") if isinstance(data, dict) else None)

    def article(self, reader: Reader, said: Conversation, target: object) -> str:
        """The article that a citation or a hit of this conversation points at; of one that is gone, the passage."""
        place = said.place(target)
        if place is None:
            return message_html(
                reader.say("This source cannot be shown"), reader.say("Its answer was taken back, or never given.")
            )
        article = self.assistant.article(place.hit.passage.article_id)
        if article is None:
            return kept_html(place.hit, str(target), place.evidence, reader.say)
        passage = place.hit.passage
        return article_html(article, str(target), Span(passage.start, passage.end), place.evidence, reader.say)

    def masthead(self, reader: Reader) -> Iterator[str]:
        """Who answers from what; said anew whenever the page is loaded, and once the model is."""
        facts, _ = self._metadata()
        articles = None if facts is None else len(facts)
        if not self.services.ready.is_set():
            yield masthead_html(self.assistant.model, articles, reader.say, loading=True)
            self.services.ready.wait(_LOADING_PATIENCE)
        yield masthead_html(self.assistant.model, articles, reader.say)

    def load(self, reader: Reader) -> list[Any]:
        """What the page shows at first: the pane, the outlets and models to choose from, the conversations."""
        facts, problem = self._metadata()
        outlets = {outlet(origin.source) for article in facts or () for origin in article.origins}
        model_catalog, say = self.services.model_catalog, reader.say
        pane = no_citation_yet(say)
        if problem is not None:
            pane = message_html(say("The index cannot be read"), f"{problem.message} {problem.hint}")
        elif not facts:
            pane = message_html(say("Nothing is indexed yet"), say("Add articles above, or index a folder:"), _INDEX)
        return [
            pane,
            self.gr.update(choices=sorted(outlets, key=str.casefold), visible=len(outlets) > 1),
            self.gr.update(choices=list(model_catalog.models()) if model_catalog else [self.assistant.model]),
            self.past(reader, Conversation()),
        ]

    def _metadata(self) -> tuple[Sequence[Article] | None, CitechatError | None]:
        """The articles, or why they cannot be read."""
        try:
            return self.assistant.article_metadata(), None
        except CitechatError as error:
            logger.warning("the articles cannot be read: %s", error)
            return None, error

    def suggest(self, said: Conversation) -> list[Any]:
        """Questions to start with."""
        questions = self.starters.questions()
        return self._buttons(questions if not said.exchanges else [], STARTERS)

    def follow_up(self, said: Conversation) -> list[Any]:
        """Questions to go on with, each known to have an answer; none where the last one failed or was stopped."""
        last = said.exchanges[-1] if said.exchanges else None
        questions: list[str] = []
        if last is not None and last.answer is not None and last.answer.done and last.error is None:
            asked = [exchange.question for exchange in said.exchanges]
            try:
                questions = follow_up_questions(self.assistant, last.answer, asked, FOLLOW_UPS, last.article_filter)
            except Exception as error:
                logger.warning("no questions to go on with: %r", error)
        return self._buttons(questions, FOLLOW_UPS)

    def _buttons(self, questions: Sequence[str], most: int) -> list[Any]:
        labels = [*questions, *[""] * (most - len(questions))]
        row = self.gr.update(visible=bool(questions))
        return [row, *(self.gr.update(value=label, visible=bool(label)) for label in labels)]


def _judged(state: Conversation, writing: Writing) -> Conversation:
    """The conversation with the verdicts that came while its last answer was written."""
    for turn, rating in tuple(writing.ratings.items()):
        state = state.with_rating(turn, rating)
    return state
