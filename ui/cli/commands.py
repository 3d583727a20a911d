"""The commands for indexing, asking and serving."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..plain_text import as_text, explained
from .options import DONE, USER_ERROR, json_option, llm_options, workers_option
from .output import article_row, fail, print_articles, print_json, print_message, progress_bar

if TYPE_CHECKING:
    from index import ArticleFilter
    from rag import Assistant, Turn


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", help="A file, a folder, a web address or a feed.")
@click.option("--prune", is_flag=True, help="Remove articles that are no longer at PATH.")
@workers_option
@click.option("--ray", flag_value="local", is_flag=False, metavar="[HOST:PORT]", help="Use Ray actors as workers.")
@json_option
def index(paths: tuple[str, ...], prune: bool, workers: int | None, ray: str | None, as_json: bool) -> int:
    """Index files, folders, archives, web addresses and feeds.

    Articles that have not changed are not embedded again, and a renamed file keeps its article. Files that no longer
    exist are listed, and removed only with --prune; a folder that is missing or empty is never pruned. --ray starts
    Ray on this machine; --ray=HOST:PORT uses the cluster at this address. Put the option after the paths.

    \b
    Examples:
      citechat index article.txt
      citechat index articles/ notes.md --json
      citechat index articles/ --prune
      citechat index https://example.org/feed
      citechat index archive/ --workers 8
      citechat index archive/ --ray
    """
    from index import describe_skipped_pages
    from rag import load_settings, open_executor, open_index

    settings = load_settings()
    with open_executor(settings, workers, ray) as executor, progress_bar() as progress:
        report = open_index(settings).sync(paths, progress, prune=prune, workers=executor)
    if as_json:
        print_json(report.to_dict())
    else:
        click.echo(
            f"added {report.added}, changed {report.changed}, unchanged {report.unchanged}, removed {report.removed}, "
            f"skipped {len(report.skipped)}: {report.articles} articles, {report.passages} passages "
            f"in {report.seconds:.1f} s"
        )
    for path in report.pruned:
        print_message(f"removed: {path!r} no longer exists")
    for old, new in report.moved:
        print_message(f"moved: {old!r} is now {new!r}")
    for path in report.gone:
        print_message(f"gone: {path!r} no longer exists, but its text is still in the index")
    if report.gone:
        print_message("Remove what is gone: citechat index PATH --prune, or citechat remove ID.")
    for partly_read in report.partly_read:
        pages = describe_skipped_pages(partly_read.skipped_pages)
        print_message(f"skipped pages of {partly_read.path!r} ({partly_read.pages} pages): {pages}")
    for skipped in report.skipped:
        print_message(f"skipped: {skipped.reason}")
    # A folder may contain unreadable files, but a file given as an argument should be readable.
    named = {*paths, *(str(Path(path)) for path in paths)}
    return USER_ERROR if any(skipped.path in named for skipped in report.skipped) else DONE


@click.command()
@click.argument("question", required=False, metavar="[QUESTION]")
@click.option("--batch", metavar="FILE", help="Answer the questions in FILE (or '-', stdin), and print JSON lines.")
@click.option("--since", metavar="DATE", help="Only articles published on or after this day, month or year.")
@click.option("--until", metavar="DATE", help="Only articles published on or before this day, month or year.")
@click.option("--source", multiple=True, metavar="WORD", help="Only articles whose source or path contains WORD.")
@click.option("--article", multiple=True, metavar="ID", help="Only the article with this id.")
@click.option("--explain", is_flag=True, help="Show why each passage was found.")
@llm_options
@json_option
def ask(
    *,
    question: str | None,
    batch: str | None,
    since: str | None,
    until: str | None,
    source: tuple[str, ...],
    article: tuple[str, ...],
    explain: bool,
    as_json: bool,
    **overrides: Any,
) -> int:
    """Ask a question about the indexed articles.

    The answer comes with the passages that it cites. A FILE of questions contains one question per line, as text or as
    a JSON object with `question`. --source and --article can be repeated.

    \b
    Examples:
      citechat ask "Who founded the company?"
      citechat ask "Who founded it?" --llm ollama:llama3.2
      citechat ask "What is new?" --since 2024-02 --source reuters
      citechat ask --batch questions.txt > answers.jsonl
    """
    from index import ArticleFilter
    from rag import build_assistant, load_settings

    if (question is None) == (batch is None):
        fail("Give either a question or --batch FILE.", 'For example: citechat ask "Who founded it?"')
    assistant = build_assistant(load_settings(**overrides))
    article_filter = ArticleFilter(since, until, source, article)
    article_filter.require_request_size()
    if batch is not None:
        return _ask_batch(assistant, batch, article_filter)
    answer = assistant.ask(str(question), article_filter=article_filter)
    if as_json:
        print_json(answer.to_dict())
    else:
        click.echo(as_text(answer) + (explained(answer) if explain else ""))
    return DONE


@click.command()
@click.argument("article", required=False, metavar="[ARTICLE]")
@json_option
def overview(*, article: str | None, as_json: bool) -> int:
    """Quote the most central sentences of an article, or one of each article, the newest first.

    ARTICLE is the id that `citechat articles` prints. No LLM is used.

    \b
    Examples:
      citechat overview
      citechat overview 3f2a9c1b7d4e
    """
    from index import ArticleFilter
    from rag import build_assistant, load_settings

    assistant = build_assistant(load_settings(llm="extractive"))
    if article is not None:
        known = [each.id for each in assistant.article_metadata() if each.id.startswith(article)]
        if len(known) != 1:
            problem = f"{len(known)} articles have" if known else "No article has"
            fail(f"{problem} an id that begins with {article[:80]!r}.", "`citechat articles` lists the ids.")
        article = known[0]
    answer = assistant.overview(ArticleFilter(articles=(article,)) if article else None)
    if as_json:
        print_json(answer.to_dict())
    else:
        click.echo(as_text(answer))
    return DONE


def _ask_batch(assistant: Assistant, batch: str, article_filter: ArticleFilter) -> int:
    """Print a JSON object per question, in order. For a failed question, the object contains `error`."""
    from index import CitechatError

    code = DONE
    try:
        lines = sys.stdin if batch == "-" else Path(batch).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        fail(f"Cannot read {batch!r}: {error}", "Give a UTF-8 text file with one question per line.")
    for question, history in _questions(lines, batch):
        try:
            row = assistant.ask(question, history, article_filter).to_dict()
        except CitechatError as error:
            row = {"question": question, "found": False, "error": error.message, "hint": error.hint}
            code = USER_ERROR
        print_json(row)
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
                f"Invalid question in line {number} of {name!r}: {type(error).__name__}: {error}",
                'Write one question per line, or JSON lines such as {"question": "Who founded it?"}.',
            ) from None


@click.command()
@click.option("--host", default="127.0.0.1", show_default="127.0.0.1, this machine only", help="Address to listen on.")
@click.option("--port", type=int, default=7860, help="Port to listen on; if it is in use, the next free port.")
@click.option("--no-browser", is_flag=True, help="Do not open a browser window.")
@click.option("--no-access-control", is_flag=True, help="Require neither a key nor a login.")
@click.option("--anyone-may-use-it", is_flag=True, help="Confirm --no-access-control.")
@llm_options
def chat(
    *, host: str, port: int, no_browser: bool, no_access_control: bool, anyone_may_use_it: bool, **overrides: Any
) -> None:
    """Open the chat in a browser.

    The chat shows the article beside the answer, and runs until it is interrupted.

    \b
    Examples:
      citechat chat
      citechat chat --port 8080 --no-browser --llm openai:gpt-4o-mini
    """
    from rag import build_assistant, load_settings

    from ..chat.services import services_of
    from ..server import serve

    if no_access_control != anyone_may_use_it:
        fail(
            "--no-access-control and --anyone-may-use-it go together.",
            "Give both, which lets anyone who can reach this machine read articles and ask questions, or give neither.",
        )
    settings = load_settings(**overrides)
    assistant = build_assistant(settings)
    serve(
        assistant,
        host=host,
        port=port,
        open_browser=not no_browser,
        services=services_of(settings, assistant),
        settings=settings,
        open_to_all=no_access_control,
    )


_SHARE = click.FloatRange(0, 1, min_open=True)


@click.command()
@click.argument("testset", metavar="TESTSET", help="A test set, as JSONL or CSV.")
@click.option("--keep", type=_SHARE, default=0.9, metavar="SHARE", help="Share of the answerable questions to answer.")
@json_option
def calibrate(testset: str, keep: float, as_json: bool) -> None:
    """Fit the thresholds of abstention and of unsure quotes to your questions.

    Below the first, the answer is 'The articles do not say.' Below the second, a note says that the quotes may not
    answer the question; it is fitted if there are unanswerable questions. The fitted values are stored with the index.

    \b
    Examples:
      citechat calibrate samples/questions.jsonl
    """
    from rag import build_assistant, load_settings
    from rag import calibrate as fit
    from rag.evaluate import read_cases

    fitted = fit(build_assistant(load_settings()), read_cases(Path(testset)), keep=keep)
    if as_json:
        print_json(fitted.to_dict())
        return
    thresholds = f"{fitted.previous:.3f} -> {fitted.abstention_threshold:.3f}"
    click.echo(f"threshold {thresholds}, fitted to {fitted.questions} questions")
    click.echo(f"answerable questions answered: {fitted.answered_before:.0%} -> {fitted.answered:.0%}")
    if fitted.unsure is not None:
        was, now = fitted.unsure.previous, fitted.unsure.threshold
        click.echo(f"threshold of unsure quotes ({fitted.unsure.scale}) {was:.3f} -> {now:.3f}")
        for name in ("answerable", "unanswerable"):
            before, after = getattr(fitted.unsure, f"{name}_before"), getattr(fitted.unsure, name)
            click.echo(f"{name} questions below it: {before:.0%} -> {after:.0%}")
    if fitted.refused is not None and fitted.refused_before is not None:
        click.echo(f"unanswerable questions refused: {fitted.refused_before:.0%} -> {fitted.refused:.0%}")


@click.command()
@json_option
def articles(as_json: bool) -> None:
    """List the indexed articles.

    The list shows each article's id, date, title, sources, author, language and number of passages, and whether its
    file still exists.

    \b
    Examples:
      citechat articles
      citechat articles --json
    """
    from rag import load_settings, open_index

    listed = open_index(load_settings()).listing()
    if as_json:
        print_json([article_row(*each) for each in listed])
        return
    print_articles(listed)
    if not listed:
        print_message("The index is empty. Add articles with `citechat index PATH`.")


@click.command()
@click.argument(
    "ids", nargs=-1, required=True, metavar="ID...", help="Article id, or at least its first four characters."
)
@json_option
def remove(ids: tuple[str, ...], as_json: bool) -> None:
    """Remove articles from the index.

    `citechat articles` lists the ids. If any id is unknown, no article is removed. The files are kept, and indexing
    their folder adds the articles again.

    \b
    Examples:
      citechat remove 242fac1287ff26d0
      citechat remove 242f 9b1c --json
    """
    from rag import load_settings, open_index

    opened = open_index(load_settings())
    removed = opened.remove(*ids)
    articles, passages = opened.count()
    if as_json:
        print_json({"removed": [article_row(*each) for each in removed], "articles": articles, "passages": passages})
        return
    print_articles(removed)
    click.echo(f"removed {len(removed)}: {articles} articles, {passages} passages are left")


@click.command()
@workers_option
def rebuild(workers: int | None) -> None:
    """Split and embed all indexed articles again.

    This is needed after the embedding model has changed.

    \b
    Examples:
      CITECHAT_ENCODER=/models/my-encoder citechat rebuild
    """
    from index import ProcessExecutor
    from rag import load_settings, open_executor, open_index

    settings = load_settings()
    index = open_index(settings)
    with open_executor(settings, workers) as executor, progress_bar("articles") as progress:
        index.rebuild(progress, workers=executor if isinstance(executor, ProcessExecutor) else None)
    articles, passages = index.count()
    click.echo(f"rebuilt: {articles} articles, {passages} passages")


@click.command()
@click.option("--llm", metavar="SPEC", help="Test whether, and how fast, this LLM answers.")
@json_option
def doctor(llm: str | None, as_json: bool) -> int:
    """Check the installation, the settings and the index.

    The report lists installed packages, settings, the state of the index, and problems with hints for fixing them.

    \b
    Examples:
      citechat doctor
      citechat doctor --llm ollama:llama3.2
      citechat doctor --json
    """
    from rag import FORMER_NAMES, load_settings

    from .doctor import as_text as report_text
    from .doctor import examine

    report = examine(load_settings(llm=llm), ask_llm=llm is not None)
    ping = report["llm"]
    if as_json:
        former = {old: report["settings"][new] for old, new in FORMER_NAMES.items()}
        print_json(report | {"settings": report["settings"] | former, "llm": asdict(ping) if ping else None})
    else:
        click.echo(report_text(report))
    return DONE if report["answers"] else USER_ERROR
