"""The page of the chat: its parts, and what each event does to them. Never launched here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rag import Assistant, go_offline

from .events import wire
from .layout import build_parts
from .services import Services

if TYPE_CHECKING:
    import gradio as gr


def load_gradio() -> Any:
    """Import gradio late and configured to make no network look-ups."""
    go_offline()
    import gradio

    return gradio


def build_app(assistant: Assistant, services: Services | None = None) -> gr.Blocks:
    """The page and its events around one assistant. What is said is held on the server, for each open page."""
    gr = load_gradio()
    services = services or Services()
    with gr.Blocks(title="citechat", analytics_enabled=False, fill_width=True) as app:
        wire(gr, app, build_parts(gr, assistant, services), assistant, services)
    return app
