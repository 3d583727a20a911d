"""Nearly right files of every format: each becomes articles that are whole, or is refused, and no reader goes down.

`make fuzz MINUTES=10` does the same with files that nobody has seen.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutants import mutant, originals, what_is_wrong_with

SAMPLES = sorted((Path(__file__).parent / "samples").iterdir())


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[bytes]]:
    return originals(tmp_path_factory.mktemp("originals"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mutants")


@settings(
    max_examples=600,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(st.randoms(use_true_random=False))
def test_a_file_that_is_nearly_right_does_no_harm(files: dict[str, list[bytes]], folder: Path, random: Random) -> None:
    suffix, data = mutant(random, files)
    (folder / f"a{suffix}").write_bytes(data)
    assert what_is_wrong_with(folder / f"a{suffix}") == ""


@settings(max_examples=300, derandomize=True, deadline=None, database=None)
@given(st.binary(max_size=2000), st.sampled_from((".txt", ".md", ".html", ".pdf", ".docx", ".odt", ".rtf", ".eml")))
def test_bytes_of_any_kind_under_any_name_do_no_harm(folder: Path, data: bytes, suffix: str) -> None:
    (folder / f"a{suffix}").write_bytes(data)
    assert what_is_wrong_with(folder / f"a{suffix}") == ""


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_file_that_once_did_harm_does_none(path: Path) -> None:
    assert what_is_wrong_with(path) == ""
