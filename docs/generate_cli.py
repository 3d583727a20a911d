"""Write docs/cli.md, which contains the help of every command. Run this script after changing the command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from ui.cli.main import cli

TARGET = Path(__file__).with_name("cli.md")
_HEAD = """# Command line
The help of every command, written by `docs/generate_cli.py`. Results go to stdout, messages and progress to stderr.
Exit codes: 0 done, 1 user error, 2 a measure missed its limit (`eval --fail-under`), 130 interrupted.
"""


def reference() -> str:
    """Return the content of docs/cli.md."""
    return "\n".join([_HEAD, *_sections(cli, "citechat")])


def _sections(command: click.Command, path: str, parent: click.Context | None = None) -> Iterator[str]:
    context = command.make_context(path.rsplit(maxsplit=1)[-1], [], parent, resilient_parsing=True, terminal_width=100)
    yield f"## {path}\n```\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            yield from _sections(command.commands[name], f"{path} {name}", context)


if __name__ == "__main__":
    TARGET.write_text(reference(), encoding="utf-8", newline="\n")
