"""Options shared by several commands, and the exit codes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

DONE, USER_ERROR, GATE_FAILED, INTERRUPTED = 0, 1, 2, 130

COUNT = click.IntRange(min=1)
SCOPES = ("auto", "document", "passages")
"""The values of `rag.Scope`, which is not imported because importing it takes long."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
skip_bad_option = click.option("--skip-bad", is_flag=True, help="Skip invalid questions, and list them.")
workers_option = click.option(
    "--workers",
    type=COUNT,
    metavar="N",
    show_default="this process, with threads",
    help="Number of processes that read and embed.",
)


def llm_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add options that override settings. An omitted option is None, as `load_settings` expects."""
    command = click.option("--top-k", type=int, metavar="N", help="Number of passages to answer from.")(command)
    scope = "What the LLM reads: whole articles (document), the best passages (passages), or what fits (auto)."
    choice = click.option("--scope", type=click.Choice(SCOPES), metavar="SCOPE", show_default="auto", help=scope)
    command = choice(command)
    strict = "Leave out an LLM's sentences that the articles contradict, or that name something not in them."
    command = click.option("--strict", is_flag=True, default=None, help=strict)(command)
    llm = "LLM that writes the answer, as provider:model."
    return click.option("--llm", metavar="SPEC", show_default="extractive, no LLM", help=llm)(command)
