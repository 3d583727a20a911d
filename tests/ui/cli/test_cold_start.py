"""`citechat ask` imports what a question needs and no more, because imports take most of its time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_SCRIPT = """
import json, sys
from ui.cli.main import main
code = main(["ask", "Which company released Sora?"])
print(json.dumps([code, sorted(sys.modules)]))
"""
_MOST = 1_250
"""Maximum number of modules; 1,110 are imported in an environment with the packages of the tests."""


@pytest.fixture(scope="module")
def imported(samples_home: Path) -> list[str]:
    """The names of all modules that `citechat ask` imports."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CITECHAT_")}
    environment = {**kept, "CITECHAT_HOME": str(samples_home)}
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT], check=True, timeout=300, env=environment, capture_output=True, text=True
    )
    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert code == 0
    return list(modules)


@pytest.mark.parametrize(
    "package",
    [
        *("torch", "transformers", "sentence_transformers", "langchain", "gradio", "scipy", "openai", "starlette"),
        *("lark", "rfc3987_syntax", "isoduration"),
        *("rag.evaluate.drafting", "rag.evaluate.testset.importers", "rag.generation.verified_stream"),
        *("pypdf", "lxml", "trafilatura", "docx"),
    ],
)
def test_a_question_does_not_import_what_it_does_not_need(package: str, imported: list[str]) -> None:
    assert not [name for name in imported if name == package or name.startswith(f"{package}.")]


def test_the_number_of_imported_modules_is_limited(imported: list[str]) -> None:
    assert len(imported) <= _MOST, len(imported)
