"""The command line: `citechat index | ask | chat | eval | articles | rebuild | doctor`.

Results go to stdout, everything else to stderr. Exit 0 done, 1 a user's error, 2 a failed gate, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from rag import Answer, Assistant, Settings, Turn

DONE, USER_ERROR, GATE_FAILED, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    options = _parser().parse_args(arguments)
    from index import CitechatError

    try:
        run: Callable[[argparse.Namespace], int] = options.run
        return run(options)
    except CitechatError as error:
        _complain(error)
        return USER_ERROR
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone (`citechat ask … | head`); keep Python from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def _index(options: argparse.Namespace) -> int:
    from rag import open_index

    settings = _settings(options)
    report = open_index(settings).sync(options.paths, progress=lambda title, done: _say(f"{done:>6}  {title}"))
    if options.json:
        _print_json(report.to_dict())
    else:
        print(
            f"added {report.added}, changed {report.changed}, unchanged {report.unchanged}, removed {report.removed}, "
            f"skipped {len(report.skipped)}: {report.articles} articles, {report.passages} passages "
            f"in {report.seconds:.1f} s"
        )
    for skipped in report.skipped:
        _say(f"skipped: {skipped.reason}")
    # A file inside a folder may be anything; one that was named was meant.
    named = {str(Path(path)) for path in options.paths}
    return USER_ERROR if any(skipped.path in named for skipped in report.skipped) else DONE


def _ask(options: argparse.Namespace) -> int:
    from rag import build_assistant

    if (options.question is None) == (options.batch is None):
        _user_error("give either a question or --batch FILE", 'For example: citechat ask "Who founded it?"')
    settings = _settings(options)
    assistant = build_assistant(settings)
    if options.batch is not None:
        return _ask_batch(assistant, options.batch)
    answer = assistant.ask(options.question)
    if options.json:
        _print_json(answer.to_dict())
    else:
        print(_as_text(answer))
    return DONE


def _ask_batch(assistant: Assistant, batch: str) -> int:
    """One JSON object a line, in order. A question that fails is a line with `error` and stops none of the others."""
    from index import CitechatError

    code = DONE
    try:
        lines = sys.stdin if batch == "-" else Path(batch).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        _user_error(f"the file {batch!r} cannot be read: {error}", "Give a UTF-8 text file with a question a line.")
    for question, history in _questions(lines, batch):
        try:
            row = assistant.ask(question, history).to_dict()
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


def _chat(options: argparse.Namespace) -> int:
    from rag import build_assistant

    from .web import serve

    assistant = build_assistant(_settings(options))
    serve(assistant, host=options.host, port=options.port, open_browser=not options.no_browser)
    return DONE


def _eval(options: argparse.Namespace) -> int:
    from rag import build_assistant
    from rag.evaluate import as_table, evaluate, read_cases, to_json

    cases = read_cases(Path(options.testset))
    report = evaluate(build_assistant(_settings(options)), cases)
    print(to_json(report) if options.json else as_table(report))
    return DONE


def _articles(options: argparse.Namespace) -> int:
    from rag import open_index

    articles = open_index(_settings(options)).articles()
    rows = [
        {"id": a.id, "title": a.title, "source": a.source, "published": a.published, "characters": len(a.text)}
        for a in articles
    ]
    if options.json:
        _print_json(rows)
    else:
        for row in rows:
            print(f"{row['id']}  {row['published'] or '-':<10}  {row['title']}  ({row['source']})")
    return DONE


def _rebuild(options: argparse.Namespace) -> int:
    from rag import open_index

    index = open_index(_settings(options))
    index.rebuild(progress=lambda title, done: _say(f"{done:>6}  {title}"))
    articles, passages = index.count()
    print(f"rebuilt: {articles} articles, {passages} passages")
    return DONE


def _doctor(options: argparse.Namespace) -> int:
    from .doctor import as_text, examine

    report = examine(_settings(options))
    if options.json:
        _print_json(report)
    else:
        print(as_text(report))
    return DONE


def _settings(options: argparse.Namespace) -> Settings:
    from rag import load_settings

    return load_settings(llm=getattr(options, "llm", None), top_k=getattr(options, "top_k", None))


def _as_text(answer: Answer) -> str:
    lines = [answer.text]
    if not answer.found:
        lines += ["", "Nearest passages:"]
        lines += [
            f"  {hit.title}, {hit.passage.start}–{hit.passage.end}: {_short(hit.passage.text)}"
            for hit in answer.hits[:3]
        ]
    for citation in answer.citations:
        when = f", {citation.published}" if citation.published else ""
        lines += [
            "",
            f"[{citation.number}] {citation.title} ({citation.source}{when})",
            f"    characters {citation.start}–{citation.end}, {citation.support}: “{' '.join(citation.quote.split())}”",
        ]
    return "\n".join(lines)


def _short(text: str, longest: int = 160) -> str:
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False), flush=True)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _complain(error: object) -> None:
    _say(f"citechat: {error}")


def _user_error(message: str, hint: str) -> NoReturn:
    from index import CitechatError

    raise CitechatError(message, hint)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong and exits 1: 2 is kept for a failed gate."""

    def error(self, message: str) -> NoReturn:
        _say(f"citechat: {message}\nSee `{self.prog} --help`.")
        raise SystemExit(USER_ERROR)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="citechat",
        description="Ask questions about articles; every sentence of an answer points at the words that support it.",
        epilog="""examples:
  citechat index articles/                 index a folder
  citechat ask "Who founded the company?"  ask, from the command line
  citechat chat                            ask, in the browser

Everything the program keeps lies under CITECHAT_HOME; `citechat doctor` says where that is.""",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(
        name: str, run: Callable[[argparse.Namespace], int], summary: str, examples: str
    ) -> argparse.ArgumentParser:
        added = commands.add_parser(
            name,
            help=summary,
            description=summary,
            epilog=f"examples:\n{examples}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        added.set_defaults(run=run)
        return added

    index = command(
        "index",
        _index,
        "Index files and folders of .txt and .md articles; what is indexed already is not read again by the model.",
        "  citechat index article.txt\n  citechat index articles/ notes.md --json",
    )
    index.add_argument("paths", nargs="+", metavar="PATH", help="a file or a folder")
    _add_json(index)

    ask = command(
        "ask",
        _ask,
        "Ask a question; the answer comes with the passages it cites.",
        '  citechat ask "Who founded the company?"\n'
        '  citechat ask "Who founded it?" --llm ollama:llama3.2\n'
        "  citechat ask --batch questions.txt > answers.jsonl",
    )
    ask.add_argument("question", nargs="?", metavar="QUESTION")
    ask.add_argument(
        "--batch", metavar="FILE", help="a question a line, or JSON lines with `question`; prints JSON lines"
    )
    _add_llm(ask)
    _add_json(ask)

    chat = command(
        "chat",
        _chat,
        "Ask in the browser, with the article beside the answer.",
        "  citechat chat\n  citechat chat --port 8080 --no-browser --llm openai:gpt-4o-mini",
    )
    chat.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    chat.add_argument("--port", type=int, default=7860, help="port; the next free one when it is taken (default: 7860)")
    chat.add_argument("--no-browser", action="store_true", help="do not open a browser window")
    _add_llm(chat)

    evaluate = command(
        "eval",
        _eval,
        "Evaluate the answers against a test set (JSON lines).",
        "  citechat eval samples/questions.jsonl\n  citechat eval questions.jsonl --json > run.json",
    )
    evaluate.add_argument("testset", metavar="TESTSET", help="JSON lines: question, answers, evidence, answerable")
    _add_llm(evaluate)
    _add_json(evaluate)

    _add_json(command("articles", _articles, "List the indexed articles.", "  citechat articles --json"))
    command(
        "rebuild",
        _rebuild,
        "Cut and embed all indexed articles anew, after a change of the embedding model.",
        "  CITECHAT_ENCODER=/models/my-encoder citechat rebuild",
    )
    _add_json(
        command(
            "doctor",
            _doctor,
            "Say what is installed, which settings are in force, what is indexed, and what is missing.",
            "  citechat doctor\n  citechat doctor --json",
        )
    )
    return parser


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _add_llm(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--llm", metavar="SPEC", help="who writes: extractive (default), or provider:model")
    parser.add_argument("--top-k", type=int, metavar="N", help="passages to answer from")


if __name__ == "__main__":
    sys.exit(main())
