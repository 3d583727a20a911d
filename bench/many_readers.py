"""Measure many users at once: whether each gets the right answers, how long they wait, and what a closed tab frees.

    python bench/many_readers.py [--readers 20] [--questions 10] [--rounds 1] [--served FOLDER] [--json FILE]

The server is `citechat chat` in a separate process with its own index. The users are threads that talk to it as pages
do: each opens the page, keeps its session alive, asks one question after another and reads the stream of states. Unlike
people, they do not pause between questions. Each user asks about one town, whose numbers occur nowhere else in the
articles, and must see only these numbers, each below the right question and in the right order.

Then a scripted LLM stops sending while it answers as many users as the server allows, one of them closes the tab, and
the benchmark measures when the next user's turn begins.

The exit code is 1 if anything failed, was refused or was mixed up. `--served` names the folder of another checkout to
serve, to measure a change.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from readers_page import CITECHAT, Page, RefusedError, environment_of, serving, silent_llm
from speed_report import Figure, as_markdown

_REPOSITORY = Path(__file__).resolve().parent.parent
_FIRST, _LAST = "Bel Kor Tam Ost Fen Gar Hul Lim Nor Wex", "mouth wick bury holm stead ford dale haven combe thorpe"
_TELLS = (  # a fact about a town, and a question about it
    ("The bridge of {town} is {n} metres long", "How long is the bridge of {town}?"),
    ("The school of {town} has {n} pupils", "How many pupils has the school of {town}?"),
    ("The mill of {town} ground {n} sacks of flour", "How many sacks of flour did the mill of {town} grind?"),
    ("The harbour of {town} was visited by {n} ships", "How many ships visited the harbour of {town}?"),
    ("The library of {town} lends {n} books", "How many books does the library of {town} lend?"),
    ("The orchard of {town} bore {n} baskets of pears", "How many baskets of pears did the orchard of {town} bear?"),
    ("The theatre of {town} sold {n} tickets", "How many tickets did the theatre of {town} sell?"),
    ("The quarry of {town} yielded {n} tons of slate", "How many tons of slate did the quarry of {town} yield?"),
    ("The dairy of {town} made {n} wheels of cheese", "How many wheels of cheese did the dairy of {town} make?"),
    ("The tram of {town} carried {n} passengers", "How many passengers did the tram of {town} carry?"),
)
_WRONG = {"failed": "users with a failure", "refused": "users who were refused", "mixed": "mix-ups"}
_NUMBER = re.compile(r"\b[1-9][0-9]{4}\b")


@dataclass(slots=True)
class UserResults:
    """The results for one user, with a list entry per question or error.

    `first` and `whole` are the seconds until the answer began and until it was complete, and `offered` the seconds from
    then until follow-up questions appeared. `failed`, `refused` and `mixed` are descriptions of errors.
    """

    first: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    offered: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the whole benchmark, print the results, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--readers", type=int, default=20, help="how many read at once")
    parser.add_argument("--questions", type=int, default=len(_TELLS), help=f"of each; {len(_TELLS)} at most")
    parser.add_argument("--rounds", type=int, default=1, help="how often; the quickest counts")
    parser.add_argument(
        "--slots", type=int, default=4, help="answers that the chat writes at a time, as `ui/chat/page.py` says"
    )
    parser.add_argument("--served", type=Path, default=_REPOSITORY, metavar="FOLDER", help="the checkout that serves")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="citechat-readers-", ignore_cleanup_errors=True) as folder:
        home = Path(folder) / "home"
        index_towns(home, given.served, Path(folder) / "articles", given.readers)
        figures, wrong = crowd(home, given.served, given.readers, given.questions, given.rounds)
        figures.append(
            Figure("from a closed tab to the next one's turn", leaving(home, given.served, given.slots), "ms")
        )
    print(as_markdown(figures))
    for line in wrong:
        print(line, file=sys.stderr)
    if given.json:
        given.json.write_text(json.dumps([asdict(figure) for figure in figures], indent=1) + "\n", encoding="utf-8")
    return 0 if all(figure.is_met for figure in figures) else 1


def crowd(home: Path, served: Path, readers: int, questions: int, rounds: int) -> tuple[list[Figure], list[str]]:
    """Return the figures for many users at once, and a line for each error. Only the errors have targets."""
    best, quickest = [UserResults()], float("inf")
    everyone: list[UserResults] = []
    with serving(environment_of(home, served)) as (address, server), ThreadPoolExecutor(readers) as pool:
        alone = read(address, 0, questions)
        at_rest = _megabytes(server.pid, "VmRSS")
        for _ in range(rounds):
            began = time.perf_counter()
            results = list(pool.map(lambda reader: read(address, reader, questions), range(readers)))
            seconds = time.perf_counter() - began
            everyone += results
            if seconds < quickest:
                best, quickest = results, seconds
        at_most = _megabytes(server.pid, "VmHWM")
    names = ("first", "whole", "offered")
    first, whole, offered = ([wait for results in best for wait in getattr(results, name)] for name in names)
    wrong = {name: [line for results in (alone, *everyone) for line in getattr(results, name)] for name in _WRONG}
    return [
        Figure("users at once", readers),
        Figure("questions answered", len(whole)),
        *(Figure(what, len(wrong[name]), mark=0) for name, what in _WRONG.items()),
        Figure("one user alone: whole answer, median", _milliseconds(alone.whole, 50), "ms"),
        Figure("all at once: first sign of an answer, median", _milliseconds(first, 50), "ms"),
        Figure("all at once: whole answer, median", _milliseconds(whole, 50), "ms"),
        Figure("all at once: whole answer, 95th percentile", _milliseconds(whole, 95), "ms"),
        Figure(
            "all at once: then, until questions to go on with are offered, median", _milliseconds(offered, 50), "ms"
        ),
        Figure("all at once: answers a second", len(whole) / quickest),
        Figure("memory of the server after one user", at_rest, "MB"),
        Figure("memory of the server at most", at_most, "MB"),
    ], [line for lines in wrong.values() for line in lines]


def leaving(home: Path, served: Path, slots: int) -> float:
    """Close a tab that waits for a stalled LLM, and return the milliseconds until a queued user's turn begins."""
    with silent_llm() as llm, ExitStack() as open_pages:
        environment = environment_of(home, served, llm="openai:silent", llm_base_url=llm)
        address, _ = open_pages.enter_context(serving(environment))
        answered = [open_pages.enter_context(Page(address)) for _ in range(slots)]
        for page in answered:
            page.ask(questions_of(0)[0])
            _until(page.states(), "process_generating")
        waits = open_pages.enter_context(Page(address))
        waits.ask(questions_of(0)[1])
        states = waits.states()
        _until(states, "estimation")
        with ThreadPoolExecutor(1) as pool:
            turn = pool.submit(_until, states, "process_starts")
            time.sleep(1)
            if turn.done():
                raise RuntimeError(f"more than {slots} are answered at a time: give --slots")
            began = time.perf_counter()
            answered[0].close()
            return 1000 * (turn.result() - began)


def _until(states: Iterator[dict[str, Any]], message: str) -> float:
    """Wait until a page receives this message, and return the time in seconds."""
    for said in states:
        if said["msg"] == message:
            return time.perf_counter()
    raise RuntimeError(f"no {message} came")


def read(address: str, reader: int, questions: int) -> UserResults:
    """Open the page as one user, ask questions about the user's town, and return the results."""
    results, asked = UserResults(), questions_of(reader)[:questions]
    try:
        with Page(address) as page:
            page.load()
            for turn, question in enumerate(asked, start=1):
                began = time.perf_counter()
                page.ask(question)
                states = [time.perf_counter() for said in page.states() if said["msg"] == "process_generating"]
                results.first.append(states[1] - began)  # the first one has the question alone
                results.whole.append(time.perf_counter() - began)
                results.mixed += mistakes(reader, asked[:turn], page.window)
                began = time.perf_counter()
                page.follow_up()
                results.offered.append(time.perf_counter() - began)
    except RefusedError as error:
        results.refused.append(f"user {reader} was refused: {error}")
    except Exception as error:
        results.failed.append(f"user {reader}: {error!r}")
    return results


def mistakes(reader: int, asked: Sequence[str], window: Sequence[str]) -> list[str]:
    """Return a description of each mix-up that a user sees: other users' questions, or a wrong number in an answer."""
    found = []
    if list(window[::2]) != list(asked):
        found.append(f"user {reader} asked {list(asked)!r} and sees {list(window[::2])!r}")
    for turn, answer in enumerate(window[1::2]):
        if set(_NUMBER.findall(answer.partition("Sources")[0])) != {str(number(reader, turn))}:
            found.append(f"user {reader}, question {turn + 1}: {answer[:200]!r}")
    return found


def index_towns(home: Path, served: Path, folder: Path, towns: int) -> None:
    """Write the articles about the towns into a folder, and index the folder."""
    write_articles(folder, towns)
    index = (*CITECHAT, "index", str(folder))
    subprocess.run(index, check=True, env=environment_of(home, served), capture_output=True)


def write_articles(folder: Path, towns: int) -> None:
    """Write an article about each town, with a paragraph for each number."""
    folder.mkdir(parents=True, exist_ok=True)
    for town in range(towns):
        name = town_name(town)
        pride = f"People of {name} are proud of it, and show it to visitors when the weather allows."
        paragraphs = [
            f"{tell.format(town=name, n=number(town, turn))}. {pride}" for turn, (tell, _) in enumerate(_TELLS)
        ]
        text = "\n\n".join([f"The yearbook of {name}", *paragraphs])
        (folder / f"{town:03}.txt").write_text(text + "\n", encoding="utf-8")


def questions_of(town: int) -> list[str]:
    """Return every question about a town."""
    return [question.format(town=town_name(town)) for _, question in _TELLS]


def town_name(town: int) -> str:
    """Return the unique name of a town; from town 100, names end in a number."""
    first, last = _FIRST.split(), _LAST.split()
    return first[town % 10] + last[(town // 10 + town) % 10] + ("" if town < 100 else str(town // 100))


def number(town: int, turn: int) -> int:
    """Return the five-digit number that answers this question about this town and no other question."""
    return 10_000 + 37 * (town * len(_TELLS) + turn)


def _milliseconds(seconds: Sequence[float], percentile: float) -> float:
    return 1000 * float(np.percentile(seconds or [float("nan")], percentile))


def _megabytes(process: int, kind: str) -> float:
    """Return the memory of a process in megabytes, now (`VmRSS`) or at its peak (`VmHWM`); nan if not on Linux."""
    status = Path(f"/proc/{process}/status")
    lines = status.read_text(encoding="ascii").splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(kind)), float("nan"))


if __name__ == "__main__":
    raise SystemExit(main())
