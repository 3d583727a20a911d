"""The laws of the house: imports go downwards only, through the front door, and importing is free."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
MAY_IMPORT = {"index": set(), "rag": {"index"}, "ui": {"rag", "index"}}
MODULES = sorted(path for package in MAY_IMPORT for path in (REPOSITORY / package).rglob("*.py"))
LONGEST_MODULE = 500
HEAVY = (
    "torch",
    "transformers",
    "sentence_transformers",
    "chromadb",
    "gradio",
    "langchain",
    "onnxruntime",
    "sqlalchemy",
    "limits",
    "scipy",
    "sklearn",
)


def _imports(path: Path) -> Iterator[tuple[str, int]]:
    """Names of the modules that a file imports, with the level of relative imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, 0) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", node.level


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_a_module_imports_only_downwards_and_only_through_front_doors(path: Path) -> None:
    package = path.relative_to(REPOSITORY).parts[0]
    for name, level in _imports(path):
        first, *rest = name.split(".")
        if level or first not in MAY_IMPORT:
            continue
        assert first != package, f"inside {package}, write `from .{'.'.join(rest)} import …`, not {name!r}"
        assert first in MAY_IMPORT[package], f"{package} may not import {first}"
        through_the_door = not rest or name == "rag.evaluate"
        assert through_the_door, f"import from {first!r}, its front door, not from {name!r}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_a_module_is_small_enough_to_be_read_at_once(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_MODULE


def test_only_one_module_names_chromadb() -> None:
    naming = {path.name for path in MODULES for name, _ in _imports(path) if name.split(".")[0] == "chromadb"}
    assert naming == {"chroma_client.py"}


def test_nothing_that_reads_code_from_data_is_used() -> None:
    """LangChain's `load`, `loads` and `load_prompt` build objects from data; so do pickle and yaml.load."""
    forbidden = ("langchain_core.load", "pickle", "marshal", "shelve")
    for path in MODULES:
        assert not [name for name, _ in _imports(path) if name.startswith(forbidden)], path
        assert "yaml.load(" not in path.read_text(encoding="utf-8")


def test_importing_is_free() -> None:
    code = (
        "import sys, index, rag, rag.evaluate, ui, ui.cli, ui.server, ui.html, ui.cli.doctor\n"
        f"loaded = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "assert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_importing_reads_no_setting_from_the_environment() -> None:
    environment = {**os.environ, "CITECHAT_TOP_K": "not a number", "CITECHAT_HOME": "/nowhere"}
    subprocess.run([sys.executable, "-c", "import index, rag, ui.cli"], check=True, timeout=60, env=environment)


def test_there_is_no_package_among_the_tests() -> None:
    """Test files are imported by path; an `__init__.py` would make `tests/index` shadow `index`."""
    assert not list((REPOSITORY / "tests").rglob("__init__.py"))


def test_nothing_asserts_a_package_name_as_a_program() -> None:
    texts = [path.read_text(encoding="utf-8") for path in [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md")]]
    assert not [text for text in texts if "python -m ui" in text]
