"""What each command of the command line does, given its options."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from ..plain_text import as_text, explained
from .listing import as_lines, as_row
from .progress import shown

if TYPE_CHECKING:
    from index import ArticleFilter
    from rag import Assistant, Settings, Turn

DONE, USER_ERROR, GATE_FAILED, INTERRUPTED = 0, 1, 2, 130


def index(options: argparse.Namespace) -> int:
    """Make the index agree with the given files and folders."""
    from rag import open_executor, open_index

    settings = settings_of(options)
    with open_executor(settings, options.workers, options.ray) as workers, shown(say) as progress:
        report = open_index(settings).sync(options.paths, progress, prune=options.prune, workers=workers)
    if options.json:
        _print_json(report.to_dict())
    else:
        print(
            f"added {report.added}, changed {report.changed}, unchanged {report.unchanged}, removed {report.removed}, "
            f"skipped {len(report.skipped)}: {report.articles} articles, {report.passages} passages "
            f"in {report.seconds:.1f} s"
        )
    for path in report.pruned:
        say(f"removed: {path!r} is no longer there")
    for skipped in report.skipped:
        say(f"skipped: {skipped.reason}")
    # A file inside a folder may be anything; one that was named was meant.
    named = {*options.paths, *(str(Path(path)) for path in options.paths)}
    return USER_ERROR if any(skipped.path in named for skipped in report.skipped) else DONE


def ask(options: argparse.Namespace) -> int:
    """Answer one question, or those of a file."""
    from rag import build_assistant

    if (options.question is None) == (options.batch is None):
        _user_error("give either a question or --batch FILE", 'For example: citechat ask "Who founded it?"')
    assistant, article_filter = build_assistant(settings_of(options)), _only(options)
    if options.batch is not None:
        return _ask_batch(assistant, options.batch, article_filter)
    answer = assistant.ask(options.question, article_filter=article_filter)
    if options.json:
        _print_json(answer.to_dict())
    else:
        print(as_text(answer) + (explained(answer) if options.explain else ""))
    return DONE


def _ask_batch(assistant: Assistant, batch: str, article_filter: ArticleFilter) -> int:
    """One JSON object a line, in order. A question that fails is a line with `error` and stops none of the others."""
    from index import CitechatError

    code = DONE
    try:
        lines = sys.stdin if batch == "-" else Path(batch).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        _user_error(f"the file {batch!r} cannot be read: {error}", "Give a UTF-8 text file with a question a line.")
    for question, history in _questions(lines, batch):
        try:
            row = assistant.ask(question, history, article_filter).to_dict()
        except CitechatError as error:
            row = {"question": question, "found": False, "error": error.message, "hint": error.hint}
            code = USER_ERROR
        _print_json(row)
    return code


def _questions(lines: Iterable[str], name: str) -> Iterator[tuple[str, list[Turn]]]:
    from rag import QuestionError, Turn

    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text:
            continue
        if not text.startswith("{"):
            yield text, []
            continue
        try:
            row = json.loads(text)
            history = [Turn(turn["role"], turn["text"]) for turn in row.get("history", [])]
            yield str(row["question"]), history
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise QuestionError(
                f"line {number} of {name!r} is not a question: {type(error).__name__}: {error}",
                'Write a question a line, or JSON lines such as {"question": "Who founded it?"}.',
            ) from None


def chat(options: argparse.Namespace) -> int:
    """Open the chat in a browser and serve it until interrupted."""
    from rag import build_assistant

    from ..chat.services import services_of
    from ..server import serve

    if options.no_access_control != options.anyone_may_use_it:
        _user_error(
            "--no-access-control and --anyone-may-use-it go together",
            "Give both to let everybody read and ask who reaches this machine, or neither.",
        )
    settings = settings_of(options)
    assistant = build_assistant(settings)
    serve(
        assistant,
        host=options.host,
        port=options.port,
        open_browser=not options.no_browser,
        services=services_of(settings, assistant),
        settings=settings,
        open_to_all=options.no_access_control,
    )
    return DONE


def calibrate(options: argparse.Namespace) -> int:
    """Fit the threshold of abstention to a test set and keep it with the index."""
    from rag import build_assistant
    from rag import calibrate as fit
    from rag.evaluate import read_cases

    done = fit(build_assistant(settings_of(options)), read_cases(Path(options.testset)), keep=options.keep)
    if options.json:
        _print_json(done.to_dict())
        return DONE
    print(f"threshold {done.previous:.3f} -> {done.abstention_threshold:.3f}, fitted to {done.questions} questions")
    print(f"answered of those with an answer: {done.answered_before:.0%} -> {done.answered:.0%}")
    if done.refused is not None and done.refused_before is not None:
        print(f"refused of those without one: {done.refused_before:.0%} -> {done.refused:.0%}")
    return DONE


def articles(options: argparse.Namespace) -> int:
    """List what is indexed."""
    from rag import open_index

    listed = open_index(settings_of(options)).listing()
    if options.json:
        _print_json([as_row(*each) for each in listed])
        return DONE
    for each in listed:
        print(as_lines(*each))
    if not listed:
        say("Nothing is indexed. Index something: `citechat index PATH`.")
    return DONE


def remove(options: argparse.Namespace) -> int:
    """Remove articles by their ids: all that are given, or none."""
    from rag import open_index

    opened = open_index(settings_of(options))
    removed = opened.remove(*options.ids)
    articles, passages = opened.count()
    if options.json:
        _print_json({"removed": [as_row(*each) for each in removed], "articles": articles, "passages": passages})
        return DONE
    for each in removed:
        print(as_lines(*each))
    print(f"removed {len(removed)}: {articles} articles, {passages} passages are left")
    return DONE


def rebuild(options: argparse.Namespace) -> int:
    """Cut and embed everything anew."""
    from index import ProcessExecutor
    from rag import open_executor, open_index

    settings = settings_of(options)
    index = open_index(settings)
    with open_executor(settings, options.workers) as workers, shown(say, "articles") as progress:
        index.rebuild(progress, workers=workers if isinstance(workers, ProcessExecutor) else None)
    articles, passages = index.count()
    print(f"rebuilt: {articles} articles, {passages} passages")
    return DONE


def doctor(options: argparse.Namespace) -> int:
    """Say what is there, what is missing and how to mend it."""
    from .doctor import as_text as report_text
    from .doctor import examine

    report = examine(settings_of(options), ask_llm=options.llm is not None)
    trial = report["llm"]
    if options.json:
        _print_json(report | {"llm": asdict(trial) if trial else None})
    else:
        print(report_text(report))
    return DONE if report["answers"] else USER_ERROR


def _only(options: argparse.Namespace) -> ArticleFilter:
    from index import ArticleFilter

    return ArticleFilter(options.since, options.until, tuple(options.source), tuple(options.article))


def settings_of(options: argparse.Namespace) -> Settings:
    """The settings, with what the command line says on top."""
    from rag import load_settings

    names = ("llm", "strict", "top_k")
    return load_settings(**{name: getattr(options, name, None) for name in names})


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False), flush=True)


def say(line: str) -> None:
    """Tell the person at the terminal; stdout is kept for results."""
    print(line, file=sys.stderr, flush=True)


def _user_error(message: str, hint: str) -> NoReturn:
    from index import CitechatError

    raise CitechatError(message, hint)
