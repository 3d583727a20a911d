"""The command `citechat testset`: draft questions from articles, or import a test set from another format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import COUNT, skip_bad_option
from .output import fail, print_message

if TYPE_CHECKING:
    from index import Article
    from rag import Assistant
    from rag.evaluate import Case, Context


@click.group()
def testset() -> None:
    """Draft or import a test set."""


@testset.command()
@click.argument(
    "articles", nargs=-1, required=True, metavar="ARTICLE...", help="Id or file path of an indexed article."
)
@click.option("--count", type=COUNT, default=20, metavar="N", help="Maximum number of questions.")
@click.option("--out", metavar="FILE", show_default="stdout", help="JSONL or CSV file to add the questions to.")
def draft(articles: tuple[str, ...], count: int, out: str | None) -> None:
    """Draft questions that articles answer, for a person to review.

    \b
    Examples:
      citechat testset draft article.txt --count 20 --out questions.jsonl
    """
    from rag import TestSetError, build_assistant, load_settings
    from rag.evaluate import draft_cases, read_cases, write_cases

    path = None if out is None else Path(out)
    known = read_cases(path) if path is not None and path.exists() else []
    assistant = build_assistant(load_settings(llm="extractive"))
    drafted = draft_cases(assistant, [_article(assistant, name) for name in dict.fromkeys(articles)], count)
    if not drafted:
        raise TestSetError(
            "Cannot draft questions: no sentence in the articles fits the rules, or citechat does not find the "
            "sentences that fit.",
            "Drafts are made from English prose. Write the questions by hand, or choose other articles.",
        )
    if path is None:
        _print_cases(drafted)
        return
    ids, questions = {case.id for case in known}, {case.question for case in known}
    new = [case for case in drafted if case.id not in ids and case.question not in questions]
    if new:
        write_cases(path, [*known, *new])
    click.echo(f"drafted {len(new)} questions; {len(drafted) - len(new)} were already in {str(path)!r}")
    print_message("Review each question: delete its 'draft' tag if the question is right, or its line if it is wrong.")


@testset.command("import")
@click.argument("format_", type=click.Choice(["ragas", "squad"]), metavar="FORMAT", help="squad or ragas.")
@click.argument("file", metavar="FILE", help="SQuAD JSON file, or a table with the RAGAS columns.")
@click.option("--out", metavar="FILE", help="JSONL or CSV file to write; the texts go into a folder beside it.")
@skip_bad_option
def import_testset(format_: str, file: str, out: str | None, skip_bad: bool) -> None:
    """Import a test set from SQuAD or RAGAS.

    \b
    Examples:
      citechat testset import squad train-v2.0.json --out squad.jsonl
      citechat testset import ragas dataset.csv --out ours.csv
    """
    from rag import TestSetError
    from rag.evaluate import FORMATS, write_cases

    imported = FORMATS[format_](file, skip_bad=skip_bad)
    for problem in imported.skipped:
        print_message(f"skipped: {problem}")
    if out is None:
        _print_cases(imported.cases)
        if imported.contexts:
            print_message(
                f"The {len(imported.contexts)} texts that the questions refer to are written only with --out."
            )
        return
    path = Path(out)
    folder = path.with_name(f"{path.stem}-articles")
    for target in (path, folder):
        if target.exists():
            raise TestSetError(f"Cannot write {str(target)!r}: it already exists.", "Change --out, or remove it.")
    _write_texts(folder, imported.contexts)
    write_cases(path, imported.cases)
    click.echo(f"imported {len(imported.cases)} questions into {str(path)!r}, skipped {len(imported.skipped)}")
    if imported.contexts:
        click.echo(f"wrote {len(imported.contexts)} articles; index them: citechat index {folder}")


def _article(assistant: Assistant, name: str) -> Article:
    """Return the indexed article with this id, id prefix or file."""
    indexed = assistant.article_metadata()
    path = str(Path(name).resolve())
    found = [each for each in indexed if each.id == name or any(origin.path == path for origin in each.origins)]
    found = found or [each for each in indexed if len(name) >= 4 and each.id.startswith(name)]
    if len(found) > 1:
        ids = ", ".join(each.id for each in found[:5])
        fail(f"{name!r} matches {len(found)} articles.", f"Choose one of them: {ids}.")
    article = assistant.article(found[0].id) if found else None
    if article is None:
        fail(
            f"No indexed article has the id or the file {name!r}.",
            "Index it first (`citechat index PATH`); `citechat articles` lists the indexed articles.",
        )
    return article


def _write_texts(folder: Path, contexts: Sequence[Context]) -> None:
    from rag import TestSetError

    try:
        if contexts:
            folder.mkdir(parents=True)
        for context in contexts:
            (folder / context.source).write_text(context.text, encoding="utf-8", newline="")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise TestSetError(f"Cannot write the folder {str(folder)!r}: {reason}", "Check the path.") from None


def _print_cases(cases: Sequence[Case]) -> None:
    for case in cases:
        click.echo(case.model_dump_json(exclude_defaults=True))
