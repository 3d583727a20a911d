"""The chat page: its components and event handlers. `ui.server` serves it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from rag import Assistant, go_offline

from ..security.rate_limits import ADDITIONS, ANSWERS, EVALUATIONS
from .handlers.answers import FOLLOW_UPS, STARTERS, AnswerHandlers
from .handlers.conversations import ConversationHandlers
from .handlers.evaluation import EvaluationHandlers
from .handlers.library import LibraryHandlers
from .layout import build_components
from .render.masthead import panel_heads
from .services import Services
from .session import PageSettings, visitor_of, while_admitted

if TYPE_CHECKING:
    import gradio as gr

# Private events can still be called, although the API description omits them: every handler must validate its inputs.
_HIDDEN: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_REPEATABLE: dict[str, Any] = {**_HIDDEN, "trigger_mode": "multiple"}  # also while the previous call is running
# Four at a time, from all buttons together. A new question stops the previous answer.
_ANSWERING: dict[str, Any] = {**_REPEATABLE, "concurrency_limit": 4, "concurrency_id": ANSWERS}
_AT_ONCE: dict[str, Any] = {**_REPEATABLE, "concurrency_limit": None}
# Functions that may wait for a lock, or until the model is loaded, leave threads for all others.
_OPENING: dict[str, Any] = {**_REPEATABLE, "concurrency_limit": 8, "concurrency_id": "mastheads"}
_MANAGING: dict[str, Any] = {**_REPEATABLE, "concurrency_limit": 8, "concurrency_id": "library"}
_KEEPING: dict[str, Any] = {**_REPEATABLE, "concurrency_limit": 8, "concurrency_id": "conversations"}
_READING: dict[str, Any] = {**_REPEATABLE, "concurrency_limit": 2, "concurrency_id": "articles"}
# Each waits for the others between its files, so users take turns: the share of each user in this queue is small.
_ADDING: dict[str, Any] = {**_HIDDEN, "concurrency_limit": 12, "concurrency_id": ADDITIONS}
# One at a time: these ask questions, which must not delay other users' answers.
_STARTING: dict[str, Any] = {**_REPEATABLE, "concurrency_limit": 1, "concurrency_id": "starters"}
_SUGGESTING: dict[str, Any] = {**_REPEATABLE, "concurrency_limit": 1, "concurrency_id": "follow-ups"}
# One at a time, and not in the answer queue: a test set takes minutes.
_EVALUATING: dict[str, Any] = {**_HIDDEN, "concurrency_limit": 1, "concurrency_id": EVALUATIONS}

_SCREEN = (
    "chatbot",
    "conversation",
    "article",
    "question",
    "starter_row",
    "controls",
    "follow_up_row",
    "history",
)
_CHOSEN = (*_SCREEN, "outbox", "reason_row", "reason", "rated_turn", "feedback")
_PAGE = ("conversation", "session")
_SETTINGS = tuple(field.name for field in fields(PageSettings))


def load_gradio() -> Any:
    """Import Gradio when it is first needed, configured not to make network requests."""
    go_offline()
    import gradio

    return gradio


def build_app(assistant: Assistant, services: Services | None = None) -> gr.Blocks:
    """Return the chat page for an assistant. The server stores each open page's conversation."""
    gr = load_gradio()
    services = services or Services()
    with gr.Blocks(title="citechat", analytics_enabled=False, fill_width=True) as app:
        bind = _Binder(gr, build_components(gr, assistant, services))
        answers = AnswerHandlers(gr, assistant, services)
        _bind_answers(bind, answers)
        _bind_conversations(bind, ConversationHandlers(gr, answers))
        _bind_evaluation(bind, EvaluationHandlers(assistant, services))
        if services.library is not None:
            _bind_library(bind, app, LibraryHandlers(services.library), answers)
        heads = tuple(panel_heads())
        bind(app.load, lambda visitor: panel_heads(visitor.translate), (), heads, **_AT_ONCE)
        bind(app.load, answers.masthead, (), ("masthead",), **_OPENING)
        bind(app.load, answers.load, (), ("article", "sources", "model", "history", "feedback"), **_AT_ONCE)
        bind(app.load, answers.open_only_article, ("conversation",), ("article",), **_READING)
        bind(app.load, answers.suggest_starters, ("conversation",), ("starter_row", *STARTERS), **_STARTING)
        bind(app.unload, answers.leave)
    return app


def _bind_answers(bind: _Binder, answers: AnswerHandlers) -> None:
    components, page = bind.components, (*_PAGE, *_SETTINGS)
    asked = [bind(components["question"].submit, answers.ask, ("question", *page), _SCREEN, **_ANSWERING)]
    for button in (*STARTERS, *FOLLOW_UPS):
        asked.append(bind(components[button].click, answers.ask, (button, *page), _SCREEN, **_ANSWERING))
    asked.append(bind(components["retry"].click, answers.ask_again, page, _SCREEN, **_ANSWERING))
    for answer in asked:
        bind(answer.then, answers.suggest_follow_ups, ("conversation",), ("follow_up_row", *FOLLOW_UPS), **_SUGGESTING)
    bind(components["question"].stop, answers.stop, _PAGE, _SCREEN, **_AT_ONCE)
    bind(components["undo"].click, answers.undo, _PAGE, _SCREEN, **_HIDDEN)
    opened = components["article"].open_citation
    bind(opened, answers.open_citation, ("conversation",), ("article",), with_data=True, queue=False, **_AT_ONCE)


def _bind_conversations(bind: _Binder, conversations: ConversationHandlers) -> None:
    components = bind.components
    for event in (components["outbox"].outbox, components["history"].history):
        bind(event, conversations.choose, _PAGE, _CHOSEN, with_data=True, **_KEEPING)
    given, shown = ("reason", "conversation", "rated_turn"), ("outbox", "reason_row", "reason", "feedback")
    bind(components["reason"].submit, conversations.give_reason, given, shown, **_KEEPING)


def _bind_evaluation(bind: _Binder, evaluation: EvaluationHandlers) -> None:
    components, shown = bind.components, ("evaluation_status", "report")
    bind(components["test_set"].upload, evaluation.run, ("test_set", *_SETTINGS), shown, **_EVALUATING)
    bind(components["run_saved"].click, evaluation.run_saved, _SETTINGS, shown, **_EVALUATING)


def _bind_library(bind: _Binder, app: Any, library: LibraryHandlers, answers: AnswerHandlers) -> None:
    components, shown = bind.components, ("upload_status", "library")
    add_file, add_text, add_link = (components[name] for name in ("files", "add_text", "add_link"))
    bind(app.load, library.load, (), ("library",), **_AT_ONCE)
    changes = [
        bind(
            components["library"].library,
            library.choose,
            ("selected",),
            (*shown, "selected"),
            with_data=True,
            **_MANAGING,
        ),
        bind(add_file.upload, library.add_files, ("files", "selected"), (*shown, "files"), **_ADDING),
        bind(add_text.click, library.add_text, ("title", "text", "selected"), (*shown, "title", "text"), **_ADDING),
        bind(add_link.click, library.add_link, ("link", "selected"), (*shown, "link"), **_ADDING),
    ]
    bind(app.unload, library.leave)
    opened = ("article", "starter_row", *STARTERS, "follow_up_row", *FOLLOW_UPS)
    chosen = components["library"].library
    bind(chosen, answers.open_article, ("conversation",), opened, with_data=True, **_READING)
    for change in changes:
        bind(change.then, answers.open_only_article, ("conversation",), ("article",), **_READING)
        bind(change.then, answers.suggest_starters, ("conversation",), ("starter_row", *STARTERS), **_STARTING)
        bind(change.then, answers.masthead, (), ("masthead",), **_OPENING)


class _Binder:
    """A binder that connects handlers to the page's events.

    A handler takes the visitor, the event data if `with_data` is set, and component values. It returns or yields new
    values by component name; omitted components do not change.
    """

    def __init__(self, gr: Any, components: dict[str, Any]) -> None:
        self.components = components
        self._gr = gr

    def __call__(
        self,
        event: Any,
        handler: Callable[..., Any],
        inputs: Iterable[str] = (),
        outputs: Iterable[str] = (),
        *,
        with_data: bool = False,
        **options: Any,
    ) -> Any:
        in_steps = inspect.isgeneratorfunction(handler)
        is_ending = not (inputs or outputs or options)  # `unload`: also for a user who was removed

        def answer(request: Any, *values: Any) -> Any:
            visitor = visitor_of(request)
            updates = self._updates(handler(visitor, *values) if is_ending or visitor.is_admitted() else None)
            return updates if outputs else None

        def answer_with_data(request: Any, event: Any, *values: Any) -> Any:
            return answer(request, event._data, *values)

        def answer_in_steps(request: Any, *values: Any) -> Iterator[Any]:
            visitor = visitor_of(request)
            if visitor.is_admitted():
                yield from map(self._updates, while_admitted(visitor, handler(visitor, *values)))

        def answer_in_steps_with_data(request: Any, event: Any, *values: Any) -> Iterator[Any]:
            yield from answer_in_steps(request, event._data, *values)

        if in_steps:
            adapted: Any = answer_in_steps_with_data if with_data else answer_in_steps
        else:
            adapted = answer_with_data if with_data else answer
        # Gradio passes the request and the event to parameters annotated with its classes.
        adapted.__annotations__ = {"request": self._gr.Request, **({"event": self._gr.EventData} if with_data else {})}
        if is_ending:
            return event(adapted)  # `unload` accepts only a handler
        of = self.components
        return event(adapted, [of[name] for name in inputs], [of[name] for name in outputs], **options)

    def _updates(self, values: dict[str, Any] | None) -> Any:
        return {self.components[name]: value for name, value in (values or {}).items()} or self._gr.skip()
