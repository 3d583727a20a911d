"""docs/cli.md is generated from the command line, and is not stale."""

from __future__ import annotations

import runpy
from pathlib import Path

GENERATOR = Path(__file__).resolve().parents[3] / "docs" / "generate_cli.py"


def test_the_reference_of_the_command_line_is_up_to_date() -> None:
    generated = runpy.run_path(str(GENERATOR))["reference"]()
    written = GENERATOR.with_name("cli.md").read_text(encoding="utf-8")
    assert written == generated, "run `python docs/generate_cli.py`"
