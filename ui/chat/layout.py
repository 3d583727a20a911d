"""What stands on the page, from the top. Its words are keys, which the browser puts into the reader's language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rag import Assistant

from ..conversation import Conversation
from .handlers.answering import FOLLOW_UPS, no_citation_yet
from .render.masthead import exports_html, head_html, masthead_html
from .services import Services
from .starters import STARTERS
from .writing import Writing

MOST_PASSAGES = 20
"""Passages that a reader may have used for an answer."""

_UPLOADED = [".txt", ".md", ".html", ".htm", ".pdf", ".docx", ".odt", ".rtf", ".eml", ".mbox", ".zip"]

# What runs in the browser when a part has loaded. An event that the page's script raises on the document is passed on;
# the name that `trigger` is given becomes an event of the part.
_PASSED_ON = """
document.addEventListener('citechat:%(name)s', event => trigger('%(event)s', event.detail));
watch('value', () => document.dispatchEvent(new CustomEvent('citechat:%(name)s-shown')));
"""


@dataclass(frozen=True)
class Parts:
    """The parts of the page."""

    masthead: Any
    heads: list[Any]
    chatbot: Any
    starter_row: Any
    starters: list[Any]
    follow_row: Any
    follow_ups: list[Any]
    reason_row: Any
    reason: Any
    box: Any
    controls: Any
    retry: Any
    undo: Any
    pane: Any
    past: Any
    outbox: Any
    shelf: Any
    files: Any
    title: Any
    text: Any
    add_text: Any
    link: Any
    add_link: Any
    told: Any
    cases: Any
    measure: Any
    measured: Any
    report: Any
    model: Any
    passages: Any
    strict: Any
    since: Any
    until: Any
    sources: Any
    conversation: Any
    writing: Any
    ticked: Any
    judging: Any

    @property
    def screen(self) -> list[Any]:
        """What every reply sets, in the order of `Replies.screen`."""
        return [
            self.chatbot,
            self.conversation,
            self.pane,
            self.box,
            self.starter_row,
            self.controls,
            self.follow_row,
            self.past,
        ]

    @property
    def choice(self) -> list[Any]:
        """How a question is to be answered, in the order of `Choice`."""
        return [self.since, self.until, self.sources, self.ticked, self.model, self.passages, self.strict]


def build_parts(gr: Any, assistant: Assistant, services: Services) -> Parts:
    """Put the parts on the page that is being built."""
    parts: dict[str, Any] = {
        "conversation": gr.State(Conversation()),
        "writing": gr.State(Writing()),
        "ticked": gr.State(frozenset()),
        "judging": gr.State(0),
        "masthead": gr.HTML(masthead_html(assistant.model, None), elem_id="masthead", js_on_load=None),
        "heads": [],
    }
    _past(gr, parts)
    _shelf(gr, parts, services)
    _measure(gr, parts)
    _choice(gr, parts, assistant)
    with gr.Row(elem_id="desk", equal_height=False):
        with gr.Column(scale=5, min_width=300, elem_id="talk"):
            _talk(gr, parts)
        with gr.Column(scale=4, min_width=300, elem_id="reading"):
            parts["pane"] = gr.HTML(no_citation_yet(), elem_id="article-pane", js_on_load=_passed_on("open_citation"))
    parts["outbox"] = gr.HTML("", elem_id="outbox", js_on_load=_passed_on("outbox"))
    return Parts(**parts)


def _passed_on(name: str) -> str:
    return _PASSED_ON % {"name": name.replace("_", "-"), "event": name}


def _talk(gr: Any, parts: dict[str, Any]) -> None:
    say = gr.I18n()
    # Output only: what a browser sends back in its place is never read.
    parts["chatbot"] = gr.Chatbot(
        label=say("Conversation"),
        show_label=False,
        elem_id="conversation",
        height=None,
        layout="panel",
        buttons=[],
        latex_delimiters=[],
        feedback_options=None,
        placeholder=say("Ask about your articles. Each sentence of an answer shows where it stands."),
    )
    parts["starter_row"], parts["starters"] = _buttons(gr, "starters", STARTERS)
    parts["follow_row"], parts["follow_ups"] = _buttons(gr, "follow-ups", FOLLOW_UPS)
    with gr.Row(elem_id="reason-row", visible=False) as parts["reason_row"]:
        parts["reason"] = gr.Textbox(
            label=say("What is wrong with it?"),
            show_label=False,
            container=False,
            max_lines=3,
            max_length=1000,
            submit_btn=say("Send"),
            elem_id="reason",
        )
    parts["box"] = gr.Textbox(
        label=say("Your question"),
        show_label=False,
        container=False,
        placeholder=say("Your question"),
        max_lines=6,
        autofocus=True,
        submit_btn=say("Ask"),
        elem_id="question",
    )
    with gr.Row(elem_id="controls", visible=False) as parts["controls"]:
        parts["retry"], parts["undo"] = (gr.Button(say(name), size="sm") for name in ("Ask again", "Take back"))


def _buttons(gr: Any, name: str, count: int) -> tuple[Any, list[Any]]:
    with gr.Row(elem_id=name, visible=False) as row:
        buttons = [gr.Button("…", size="sm", elem_classes="question-button") for _ in range(count)]
    return row, buttons


def _past(gr: Any, parts: dict[str, Any]) -> None:
    with gr.Column(elem_id="past-panel"):
        parts["heads"].append(gr.HTML(head_html("Conversations"), js_on_load=None))
        parts["past"] = gr.HTML("", elem_id="past", js_on_load=_passed_on("past"))
        parts["heads"].append(gr.HTML(exports_html(), js_on_load=None))


def _shelf(gr: Any, parts: dict[str, Any], services: Services) -> None:
    say, library = gr.I18n(), services.library
    with gr.Column(elem_id="shelf-panel"):
        parts["heads"].append(gr.HTML(head_html("Articles"), js_on_load=None))
        parts["shelf"] = gr.HTML("", elem_id="shelf", js_on_load=_passed_on("shelf"))
        with gr.Column(visible=library is not None, elem_id="adding"):
            parts["files"] = gr.File(
                label=say("Drop files here, or choose some"),
                file_count="multiple",
                file_types=_UPLOADED,
                show_label=False,
                elem_id="files",
                height=64,
            )
            parts["told"] = gr.HTML("", elem_id="told", js_on_load=None)
            parts["title"] = gr.Textbox(label=say("Title of a text"), max_length=200, elem_id="text-title")
            parts["text"] = gr.Textbox(label=say("Text to add"), lines=3, max_lines=8, elem_id="text")
            parts["add_text"] = gr.Button(say("Add the text"), size="sm")
            linked = library is not None and library.allow_web_links
            parts["link"] = gr.Textbox(label=say("Web address to add"), max_length=2000, visible=linked, elem_id="link")
            parts["add_link"] = gr.Button(say("Add the page"), size="sm", visible=linked)


def _measure(gr: Any, parts: dict[str, Any]) -> None:
    say = gr.I18n()
    with gr.Column(elem_id="measure-panel"):
        parts["heads"].append(gr.HTML(head_html("Evaluation"), js_on_load=None))
        with gr.Row(elem_id="cases"):
            parts["cases"] = gr.UploadButton(
                say("Ask a test set (JSONL or CSV)"), file_types=[".jsonl", ".csv", ".tsv"], size="sm"
            )
            parts["measure"] = gr.Button(say("Ask what was added to the test set"), size="sm", elem_id="measure")
        parts["measured"] = gr.HTML("", elem_id="measured", js_on_load=None)
        parts["report"] = gr.HTML("", elem_id="report", js_on_load=None)


def _choice(gr: Any, parts: dict[str, Any], assistant: Assistant) -> None:
    say = gr.I18n()
    with gr.Column(elem_id="choice-panel"):
        parts["heads"].append(gr.HTML(head_html("Settings"), js_on_load=None))
        # What is chosen is looked at on the server; a list that has grown since must not refuse it.
        parts["model"] = gr.Dropdown(
            label=say("Who answers"),
            choices=[assistant.model],
            value=assistant.model,
            allow_custom_value=True,
            elem_id="model",
        )
        parts["passages"] = gr.Slider(
            label=say("Passages used"),
            minimum=1,
            maximum=MOST_PASSAGES,
            step=1,
            value=assistant.options.top_k,
            buttons=[],
            elem_id="used",
        )
        parts["strict"] = gr.Checkbox(
            label=say("Leave out sentences that no passage supports"), value=assistant.options.strict, elem_id="strict"
        )
        with gr.Row(elem_id="days"):
            parts["since"], parts["until"] = (
                gr.Textbox(label=say(label), placeholder="2024-02-24", max_length=10, elem_id=label.lower())
                for label in ("Since", "Until")
            )
        parts["sources"] = gr.Dropdown(
            label=say("Only from"), multiselect=True, choices=[], allow_custom_value=True, elem_id="sources"
        )
