"""What each event of the page does to its parts. Wiring only: the replies say what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rag import Assistant

from .handlers.answering import Replies
from .handlers.conversations import Keeping
from .handlers.evaluation import Measuring
from .handlers.library import Shelving
from .layout import Parts
from .render.masthead import heads
from .services import Services
from .session import reader_of

# Hiding an event keeps it out of the listed API only; each handler therefore trusts none of its inputs.
_HIDDEN: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_AT_ONCE: dict[str, Any] = {**_HIDDEN, "trigger_mode": "multiple", "concurrency_limit": None}
# One at a time: they are found by asking questions, and must not keep other readers' answers waiting.
_OFFERING: dict[str, Any] = {**_AT_ONCE, "concurrency_limit": 1, "concurrency_id": "follow-ups"}
_ANSWERING: dict[str, Any] = {
    **_HIDDEN,
    "trigger_mode": "multiple",
}  # asking anew ends the answer that is being written


def wire(gr: Any, app: Any, parts: Parts, assistant: Assistant, services: Services) -> None:
    """Connect the events of the page that is being built."""
    replies = Replies(gr, assistant, services)
    told = _Told(gr)
    _wire_answers(parts, replies, told)
    _wire_kept(parts, Keeping(gr, replies), told)
    _wire_measuring(parts, Measuring(gr, assistant, services), told)
    app.load(told.state(lambda reader: heads(reader.say)), None, parts.heads, **_AT_ONCE)
    app.load(told.states(replies.masthead), None, [parts.masthead], **_AT_ONCE)
    app.load(told.state(replies.load), None, [parts.pane, parts.sources, parts.model, parts.past], **_AT_ONCE)
    app.load(replies.suggest, [parts.conversation], [parts.starter_row, *parts.starters], **_AT_ONCE)
    app.unload(told.state(lambda reader: replies.leave(reader.session)))
    if services.library is not None:
        _wire_library(app, parts, Shelving(gr, services.library), replies, told)


def _wire_answers(parts: Parts, replies: Replies, told: _Told) -> None:
    said, screen, page = parts.conversation, parts.screen, [parts.conversation, parts.writing]
    asked = [parts.box.submit(told.states(replies.ask), [parts.box, *page, *parts.choice], screen, **_ANSWERING)]
    for button in (*parts.starters, *parts.follow_ups):
        asked.append(button.click(told.states(replies.ask), [button, *page, *parts.choice], screen, **_ANSWERING))
    asked.append(parts.retry.click(told.states(replies.ask_again), [*page, *parts.choice], screen, **_ANSWERING))
    for answer in asked:
        answer.then(replies.follow_up, [said], [parts.follow_row, *parts.follow_ups], **_OFFERING)
    parts.box.stop(told.state(replies.stop), page, screen, **_AT_ONCE)
    parts.undo.click(told.state(replies.take_back), page, screen, **_HIDDEN)
    parts.pane.open_citation(told.event(replies.open_citation), [said], [parts.pane], queue=False, **_AT_ONCE)


def _wire_kept(parts: Parts, keeping: Keeping, told: _Told) -> None:
    page = [parts.conversation, parts.writing]
    reason = [parts.outbox, parts.reason_row, parts.reason, parts.judging]
    choose = told.event(keeping.choose)
    parts.outbox.outbox(choose, page, [*parts.screen, *reason], **_AT_ONCE)
    parts.past.past(choose, page, [*parts.screen, *reason], **_AT_ONCE)
    given = [parts.reason, parts.conversation, parts.judging]
    parts.reason.submit(told.state(keeping.reason), given, reason, **_AT_ONCE)


def _wire_measuring(parts: Parts, measuring: Measuring, told: _Told) -> None:
    # One at a time, and apart from answers: a test set asks for minutes.
    alone = {**_HIDDEN, "concurrency_limit": 1, "concurrency_id": "evaluation"}
    choice, shown = [parts.model, parts.passages, parts.strict], [parts.measured, parts.report]
    parts.cases.upload(told.states(measuring.run), [parts.cases, *choice], shown, **alone)
    parts.measure.click(told.states(measuring.run_added), choice, shown, **alone)


def _wire_library(app: Any, parts: Parts, shelving: Shelving, replies: Replies, told: _Told) -> None:
    ticked, shown, texts = parts.ticked, [parts.told, parts.shelf], [parts.title, parts.text]
    app.load(told.state(shelving.load), None, [parts.shelf], **_AT_ONCE)
    changes = [
        parts.shelf.shelf(told.event(shelving.choose), [ticked], [parts.shelf, ticked, parts.told], **_AT_ONCE),
        parts.files.upload(told.states(shelving.add_files), [parts.files, ticked], [*shown, parts.files], **_HIDDEN),
        parts.add_text.click(told.states(shelving.add_text), [*texts, ticked], [*shown, *texts], **_HIDDEN),
        parts.add_link.click(told.states(shelving.add_link), [parts.link, ticked], [*shown, parts.link], **_HIDDEN),
    ]
    for change in changes:
        change.then(told.states(replies.masthead), None, [parts.masthead], **_AT_ONCE)


class _Told:
    """Tells a reply who its reader is. The web framework hands over the request, and what an event carries, to the
    parameters that are annotated with its classes, which are imported late."""

    def __init__(self, gr: Any) -> None:
        self._gr = gr

    def state(self, reply: Callable[..., Any]) -> Callable[..., Any]:
        """For a reply that gives one state."""

        def handler(request: Any, *values: Any) -> Any:
            return reply(reader_of(request), *values)

        return self._annotated(handler)

    def states(self, reply: Callable[..., Iterator[Any]]) -> Callable[..., Any]:
        """For a reply that gives ever newer states."""

        def handler(request: Any, *values: Any) -> Iterator[Any]:
            yield from reply(reader_of(request), *values)

        return self._annotated(handler)

    def event(self, reply: Callable[..., Any]) -> Callable[..., Any]:
        """For a reply that is given what the event carries, too."""

        def handler(request: Any, event: Any, *values: Any) -> Any:
            return reply(reader_of(request), event._data, *values)

        return self._annotated(handler)

    def _annotated(self, handler: Callable[..., Any]) -> Callable[..., Any]:
        handler.__annotations__ = {"request": self._gr.Request}
        if "event" in handler.__code__.co_varnames:
            handler.__annotations__["event"] = self._gr.EventData
        return handler
