"""What `citechat eval` does: a test set is run, or saved runs are compared."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .commands import DONE, GATE_FAILED, say, settings_of
from .progress import shown

if TYPE_CHECKING:
    from rag import Assistant
    from rag.evaluate import Case, CaseResult, Judge, RemoteAssistant, Report, TestSet

_COMPARE = "compare"


def evaluate(options: argparse.Namespace) -> int:
    """Run a test set as often as asked; exit 2 where a mark is missed."""
    from index import CitechatError
    from rag.evaluate import (
        as_misses,
        as_table,
        missed_thresholds,
        parse_thresholds,
        read_test_set,
        to_json,
        write_atomically,
    )

    first, *others = options.testset
    if first == _COMPARE:
        return _compare(others, options)
    if others:
        raise CitechatError(f"{len(options.testset)} files were given", "Give one test set: `citechat eval FILE`.")
    wanted = parse_thresholds(options.fail_under or "")
    judge = _judge(options)
    assistant, kept = _remote(options) if options.server else _local(options)
    cases = _resolved(assistant, read_test_set(first, skip_bad=options.skip_bad), skip_bad=options.skip_bad)
    reports = [_run(assistant, cases, kept, options, again=number) for number in range(options.repeat)]
    report = reports[0]
    if options.out is not None:
        write_atomically(Path(options.out), to_json(report))
    _write_page(options, {Path(first).stem: report})
    sys.stdout.write(to_json(report) if options.json else f"{as_table(report)}\n\n{as_misses(report)}\n")
    if judge is not None:
        _tell_judgement(judge, report)
    if len(reports) > 1:
        say(_repeated(reports))
    for words in (failures := missed_thresholds(report, wanted)):
        say(f"missed: {words}")
    return GATE_FAILED if failures else DONE


def _local(options: argparse.Namespace) -> tuple[Assistant, dict[str, str]]:
    """The assistant of the settings, and what is told of it in a run that is kept."""
    from rag import build_assistant

    settings = settings_of(options)
    assistant = build_assistant(settings)
    # Without the home (a path of this machine) and addresses (which may hold a password).
    told = settings.model_dump(mode="json", exclude={"home", "llm_base_url", "chroma_url"})
    return assistant, {name: str(value) for name, value in told.items()} | _built(assistant)


def _remote(options: argparse.Namespace) -> tuple[RemoteAssistant, dict[str, str]]:
    """The assistant of a chat that is being served, and its host."""
    from urllib.parse import urlsplit

    from index import CitechatError
    from rag.evaluate import RemoteAssistant

    if options.llm or options.strict or options.top_k:
        raise CitechatError(
            "--server was given together with --llm, --strict or --top-k", "The server has settings of its own."
        )
    return RemoteAssistant(options.server), {"server": urlsplit(options.server).hostname or ""}


def _judge(options: argparse.Namespace) -> Judge | None:
    """The LLM that judges, opened first: a name that is wrong is told before anything is asked."""
    if options.judge is None:
        return None
    from rag import load_settings
    from rag.evaluate import open_judge

    return open_judge(load_settings(llm=options.judge))


def _tell_judgement(judge: Judge, report: Report) -> None:
    from rag.evaluate import as_agreement, judge_results

    with shown(say, "answers judged") as progress:
        judged = judge_results(
            judge, report.results, lambda result, done: progress(result.question, done, len(report.results))
        )
    sys.stdout.write(f"\n{as_agreement(judged, report.results)}\n")


def _write_page(options: argparse.Namespace, runs: dict[str, Report]) -> None:
    if options.html is None:
        return
    from rag.evaluate import write_atomically

    from ..report.page import report_page

    write_atomically(Path(options.html), report_page(runs))
    say(f"The report to look at is {options.html}")


def _resolved(assistant: Assistant | RemoteAssistant, test_set: TestSet, *, skip_bad: bool) -> Sequence[Case]:
    """The cases, with the places of evidence that was given by its words alone; what is left out is told."""
    from rag import TestSetError
    from rag.evaluate import resolve

    cases, problems = resolve(test_set.cases, assistant.articles(), path=test_set.path, lines=test_set.lines)
    for problem in (*test_set.skipped, *problems):
        say(f"{'skipped' if skip_bad else 'wrong'}: {problem}")
    if problems and not skip_bad:
        raise TestSetError(
            f"evidence of {len(problems)} questions is not in the articles", "Mend them, or leave them out: --skip-bad."
        )
    if not cases:
        raise TestSetError(f"no question of {test_set.path!r} can be asked", "Mend what is told above.")
    return cases


def _built(assistant: Assistant) -> dict[str, str]:
    """What the index was built by: with another model or other passages, answers differ."""
    manifest = assistant.index.manifest()
    articles, passages = assistant.index.count()
    built = {} if manifest is None else {"index encoder": manifest.encoder, "index splitter": manifest.splitter}
    return built | {"index articles": str(articles), "index passages": str(passages)}


def _run(
    assistant: Assistant | RemoteAssistant,
    cases: Sequence[Case],
    kept: dict[str, str],
    options: argparse.Namespace,
    *,
    again: int,
) -> Report:
    """One run. With a file to write to, its rows are written down as they come, and a run cut short goes on."""
    from rag import evaluate as run
    from rag import open_index
    from rag.evaluate import Checkpoint, run_fingerprint, versions

    encode = open_index(settings_of(options)).encoder.passages if options.similarity else None
    with shown(say, "questions") as progress:
        done: list[str] = []

        def seen(result: CaseResult) -> None:
            done.append(result.id)
            progress(result.question, len(done), len(cases))

        if options.out is None or again:
            return run(assistant, cases, settings=kept, encode=encode, seen=seen)
        path = Path(options.out)
        stamp = run_fingerprint(cases, {**kept, "similarity": str(options.similarity)}, versions())
        with Checkpoint(path.with_name(f"{path.name}.rows"), stamp) as journal:
            if journal.results:
                say(f"{len(journal.results)} of {len(cases)} questions were answered before; the run goes on.")
            report = run(
                assistant,
                cases,
                settings=kept,
                encode=encode,
                known=dict(journal.results),
                seen=_both(seen, journal.add),
            )
            journal.finish()
            return report


def _both(first: Callable[[CaseResult], None], second: Callable[[CaseResult], None]) -> Callable[[CaseResult], None]:
    def call(result: CaseResult) -> None:
        first(result)
        second(result)

    return call


def _repeated(reports: Sequence[Report]) -> str:
    """How many questions were answered alike in all runs, but for the time that it took."""
    from dataclasses import replace

    results = zip(*(report.results for report in reports), strict=True)
    alike = sum(len({repr(replace(result, cost=None)) for result in same}) == 1 for same in results)
    return f"{len(reports)} runs: {alike} of {len(reports[0].results)} questions were answered alike in all of them"


def _compare(files: Sequence[str], options: argparse.Namespace) -> int:
    """Compare saved runs, question by question, each with the first one."""
    import json
    from dataclasses import asdict

    from index import CitechatError
    from rag.evaluate import as_comparison, compare

    if len(files) < 2:
        raise CitechatError(
            f"{len(files)} runs were given", "Give two or more: `citechat eval compare A.json B.json`, made with --out."
        )
    base, *others = runs = [_saved(file) for file in files]
    for name, other in zip(files[1:], others, strict=True):
        found = compare(base, other)
        if len(others) > 1 and not options.json:
            sys.stdout.write(f"a: {files[0]}, b: {name}\n\n")
        told = json.dumps(asdict(found), ensure_ascii=False) if options.json else as_comparison(found)
        sys.stdout.write(f"{told}\n")
    _write_page(options, dict(zip(_names(files), runs, strict=True)))
    return DONE


def _names(files: Sequence[str]) -> list[str]:
    """What each run is called: the name of its file; its place before it where that tells no two apart."""
    stems = [Path(file).stem for file in files]
    return [stem if stems.count(stem) == 1 else f"{place} {stem}" for place, stem in enumerate(stems, start=1)]


def _saved(file: str) -> Report:
    from rag import TestSetError
    from rag.evaluate import from_json

    try:
        return from_json(Path(file).read_bytes())
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise TestSetError(f"the saved run {file!r} cannot be read: {reason}", "Check the path.") from None
