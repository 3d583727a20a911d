"""Command output for articles, progress and errors. Results go to stdout, messages and progress to stderr."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ..plain_text import printable

if TYPE_CHECKING:
    from index import Article

_BAR = "{l_bar}{bar}| {n_fmt} of {total_fmt}{unit} [{elapsed}, {remaining} left, {rate_noinv_fmt}]"
_CONTROL = re.compile("[\x7f-\x9f]")  # JSON escapes only those below U+0020
_ID_WIDTH = 16
_DATE_WIDTH = 10


def print_json(value: object) -> None:
    """Print a value as JSON on one line of stdout, with control characters escaped."""
    text = json.dumps(value, ensure_ascii=False)
    click.echo(_CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text))


def print_message(line: str) -> None:
    """Print a line to stderr, without control characters."""
    click.echo(printable(line), err=True)


def fail(message: str, hint: str) -> NoReturn:
    """Raise a `CitechatError`, which `main` prints."""
    from index import CitechatError

    raise CitechatError(message, hint)


@contextmanager
def progress_bar(unit: str = "files") -> Iterator[Callable[[str, int, int], None]]:
    """Yield a callback that takes the last item's title, the number of completed items, and the total.

    On a terminal, it updates a progress bar, which is removed at the end; otherwise it prints a line for each title.
    """
    if not sys.stderr.isatty():
        yield lambda title, done, _: print_message(f"{done:>6}  {title}")
        return
    from tqdm import tqdm

    # Articles finish in bursts: with tqdm's default of ten updates per second, the bar would show only a burst's start.
    with tqdm(
        unit=f" {unit}", bar_format=_BAR, file=sys.stderr, dynamic_ncols=True, leave=False, mininterval=0, miniters=1
    ) as bar:

        def update(_: str, done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield update


def article_row(article: Article, passages: int) -> dict[str, Any]:
    """Return the JSON object for an article with this number of passages, without its text."""
    from index import is_gone

    return {
        "id": article.id,
        "title": article.title,
        "source": article.source,
        "sources": list(dict.fromkeys(origin.source for origin in article.origins)),
        "paths": [origin.path for origin in article.origins],
        "gone": all(is_gone(origin.path) for origin in article.origins),
        "published": article.published,
        "author": article.author,
        "language": article.language,
        "pages": len(article.pages) or None,
        "skipped_pages": [page.number for page in article.skipped_pages],
        "passages": passages,
    }


def print_articles(listed: Sequence[tuple[Article, int]]) -> None:
    """Print two lines per article: id, date and title; then sources, author and so on."""
    indent = " " * (_ID_WIDTH + 2 + _DATE_WIDTH + 2)
    for article, passages in listed:
        row = article_row(article, passages)
        date = (row["published"] or "-")[:_DATE_WIDTH]
        count = f"{passages} passage{'' if passages == 1 else 's'}"
        gone = "file no longer exists" if row["gone"] else None
        details = [", ".join(row["sources"]), row["author"], row["language"], count, gone]
        click.echo(printable(f"{article.id:<{_ID_WIDTH}}  {date:<{_DATE_WIDTH}}  {_one_line(article.title)}"))
        click.echo(printable(f"{indent}{' · '.join(_one_line(detail) for detail in details if detail)}"))


def _one_line(text: str) -> str:
    return " ".join(text.split())
