"""Parse damaged files for a number of minutes: `make fuzz MINUTES=10`, or `python bench/fuzz.py --minutes 10`.

A failure is an unexpected error, a file that a limit had to stop, a parser that crashed, or an article whose spans are
outside its text. Files that fail and the slowest file are saved in a folder. Their names contain the seed, which
reproduces all files.
"""

from __future__ import annotations

import argparse
import resource
import secrets
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from random import Random
from types import FrameType

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "helpers"))

from mutants import mutant, originals, outcome_of

from index.parsers.sandbox import SANDBOX, Limits

_LIMITS = Limits(processor=10, clock=30.0, memory=1_000_000_000)
_LONGEST = 30  # seconds for a file that is read in this process


def main() -> int:
    """Parse damaged files, print the failures and a summary, and return 1 if any file failed, else 0."""
    parser = argparse.ArgumentParser(description="Read files that are nearly right.")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=None, help="the same files again")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-finds"), help="the folder for files that do harm")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else secrets.randbits(32)
    SANDBOX._limits = _LIMITS
    signal.signal(signal.SIGALRM, _late)
    random, kinds, outcomes, finds = Random(seed), Counter[str](), Counter[str](), Counter[str]()
    slowest, slowest_file = 0.0, ("", b"")
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        files = originals(Path(folder))
        ends = time.monotonic() + 60 * options.minutes
        while time.monotonic() < ends:
            suffix, data = mutant(random, files)
            path = Path(folder, f"mutant{suffix}")
            path.write_bytes(data)
            began = time.perf_counter()
            signal.alarm(int(_LIMITS.clock + _LONGEST))
            try:
                wrong, outcome = outcome_of(path)
            except Exception:
                wrong, outcome = traceback.format_exc(), "broke"
            signal.alarm(0)
            seconds = time.perf_counter() - began
            kinds[suffix] += 1
            outcomes[outcome] += 1
            if seconds > slowest:
                slowest, slowest_file = seconds, (suffix, data)
            if wrong:
                finds[suffix] += 1
                kept = _kept(options.keep, f"{seed}-{kinds.total()}{suffix}", data)
                print(f"{kept}: {wrong.strip()[-600:]}", flush=True)
    SANDBOX.close()
    print(f"{kinds.total():,} files: " + ", ".join(f"{n:,} {kind}" for kind, n in sorted(kinds.items())))
    print(", ".join(f"{n:,} {outcome}" for outcome, n in sorted(outcomes.items())), f"({finds.total()} wrong)")
    print(f"slowest {slowest:.2f} s ({_kept(options.keep, f'{seed}-slowest{slowest_file[0]}', slowest_file[1])})")
    for who, whose in (("this process", resource.RUSAGE_SELF), ("readers", resource.RUSAGE_CHILDREN)):
        print(f"most memory of {who}: {resource.getrusage(whose).ru_maxrss / 1024:,.0f} MiB")
    return 1 if finds else 0


def _kept(folder: Path, name: str, data: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(data)
    return folder / name


def _late(_number: int, _frame: FrameType | None) -> None:
    raise TimeoutError("the file takes too long in this process")


if __name__ == "__main__":
    sys.exit(main())
