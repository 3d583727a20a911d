"""What the server does with kept conversations, and with one answer: copy, judge, export, add to the test set."""

from __future__ import annotations

import logging
import re
import time
from dataclasses import replace
from typing import Any

from index import CitechatError
from rag.evaluate import add_case, case_from_answer

from ...conversation import Conversation, Exchange, Rating
from ...html import escape
from ..render.exchange import MOST_SHOWN, messages
from ..render.export import as_json, as_markdown, file_name, with_sources
from ..session import Reader
from ..writing import Page, Writing
from .answering import SCREEN_PARTS, Replies, no_citation_yet

logger = logging.getLogger(__name__)

_LONGEST_REASON = 1000
_TURN = re.compile("[0-9]{1,6}", re.ASCII)


class Keeping:
    """Replies to what a reader chooses beside an answer, or in the list of conversations.

    What is chosen comes from the browser as `{what, id, value}`: it is looked up, in the reader's own conversations or
    in the one that is open, and does nothing where it is not found.
    """

    def __init__(self, gr: Any, replies: Replies) -> None:
        self.gr = gr
        self.replies = replies
        self.services = replies.services

    def choose(self, reader: Reader, data: object, said: Conversation, writing: Writing) -> list[Any]:
        """Do what was chosen: gives the screen, what goes out to the browser, and the row for a reason."""
        what, chosen, value = _told(data)
        page = Page(reader, said, writing)
        if what == "new":
            self._keep_unfinished(page)
            return self._shown(self.replies.start_over(reader, writing))
        if what in ("open", "rename", "delete"):
            return self._change(page, what, chosen, value)
        if what == "earlier":
            return self._shown([messages(said, reader.say, whole=True), *[self.gr.skip()] * (SCREEN_PARTS - 1)])
        if what in ("markdown", "json"):
            return self._shown(out=_exported(what, page) if said.exchanges else None)
        return self._beside(page, what, int(chosen) if _TURN.fullmatch(chosen) else 0)

    def reason(self, reader: Reader, text: str | None, said: Conversation, turn: int) -> list[Any]:
        """Keep why the reader thinks so of an answer."""
        exchange = said.exchange(turn)
        if exchange is None or exchange.rating is None or not (text or "").strip():
            return self._shown()[SCREEN_PARTS:]
        kept = self._remember(reader, said, turn, exchange.rating, str(text).strip()[:_LONGEST_REASON])
        return self._shown(out=_thanks(reader) if kept else None)[SCREEN_PARTS:]

    def _beside(self, page: Page, what: str, turn: int) -> list[Any]:
        """What was chosen beside one answer."""
        say, exchange = page.reader.say, page.said.exchange(turn)
        if exchange is None:
            return self._shown()
        if what == "edit":
            return self._shown(self.replies.edit(page.reader, page.said, page.writing, turn))
        if what in ("good", "bad") and exchange.error is None and exchange.answer is not None and exchange.answer.done:
            return self._judge(page, turn, "good" if what == "good" else "bad")
        if what == "copy":
            return self._shown(out=_out("copy", with_sources(exchange, say), say("Copied")))
        if what == "case":
            return self._shown(out=_out("say", "", self._add(page, turn, exchange)))
        return self._shown()

    def _change(self, page: Page, what: str, chosen: str, value: str) -> list[Any]:
        """Open, rename or delete one of the reader's conversations."""
        reader, said, saved = page.reader, page.said, self.services.saved
        if saved is None or not reader.owner:
            return self._shown()
        try:
            if what == "open":
                found = saved.load(reader.owner, chosen)
                if found is None:
                    return self._shown(out=_out("say", "", reader.say("This conversation is no longer kept.")))
                self._keep_unfinished(page)
                page.writing.begin()
                return self._shown(self.replies.screen(reader, found, pane=no_citation_yet(reader.say), text=""))
            if what == "rename":
                renamed = saved.rename(reader.owner, chosen, value) and chosen == said.id
                if renamed and (kept := saved.load(reader.owner, chosen)):
                    said = replace(said, title=kept.title)
            else:
                saved.delete(reader.owner, chosen)
                if chosen == said.id:
                    return self._shown(self.replies.start_over(reader, page.writing))
        except CitechatError as error:
            logger.warning("conversations cannot be read or written: %s", error)
            words = reader.say("Conversations cannot be read or written now; the log of the server says why.")
            return self._shown(out=_out("say", "", words))
        # Only the list has changed, and a title: an answer that is being written is not written over.
        screen = [self.gr.skip()] * (SCREEN_PARTS - 1) + [self.replies.past(reader, said)]
        if not said.is_unfinished:
            screen[1] = said
        return self._shown(screen)

    def _keep_unfinished(self, page: Page) -> None:
        """Keep what was written of an answer that the reader leaves."""
        if page.said.is_unfinished:
            self.replies.keep(page.reader, page.said.stopped)

    def _judge(self, page: Page, turn: int, rating: Rating) -> list[Any]:
        reader, said = page.reader, page.said.with_rating(turn, rating)
        screen = None
        if said.is_unfinished:
            page.writing.ratings[turn] = rating  # whoever writes shows and keeps it
        else:
            said = self.replies.keep(reader, said)
            screen = self.replies.screen(reader, said)
            screen[SCREEN_PARTS - 2] = self.gr.skip()  # the questions to go on with stay
            if turn <= len(said.exchanges) - MOST_SHOWN:  # what is judged was shown on demand, and stays so
                screen[0] = messages(said, reader.say, whole=True)
        if not self._remember(reader, said, turn, rating, ""):
            return self._shown(screen)
        label = reader.say("What is good about it?") if rating == "good" else reader.say("What is wrong with it?")
        row = [self.gr.update(visible=True), self.gr.update(value="", label=label, placeholder=label), turn]
        return self._shown(screen, _thanks(reader), row)

    def _remember(self, reader: Reader, said: Conversation, turn: int, rating: Rating, reason: str) -> bool:
        """Keep a verdict; False where it could not be, which the reader is told."""
        if self.services.saved is None or not reader.owner:
            return False
        try:
            self.services.saved.record_feedback(reader.owner, said.id, turn, rating, reason)
        except CitechatError as error:
            logger.warning("a verdict is not kept: %s", error)
            self.gr.Warning(reader.say("This could not be kept; the log of the server says why."))
            return False
        return True

    def _add(self, page: Page, turn: int, exchange: Exchange) -> str:
        """Add an answer that the reader accepts to the test set, and say so."""
        say, path = page.reader.say, self.services.testset
        if path is None or exchange.answer is None or not exchange.answer.done:
            return say("There is no test set to add to.")
        try:
            added = add_case(path, case_from_answer(exchange.answer, page.said.before(turn).history))
        except CitechatError as error:
            logger.warning("nothing is added to the test set: %s", error)
            return say("This could not be added; the log of the server says why.")
        words = say("Added to the test set {name}.") if added else say("It is in the test set {name} already.")
        return words.format(name=path.name)

    def _shown(
        self, screen: list[Any] | None = None, out: str | None = None, reason: list[Any] | None = None
    ) -> list[Any]:
        """All that `choose` sets; what is not given stays as it is, but the row for a reason goes away."""
        skip = self.gr.skip()
        return [
            *(screen or [skip] * SCREEN_PARTS),
            skip if out is None else out,
            *(reason or [self.gr.update(visible=False), skip, skip]),
        ]


def _thanks(reader: Reader) -> str:
    return _out("say", "", reader.say("Thank you. It is kept."))


def _exported(what: str, page: Page) -> str:
    said, say = page.said, page.reader.say
    suffix, text = (".md", as_markdown(said, say)) if what == "markdown" else (".json", as_json(said))
    return _out("download", text, file_name(said, suffix))


def _told(data: object) -> tuple[str, str, str]:
    """What a browser says was chosen; text, whatever it sends."""
    given = data if isinstance(data, dict) else {}
    what, chosen, value = (given.get(name) for name in ("what", "id", "value"))
    return tuple(each if isinstance(each, str) else "" for each in (what, chosen, value))  # type: ignore[return-value]


def _out(kind: str, text: str, word: str) -> str:
    """What goes out to the browser: its script copies or downloads the text, and says the word."""
    sent = time.monotonic_ns()  # what is the same as before would not be looked at
    return f'<pre data-sent="{sent}" data-kind="{kind}" data-word="{escape(word)}">{escape(text)}</pre>'
