"""Look up known holes in what is installed, and say how much of it was looked up.

    python deploy/audit.py

Exit 0 none is known, 1 some are, 2 it could not be looked up. pip-audit alone also ends with 0 where the service knows
none of the packages, as behind a mirror without that service. Builds with a version of their own, such as torch's for
CPUs (`2.13.0+cpu`), are not known there; they are named and do not count.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

CLEAN, HOLES, UNKNOWN = 0, 1, 2


def main() -> int:
    """Audit the environment of this interpreter."""
    command = [sys.executable, "-m", "pip_audit", "--skip-editable", "--progress-spinner", "off", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        why = (done.stderr.strip() or "pip-audit said nothing").splitlines()[-1]
        print(f"Nothing was looked up: the service cannot be reached. {why}", file=sys.stderr)
        return UNKNOWN
    told, code = verdict(report)
    print("\n".join(told))
    return code


def verdict(report: dict[str, Any]) -> tuple[list[str], int]:
    """What a report of pip-audit says, in lines, and the exit code."""
    packages = report["dependencies"]
    known = [package for package in packages if "skip_reason" not in package]
    # The reason ends with the version in brackets: "… (2.13.0+cpu)".
    left = [package for package in packages if "skip_reason" in package]
    own = [package["name"] for package in left if "+" in package["skip_reason"] or "editable" in package["skip_reason"]]
    missing = [package["name"] for package in left if package["name"] not in own]
    told = [
        f"{package['name']} {package['version']}: {hole['id']}, mended in {', '.join(hole['fix_versions']) or 'none'}"
        for package in known
        for hole in package["vulns"]
    ]
    code = HOLES if told else CLEAN
    told.append(f"{len(known)} of {len(packages)} packages were looked up, with {len(told)} known holes.")
    if own:
        told.append(f"Not known there, being builds of their own: {', '.join(own)}")
    if missing:
        told.append(f"NOT LOOKED UP, so nothing is known of them: {', '.join(missing)}")
        code = code or UNKNOWN
    return told, code if known else UNKNOWN


if __name__ == "__main__":
    raise SystemExit(main())
