"""Nearly right files of every format: each becomes articles that are whole, or is refused, and no reader goes down.

`make fuzz MINUTES=10` does the same with files that nobody has seen.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

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


def _tried(count: int, **strategies: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test with so many examples, the same ones each time."""
    known = settings(
        max_examples=count,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    return lambda test: known(given(**strategies)(test))


def _is_read_or_refused(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    assert what_is_wrong_with(path) == ""


RANDOMS = st.randoms(use_true_random=False)
BYTES = st.binary(max_size=2000)
SUFFIXES = st.sampled_from(
    (".txt", ".md", ".html", ".pdf", ".docx", ".pptx", ".odt", ".rtf", ".csv", ".xlsx", ".eml", ".epub")
)


@_tried(70, random=RANDOMS)
def test_a_file_that_is_nearly_right_does_no_harm(files: dict[str, list[bytes]], folder: Path, random: Random) -> None:
    suffix, data = mutant(random, files)
    _is_read_or_refused(folder / f"a{suffix}", data)


@_tried(30, data=BYTES, suffix=SUFFIXES)
def test_bytes_of_any_kind_under_any_name_do_no_harm(folder: Path, data: bytes, suffix: str) -> None:
    _is_read_or_refused(folder / f"a{suffix}", data)


@pytest.mark.nightly
@_tried(600, random=RANDOMS)
def test_many_files_that_are_nearly_right_do_no_harm(
    files: dict[str, list[bytes]], folder: Path, random: Random
) -> None:
    suffix, data = mutant(random, files)
    _is_read_or_refused(folder / f"a{suffix}", data)


@pytest.mark.nightly
@_tried(300, data=BYTES, suffix=SUFFIXES)
def test_many_files_of_any_bytes_do_no_harm(folder: Path, data: bytes, suffix: str) -> None:
    _is_read_or_refused(folder / f"a{suffix}", data)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_file_that_once_did_harm_does_none(path: Path) -> None:
    assert what_is_wrong_with(path) == ""
