"""The page's components, from top to bottom. Their texts are keys that the browser translates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rag import Assistant

from ..conversation import Conversation
from .handlers.answers import FOLLOW_UPS, STARTERS
from .handlers.articles import no_source_yet
from .render.masthead import masthead_html, panel_heads
from .services import Services
from .session import PageSession

MOST_PASSAGES = 20
"""Maximum number of passages per answer that a user can set."""

SCOPES = {
    "auto": "Whole articles if they fit",
    "document": "Whole articles, as far as they fit",
    "passages": "The best passages",
}
"""The label of each scope that a user can choose."""

_UPLOADED = [
    *(".txt", ".md", ".html", ".htm", ".pdf", ".epub", ".docx", ".pptx", ".odt", ".rtf", ".csv", ".tsv", ".xlsx"),
    *(".eml", ".mbox", ".zip"),
]

# Runs in the browser when a component has loaded. It relays the document event with the component's name, which the
# page's script dispatches, to the component, and notifies the script when the component's value has changed.
_RELAY = """
document.addEventListener('citechat:%(name)s', event => trigger('%(event)s', event.detail));
watch('value', () => document.dispatchEvent(new CustomEvent('citechat:%(name)s-shown')));
"""

Components = dict[str, Any]


def build_components(gr: Any, assistant: Assistant, services: Services) -> Components:
    """Add the components to the page that is being built, and return them by name."""
    components: Components = {
        "conversation": gr.State(Conversation()),
        "session": gr.State(PageSession()),
        "selected": gr.State(frozenset()),
        "rated_turn": gr.State(0),
        "masthead": gr.HTML(masthead_html(assistant.model, None), elem_id="masthead", js_on_load=None),
    }
    heads = panel_heads()

    def head(name: str) -> None:
        components[name] = gr.HTML(heads[name], js_on_load=None)

    with gr.Column(elem_id="history-panel"):
        head("history_head")
        components["history"] = gr.HTML("", elem_id="history", js_on_load=_relay("history"))
        head("exports")
    with gr.Column(elem_id="library-panel"):
        head("library_head")
        components |= _library(gr, services)
    with gr.Column(elem_id="evaluation-panel"):
        head("evaluation_head")
        components |= _evaluation(gr)
    with gr.Column(elem_id="settings-panel"):
        head("settings_head")
        components |= _settings(gr, assistant)
    with gr.Row(elem_id="desk", equal_height=False):
        with gr.Column(scale=5, min_width=300, elem_id="talk"):
            components |= _chat(gr)
        with gr.Column(scale=4, min_width=300, elem_id="reading"):
            article = gr.HTML(no_source_yet(), elem_id="article-pane", js_on_load=_relay("open_citation"))
    return components | {"article": article, "outbox": gr.HTML("", elem_id="outbox", js_on_load=_relay("outbox"))}


def _relay(name: str) -> str:
    return _RELAY % {"name": name.replace("_", "-"), "event": name}


def _chat(gr: Any) -> Components:
    translate = gr.I18n()
    # Output only: no handler reads the value that a browser sends back.
    chatbot = gr.Chatbot(
        label=translate("Conversation"),
        show_label=False,
        elem_id="conversation",
        height=None,
        layout="panel",
        buttons=[],
        latex_delimiters=[],
        feedback_options=None,
        placeholder=translate("Ask a question about your articles. Every sentence links to its source."),
    )
    starters = _buttons(gr, "starters", "starter_row", STARTERS)
    follow_ups = _buttons(gr, "follow-ups", "follow_up_row", FOLLOW_UPS)
    with gr.Row(elem_id="reason-row", visible=False) as reason_row:
        reason = gr.Textbox(
            label=translate("What was wrong with this answer?"),
            show_label=False,
            container=False,
            max_lines=3,
            max_length=1000,
            submit_btn=translate("Send"),
            elem_id="reason",
        )
    question = gr.Textbox(
        label=translate("Your question"),
        show_label=False,
        container=False,
        placeholder=translate("Your question"),
        max_lines=6,
        max_length=20_000,
        autofocus=True,
        submit_btn=translate("Ask"),
        elem_id="question",
    )
    with gr.Row(elem_id="controls", visible=False) as controls:
        retry, undo = (gr.Button(translate(label), size="sm") for label in ("Regenerate", "Undo"))
    own = {"chatbot": chatbot, "reason_row": reason_row, "reason": reason, "question": question}
    return {**own, **starters, **follow_ups, "controls": controls, "retry": retry, "undo": undo}


def _buttons(gr: Any, elem_id: str, row_name: str, names: Sequence[str]) -> Components:
    with gr.Row(elem_id=elem_id, visible=False) as row:
        return {row_name: row} | {name: gr.Button("…", size="sm", elem_classes="question-button") for name in names}


def _library(gr: Any, services: Services) -> Components:
    translate, library = gr.I18n(), services.library
    linked = library is not None and library.allow_web_links
    articles = gr.HTML("", elem_id="library", js_on_load=_relay("library"))
    with gr.Column(visible=library is not None, elem_id="adding"):
        return {
            "library": articles,
            "files": gr.File(
                label=translate("Drop files here or click to browse"),
                file_count="multiple",
                file_types=_UPLOADED,
                show_label=False,
                elem_id="files",
                height=64,
            ),
            "upload_status": gr.HTML("", elem_id="upload-status", js_on_load=None),
            "title": gr.Textbox(label=translate("Title (optional)"), max_length=200, elem_id="text-title"),
            "text": gr.Textbox(label=translate("Paste text"), lines=3, max_lines=8, elem_id="text"),
            "add_text": gr.Button(translate("Add text"), size="sm"),
            "link": gr.Textbox(label=translate("Web address"), max_length=2000, visible=linked, elem_id="link"),
            "add_link": gr.Button(translate("Add page"), size="sm", visible=linked),
        }


def _evaluation(gr: Any) -> Components:
    translate = gr.I18n()
    with gr.Row(elem_id="test-set"):
        test_set = gr.UploadButton(
            translate("Run test set (JSONL or CSV)"), file_types=[".jsonl", ".csv", ".tsv"], size="sm"
        )
        run_saved = gr.Button(translate("Run saved test set"), size="sm", elem_id="run-saved")
    return {
        "test_set": test_set,
        "run_saved": run_saved,
        "evaluation_status": gr.HTML("", elem_id="evaluation-status", js_on_load=None),
        "report": gr.HTML("", elem_id="report", js_on_load=None),
        "feedback": gr.HTML("", elem_id="feedback", js_on_load=None),
    }


def _settings(gr: Any, assistant: Assistant) -> Components:
    translate, options = gr.I18n(), assistant.options
    # The server validates the choice; Gradio must not reject a choice that was added to the list later.
    model = gr.Dropdown(
        label=translate("Answer with"),
        choices=[assistant.model],
        value=assistant.model,
        allow_custom_value=True,
        elem_id="model",
    )
    passages = gr.Slider(
        label=translate("Passages per answer"),
        minimum=1,
        maximum=MOST_PASSAGES,
        step=1,
        value=options.top_k,
        buttons=[],
        elem_id="passages",
    )
    strict = gr.Checkbox(label=translate("Hide contradicted sentences"), value=options.strict, elem_id="strict")
    scope = gr.Dropdown(
        label=translate("The model reads"),
        choices=[(translate(label), value) for value, label in SCOPES.items()],
        value=options.scope,
        elem_id="scope",
    )
    with gr.Row(elem_id="days"):
        since, until = (
            gr.Textbox(label=translate(label), placeholder="2024-02-24", max_length=10, elem_id=elem_id)
            for label, elem_id in (("Published since", "since"), ("Published until", "until"))
        )
    sources = gr.Dropdown(
        label=translate("Only these sources"), multiselect=True, choices=[], allow_custom_value=True, elem_id="sources"
    )
    own = {"model": model, "passages": passages, "strict": strict, "scope": scope}
    return {**own, "since": since, "until": until, "sources": sources}
