"""What `citechat testset` does: cases are drafted from articles, or imported from the test sets of others."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .commands import DONE, say

if TYPE_CHECKING:
    from index import Article
    from rag import Assistant
    from rag.evaluate import Case, Context


def draft(options: argparse.Namespace) -> int:
    """Draft cases about articles of the index; a file that exists keeps what it has."""
    from rag import TestSetError, build_assistant, load_settings
    from rag.evaluate import draft_cases, read_cases, write_cases

    out = None if options.out is None else Path(options.out)
    known = read_cases(out) if out is not None and out.exists() else []
    assistant = build_assistant(load_settings(llm="extractive"))
    articles = [_article(assistant, written) for written in dict.fromkeys(options.articles)]
    drafted = draft_cases(assistant, articles, options.count)
    if not drafted:
        raise TestSetError(
            "no question could be drafted: the articles say nothing that the rules know, or citechat does not find it",
            "Drafts are made from English prose; write the questions by hand, or name other articles.",
        )
    if out is None:
        _print(drafted)
        return DONE
    ids, questions = {case.id for case in known}, {case.question for case in known}
    new = [case for case in drafted if case.id not in ids and case.question not in questions]
    if new:
        write_cases(out, [*known, *new])
    print_line(f"drafted {len(new)} questions, {len(drafted) - len(new)} were in {str(out)!r} already")
    say("Read each one: delete the tag 'draft' where it is right, and the line where it is not.")
    return DONE


def import_(options: argparse.Namespace) -> int:
    """Make a test set of a file in another format, with the texts that its questions are about."""
    from rag import TestSetError
    from rag.evaluate import FORMATS, write_cases

    imported = FORMATS[options.format](options.file, skip_bad=options.skip_bad)
    for problem in imported.skipped:
        say(f"skipped: {problem}")
    if options.out is None:
        _print(imported.cases)
        if imported.contexts:
            say(f"The {len(imported.contexts)} texts that the questions are about are written with --out only.")
        return DONE
    out = Path(options.out)
    folder = out.with_name(f"{out.stem}-articles")
    for path in (out, folder):
        if path.exists():
            raise TestSetError(f"{str(path)!r} exists already", "Give --out another name, or remove it.")
    _write(folder, imported.contexts)
    write_cases(out, imported.cases)
    print_line(f"imported {len(imported.cases)} questions into {str(out)!r}, {len(imported.skipped)} were skipped")
    if imported.contexts:
        print_line(f"wrote {len(imported.contexts)} articles; index them: citechat index {folder}")
    return DONE


def _article(assistant: Assistant, written: str) -> Article:
    """The article of the index with this id, or the beginning of one, or read from this file."""
    from index import CitechatError

    facts = assistant.article_metadata()
    path = str(Path(written).resolve())
    found = [each for each in facts if each.id == written or any(origin.path == path for origin in each.origins)]
    found = found or [each for each in facts if len(written) >= 4 and each.id.startswith(written)]
    if len(found) > 1:
        named = ", ".join(each.id for each in found[:5])
        raise CitechatError(f"{written!r} stands for {len(found)} articles", f"Name one of them: {named}.")
    article = assistant.article(found[0].id) if found else None
    if article is None:
        raise CitechatError(
            f"no article in the index has the id or the file {written!r}",
            "Index it first (`citechat index PATH`); `citechat articles` lists what is there.",
        )
    return article


def _write(folder: Path, contexts: Sequence[Context]) -> None:
    from rag import TestSetError

    try:
        if contexts:
            folder.mkdir(parents=True)
        for context in contexts:
            (folder / context.source).write_text(context.text, encoding="utf-8", newline="")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise TestSetError(f"the folder {str(folder)!r} cannot be written: {reason}", "Check the path.") from None


def _print(cases: Sequence[Case]) -> None:
    for case in cases:
        print_line(case.model_dump_json(exclude_defaults=True))


def print_line(line: str) -> None:
    """Print a result."""
    sys.stdout.write(f"{line}\n")
