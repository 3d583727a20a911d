"""The page of the chat: its parts, and what each event does to them. Never launched here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from rag import Assistant

from .events import wire
from .layout import build_parts
from .services import Services

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


def load_gradio() -> Any:
    """The web framework, imported late and told to keep to itself."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    import gradio

    return gradio


def build_app(assistant: Assistant, services: Services | None = None) -> gr.Blocks:
    """The page and its events around one assistant. What is said is held on the server, for each open page."""
    gr = load_gradio()
    services = services or Services()
    with gr.Blocks(title="citechat", analytics_enabled=False, fill_width=True) as app:
        wire(gr, app, build_parts(gr, assistant, services), assistant, services)
    return app
