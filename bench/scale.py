"""Measure how the costs of indexing and asking grow with the index, from 1,000 to 100,000 passages in a Chroma server.

    python bench/scale.py [--passages 1000,3000,10000] [--how one,workers,ray] [--json FILE]

For each size, the benchmark starts an empty Chroma server and writes short news items (one passage of about 50 tokens
each, generated from a seed). `citechat index` indexes them in one process (`one`), with `--workers 2` (`workers`), or
with `--ray --workers 2` (`ray`). Then a copy of the chat that has never opened the index is started and asked 60
questions with known answers, one after another. With `--json`, sizes that are already in the file are not measured
again, so that an interrupted run can be continued.

Indexing memory is the peak of the command and all its processes together, sampled twice a second.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from copies import Cluster, ask, memory_of
from readers_page import CITECHAT
from two_copies import free_ports

_HOW = {"one": [], "workers": ["--workers", "2"], "ray": ["--ray", "--workers", "2"]}
_QUESTIONS = 60
_A_FOLDER = 1000  # files
_OFFICES = ("mayor", "treasurer", "harbour master", "librarian", "head of the schools", "judge", "fire chief")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_FIRST = ("Ada", "Boris", "Clara", "Dmitri", "Elena", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kira", "Leon", "Mina")
_ENDS = (
    "bury",
    "ford",
    "haven",
    "mouth",
    "stead",
    "wick",
    "dale",
    "burgh",
    "minster",
    "hurst",
    "combe",
    "worth",
    "field",
    "gate",
    "holm",
    "ness",
    "port",
    "thorpe",
)
_ABOUT = (
    "The harbour had waited for repairs since the storm",
    "The bridge over the river is closed until spring",
    "A new line of trams is to reach the hospital",
    "The museum opens again after nine years",
    "The schools ask for forty more teachers",
    "The price of bread has risen twice this year",
)


@dataclass(frozen=True)
class Item:
    """A short news item, a question that it answers, and the answer."""

    text: str
    question: str
    answer: str


def items(count: int) -> Iterator[Item]:
    """Yield `count` news items, each about a different town; always the same items."""
    chosen = random.Random(7)
    consonants, vowels = "bcdfghklmnprstvw", "aeiou"
    stems = [a + b + c + d for a in consonants for b in vowels for c in consonants for d in vowels]
    towns = [stem.capitalize() + end for stem in stems for end in _ENDS]
    chosen.shuffle(towns)
    for town in towns[:count]:
        stem = chosen.choice(stems)
        person = f"{chosen.choice(_FIRST)} {stem.capitalize()}{chosen.choice('nrl')}sen"
        office, day, about = (chosen.choice(some) for some in (_OFFICES, _DAYS, _ABOUT))
        votes = chosen.randrange(20, 90)
        text = (
            f"{town} chooses\n\nThe council of {town} chose {person} as its new {office} on {day}, with {votes} of "
            f"{votes + chosen.randrange(1, 15)} votes. {about}, said a speaker of the town."
        )
        yield Item(text, f"Whom did the council of {town} choose as its new {office}?", person)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure each requested size in turn, and print a table after each measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", default="1000,3000,10000", metavar="N,…", help="sizes (default: 1000,3000,10000)")
    parser.add_argument("--how", default="one", metavar="NAME,…", help="one, workers, ray (default: one)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures there")
    options = parser.parse_args(arguments)
    rows: list[dict[str, Any]] = json.loads(options.json.read_text()) if options.json and options.json.exists() else []
    for how in options.how.split(","):
        for size in map(int, options.passages.split(",")):
            if any((row["how"], row["passages"]) == (how, size) for row in rows):
                continue
            with tempfile.TemporaryDirectory() as folder:
                rows.append(measured(Path(folder), size, how))
            if options.json:
                options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
            print(as_table(rows), flush=True)
    return 0


def measured(folder: Path, size: int, how: str) -> dict[str, Any]:
    """Index `size` news items and ask questions, with a new Chroma server, and return the row for the table."""
    news = list(items(size))
    articles = folder / "articles"
    for number, item in enumerate(news):
        place = articles / f"{number // _A_FOLDER:03}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:06}.txt").write_text(item.text, encoding="utf-8")
    row: dict[str, Any] = {"how": how, "passages": size}
    with Cluster(folder, 2, free_ports(3)) as cluster:
        warm = folder / "warm.txt"
        warm.write_text("The model is exported once.", encoding="utf-8")
        cluster.index(warm)
        began = time.monotonic()
        report, row["index MB"] = _index(cluster, articles, _HOW[how])
        row["seconds"] = time.monotonic() - began
        row["rate"] = size / row["seconds"]
        if report["passages"] != size + 1:
            raise RuntimeError(f"{report['passages']} passages were made of {size} items: {report['skipped'][:3]}")
        row["Chroma disk MB"] = _disk(folder / "chroma")
        row["caches disk MB"] = _disk(cluster.homes[0]) - _disk(cluster.homes[0] / "models")
        copy = cluster.copies[1]  # its home has the model, and has never seen the index
        began = time.monotonic()
        copy.start()
        copy.wait("/readyz")
        row["ready s"] = time.monotonic() - began
        began = time.monotonic()
        ask(copy.address, news[0].question)
        row["first s"] = time.monotonic() - began
        asked = random.Random(1).sample(news, _QUESTIONS)
        row |= _asked(copy.address, asked)
        row["again p50 ms"] = _asked(copy.address, asked)["p50 ms"]
        row["copy MB"], row["Chroma MB"] = memory_of(copy.pid), memory_of(cluster.chroma.pid)
    return row


def _index(cluster: Cluster, articles: Path, how: list[str]) -> tuple[dict[str, Any], float]:
    """Run `citechat index`; return its report, and the peak memory of all its processes together, in megabytes."""
    command = [*CITECHAT, "index", str(articles), "--json", *how]
    process = subprocess.Popen(
        command, env=cluster.environments[0], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    most = 0.0
    while process.poll() is None:
        most = max(most, memory_of(process.pid, now=True))
        time.sleep(0.5)
    said = process.stdout.read() if process.stdout else ""
    if process.returncode != 0:
        raise RuntimeError(f"indexing failed with {process.returncode}: {said[-500:]}")
    return json.loads(said), most


def _asked(address: str, news: Sequence[Item]) -> dict[str, Any]:
    seconds, right = [], 0
    for item in news:
        began = time.perf_counter()
        answer = ask(address, item.question)
        seconds.append(time.perf_counter() - began)
        right += item.answer in answer["text"]
    p50, p95 = np.quantile(seconds, [0.5, 0.95])
    return {"p50 ms": p50 * 1000, "p95 ms": p95 * 1000, "right": right / len(news)}


def _disk(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def as_table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the rows as a Markdown table."""
    names = list(rows[0])
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    for row in rows:
        lines.append("| " + " | ".join(_shown(row[name]) for name in names) + " |")
    return "\n".join(lines)


def _shown(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())
