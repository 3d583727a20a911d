"""The style sheets and scripts of the pages, which stand in `assets`."""

from __future__ import annotations

from pathlib import Path


def asset(name: str) -> str:
    """The text of one of them."""
    return Path(__file__).with_name("assets").joinpath(name).read_text(encoding="utf-8")
