"""Measure how well citechat answers a test set over one article, through the command line alone.

    python bench/article.py ARTICLE QUESTIONS [--llm SPEC] [--home DIR] [--fail-under first=20,refused=6]

The benchmark indexes the article with `citechat index` and asks all questions with one `citechat ask --batch`. It then
checks the citations against the article file on disk, decoded from UTF-8 and otherwise unchanged. The exit code is 2 if
a count in `--fail-under` is not reached, 1 if the program could not be run, and otherwise 0, whatever the results.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from itertools import zip_longest
from pathlib import Path

from index import CitechatError
from rag.evaluate import MEASURES, Case, CaseResult, Reply, Report, as_misses, as_table, read_cases, score, versions

COUNTS: dict[str, Callable[[CaseResult], float | None]] = {
    "first": lambda row: row.first_citation,
    "any": lambda row: row.any_citation,
    "hit@1": MEASURES["hit@1"].of_result,
    "hit@5": MEASURES["hit@5"].of_result,
    "contains": lambda row: row.contains_answer,
    "valid": lambda row: None if not row.citations else float(not row.bad_citations),
    "refused": lambda row: None if row.answerable else row.abstention,
    "answered": lambda row: row.abstention if row.answerable else None,
}
"""The counts of questions that `--fail-under` can check; `valid` counts questions with citations, all of them exact."""


class AnswerFailedError(CitechatError):
    """Error for a command that failed or did not answer a question."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the whole benchmark, print the results, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("article", type=Path, help="the article, a text or Markdown file in UTF-8")
    parser.add_argument("questions", type=Path, help="the test set, one JSON object a line")
    parser.add_argument("--llm", help="who writes the answers, as in CITECHAT_LLM; default: no LLM, quotes")
    parser.add_argument("--home", type=Path, help="folder for the index, kept afterwards; default: a temporary one")
    parser.add_argument(
        "--fail-under",
        type=parse_gates,
        default={},
        metavar="NAME=COUNT,…",
        help=f"exit 2 when fewer questions are right; names: {', '.join(COUNTS)}",
    )
    given = parser.parse_args(arguments)
    try:
        cases = read_cases(given.questions)
        text = given.article.read_bytes().decode("utf-8")
        with tempfile.TemporaryDirectory(prefix="citechat-bench-") as folder:
            report = measure(given.article, text, cases, Path(folder), given.home, given.llm)
    except (CitechatError, OSError, UnicodeDecodeError) as error:
        print(error, file=sys.stderr)
        return 1
    print(as_table(report))
    print("\nMisses:")
    print(as_misses(report))
    missed = unmet(report, given.fail_under)
    for line in missed:
        print(line, file=sys.stderr)
    return 2 if missed else 0


def parse_gates(text: str) -> dict[str, int]:
    """Parse gates such as `first=20,refused=6`. Raises `argparse.ArgumentTypeError` that names an invalid part."""
    gates = {}
    for part in text.split(","):
        name, _, count = part.strip().partition("=")
        if name not in COUNTS or not count.isdecimal():
            raise argparse.ArgumentTypeError(f"{part!r} is not NAME=COUNT with a name of: {', '.join(COUNTS)}")
        gates[name] = int(count)
    return gates


def unmet(report: Report, gates: dict[str, int]) -> list[str]:
    """Return one line for each gate that the report does not reach."""
    lines = []
    for name, wanted in gates.items():
        values = [value for row in report.results if (value := COUNTS[name](row)) is not None]
        right = round(sum(values))
        if right < wanted:
            lines.append(f"gate not met: {name} is {right} of {len(values)}, wanted at least {wanted}")
    return lines


def measure(
    article: Path, text: str, cases: Sequence[Case], folder: Path, home: Path | None, llm: str | None
) -> Report:
    """Index the article, ask every question, and score the answers against the text.

    The questions are written to `folder`, and so is the index if `home` is None.
    """
    environment = {**os.environ, "CITECHAT_HOME": str((home or folder / "home").absolute())}
    if llm is not None:
        environment["CITECHAT_LLM"] = llm
    indexed = run_citechat(["index", str(article), "--json"], environment)
    if indexed.returncode != 0:
        raise AnswerFailedError(
            f"`citechat index` ended with exit code {indexed.returncode}: {indexed.stderr.strip()}",
            "Correct the test set and run again.",
        )
    batch = folder / "questions.jsonl"
    asking = [
        {"question": case.question, "history": [{"role": turn.role, "text": turn.text} for turn in case.history]}
        for case in cases
    ]
    batch.write_text("".join(json.dumps(line) + "\n" for line in asking), encoding="utf-8", newline="\n")
    asked = run_citechat(["ask", "--batch", str(batch)], environment)
    if asked.returncode != 0:
        print(f"`citechat ask` ended with exit code {asked.returncode}: {asked.stderr.strip()}", file=sys.stderr)
    lines = [line for line in asked.stdout.split("\n") if line.strip()]
    if len(lines) > len(cases):
        raise AnswerFailedError(
            f"`citechat ask` printed {len(lines)} lines for {len(cases)} questions: {lines[len(cases)]!r}",
            "A batch must print one JSON object a line, and nothing else.",
        )
    rows = [
        score(case, read_outcome(case, line), article_text=lambda _: text)
        for case, line in zip_longest(cases, lines)
        if case is not None
    ]
    return Report(results=tuple(rows), settings={"llm": llm or "as set in the environment"}, versions=versions())


def read_outcome(case: Case, line: str | None) -> Reply | CitechatError:
    """Return the reply to a case, or an error, which counts as wrong, if the answer is missing, invalid or failed."""
    if line is None:
        return AnswerFailedError("no line came back for this question")
    try:
        printed = json.loads(line)
    except ValueError as error:
        return AnswerFailedError(f"what came back is not JSON ({error}): {line[:200]!r}")
    if isinstance(printed, dict) and printed.get("error"):
        return AnswerFailedError(str(printed["error"]))
    if not isinstance(printed, dict) or printed.get("question") != case.question:
        raise AnswerFailedError(
            f"the answer to {case.question!r} was expected, got {line[:200]!r}", "A batch must answer in order."
        )
    try:
        return Reply.from_json(line)
    except CitechatError as error:
        return error


def run_citechat(arguments: Sequence[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the console script that is installed next to the running Python."""
    # Not resolved: the `python` of a virtual environment is a link, and the script lies beside the link.
    program = Path(sys.executable).with_name("citechat.exe" if os.name == "nt" else "citechat")
    if not program.exists():
        raise AnswerFailedError(
            f"there is no command {str(program)!r}", "Install the project into this environment: `pip install -e .`"
        )
    return subprocess.run(
        [str(program), *arguments],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


if __name__ == "__main__":
    raise SystemExit(main())
