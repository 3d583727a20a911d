"""No text makes a pattern work for long: the work of each grows with the length of a text, and no faster."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys

import pytest
from patterns import BOUNDED, FILES, REPOSITORY, Found, calls_of_re, superlinear

# Functions that build patterns from values: of this program while its modules are imported, of the framework, of the
# operator's settings, or escaped and without repetition.
_BUILDERS = {
    ("index/text/boilerplate.py", "_line"),
    ("rag/evaluate/drafting/rules.py", "_pattern"),
    ("rag/evaluate/drafting/quotations.py", "_speaker"),
    ("ui/api/app.py", "__init__"),
    ("ui/chat/library.py", "__init__"),
    ("ui/persistence/database.py", "_reported_errors"),
}

# Functions of Python that take quadratic time for some texts, and block all threads meanwhile.
_QUADRATIC = {"Sniffer", "normalize"}
# Functions of this program that call them with a text of limited length.
_LIMITED = {
    ("index/retrieval/bm25.py", "without_accents"),  # one letter
    ("index/retrieval/bm25.py", "with_plain_forms"),  # piece by piece
    ("ui/chat/render/export.py", "file_name"),  # a title or a question
    ("ui/security/users.py", "_scrypt"),  # a password
}


@pytest.fixture(scope="module")
def attacked() -> dict[str, object]:
    """The attack, if there is one, that makes each pattern work for long."""
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "tests/helpers/patterns.py")],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, f"the work of {told[-1:]} never ends: {done.stderr[-500:]}"
    return {each["name"]: each["attack"] for each in told if "name" in each}


def test_the_work_of_every_pattern_grows_with_the_length_of_the_text(attacked: dict[str, object]) -> None:
    assert {name: attack for name, attack in attacked.items() if attack} == {}


def test_every_pattern_is_attacked(attacked: dict[str, object]) -> None:
    assert len(attacked) > 200
    assert {"rag.llms.secrets._SECRETS", "index.filters._DAY", "ui.api.openai._MARKUP"} <= set(attacked)
    assert any(name.startswith("rag.questions.answer_kinds.") and "[" in name for name in attacked), (
        "also in collections"
    )
    assert any(":" in name for name in attacked), "also in functions"
    assert [each for each in BOUNDED if not any(name.startswith(each) for name in attacked)] == []


@pytest.mark.parametrize(
    ("written", "method", "is_superlinear"),
    [
        (r"(?:\n\n\[\d{1,3}\] [^\n]*: “[^\n]*”)+\Z", "sub", True),
        (r"(a+)+b", "match", True),
        (r"(?:\w|\d\w?)+!", "fullmatch", True),
        (r"\s+$", "search", True),
        (r"x.*y", "finditer", True),
        (r"\bA\w*(?: \w+)* B", "search", True),
        (r"\{title\s((?:[^{}\\]|\\.)*+)\}", "search", True),
        (r"<a (?:[^<>&]|&.)*>", "finditer", True),
        (r"\"(?:[^\"]|\"\")*+x", "search", True),
        (r"\s+$", "match", False),
        (r"(?<!\s)\s++$", "search", False),
        (r"x[^xy]*+y", "finditer", False),
        (r"(?:a|b){0,40}c", "search", False),
    ],
)
def test_an_attack_is_found_for_each_kind_of_pattern_that_does_too_much_work(
    written: str, method: str, is_superlinear: bool
) -> None:
    found = superlinear(Found("pattern", re.compile(written), frozenset({method})))
    assert (found is not None) is is_superlinear, found


def test_no_function_builds_a_pattern_from_what_it_is_given() -> None:
    building = {
        (path.relative_to(REPOSITORY).as_posix(), function)
        for path in FILES
        for function, call in calls_of_re(path)
        if not isinstance(call.args[0], ast.Constant)
    }
    assert building == _BUILDERS


def test_functions_that_take_quadratic_time_get_only_short_texts() -> None:
    calling = {
        (path.relative_to(REPOSITORY).as_posix(), function.name)
        for path in FILES
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef)
        for call in ast.walk(function)
        if isinstance(call, ast.Attribute)
        and call.attr in _QUADRATIC
        and isinstance(call.value, ast.Name)
        and call.value.id in ("csv", "unicodedata")
    }
    assert calling == _LIMITED
