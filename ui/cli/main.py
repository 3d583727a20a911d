"""The command line: `citechat index | ask | chat | eval | testset | articles | keys | users | doctor …`.

Results go to stdout, everything else to stderr. Exit 0 done, 1 a user's error, 2 a failed gate, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from . import commands, testset
from . import evaluate as evaluating
from .access import add_commands as add_access
from .access import add_options as add_access_options
from .commands import DONE, INTERRUPTED, USER_ERROR, say


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
        say(f"citechat: {error}")
        return USER_ERROR
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone (`citechat ask … | head`); keep Python from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


class _Parser(argparse.ArgumentParser):
    """Says what is wrong and exits 1: 2 is kept for a failed gate."""

    def error(self, message: str) -> NoReturn:
        say(f"citechat: {message}\nSee `{self.prog} --help`.")
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
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(
        name: str, run: Callable[[argparse.Namespace], int], summary: str, examples: str
    ) -> argparse.ArgumentParser:
        added = subparsers.add_parser(
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
        commands.index,
        "Index files, folders, archives and web addresses; what is indexed already is not read again by the model.",
        "  citechat index article.txt\n  citechat index articles/ notes.md --json\n  citechat index articles/ --prune\n"
        "  citechat index archive/ --workers 8\n  citechat index archive/ --ray",
    )
    index.add_argument("paths", nargs="+", metavar="PATH", help="a file, a folder or a web address")
    index.add_argument(
        "--prune", action="store_true", help="remove what was indexed from there before and is no longer there"
    )
    _add_workers(index)
    index.add_argument(
        "--ray",
        nargs="?",
        const="local",
        metavar="ADDRESS",
        help="let Ray do it, with --workers actors: here, or on the cluster of --ray=HOST:PORT; put it after the paths",
    )
    _add_json(index)

    ask = command(
        "ask",
        commands.ask,
        "Ask a question; the answer comes with the passages it cites.",
        '  citechat ask "Who founded the company?"\n'
        '  citechat ask "Who founded it?" --llm ollama:llama3.2\n'
        '  citechat ask "What is new?" --since 2024-02 --source reuters\n'
        "  citechat ask --batch questions.txt > answers.jsonl",
    )
    ask.add_argument("question", nargs="?", metavar="QUESTION")
    ask.add_argument(
        "--batch", metavar="FILE", help="a question a line, or JSON lines with `question`; prints JSON lines"
    )
    _add_choice(ask)
    ask.add_argument("--explain", action="store_true", help="say why each passage was found")
    _add_llm(ask)
    _add_json(ask)

    chat = command(
        "chat",
        commands.chat,
        "Ask in the browser, with the article beside the answer.",
        "  citechat chat\n  citechat chat --port 8080 --no-browser --llm openai:gpt-4o-mini",
    )
    chat.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    chat.add_argument("--port", type=int, default=7860, help="port; the next free one when it is taken (default: 7860)")
    chat.add_argument("--no-browser", action="store_true", help="do not open a browser window")
    add_access_options(chat)
    _add_llm(chat)

    _add_evaluation(
        command(
            "eval",
            evaluating.evaluate,
            "Evaluate the answers against a test set (JSONL or CSV), or compare saved runs.",
            "  citechat eval samples/questions.jsonl\n"
            "  citechat eval questions.csv --out run.json --fail-under f1=0.7,hit@5=0.9\n"
            "  citechat eval questions.csv --html report.html --judge ollama:llama3.2\n"
            "  citechat eval compare before.json after.json --html compared.html",
        )
    )

    _add_testset(
        subparsers.add_parser("testset", help="Draft a test set from articles, or import one from another format.")
    )

    calibrate = command(
        "calibrate",
        commands.calibrate,
        "Fit the threshold of 'the articles do not say' to questions of your own, and keep it with the index.",
        "  citechat calibrate samples/questions.jsonl",
    )
    calibrate.add_argument("testset", metavar="TESTSET", help="a test set, JSONL or CSV")
    calibrate.add_argument(
        "--keep",
        type=_share,
        default=0.9,
        metavar="SHARE",
        help="share of answerable questions to answer (default: 0.9)",
    )
    _add_json(calibrate)

    _add_json(
        command(
            "articles",
            commands.articles,
            "List the indexed articles: id, date, title, sources, author, language, number of passages.",
            "  citechat articles\n  citechat articles --json",
        )
    )
    remove = command(
        "remove",
        commands.remove,
        "Remove articles from the index; their files are left alone, and would be indexed again with their folder.",
        "  citechat remove 242fac1287ff26d0\n  citechat remove 242f 9b1c --json",
    )
    remove.add_argument(
        "ids", nargs="+", metavar="ID", help="as `citechat articles` lists it; its first four characters may do"
    )
    _add_json(remove)
    _add_workers(
        command(
            "rebuild",
            commands.rebuild,
            "Cut and embed all indexed articles anew, after a change of the embedding model.",
            "  CITECHAT_ENCODER=/models/my-encoder citechat rebuild",
        )
    )
    add_access(subparsers)
    doctor = command(
        "doctor",
        commands.doctor,
        "Say what is installed, which settings are in force, what is indexed, and what is missing.",
        "  citechat doctor\n  citechat doctor --llm ollama:llama3.2\n  citechat doctor --json",
    )
    doctor.add_argument("--llm", metavar="SPEC", help="ask this LLM for a word: does it answer, and how fast?")
    _add_json(doctor)
    return parser


def _add_evaluation(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("testset", nargs="+", metavar="TESTSET", help="a test set; or `compare` and saved runs")
    parser.add_argument("--out", metavar="FILE", help="write the run there as JSON; one cut short goes on from there")
    parser.add_argument("--html", metavar="FILE", help="write a report to look at there, one page that loads nothing")
    parser.add_argument("--server", metavar="URL", help="ask a chat that is being served, in place of the index here")
    parser.add_argument("--judge", metavar="SPEC", help="have an LLM judge the answers, too, and say where it agrees")
    parser.add_argument("--fail-under", metavar="MARKS", help="exit 2 where a measure is worse, as f1=0.7,hit@5=0.9")
    parser.add_argument("--repeat", type=_count, default=1, metavar="N", help="run so often, and say what differs")
    parser.add_argument("--skip-bad", action="store_true", help="leave out questions that are wrong, and say which")
    parser.add_argument("--similarity", action="store_true", help="measure nearness in meaning, too (takes longer)")
    _add_llm(parser)
    _add_json(parser)


def _add_testset(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    draft = kinds.add_parser("draft", help="Draft questions that articles answer, for a person to accept.")
    draft.add_argument("articles", nargs="+", metavar="ARTICLE", help="the id or the file of an indexed article")
    draft.add_argument("--count", type=_count, default=20, metavar="N", help="questions at most (default: 20)")
    draft.add_argument("--out", metavar="FILE", help="JSONL or CSV to add them to (default: print JSON lines)")
    draft.set_defaults(run=testset.draft)
    imported = kinds.add_parser("import", help="Make a test set of SQuAD's JSON, or of a table with RAGAS' columns.")
    imported.add_argument("format", choices=["ragas", "squad"], metavar="FORMAT", help="squad or ragas")
    imported.add_argument("file", metavar="FILE")
    imported.add_argument("--out", metavar="FILE", help="JSONL or CSV to write, with a folder of texts beside it")
    imported.add_argument("--skip-bad", action="store_true", help="leave out what is wrong, and say what it was")
    imported.set_defaults(run=testset.import_)


def _count(written: str) -> int:
    if not written.isdecimal() or int(written) == 0:
        raise argparse.ArgumentTypeError(f"{written!r} is not a number from 1")
    return int(written)


def _add_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--since", metavar="DAY", help="only articles of this day, month or year, or later")
    parser.add_argument("--until", metavar="DAY", help="only articles of this day, month or year, or earlier")
    parser.add_argument(
        "--source", action="append", default=[], metavar="WORD", help="only articles whose outlet or path holds it"
    )
    parser.add_argument("--article", action="append", default=[], metavar="ID", help="only this article; repeatable")


def _share(written: str) -> float:
    share = float(written)
    if not 0 < share <= 1:
        raise argparse.ArgumentTypeError(f"{written!r} is not a share between 0 and 1")
    return share


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _add_workers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--workers",
        type=_count,
        metavar="N",
        help="processes that read and embed beside this one (default: this one alone, in threads)",
    )


def _add_llm(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--llm", metavar="SPEC", help="who writes: extractive (default), or provider:model")
    parser.add_argument(
        "--strict", action="store_true", default=None, help="leave out what an LLM says and no passage supports"
    )
    parser.add_argument("--top-k", type=int, metavar="N", help="passages to answer from")
