"""Look up known vulnerabilities of the installed packages, and report how many packages were looked up.

    python deploy/audit.py

Exit code 0: no known vulnerability; 1: at least one; 2: some packages could not be looked up. pip-audit alone also
exits with 0 if the service knows none of the packages, as behind a mirror without that service. Builds with a local
version, such as torch's CPU builds (`2.13.0+cpu`), are unknown to the service; the report names them, and they do not
change the exit code.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

CLEAN, VULNERABLE, UNKNOWN = 0, 1, 2


def main() -> int:
    """Audit the environment of this interpreter."""
    command = [sys.executable, "-m", "pip_audit", "--skip-editable", "--progress-spinner", "off", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        reason = (done.stderr.strip() or "pip-audit printed nothing").splitlines()[-1]
        print(f"Cannot reach the vulnerability service: {reason}", file=sys.stderr)
        return UNKNOWN
    lines, code = summarize(report)
    print("\n".join(lines))
    return code


def summarize(report: dict[str, Any]) -> tuple[list[str], int]:
    """Return the lines to print for a report of pip-audit, and the exit code."""
    packages = report["dependencies"]
    known = [package for package in packages if "skip_reason" not in package]
    # The reason ends with the version in brackets: "… (2.13.0+cpu)".
    skipped = [package for package in packages if "skip_reason" in package]
    local = [
        package["name"] for package in skipped if "+" in package["skip_reason"] or "editable" in package["skip_reason"]
    ]
    missing = [package["name"] for package in skipped if package["name"] not in local]
    lines = [
        f"{package['name']} {package['version']}: {found['id']}, fixed in {', '.join(found['fix_versions']) or 'none'}"
        for package in known
        for found in package["vulns"]
    ]
    code = VULNERABLE if lines else CLEAN
    lines.append(f"Looked up {len(known)} of {len(packages)} packages: {len(lines)} known vulnerabilities.")
    if local:
        lines.append(f"Local builds, unknown to the service: {', '.join(local)}")
    if missing:
        lines.append(f"NOT LOOKED UP: {', '.join(missing)}")
        code = code or UNKNOWN
    return lines, code if known else UNKNOWN


if __name__ == "__main__":
    raise SystemExit(main())
