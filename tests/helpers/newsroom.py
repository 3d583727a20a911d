"""A chat with a language model that writes by script, two articles, and all that a chat can have."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hashing import HashingEncoder
from staged import FAILS, StagedLLM

from index import Index
from rag import NOT_FOUND, AnswerOptions, Assistant, load_settings
from ui.chat.services import services_of

HARBOUR = """---
title: The harbour reopens
source: https://daily.example/harbour
author: Ann Lee
date: 2024-02-24
---
The harbour reopened on Monday after the storm. Twelve ships had waited outside for three days.

Advertisement

The mayor denied that the crane was old. Nobody was hurt in the harbour. The crane fell during the storm.

## What the storm did

The storm tore the roof off the fish market. It broke eleven windows of the customs house.

## Who pays for the repairs

The city of Northport pays for the roof. Maria Jensen, who runs the customs house, pays for its windows.
"""
FERRY = """---
title: The ferry is late
source: The Evening Paper
date: 2023-11-05
---
The ferry to the island sails every hour. In summer the ferry sails every half hour.
"""
STORMS = ("heavy", "first", "last", "long", "sudden", "second", "winter", "summer", "autumn", "western", "dry")
REPLIES = {
    "and the ferry": "The harbour reopened on Monday after the storm. [1] The ferry to the island sails every "
    "hour. [2]",
    "slowly": "The harbour reopened on Monday after the storm. [1] "
    + " ".join(f"The harbour reopened after the {storm} storm. [1]" for storm in STORMS),
    "harbour": "The harbour reopened on Monday after the storm. [1] After the storm, the harbour reopened on Monday. "
    "[1] The harbour reopened after a heavy storm. [1] The mayor resigned in 2019. [1]",
    "ferry": "The ferry to the island sails every hour. [1]",
    "moon": NOT_FOUND,
    "fails": FAILS,
}
"""What the language model of the newsroom writes to a question with these words."""


def newsroom(
    home: Path, *, replies: dict[str, str] | None = None, allow_web_links: bool = False, stories: int = 2
) -> Any:
    """An assistant with a staged language model over some stories, and all that a chat can have beside it: `assistant`,
    `services` and `index`. A second one at the same home is the first one started again."""
    home.mkdir(parents=True, exist_ok=True)
    index = Index(home / "index", HashingEncoder())
    if not index.exists():
        files = [home / "harbour.md", home / "ferry.md"][:stories]
        for file, text in zip(files, (HARBOUR, FERRY), strict=False):
            file.write_text(text, encoding="utf-8")
        index.sync(files)
    assistant = Assistant(
        index,
        StagedLLM(replies=replies or REPLIES, pause=0.03),
        model="staged",
        options=AnswerOptions(abstention_threshold=-1000, fallback=False),
    )
    services = services_of(load_settings(home=home, llm="staged", allow_web_links=allow_web_links), assistant)
    return SimpleNamespace(assistant=assistant, services=services, index=index, home=home)
