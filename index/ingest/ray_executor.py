"""Read, split and embed articles with Ray, on this machine or on a cluster. Requires the package `ray`.

The work is a Ray Data pipeline: tasks read files, a pool of actors embeds batches of articles, and this process writes
the results. Each actor has its own model.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import warnings
from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from ..embedding.base import Encoder
from ..errors import CitechatError
from ..models import Article
from .loader import ReadOptions, Skipped, Source, read
from .pipeline import Prepared, PreparedArticle, prepare

if TYPE_CHECKING:
    import numpy as np

LOCAL = "local"
"""The address that starts Ray on this machine for one sync."""

_FILES = 64  # maximum number of files in a block, which one task reads
_ARTICLES = 64  # maximum number of articles in a batch, which one actor embeds
_CONNECT_SECONDS = 10

Rows = dict[str, "np.typing.NDArray[Any]"]


class RayExecutor:
    """A pool of Ray actors. Use it in a `with` statement.

    On a cluster, every machine needs this program and the article files, at the same paths.
    """

    def __init__(self, address: str, actors: int, encoder: Callable[[], Encoder]) -> None:
        """Connect to the cluster at `address`, or start Ray on this machine for `LOCAL`.

        Each actor calls `encoder` once; `encoder` must be picklable. Raises `CitechatError` if Ray is not installed or
        cannot be reached.
        """
        self._actors = actors
        self._encoder = encoder
        _connect(address, actors)

    def __enter__(self) -> RayExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        import ray

        ray.shutdown()

    def prepare_sources(
        self, sources: Iterable[Source | Skipped], known: Collection[str], options: ReadOptions
    ) -> Prepared:
        """Read, split and embed the sources in batches, in order; texts with a `known` id are only read."""
        import ray

        listed = list(sources)
        if not listed:
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Ray warns about its own defaults
            context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.execution_options.preserve_order = True  # so that the index is identical to one built without Ray
        blocks = max(-(-len(listed) // _FILES), min(len(listed), self._actors))  # at least one for each actor
        dataset = (
            ray.data.from_items([{"source": each} for each in listed], override_num_blocks=blocks)
            .flat_map(partial(_read_task, options))
            .map_batches(
                _EmbedActor,
                fn_constructor_args=(self._encoder, frozenset(known)),
                batch_size=_ARTICLES,
                batch_format="numpy",
                compute=ray.data.ActorPoolStrategy(size=self._actors),
                num_cpus=1,
            )
        )
        for rows in dataset.iter_batches(batch_size=_ARTICLES, batch_format="numpy", prefetch_batches=1):
            yield list(rows["results"])


def _read_task(options: ReadOptions, row: dict[str, Any]) -> list[dict[str, Any]]:
    """Read the articles in a file."""
    return [{"loaded": each} for each in read(row["source"], options)]


class _EmbedActor:
    """A Ray actor that splits and embeds batches of articles."""

    def __init__(self, encoder: Callable[[], Encoder], known: frozenset[str]) -> None:
        self._encoder = encoder()
        self._known = known

    def __call__(self, rows: Rows) -> Rows:
        import numpy as np

        loaded = [
            PreparedArticle(each) if isinstance(each, Article) and each.id in self._known else each
            for each in rows["loaded"]
        ]
        prepared = prepare(self._encoder, loaded)
        result = np.empty(len(prepared), dtype=object)
        result[:] = prepared
        return {"results": result}


def _reach(address: str) -> None:
    """Raise `OSError` if the address does not accept connections; without this check, Ray would wait for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise OSError("the address must have the form HOST:PORT")
    socket.create_connection((host, int(port)), _CONNECT_SECONDS).close()


def _connect(address: str, actors: int) -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no telemetry
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise CitechatError(
            f"Cannot load the package 'ray': {error}",
            'Install it with `pip install -c constraints.txt -e ".[ray]"`, or use --workers without --ray.',
        ) from None
    options: dict[str, Any] = {"logging_level": "error", "log_to_driver": False, "configure_logging": False}
    if address == LOCAL:
        # If the actors used all CPUs that Ray counts, Ray's tasks would wait forever.
        options |= {"num_cpus": actors + 2, "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
        options["runtime_env"] = {"env_vars": {"PYTHONPATH": os.pathsep.join(sys.path)}}  # use the same program
    else:
        options["address"] = address
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.ERROR)  # Ray's warnings require no action
    try:
        if address != LOCAL:
            _reach(address)
        ray.init(ignore_reinit_error=True, **options)
    except Exception as error:
        raise CitechatError(
            f"Cannot use Ray at {address!r}: {str(error).splitlines()[0][:200]}",
            "Start it with `ray start --head` and give its address (HOST:6379), or omit the address.",
        ) from None
