"""Measure indexing, cold and warm questions and the first page, compared with a LangChain tutorial's pipeline.

    python bench/speed.py DATA_DIR [--rounds 3] [--passages 1000,10000,100000] [--sweep] [--json FILE] [--plot FILE]

One run measures everything. Each task runs in a separate process, citechat alternates with the other programs, and the
best round counts: on a shared machine, ratios are more reliable than seconds. `--passages` adds filler to the index
until it has this many passages (see `bench/filler.py`); 100,000 take a quarter of an hour and 7 GB of disk.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import filler
import numpy as np
from question_sets import QuestionSet, read_set
from speed_report import Figure, Point, as_markdown, curve_figures, curve_markdown, draw, sweep_markdown

_HERE = Path(__file__).resolve().parent
_SETS = ("squad2", "clapnq", "xquad_en_zh")
_ARTICLES = 300
_PARAGRAPHS = 4  # of the sets in an article: about 500 words, as news has
_FEW = 150  # articles that have a little less than 1,000 passages
_QUESTIONS = 200
_LONGEST = 3600  # seconds for one task
_PATIENCE = 120.0  # seconds for a page to appear
_CITECHAT = (sys.executable, "-c", "import sys; from ui.cli import main; sys.exit(main(sys.argv[1:]))")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the whole benchmark, print the results, and return the exit code, which is 0 whatever the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, metavar="DATA_DIR", help=f"folder with {', '.join(_SETS)}")
    parser.add_argument("--rounds", type=int, default=3, help="how often each thing is done; the best counts")
    parser.add_argument("--passages", type=_sizes, default=[1000], metavar="N,…", help="sizes to ask questions at")
    parser.add_argument("--sweep", action="store_true", help="measure engines and numbers of threads, too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the waits by size there (needs matplotlib)")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="citechat-speed-", ignore_cleanup_errors=True) as folder:
        bench = Bench(Path(folder), [read_set(given.data / name) for name in _SETS], given.rounds)
        figures = [*bench.indexing(), *bench.cold(), *bench.page()]
        sweep = bench.run("encode_sweep", bench.home)["rows"] if given.sweep else []
        tutorial = bench.tutorial_wait()
        curve = [bench.questions_at(passages) for passages in given.passages]
    figures += curve_figures(curve)
    print(
        as_markdown(figures), curve_markdown(curve, tutorial), *([sweep_markdown(sweep)] if sweep else []), sep="\n\n"
    )
    if given.json:
        kept = {"figures": [asdict(figure) for figure in figures], "curve": [asdict(point) for point in curve]}
        given.json.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    if given.plot:
        draw(curve, tutorial, given.plot)
    return 0


class Bench:
    """The measurements, which all use the same articles and questions."""

    def __init__(self, folder: Path, sets: Sequence[QuestionSet], rounds: int) -> None:
        self.folder = folder
        self.rounds = rounds
        self.articles, self.questions, self.one = folder / "articles", folder / "questions.txt", folder / "one.txt"
        self.home, self.tutorial = folder / "home0", folder / "tutorial0"
        self.words = write_articles(sets, self.articles)
        self.few = folder / "few"
        self.few.mkdir()
        for article in sorted(self.articles.iterdir())[:_FEW]:
            (self.few / article.name).symlink_to(article)
        asked = [question.text for each in sets for question in each.questions if not question.chinese]
        self.questions.write_text("\n".join(asked[:_QUESTIONS]), encoding="utf-8")
        self.one.write_text(asked[0], encoding="utf-8")
        # The model is exported once per machine, so this time is separate from indexing.
        (folder / "export").mkdir()
        self.export = self.run("citechat_index", folder / "export", self.one)["seconds"]
        for home in ("home", *(f"home{turn}" for turn in range(rounds))):
            (folder / home).mkdir()
            (folder / home / "models").symlink_to(folder / "export" / "models")

    def indexing(self) -> list[Figure]:
        """Return figures for indexing speed, memory and disk use, compared with the tutorial and forward passes."""
        ours: list[dict[str, Any]] = []
        theirs: list[dict[str, Any]] = []
        bare: list[dict[str, Any]] = []
        for turn in range(self.rounds):
            _say(f"indexing, {turn + 1} of {self.rounds}")
            ours.append(self.run("citechat_index", self.folder / f"home{turn}", self.articles))
            bare.append(self.run("raw_encode", self.folder / f"home{turn}", "onnx"))
            theirs.append(self.run("tutorial_index", self.folder / f"tutorial{turn}", self.articles))
        again = min(self.run("citechat_index", self.home, self.articles)["seconds"] for _ in range(self.rounds))
        mine, its, floor = (min(row["seconds"] for row in rows) for rows in (ours, theirs, bare))
        memory, its_memory = (min(row["megabytes"] for row in rows) for rows in (ours, theirs))
        passages, chunks = ours[0]["passages"], theirs[0]["passages"]
        whole, tokens = size(self.home / "index", "**/*"), size(self.home / "index", "tokens-*")
        return [
            Figure("passages of 300 articles", passages),
            Figure("first start: model exported, one article indexed", self.export, "s"),
            Figure("indexing, words a second", self.words / mine),
            Figure("the tutorial's words a second", self.words / its),
            Figure("ratio to the tutorial's", its / mine, mark=1.2, at_least=True),
            Figure("ratio to bare forward passes", floor / mine, mark=0.9, at_least=True),
            Figure("indexing again, nothing changed: ratio to the first time", again / mine, mark=0.1),
            Figure("memory of indexing", memory, "MB"),
            Figure("the tutorial's memory", its_memory, "MB"),
            Figure("ratio to the tutorial's memory", memory / its_memory, mark=1.0),
            Figure("disk a passage, without token vectors", (whole - tokens) / passages, "kB"),
            Figure("disk a passage, token vectors", tokens / passages, "kB"),
            Figure("disk a chunk, the tutorial's", size(self.tutorial, "**/*") / chunks, "kB"),
        ]

    def cold(self) -> list[Figure]:
        """Return figures for the time from start to the first answer, and for the time that imports alone take."""
        python = (sys.executable, "-c")
        commands = {
            "python -c pass": (*python, "pass"),
            "import sentence_transformers": (*python, "import sentence_transformers"),
            "the tutorial's first four chunks": _task("tutorial_ask", self.tutorial, self.one),
            "help": (*_CITECHAT, "--help"),
            "ask": (*_CITECHAT, "ask", self.one.read_text(encoding="utf-8")),
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for turn in range(self.rounds):
            _say(f"cold starts, {turn + 1} of {self.rounds}")
            for name, command in commands.items():
                times[name].append(self.seconds(command))
        best = {name: min(seconds) for name, seconds in times.items()}
        start, ask = best.pop("help"), best.pop("ask")
        return [
            *(Figure(name, seconds, "s") for name, seconds in best.items()),
            Figure("citechat --help", start, "s", mark=0.3),
            Figure("its ratio to python -c pass", start / best["python -c pass"], mark=5),
            Figure("citechat ask, cold", ask, "s", mark=2.5),
            Figure("its ratio to importing the library", ask / best["import sentence_transformers"], mark=0.35),
            Figure("its ratio to the tutorial's", ask / best["the tutorial's first four chunks"], mark=0.2),
        ]

    def page(self) -> list[Figure]:
        """Return figures for the time from start to the first chat page, compared with a bare page of the framework."""
        ours: list[float] = []
        bare: list[float] = []
        for turn in range(self.rounds):
            _say(f"first page, {turn + 1} of {self.rounds}")
            port = _free_port()
            bare.append(self.seconds_until_served(_task("bare_page", port), port))
            port = _free_port()
            ours.append(self.seconds_until_served((*_CITECHAT, "chat", "--no-browser", "--port", str(port)), port))
        return [
            Figure("first page of the chat", min(ours), "s"),
            Figure("its ratio to a bare page of the framework", min(ours) / min(bare), mark=1.3),
        ]

    def tutorial_wait(self) -> float:
        """Return the median time to retrieve the tutorial's chunks, in milliseconds, without the first question."""
        waits = self.run("tutorial_ask", self.tutorial, self.questions)["waits"]
        return 1000 * float(np.median(waits[1:]))

    def questions_at(self, passages: int) -> Point:
        """Return the time, memory and disk use of questions to an index with this many passages."""
        _say(f"questions to {passages:,} passages")
        self.home = self.folder / "home"
        if not (self.home / "index").exists():
            self.run("citechat_index", self.home, self.few)
        filler.grow(self.home / "index", passages)
        ask = (*_CITECHAT, "ask", self.one.read_text(encoding="utf-8"))
        runs = [self.run("citechat_ask", self.home, self.questions) for _ in range(self.rounds)]
        best = min(runs, key=lambda run: float(np.median(run["waits"])))
        new, again = np.split(1000 * np.array(best["waits"]), 2)
        return Point(
            passages=passages,
            first=float(np.median(new)),
            p50=float(np.median(again)),
            p95=float(np.percentile(again, 95)),
            floor=1000 * float(np.median(best["floors"])),
            cold=min(self.seconds(ask) for _ in range(self.rounds)),
            memory=best["megabytes"],
            disk=size(self.home / "index", "**/*") / 1000,
        )

    def run(self, name: str, *arguments: object) -> dict[str, Any]:
        """Run a task from `speed_tasks.py` in a separate process, and return its result."""
        command = _task(name, *arguments)
        done = subprocess.run(
            command, check=False, env=self._environment(), capture_output=True, text=True, timeout=_LONGEST
        )
        if done.returncode:
            raise RuntimeError(f"{name} failed: {done.stderr[-2000:]}")
        result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return result

    def seconds(self, command: Sequence[str]) -> float:
        """Return the duration of a command, in seconds."""
        began = time.perf_counter()
        subprocess.run(command, check=True, env=self._environment(), capture_output=True, timeout=_LONGEST)
        return time.perf_counter() - began

    def seconds_until_served(self, command: Sequence[str], port: int) -> float:
        """Return the seconds from the start of a server until its first page has been read."""
        began = time.perf_counter()
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        server = subprocess.Popen(command, env=self._environment(), **quiet)
        try:
            while time.perf_counter() - began < _PATIENCE:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=_PATIENCE) as page:
                        page.read()
                    return time.perf_counter() - began
                except OSError:
                    time.sleep(0.01)
            raise RuntimeError(f"no page within {_PATIENCE} s: {command}")
        finally:
            server.terminate()
            server.wait()

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CITECHAT_")}
        path = os.pathsep.join([str(_HERE.parent), str(_HERE)])
        offline = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1"}
        return {**kept, **offline, "PYTHONPATH": path, "CITECHAT_HOME": str(self.home)}


def write_articles(sets: Sequence[QuestionSet], folder: Path) -> int:
    """Write articles that each consist of four English paragraphs from the sets; return their total number of words."""
    folder.mkdir()
    chinese = {question.document for each in sets for question in each.questions if question.chinese}
    texts = [document.text for each in sets for document in each.documents if document.id not in chinese]
    texts = [text for text in texts if len(text.split()) > 20]  # Chinese has no blanks
    words = 0
    for number in range(_ARTICLES):
        # A paragraph is in two or three articles, never beside the same others.
        turn, at = divmod(_PARAGRAPHS * number, len(texts))
        chosen = [texts[(at + i * (1 + 7 * turn)) % len(texts)] for i in range(_PARAGRAPHS)]
        text = f"Article number {number}\n\n" + "\n\n".join(chosen)
        (folder / f"{number:03}.txt").write_text(text, encoding="utf-8")
        words += len(text.split())
    return words


def size(folder: Path, pattern: str) -> float:
    """Return the total size of the files in a folder that match a pattern, in kilobytes."""
    return sum(path.stat().st_size for path in folder.glob(pattern) if path.is_file()) / 1000


def _task(name: str, *arguments: object) -> tuple[str, ...]:
    return (sys.executable, str(_HERE / "speed_tasks.py"), name, *map(str, arguments))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _sizes(text: str) -> list[int]:
    return sorted({int(part) for part in text.split(",")})


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
