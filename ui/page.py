"""The page of the chat: its parts, and what each event does to them. Never launched here."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rag import Assistant

from .conversation import Conversation
from .pane import masthead_html
from .replies import NO_CITATION_YET, STARTERS, Replies, Writing

if TYPE_CHECKING:
    import gradio as gr

_QUIET = {
    # The web framework reads these when it is imported: no look-up, no report, no shared link.
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_SHARE": "False",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_OFFLINE": "1",
}

# Runs in the browser. The name that `trigger` is given becomes the event that a click on a citation raises here.
_ON_PANE_LOAD = """
document.addEventListener('citechat:open', event => trigger('open_citation', {place: event.detail}));
watch('value', () => document.dispatchEvent(new CustomEvent('citechat:shown')));
"""


def load_gradio() -> Any:
    """The web framework, imported late and told to keep to itself."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    import gradio

    return gradio


def build_app(assistant: Assistant) -> gr.Blocks:
    """The page and its events around one assistant. A conversation is kept on the server, one for each open page."""
    gr = load_gradio()
    with gr.Blocks(title="citechat", analytics_enabled=False, fill_width=True) as app:
        parts = _parts(gr, assistant.model)
        _wire(gr, app, parts, Replies(gr, assistant))
    return app


@dataclass(frozen=True)
class _Parts:
    """What stands on the page, from the top."""

    masthead: Any
    chatbot: Any
    starter_row: Any
    starters: list[Any]
    box: Any
    choice: Any
    since: Any
    until: Any
    sources: Any
    controls: Any
    retry: Any
    undo: Any
    clear: Any
    pane: Any
    conversation: Any
    writing: Any

    @property
    def screen(self) -> list[Any]:
        """What every reply sets, in the order of `Replies.screen`."""
        return [self.chatbot, self.conversation, self.pane, self.box, self.starter_row, self.controls]


def _parts(gr: Any, model: str) -> _Parts:
    conversation, writing = gr.State(Conversation()), gr.State(Writing())
    masthead = gr.HTML(masthead_html(model, None), elem_id="masthead", js_on_load=None)
    with gr.Row(elem_id="desk", equal_height=False):
        with gr.Column(scale=5, min_width=300, elem_id="talk"):
            # Output only: what a browser sends back in its place is never read.
            chatbot = gr.Chatbot(
                label="Conversation",
                show_label=False,
                elem_id="conversation",
                height=None,
                layout="panel",
                buttons=[],
                latex_delimiters=[],
                feedback_options=None,
                placeholder="Ask about your articles. Each sentence of an answer shows where it stands.",
            )
            with gr.Row(elem_id="starters", visible=False) as starter_row:
                starters = [gr.Button("…", size="sm", elem_classes="starter") for _ in range(STARTERS)]
            box = gr.Textbox(
                label="Your question",
                show_label=False,
                container=False,
                placeholder="Your question",
                max_lines=6,
                autofocus=True,
                submit_btn="Ask",
                elem_id="question",
            )
            with gr.Accordion("Ask only some of the articles", open=False, visible=False, elem_id="choice") as choice:
                with gr.Row():
                    since, until = (
                        gr.Textbox(label=label, placeholder="2024-02-24, 2024-02 or 2024", max_length=10, elem_id=name)
                        for label, name in (("Since", "since"), ("Until", "until"))
                    )
                # What a reader chooses is only ever compared; a list that has grown since must not refuse it.
                sources = gr.Dropdown(
                    label="From", multiselect=True, choices=[], allow_custom_value=True, elem_id="sources"
                )
            with gr.Row(elem_id="controls", visible=False) as controls:
                retry, undo, clear = (gr.Button(name, size="sm") for name in ("Ask again", "Take back", "Clear"))
        with gr.Column(scale=4, min_width=300, elem_id="reading"):
            pane = gr.HTML(NO_CITATION_YET, elem_id="article-pane", js_on_load=_ON_PANE_LOAD)
    return _Parts(
        masthead=masthead,
        chatbot=chatbot,
        starter_row=starter_row,
        starters=starters,
        box=box,
        choice=choice,
        since=since,
        until=until,
        sources=sources,
        controls=controls,
        retry=retry,
        undo=undo,
        clear=clear,
        pane=pane,
        conversation=conversation,
        writing=writing,
    )


def _wire(gr: Any, app: Any, parts: _Parts, replies: Replies) -> None:
    said, screen = parts.conversation, parts.screen

    def open_citation(event: Any, conversation: Conversation) -> str:
        return replies.open_citation(event._data, conversation)

    # What an event carries is handed to the parameter that is annotated with this class, which is imported late.
    open_citation.__annotations__["event"] = gr.EventData

    # Hiding an event keeps it out of the listed API only; each handler therefore trusts none of its inputs.
    hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    at_once: dict[str, Any] = {**hidden, "trigger_mode": "multiple", "concurrency_limit": None}
    answering = {**hidden, "trigger_mode": "multiple"}  # asking while an answer is written ends that answer
    context = [said, parts.writing, parts.since, parts.until, parts.sources]
    parts.box.submit(replies.ask, [parts.box, *context], screen, **answering)
    for button in parts.starters:
        button.click(replies.ask, [button, *context], screen, **answering)
    parts.retry.click(replies.ask_again, [said, parts.writing], screen, **answering)
    parts.box.stop(replies.stop, [said, parts.writing], screen, **at_once)
    parts.undo.click(replies.take_back, [said, parts.writing], screen, **hidden)
    parts.clear.click(replies.start_over, [parts.writing], screen, **hidden)
    parts.pane.open_citation(open_citation, [said], [parts.pane], **at_once)
    app.load(replies.load, None, [parts.masthead, parts.pane, parts.choice, parts.sources], **at_once)
    app.load(replies.suggest, [said], [parts.starter_row, *parts.starters], **at_once)
