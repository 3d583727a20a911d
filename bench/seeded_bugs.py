"""Check that the tests notice bugs: put one bug at a time into a copy of the project, and run the tests concerned.

    python bench/seeded_bugs.py [NAME ...]

Each bug must be noticed by at least one failing test. The tests are run once without a bug, because a test that fails
anyway would prove nothing. The exit code is 0 if all bugs were noticed. A run takes about a quarter of an hour.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
_COPIED = ("index", "rag", "ui", "tests", "bench", "samples", "docs", "deploy", "examples", "pyproject.toml")


@dataclass(frozen=True, slots=True)
class Bug:
    """A bug that replaces `old`, which occurs once in `file`, with `new`; one of `tests` should fail."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def put_into(self, project: Path) -> None:
        """Change the file in a copy of the project. Raises `ValueError` if `old` does not occur exactly once."""
        path = project / self.file
        text = path.read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise ValueError(f"{self.file} contains {self.old!r} {text.count(self.old)} times, not once")
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")


_PASSAGES = "            _upsert_passages(self._passages, rows)\n"
_RECORDS = """\
            for batch in chroma.slices(rows):
                self._may_write()
                self._articles.upsert(
                    ids=[article.id for article, _, _ in batch],
                    # Chroma requires a vector, but articles are never searched by vector.
                    embeddings=np.ones((len(batch), 1), dtype=np.float32),
                    documents=[article.text for article, _, _ in batch],
                    metadatas=[to_metadata(article, [each.id for each in passages]) for article, passages, _ in batch],
                )
"""
_STORAGE = ("tests/faults/test_killed.py", "tests/faults/test_at_once.py", "tests/index/storage")
_ANSWERS = ("tests/rag/grounding", "tests/rag/generation", "tests/rag/test_assistant.py")
_PAGE = ("tests/ui/chat/render", "tests/ui/report", "tests/browser/test_hostile.py")
_ACCESS = ("tests/ui/security", "tests/hostile/test_served.py")

BUGS = (
    Bug(
        "passages are written after the record that makes them visible",
        "index/storage/store.py",
        _PASSAGES + _RECORDS,
        _RECORDS + _PASSAGES,
        _STORAGE,
    ),
    Bug(
        "the lock on the folder is not taken",
        "index/storage/file_lock.py",
        "        lock.acquire(timeout=0)\n",
        "        pass\n",
        _STORAGE,
    ),
    Bug(
        "an interrupted change leaves no trace",
        "index/storage/file_lock.py",
        "        unfinished.touch()\n",
        "        pass\n",
        _STORAGE,
    ),
    Bug(
        "evidence begins one character late",
        "rag/grounding/support.py",
        "Span(hit.passage.start + span.start, hit",
        "Span(hit.passage.start + span.start + 1, hit",
        _ANSWERS,
    ),
    Bug(
        "a citation shows the next number",
        "rag/generation/verified_stream.py",
        'f"[{number}]"',
        'f"[{number + 1}]"',
        _ANSWERS,
    ),
    Bug(
        "a sentence that no passage supports counts as weakly supported",
        "rag/grounding/paraphrase.py",
        'return "weak" if signs.mean >= weak else "unsupported"',
        'return "weak"',
        _ANSWERS,
    ),
    Bug(
        "text is not escaped",
        "ui/html.py",
        'return _PUNCTUATION.sub(lambda found: f"&#{ord(found[0])};", _UNPRINTABLE.sub("\\ufffd", text))',
        'return _UNPRINTABLE.sub("\\ufffd", text)',
        _PAGE,
    ),
    Bug(
        "the embedded report can leave its frame",
        "ui/html.py",
        'return page.replace("&", "&amp;").replace(\'"\', "&quot;").replace("<", "&lt;")',
        "return page",
        ("tests/ui/chat", "tests/ui/report", "tests/browser/test_evaluation_page.py"),
    ),
    Bug(
        "only the id of a key is checked, not its secret",
        "ui/security/keys.py",
        'is_same = hmac.compare_digest(key.digest if key else _digest(""), _digest(secret))',
        "is_same = True",
        _ACCESS,
    ),
    Bug(
        "the rate limit limits nothing",
        "ui/security/rate_limits.py",
        "return self._limiter.hit(self._item, name)",
        "return True",
        _ACCESS,
    ),
    Bug(
        "pages of other sites may call the API",
        "ui/security/request_guard.py",
        "is_foreign = origin is not None and not _is_same_origin(origin, host)",
        "is_foreign = False",
        _ACCESS,
    ),
)


def main(names: Sequence[str]) -> int:
    """Check the bugs whose names contain one of `names`, or all bugs; print a line for each."""
    chosen = [bug for bug in BUGS if not names or any(name in bug.name for name in names)]
    with tempfile.TemporaryDirectory(prefix="citechat-bugs-") as folder:
        project = Path(folder) / "project"
        _copy(project)
        failing = _failing(project, sorted({test for bug in chosen for test in bug.tests}), stop=False)
        if failing:
            print(f"These tests fail without a bug: {', '.join(failing)}")
            return 1
        unnoticed = 0
        for bug in chosen:
            bug.put_into(project)
            failing = _failing(project, bug.tests, stop=True)
            print(f"{'noticed' if failing else 'NOT NOTICED'}: {bug.name} ({', '.join(failing[:1])})", flush=True)
            unnoticed += not failing
            shutil.copy(REPOSITORY / bug.file, project / bug.file)
    print(f"{len(chosen) - unnoticed} of {len(chosen)} bugs noticed")
    return 1 if unnoticed else 0


def _copy(project: Path) -> None:
    project.mkdir()
    for name in _COPIED:
        if (REPOSITORY / name).is_dir():
            shutil.copytree(REPOSITORY / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(REPOSITORY / name, project / name)


def _failing(project: Path, tests: Sequence[str], *, stop: bool) -> list[str]:
    """Run tests in two processes, and return the ones that fail; with `stop`, end at the first failure."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        "2",
        "--dist",
        "worksteal",
        *(["-x"] if stop else []),
        *tests,
    ]
    environment = {**os.environ, "PYTHONPATH": str(project), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    failing = re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    if done.returncode and not failing:
        raise RuntimeError(
            f"pytest failed with exit code {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    return failing


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
