"""The structure of the code: imports go downwards and through `__init__`, modules stay small, importing is free."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
MAY_IMPORT = {"index": set(), "rag": {"index"}, "ui": {"rag", "index"}}
MODULES = sorted(path for package in MAY_IMPORT for path in (REPOSITORY / package).rglob("*.py"))
LONGEST_MODULE = 500  # lines
MOST_MODULES = 15  # in one folder
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


def _named(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def test_a_module_imports_only_downwards_and_only_through_front_doors() -> None:
    """`lint-imports` checks the layers; it does not see that imports inside a package are relative."""
    wrong = []
    for path in MODULES:
        package = path.relative_to(REPOSITORY).parts[0]
        for name, level in _imports(path):
            first, *rest = name.split(".")
            if level or first not in MAY_IMPORT:
                continue
            through_the_door = not rest or name == "rag.evaluate"
            if first == package:
                wrong.append(f"{_named(path)}: inside {package}, write `from .{'.'.join(rest)} import …`, not {name!r}")
            elif first not in MAY_IMPORT[package]:
                wrong.append(f"{_named(path)}: {package} may not import {first}")
            elif not through_the_door:
                wrong.append(f"{_named(path)}: import from {first!r}, not from {name!r}")
    assert wrong == []


def test_a_module_is_small_enough_to_be_read_at_once() -> None:
    lengths = {_named(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: length for name, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_a_folder_holds_few_enough_modules_to_be_seen_at_once() -> None:
    counts = Counter(_named(path.parent) for path in MODULES)
    assert {name: count for name, count in counts.items() if count > MOST_MODULES} == {}


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_the_import_contracts_name_every_part_of_a_package(package: str) -> None:
    contracts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layered = [
        name.strip("() ")
        for contract in contracts["contracts"]
        for layer in contract.get("layers", ())
        for name in layer.split(":")
    ]
    parts = {
        f"{package}.{path.stem}"
        for path in (REPOSITORY / package).iterdir()
        if path.stem not in ("__init__", "__main__") and (path.suffix == ".py" or (path / "__init__.py").is_file())
    }
    assert parts - set(layered) == set()


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
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


def test_importing_reads_no_setting_from_the_environment() -> None:
    environment = {**os.environ, "CITECHAT_TOP_K": "not a number", "CITECHAT_HOME": "/nowhere"}
    subprocess.run([sys.executable, "-c", "import index, rag, ui.cli"], check=True, timeout=300, env=environment)


def test_there_is_no_package_among_the_tests() -> None:
    """Test files are imported by path; an `__init__.py` would make `tests/index` shadow `index`."""
    assert not list((REPOSITORY / "tests").rglob("__init__.py"))


def test_nothing_asserts_a_package_name_as_a_program() -> None:
    texts = [path.read_text(encoding="utf-8") for path in [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md")]]
    assert not [text for text in texts if "python -m ui" in text]
