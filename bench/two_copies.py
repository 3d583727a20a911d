"""Measure two copies of the chat on one Chroma server, under a load that does not wait for answers.

    python bench/two_copies.py [--rate 200] [--seconds 60] [--kill] [--kill-rate 10] [--json FILE]

The Chroma server, two copies, each with its own home, and the load generator `bench/open_loop.py` run in separate
processes. Questions about the sample briefing are sent at a fixed rate to the two copies in turn; a copy that does not
listen is skipped. Every answer is compared with the answer to the same question without load. The copies run with
CITECHAT_RATE_LIMIT=1000000/minute and CITECHAT_CONCURRENCY=1000, because all questions come from one address.

With `--kill`, at a rate that the copies can handle, first a copy and then Chroma is killed with SIGKILL and restarted,
to measure how long it takes until answers are right again, and what happens to the questions in between.

A question is answered (200), shed (429 or 503 with Retry-After), failed (another status), or lost (no reply). The exit
code is 1 if any figure misses its mark: for example, if an answer was wrong or a copy was not healthy at the end.
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
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from copies import LIMITS, REPOSITORY, Cluster, Server, Watch, ask
from speed_report import Figure, as_markdown

Row = dict[str, Any]
_SAMPLES = REPOSITORY / "samples"
_AWAY = 1.0  # seconds until an orchestrator starts what was killed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the whole benchmark, print the figures, and return 0 if all marks are met, else 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=200.0, help="questions a second (default: 200)")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long (default: 60)")
    parser.add_argument("--kill", action="store_true", help="then kill a copy, and Chroma, under load")
    parser.add_argument("--kill-rate", type=float, default=10.0, help="questions a second meanwhile (default: 10)")
    parser.add_argument("--health", default="/readyz", metavar="PATH", help="answered with 200 by a copy that is well")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    options = parser.parse_args(arguments)
    figures: list[Figure] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        cluster = stack.enter_context(Cluster(folder, 2, free_ports(3)))
        cluster.index(_SAMPLES / "briefing.md")
        cluster.start(options.health)
        lines = (_SAMPLES / "questions.jsonl").read_text(encoding="utf-8").splitlines()
        questions = [json.loads(line)["question"] for line in lines]
        expected, differing = answers_alone(cluster, questions)
        figures.append(Figure("answers in which the copies differ, without load", differing, mark=0))
        print(f"{os.cpu_count()} processors; {len(questions)} questions; copies with {LIMITS}", flush=True)
        with Watch(cluster.copies, options.health) as watch:
            report = load(cluster, folder, questions, options.rate, options.seconds)
            time.sleep(2)
        figures += loaded(report, expected)
        figures += memory([*cluster.copies, cluster.chroma])
        well = [not np.isnan(watch.green_again(copy.name, time.time() - 1.5)) for copy in cluster.copies]
        figures.append(Figure("copies that are well after it", sum(well), mark=2, at_least=True))
        if options.kill:
            figures += killed(cluster, folder, questions, expected, options.kill_rate, options.health)
    print(as_markdown(figures))
    if options.json is not None:
        rows = [asdict(figure) | {"met": figure.is_met} for figure in figures]
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0 if all(figure.is_met for figure in figures) else 1


def answers_alone(cluster: Cluster, questions: Sequence[str]) -> tuple[list[str], int]:
    """Return the first copy's answers without load, and the number of questions that the copies answer differently."""
    first, *others = ([essence(ask(copy.address, one)) for one in questions] for copy in cluster.copies)
    return first, sum(len({one, *rest}) > 1 for one, *rest in zip(first, *others, strict=True))


def essence(answer: dict[str, Any]) -> str:
    """Return the parts of an answer that must always be the same: its text, and the characters that it cites."""
    cited = [[each["article_id"], each["start"], each["end"], each["quote"]] for each in answer["citations"]]
    return json.dumps([answer["text"], answer["found"], cited], ensure_ascii=False)


def load(cluster: Cluster, folder: Path, questions: Sequence[str], rate: float, seconds: float) -> dict[str, Any]:
    """Ask at a fixed rate for `seconds` seconds, and return the generator's report."""
    with begun(cluster, folder, questions, rate, seconds) as generator:
        generator.wait()
    return reported(folder)


def begun(
    cluster: Cluster, folder: Path, questions: Sequence[str], rate: float, seconds: float
) -> subprocess.Popen[bytes]:
    """Start the load generator, and return its process."""
    (folder / "questions.json").write_text(json.dumps(list(questions)), encoding="utf-8")
    generator = Path(__file__).with_name("open_loop.py")
    where = ["--questions", str(folder / "questions.json"), "--out", str(folder / "told.json")]
    how = ["--rate", str(rate), "--seconds", str(seconds), *(copy.address for copy in cluster.copies)]
    return subprocess.Popen([sys.executable, str(generator), *where, *how])


def reported(folder: Path) -> dict[str, Any]:
    """Return the report that the load generator wrote."""
    return dict(json.loads((folder / "told.json").read_text(encoding="utf-8")))


def kind(row: Row) -> str:
    """Return the outcome of a question: answered, shed, failed or lost, with the reason."""
    if row["status"] == 0:
        return f"lost: {row['lost']}"
    if row["status"] == 200:
        return "answered"
    return "shed" if row["shed"] else f"failed: {row['status']}"


def is_wrong(row: Row, expected: Sequence[str]) -> bool:
    """Return whether an answer differs from the answer without load."""
    return row["status"] == 200 and essence(json.loads(row["body"])) != expected[row["question"]]


def loaded(report: dict[str, Any], expected: Sequence[str]) -> list[Figure]:
    """Return the figures for a load."""
    rows: list[Row] = report["rows"]
    kinds = Counter(kind(row) for row in rows)
    begin, end = min(row["due"] for row in rows), max(row["due"] for row in rows)
    waits = [row["ended"] - row["due"] for row in rows if row["status"] == 200]
    refusals = [row["ended"] - row["due"] for row in rows if row["shed"]]
    # Answers that came after the last question was due belong to no second of the load.
    in_time = sum(row["status"] == 200 and row["ended"] <= end for row in rows)
    lost = [name for name in kinds if name.startswith(("lost", "failed"))]
    return [
        Figure("questions offered", len(rows)),
        Figure("offered a second", len(rows) / max(end - begin, 1e-9)),
        Figure("answered", kinds["answered"]),
        Figure("shed", kinds["shed"]),
        Figure("failed or lost", sum(kinds[name] for name in lost), mark=0),
        *(Figure(name, kinds[name]) for name in sorted(lost)),
        Figure("wrong answers", sum(is_wrong(row, expected) for row in rows), mark=0),
        Figure("answered a second", in_time / max(end - begin, 1e-9)),
        *(Figure(f"answered after, {p}th percentile", milliseconds(waits, p), "ms") for p in (50, 95, 99)),
        *(Figure(f"shed after, {p}th percentile", milliseconds(refusals, p), "ms") for p in (50, 99) if refusals),
        Figure("sent late by the generator, 99th percentile", milliseconds(lateness(rows), 99), "ms"),
        Figure("processors that the generator took", report["processor"] / report["wall"]),
    ]


def lateness(rows: Sequence[Row]) -> list[float]:
    """Return how late each question was sent, in seconds."""
    return [row["sent"] - row["due"] for row in rows if row["sent"]]


def memory(servers: Sequence[Server]) -> list[Figure]:
    """Return a figure for each server's peak memory."""
    for server in servers:
        server.note_memory()
    return [Figure(f"memory of {server.name} at most", max(server.peaks), "MB") for server in servers]


def killed(
    cluster: Cluster, folder: Path, questions: Sequence[str], expected: Sequence[str], rate: float, health: str
) -> list[Figure]:
    """Kill a copy, then Chroma, under load, restart each after a second, and return the figures."""
    figures: list[Figure] = []
    for victim, watched in ((cluster.copies[0], [cluster.copies[0]]), (cluster.chroma, cluster.copies)):
        with (
            Watch(cluster.copies, health) as watch,
            begun(cluster, folder, questions, rate, 40) as generator,
        ):
            time.sleep(8)
            when = time.time()
            victim.kill()
            time.sleep(_AWAY)
            victim.start()
            generator.wait()
        rows: list[Row] = reported(folder)["rows"]
        name = f"{victim.name} killed"
        green = max(watch.green_again(copy.name, when) for copy in watched)
        figures.append(Figure(f"{name}: all copies well again after", green, "s", mark=30))
        only = 0 if victim is cluster.copies[0] else None
        figures += [Figure(f"{name}: {told}", *rest) for told, *rest in after(rows, expected, when, only)]
    return figures


def after(rows: Sequence[Row], expected: Sequence[str], when: float, only: int | None) -> list[tuple[Any, ...]]:
    """Return the outcomes of the questions that ended since `when`, and the seconds until answers were right again.

    That is the first right answer, from the address `only` unless it is None, that ended after the last failure.
    """
    since = [row for row in rows if row["ended"] >= when]
    kinds = Counter(kind(row) for row in since)
    troubled = [row["ended"] for row in since if row["status"] != 200 and not row["shed"]]
    there = [row for row in since if row["address"] == only or only is None]
    right = [row["ended"] for row in there if row["status"] == 200 and not is_wrong(row, expected)]
    # Of a copy that was killed, the first answer is of the new process: one that was begun by the old is cut off.
    after_trouble = [ended for ended in right if ended > (max(troubled) if troubled else when)]
    return [
        (
            "first right answer from there after it" if only is not None else "answers again after",
            min(after_trouble) - when if after_trouble else float("nan"),
            "s",
        ),
        ("last question that came to nothing after", max(troubled) - when if troubled else 0.0, "s"),
        *((told, count) for told, count in sorted(kinds.items())),
        ("wrong answers", sum(is_wrong(row, expected) for row in rows), "", 0),
    ]


def milliseconds(seconds: Sequence[float], percentile: float) -> float:
    """Return a percentile of times in seconds, in milliseconds; nan without times."""
    return 1000 * float(np.percentile(seconds or [float("nan")], percentile))


def free_ports(count: int) -> list[int]:
    """Return TCP ports that are free."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


if __name__ == "__main__":
    raise SystemExit(main())
