"""Ray reads, cuts and embeds: on this machine, or on all machines of a cluster. Needs the package `ray`.

One pipeline of Ray Data: files are read by tasks, articles are embedded in batches by a pool of actors, each with a
model of its own; what comes back is written here, by one writer.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ..embedding.base import Encoder
from ..errors import CitechatError
from ..models import Article
from .loader import Skipped, Source, read
from .pipeline import Prepared, prepare

if TYPE_CHECKING:
    import numpy as np

LOCAL = "local"
"""The address of a Ray that is started on this machine, for this work alone."""

_FILES = 64  # of a block, which one task reads
_ARTICLES = 64  # of a batch, which one actor embeds
_CONNECT_SECONDS = 10

Rows = dict[str, "np.typing.NDArray[Any]"]


class RayExecutor:
    """A pool of Ray's actors; to be used in a `with` statement.

    On a cluster the files have to be there under the same paths on every machine, and this program installed.
    """

    def __init__(self, address: str, actors: int, encoder: Callable[[], Encoder]) -> None:
        """So many actors at the cluster of this address, or on this machine for `LOCAL`; each calls `encoder` once,
        which has to be picklable. Raises `CitechatError` where Ray is not installed, or nobody answers."""
        self._actors = actors
        self._encoder = encoder
        _connect(address, actors)

    def __enter__(self) -> RayExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        import ray

        ray.shutdown()

    def prepared(
        self, sources: Iterable[Source | Skipped], known: Collection[str], *, public_only: bool = False
    ) -> Iterator[list[Prepared | Skipped]]:
        """What is at the sources, in order, some at a time; texts with a `known` id are neither cut nor embedded."""
        import ray

        listed = list(sources)
        if not listed:
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of its own defaults
            context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.execution_options.preserve_order = True  # the index is then the same as without Ray
        blocks = max(-(-len(listed) // _FILES), min(len(listed), self._actors))  # something to do for each
        dataset = (
            ray.data.from_items([{"source": each} for each in listed], override_num_blocks=blocks)
            .flat_map(_Reading(public_only=public_only))
            .map_batches(
                _Embedding,
                fn_constructor_args=(self._encoder, frozenset(known)),
                batch_size=_ARTICLES,
                batch_format="numpy",
                compute=ray.data.ActorPoolStrategy(size=self._actors),
                num_cpus=1,
            )
        )
        for rows in dataset.iter_batches(batch_size=_ARTICLES, batch_format="numpy", prefetch_batches=1):
            yield list(rows["prepared"])


class _Reading:
    """What a task does with a file."""

    def __init__(self, *, public_only: bool) -> None:
        self._public_only = public_only

    def __call__(self, row: dict[str, Any]) -> list[dict[str, Any]]:
        return [{"loaded": each} for each in read(row["source"], public_only=self._public_only)]


class _Embedding:
    """What an actor does with what was read."""

    def __init__(self, encoder: Callable[[], Encoder], known: frozenset[str]) -> None:
        self._encoder = encoder()
        self._known = known

    def __call__(self, rows: Rows) -> Rows:
        import numpy as np

        loaded = [
            Prepared(each) if isinstance(each, Article) and each.id in self._known else each for each in rows["loaded"]
        ]
        made = prepare(self._encoder, loaded)
        result = np.empty(len(made), dtype=object)
        result[:] = made
        return {"prepared": result}


def _reach(address: str) -> None:
    """Raise `OSError` where nobody listens; Ray itself would wait for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise OSError("this is no address of the form HOST:PORT")
    socket.create_connection((host, int(port)), _CONNECT_SECONDS).close()


def _connect(address: str, actors: int) -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anybody
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise CitechatError(
            f"the package 'ray' cannot be loaded: {error}",
            'Install it: pip install -c constraints.txt -e ".[ray]"; or use --workers without --ray.',
        ) from None
    how: dict[str, Any] = {"logging_level": "error", "log_to_driver": False, "configure_logging": False}
    if address == LOCAL:
        # Ray counts processors that it may use; where actors take all of them, its readers would wait for ever.
        how |= {"num_cpus": actors + 2, "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
        how["runtime_env"] = {"env_vars": {"PYTHONPATH": os.pathsep.join(sys.path)}}  # the same program as this one
    else:
        how["address"] = address
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.ERROR)  # what it says of itself is nothing to act upon
    try:
        if address != LOCAL:
            _reach(address)
        ray.init(ignore_reinit_error=True, **how)
    except Exception as error:
        raise CitechatError(
            f"Ray at {address!r} cannot be used: {str(error).splitlines()[0][:200]}",
            "Start it with `ray start --head`, give its address (HOST:6379), or leave the address out.",
        ) from None
