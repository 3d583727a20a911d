"""How far a long piece of work is: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_BAR = "{l_bar}{bar}| {n_fmt} of {total_fmt}{unit} [{elapsed}, {remaining} left, {rate_noinv_fmt}]"


@contextmanager
def shown(say: Callable[[str], None], unit: str = "files") -> Iterator[Callable[[str, int, int], None]]:
    """A callback to be told the title of what was just done, how much is done, and of how much.

    On a terminal it moves a bar on stderr, which goes when the work is done; elsewhere it says a line for each title.
    """
    if not sys.stderr.isatty():
        yield lambda title, done, _: say(f"{done:>6}  {title}")
        return
    from tqdm import tqdm

    # Articles are done in bursts: a bar that moved no more than ten times a second would show the start of each.
    with tqdm(
        unit=f" {unit}", bar_format=_BAR, file=sys.stderr, dynamic_ncols=True, leave=False, mininterval=0, miniters=1
    ) as bar:

        def move(_: str, done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield move
