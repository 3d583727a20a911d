"""What the server does when something happens on the page: a question, a stop, a click on a citation."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from index import Only
from rag import Assistant, starter_questions

from .conversation import Conversation, converse
from .pane import article_html, masthead_html, message_html
from .view import messages, outlet

logger = logging.getLogger(__name__)

STARTERS = 4
"""Questions to start with."""

NO_CITATION_YET = message_html(
    "The article opens here",
    "Ask a question, then choose a number such as [1] in the answer: its source is marked here.",
)
_NO_ARTICLE_YET = message_html(
    "Nothing is indexed yet", "Index a file or a folder of articles, then load this page again.", "citechat index PATH"
)
_GONE = message_html("This source cannot be shown", "Its article is no longer indexed, or its answer was taken back.")


class Writing:
    """Which answer is being written in a conversation, and whether the reader has stopped it.

    One for each open page, shared by all its events. The writer looks at it between two words and ends by itself; to
    cancel it from outside would let a word that is under way arrive after the stop.
    """

    def __init__(self) -> None:
        self.number = 0
        self.stopped = False

    def begin(self) -> int:
        """The number of a new answer; whatever was being written before ends without another word."""
        self.number += 1
        self.stopped = False
        return self.number


class Replies:
    """What the server does when something happens on the page."""

    def __init__(self, gr: Any, assistant: Assistant) -> None:
        self.gr = gr
        self.assistant = assistant
        self.starters = _Starters(assistant)

    def screen(self, said: Conversation, *, busy: bool = False, pane: Any = None, text: str | None = None) -> list[Any]:
        """One state of the screen; `None` leaves the pane or the text in the box as it is."""
        box = {"submit_btn": False, "stop_btn": "Stop"} if busy else {"submit_btn": "Ask", "stop_btn": False}
        return [
            messages(said),
            said,
            self.gr.skip() if pane is None else pane,
            self.gr.update(**box) if text is None else self.gr.update(value=text, **box),
            self.gr.update(visible=not said.exchanges and self.starters.ready),
            self.gr.update(visible=bool(said.exchanges) and not busy),
        ]

    def ask(self, question: str | None, said: Conversation, writing: Writing, *choice: Any) -> Iterator[list[Any]]:
        """Answer, from all articles or those of a `choice` (since, until, outlets, as the page has them); as soon as a
        sentence is cited, its article is opened there."""
        yield from self._ask(question, said, writing, lambda: _only(*choice))

    def _ask(
        self, question: str | None, said: Conversation, writing: Writing, choose: Callable[[], Only]
    ) -> Iterator[list[Any]]:
        mine = writing.begin()
        opened = False
        state = said
        for state in converse(self.assistant, said.stopped, question or "", choose):
            if writing.stopped or writing.number != mine:
                break
            answer = state.exchanges[-1].answer
            pane = None
            if not opened and answer is not None and answer.citations:
                opened = True
                pane = self.article(state, f"cite-{len(state.exchanges)}-1")
            yield self.screen(state, busy=True, pane=pane, text="" if answer is None else None)
        if writing.number == mine:
            yield self.screen(state.stopped)

    def ask_again(self, said: Conversation, writing: Writing) -> Iterator[list[Any]]:
        """The last question once more, of the same articles, in place of its first answer."""
        if said.exchanges:
            last = said.exchanges[-1]
            yield from self._ask(last.question, said.without_last, writing, lambda: last.only)

    def stop(self, said: Conversation, writing: Writing) -> list[Any]:
        """Keep what was written. It is shown at once, however long the writer takes to notice."""
        writing.stopped = True
        return self.screen(said.stopped)

    def take_back(self, said: Conversation, writing: Writing) -> list[Any]:
        """Forget the last question, and put it in the box again to be changed."""
        writing.begin()
        text = said.exchanges[-1].question if said.exchanges else None
        return self.screen(said.without_last, pane=NO_CITATION_YET, text=text)

    def start_over(self, writing: Writing) -> list[Any]:
        """Forget everything."""
        writing.begin()
        return self.screen(Conversation(), pane=NO_CITATION_YET, text="")

    def open_citation(self, data: object, said: Conversation) -> str:
        """The article of one citation. Its id comes from the browser; it is only ever looked up."""
        return self.article(said, data.get("place") if isinstance(data, dict) else None)

    def article(self, said: Conversation, target: object) -> str:
        """The article that a citation or a hit of this conversation points at."""
        place = said.place(target)
        article = self.assistant.article(place.article_id) if place is not None else None
        if place is None or article is None:
            return _GONE
        return article_html(article, str(target), place.passage, place.evidence)

    def load(self) -> list[Any]:
        """Who answers from what; said anew whenever the page is loaded."""
        facts = self.assistant.facts()
        sources = sorted({origin.source for article in facts for origin in article.origins}, key=outlet)
        return [
            masthead_html(self.assistant.model, len(facts)),
            self.gr.skip() if facts else _NO_ARTICLE_YET,
            self.gr.update(visible=len(facts) > 1),
            self.gr.update(choices=[(outlet(source), source) for source in sources]),
        ]

    def suggest(self, said: Conversation) -> list[Any]:
        """Questions to start with."""
        questions = self.starters.questions()
        labels = [*questions, *[""] * (STARTERS - len(questions))]
        row = self.gr.update(visible=bool(questions) and not said.exchanges)
        return [row, *(self.gr.update(value=label, visible=bool(label)) for label in labels)]


def _only(since: str | None = None, until: str | None = None, sources: Sequence[str] | None = None) -> Only:
    """The choice that stands on the page; what a browser sends is text, if it is anything."""
    days = (str(day or "").strip() or None for day in (since, until))
    first, last = days
    return Only(first, last, tuple(map(str, sources or ())))


class _Starters:
    """Questions to start with, made when the first reader comes, and anew when other articles are indexed."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self._lock = threading.Lock()
        self._made_for: tuple[str, ...] = ()
        self._questions: list[str] = []

    @property
    def ready(self) -> bool:
        """Whether there are any."""
        return bool(self._questions)

    def questions(self) -> list[str]:
        """The questions; none where making them fails, for a page without them is still a page."""
        with self._lock:
            try:
                ids = tuple(sorted(article.id for article in self._assistant.facts()))
                if ids != self._made_for:
                    self._questions = starter_questions(self._assistant, STARTERS)
                    self._made_for = ids
            except Exception as error:
                logger.warning("no questions to start with: %r", error)
            return list(self._questions)
