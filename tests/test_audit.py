"""The installed packages are listed with their licences, and known vulnerabilities are looked up."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture
def audit() -> Any:
    spec = importlib.util.spec_from_file_location("audit", REPOSITORY / "deploy" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _known(name: str, *vulnerabilities: str) -> dict[str, Any]:
    return {
        "name": name,
        "version": "1.0",
        "vulns": [{"id": found, "fix_versions": ["1.1"]} for found in vulnerabilities],
    }


def _skipped(name: str, version: str = "1.0") -> dict[str, Any]:
    return {"name": name, "skip_reason": f"Dependency not found on PyPI and could not be audited: {name} ({version})"}


def test_a_known_vulnerability_is_listed_with_the_fixed_version(audit: Any) -> None:
    lines, code = audit.summarize({"dependencies": [_known("one"), _known("other", "CVE-2026-1")]})
    assert code == audit.VULNERABLE
    assert lines[0] == "other 1.0: CVE-2026-1, fixed in 1.1"
    assert "Looked up 2 of 2 packages: 1 known vulnerabilities" in lines[1]


def test_a_package_that_was_not_looked_up_is_not_reported_as_clean(audit: Any) -> None:
    assert audit.summarize({"dependencies": [_known("one")]})[1] == audit.CLEAN
    assert audit.summarize({"dependencies": [_known("one"), _skipped("other")]})[1] == audit.UNKNOWN
    assert audit.summarize({"dependencies": [_skipped("one"), _skipped("other")]})[1] == audit.UNKNOWN
    assert audit.summarize({"dependencies": [_known("one", "CVE-2026-1"), _skipped("other")]})[1] == audit.VULNERABLE


def test_a_local_build_is_listed_and_does_not_change_the_exit_code(audit: Any) -> None:
    lines, code = audit.summarize({"dependencies": [_known("one"), _skipped("torch", "2.13.0+cpu")]})
    assert code == audit.CLEAN
    assert any("torch" in line for line in lines)


@pytest.mark.nightly
def test_the_sbom_lists_our_dependencies_and_their_licences(tmp_path: Path) -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    command = next(line for line in makefile.splitlines() if "cyclonedx-py environment" in line).split()
    target = tmp_path / "sbom.json"
    command = [word.replace("build/sbom.json", str(target)) for word in command]
    command[0] = str(Path(sysconfig.get_path("scripts")) / "cyclonedx-py")
    command[command.index(".venv/bin/python")] = sys.executable
    subprocess.run(command, check=True, capture_output=True, cwd=REPOSITORY)
    listed = json.loads(target.read_text(encoding="utf-8"))
    assert listed["bomFormat"] == "CycloneDX"
    parts = {canonicalize_name(part["name"]): part for part in listed["components"]}
    for written in PROJECT["dependencies"]:
        part = parts[canonicalize_name(Requirement(written).name)]
        assert re.match(r"\d", part["version"])
        assert part.get("licenses"), f"{written} has no licence"
