"""What is installed: every pinned version lies in the range that is promised to work."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINS = {
    canonicalize_name(name): version
    for name, version in (line.split("==") for line in (REPOSITORY / "constraints.txt").read_text().split())
}
DIRECT = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]


@pytest.mark.parametrize("written", [w for w in DIRECT if not w.startswith("citechat")])
def test_a_direct_dependency_is_pinned_within_its_range(written: str) -> None:
    requirement = Requirement(written)
    assert PINS[canonicalize_name(requirement.name)] in requirement.specifier


def test_torch_is_pinned_because_a_newer_one_brings_gigabytes() -> None:
    assert "torch==2.13.0" in PROJECT["dependencies"]
    assert PINS[canonicalize_name("torch")] == "2.13.0"


def test_the_names_are_too_generic_to_be_uploaded() -> None:
    assert "Private :: Do Not Upload" in PROJECT["classifiers"]
