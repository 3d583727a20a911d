"""The command `citechat eval`: run a test set, or compare saved runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..plain_text import printable
from .options import COUNT, DONE, GATE_FAILED, json_option, llm_options, skip_bad_option
from .output import fail, print_json, print_message, progress_bar

if TYPE_CHECKING:
    from rag import Assistant
    from rag.evaluate import Case, CaseResult, Checkpoint, Judge, RemoteAssistant, Report

_COMPARE = "compare"


@click.command("eval")
@click.argument("files", nargs=-1, required=True, metavar="TESTSET | compare RUN...", help="A test set, or saved runs.")
@click.option("--out", metavar="FILE", help="Save the run as JSON. An interrupted run continues where it stopped.")
@click.option("--html", metavar="FILE", help="Write a report as a single, self-contained HTML page.")
@click.option(
    "--server",
    metavar="URL",
    help="Evaluate a running chat server instead of the local index; CITECHAT_SERVER_API_KEY is a key for it.",
)
@click.option(
    "--judge",
    metavar="SPEC",
    help="Have this LLM judge the answers, too, and report how far it agrees with the measures.",
)
@click.option(
    "--fail-under", metavar="LIMITS", help="Exit with 2 if a measure misses its limit, as in f1=0.7,hit@5=0.9."
)
@click.option(
    "--repeat", type=COUNT, default=1, metavar="N", help="Run N times, and count the questions with equal results."
)
@skip_bad_option
@click.option("--similarity", is_flag=True, help="Also measure semantic similarity, which takes longer.")
@llm_options
@json_option
def evaluate(
    *,
    files: tuple[str, ...],
    out: str | None,
    html: str | None,
    server: str | None,
    judge: str | None,
    fail_under: str | None,
    repeat: int,
    skip_bad: bool,
    similarity: bool,
    as_json: bool,
    **overrides: Any,
) -> int:
    """Evaluate answers against a test set, or compare runs.

    A test set is a JSONL or CSV file. `compare` compares runs saved with --out to the first one, question by question.

    \b
    Examples:
      citechat eval samples/questions.jsonl
      citechat eval questions.csv --out run.json --fail-under f1=0.7,hit@5=0.9
      citechat eval questions.csv --html report.html --judge ollama:llama3.2
      citechat eval questions.csv --server http://127.0.0.1:7860
      citechat eval compare before.json after.json --html compared.html
    """
    from rag import load_settings
    from rag.evaluate import as_misses, as_table, missed_thresholds, open_judge, parse_thresholds, to_json

    first, *others = files
    if first == _COMPARE:
        return _compare(others, html=html, as_json=as_json)
    if others:
        fail(f"Expected one test set, got {len(files)} files.", "Give one file: `citechat eval FILE`.")
    thresholds = parse_thresholds(fail_under or "")
    # Open the judge first, so that a wrong name is reported before any question is asked.
    llm_judge = None if judge is None else open_judge(load_settings(llm=judge))
    assistant, settings = _remote(server, overrides) if server else _local(overrides)
    cases = _read_cases(assistant, first, skip_bad=skip_bad)
    run = partial(_run, assistant, cases, settings, similarity)
    if out is None:
        report = run()
    else:
        with _open_checkpoint(f"{out}.rows", cases, {**settings, "similarity": str(similarity)}) as checkpoint:
            report = run(checkpoint)
            checkpoint.finish()
    reports = [report, *(run() for _ in range(repeat - 1))]
    if out is not None:
        _write(out, to_json(report))
    _write_html(html, {Path(first).stem: report})
    click.echo(to_json(report) if as_json else printable(f"{as_table(report)}\n\n{as_misses(report)}"))
    if llm_judge is not None:
        _print_judgements(llm_judge, report)
    if repeat > 1:
        print_message(_agreement(reports))
    failures = missed_thresholds(report, thresholds)
    for failure in failures:
        print_message(f"missed: {failure}")
    return GATE_FAILED if failures else DONE


def _local(overrides: Mapping[str, Any]) -> tuple[Assistant, dict[str, str]]:
    """Return an assistant for the local index, and the settings to save with the run."""
    from rag import build_assistant, load_settings

    settings = load_settings(**overrides)
    assistant = build_assistant(settings)
    # Omit the home (a path on this machine) and addresses (which may contain a password).
    saved = settings.model_dump(mode="json", exclude={"home", "llm_base_url", "chroma_url", "server_api_key"})
    manifest = assistant.index.manifest()
    if manifest is not None:
        saved |= {"index encoder": manifest.encoder, "index splitter": manifest.splitter}
    articles, passages = assistant.index.count()
    saved |= {"index articles": articles, "index passages": passages}
    return assistant, {name: str(value) for name, value in saved.items()}


def _remote(server: str, overrides: Mapping[str, Any]) -> tuple[RemoteAssistant, dict[str, str]]:
    """Return an assistant that asks a running chat server, and the server's host as the settings to save."""
    from urllib.parse import urlsplit

    from rag import load_settings
    from rag.evaluate import RemoteAssistant

    if any(overrides.values()):
        fail("Cannot combine --server with --llm, --strict or --top-k.", "The server uses its own settings.")
    key = load_settings().server_api_key
    secret = key.get_secret_value() if key else None
    return RemoteAssistant(server, key=secret), {"server": urlsplit(server).hostname or ""}


def _read_cases(assistant: Assistant | RemoteAssistant, file: str, *, skip_bad: bool) -> Sequence[Case]:
    """Return the cases in a test set with the offsets of their evidence; print problems."""
    from rag import TestSetError
    from rag.evaluate import read_test_set, resolve

    test_set = read_test_set(file, skip_bad=skip_bad)
    cases, problems = resolve(test_set.cases, assistant.articles(), path=test_set.path, lines=test_set.lines)
    for problem in (*test_set.skipped, *problems):
        print_message(f"{'skipped' if skip_bad else 'invalid'}: {problem}")
    if problems and not skip_bad:
        raise TestSetError(
            f"The articles do not contain the evidence for {len(problems)} questions.",
            "Correct the questions, or skip them with --skip-bad.",
        )
    if not cases:
        raise TestSetError(f"The test set {test_set.path!r} has no valid questions.", "Correct the problems above.")
    return cases


def _open_checkpoint(file: str, cases: Sequence[Case], settings: Mapping[str, str]) -> Checkpoint:
    from rag.evaluate import Checkpoint, run_fingerprint, versions

    checkpoint = Checkpoint(Path(file), run_fingerprint(cases, settings, versions()))
    if checkpoint.results:
        print_message(f"Continuing: {len(checkpoint.results)} of {len(cases)} questions were already answered.")
    return checkpoint


def _run(
    assistant: Assistant | RemoteAssistant,
    cases: Sequence[Case],
    settings: Mapping[str, str],
    similarity: bool,
    checkpoint: Checkpoint | None = None,
) -> Report:
    """Ask all questions once, except those with a result in the checkpoint."""
    from rag import evaluate, load_settings, open_index

    encode = open_index(load_settings()).encoder.passages if similarity else None
    done = 0
    with progress_bar("questions") as progress:

        def on_result(result: CaseResult) -> None:
            nonlocal done
            done += 1
            progress(result.question, done, len(cases))
            if checkpoint is not None:
                checkpoint.add(result)

        known = None if checkpoint is None else dict(checkpoint.results)
        return evaluate(assistant, cases, settings=settings, encode=encode, known=known, seen=on_result)


def _print_judgements(judge: Judge, report: Report) -> None:
    from rag.evaluate import as_agreement, judge_results

    total = len(report.results)
    with progress_bar("answers judged") as progress:
        judged = judge_results(judge, report.results, lambda result, done: progress(result.question, done, total))
    click.echo(f"\n{as_agreement(judged, report.results)}")


def _write_html(file: str | None, runs: Mapping[str, Report]) -> None:
    if file is not None:
        from ..report.page import report_page

        _write(file, report_page(runs))
        print_message(f"Wrote the report {file}")


def _write(file: str, text: str) -> None:
    from rag.evaluate import write_atomically

    write_atomically(Path(file), text)


def _agreement(reports: Sequence[Report]) -> str:
    """Return a message with the number of questions that have the same result in all runs, apart from costs."""
    from dataclasses import replace

    results = zip(*(report.results for report in reports), strict=True)
    same = sum(len({repr(replace(result, cost=None)) for result in runs}) == 1 for runs in results)
    return f"{len(reports)} runs: {same} of {len(reports[0].results)} questions have the same result in all of them"


def _compare(files: Sequence[str], *, html: str | None, as_json: bool) -> int:
    """Compare saved runs with the first one, question by question."""
    from dataclasses import asdict

    from rag.evaluate import as_comparison, compare

    if len(files) < 2:
        fail(
            f"Cannot compare: expected at least two saved runs, got {len(files)}.",
            "For example: `citechat eval compare A.json B.json`, with files that --out wrote.",
        )
    base, *others = runs = [_read_run(file) for file in files]
    for file, other in zip(files[1:], others, strict=True):
        comparison = compare(base, other)
        if as_json:
            print_json(asdict(comparison))
            continue
        if len(others) > 1:
            click.echo(f"a: {files[0]}, b: {file}\n")
        click.echo(printable(as_comparison(comparison)))
    _write_html(html, dict(zip(_run_names(files), runs, strict=True)))
    return DONE


def _run_names(files: Sequence[str]) -> list[str]:
    """Return each file's stem, preceded by the file's position if another file has the same stem."""
    stems = [Path(file).stem for file in files]
    return [stem if stems.count(stem) == 1 else f"{position} {stem}" for position, stem in enumerate(stems, start=1)]


def _read_run(file: str) -> Report:
    from rag import TestSetError
    from rag.evaluate import from_json

    try:
        return from_json(Path(file).read_bytes())
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise TestSetError(f"Cannot read the saved run {file!r}: {reason}", "Check the path.") from None
