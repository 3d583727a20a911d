"""The seeded bugs still fit the code; `python bench/seeded_bugs.py` checks that the tests notice them."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(REPOSITORY / "bench"))
    return importlib.import_module("seeded_bugs")


def test_each_bug_can_be_put_into_the_code_and_names_existing_tests(bench: Any) -> None:
    assert len(bench.BUGS) >= 10
    for bug in bench.BUGS:
        assert (REPOSITORY / bug.file).read_text(encoding="utf-8").count(bug.old) == 1, bug.name
        assert bug.new != bug.old
        for test in bug.tests:
            assert (REPOSITORY / test).exists(), test


def test_a_bug_that_no_longer_fits_is_an_error(bench: Any, tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("x = 1\n", encoding="utf-8")
    with pytest.raises(ValueError, match="0 times, not once"):
        bench.Bug("gone", "module.py", "y = 1", "y = 2", ()).put_into(tmp_path)
