"""A process that parses untrusted files: `python -m index.parsers.sandbox_worker SECONDS BYTES`.

It reads requests from standard input and answers on standard output. It ends when its input ends, which happens when
its parent ends for any reason.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from queue import Queue
from typing import IO, Any

from ..errors import LoadError
from ..process_memory import protect_memory
from .base import Extract
from .sandbox_protocol import BrokenFrameError, read_message, read_part, write_message

try:
    import resource
except ImportError:  # Windows has no process limits
    resource = None  # type: ignore[assignment]

_OPEN_FILES = 64  # maximum number of open files
_WORN = 0.5  # fraction of the memory limit; a worker that has used more is replaced


def main() -> None:
    """Answer requests until the input ends."""
    seconds, memory = int(sys.argv[1]), int(sys.argv[2])
    replies = _take_stdout()
    protect_memory()  # from other workers: they may have documents of other users
    requests: Queue[tuple[dict[str, Any], bytes]] = Queue(1)
    _limit_forever(RLIMIT_AS=memory, RLIMIT_FSIZE=0, RLIMIT_NOFILE=_OPEN_FILES, RLIMIT_CORE=0)
    threading.Thread(target=_listen, args=(sys.stdin.buffer, requests, replies), daemon=True).start()
    _limit_forever(RLIMIT_NPROC=0)  # no new processes; threads count as processes
    while True:
        request, data = requests.get()
        _limit_cpu(seconds)
        try:
            if "path" in request:
                _answer_container(replies, request, seconds)
            elif "address" in request:
                _answer_listing(replies, request["address"], data)
            else:
                _answer(replies, request["name"], request["suffix"], partial(bytes, data))
        except MemoryError:
            write_message(replies, {"memory": True})
            os._exit(0)  # this process may have too little memory to continue
        write_message(replies, {"done": True, "worn": _most_memory() > _WORN * memory})


def _answer_container(replies: IO[bytes], request: dict[str, Any], seconds: int) -> None:
    """Answer with one document at a time, each with its own CPU limit, starting with document number `start`."""
    from pathlib import Path

    from . import CONTAINERS, FORMATS
    from .archive import documents
    from .packages.zip_file import Allowance

    allowance = Allowance(request["files"], request["bytes"])
    for number, member in enumerate(documents(Path(request["path"]), allowance)):
        if number < request["start"]:
            continue
        write_message(replies, {"name": member.name})
        _limit_cpu(seconds)
        # Other formats are rejected by name; reading a container that cannot be opened raises its error.
        is_read = member.suffix in FORMATS or member.suffix in CONTAINERS
        _answer(replies, member.name, member.suffix, member.read if is_read else bytes, member.parsed)


def _answer(
    replies: IO[bytes], name: str, suffix: str, read: Callable[[], bytes], parsed: Extract | None = None
) -> None:
    from . import checked, extract, printed

    try:
        found = extract(read(), suffix, name) if parsed is None else printed(checked(parsed, name))
    except LoadError as error:
        write_message(replies, {"name": name, "message": error.message, "hint": error.hint})
    else:
        write_message(replies, {"name": name, "extract": asdict(found)})


def _answer_listing(replies: IO[bytes], address: str, data: bytes) -> None:
    from .feeds.feed import read_listing

    try:
        found = read_listing(data, address)
    except LoadError as error:
        write_message(replies, {"message": error.message, "hint": error.hint})
    else:
        write_message(replies, {"listing": asdict(found)})


def _take_stdout() -> IO[bytes]:
    """Return the pipe for answers, and discard library output, which would corrupt the answers."""
    ours = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    os.close(nothing)
    return ours


def _listen(pipe: IO[bytes], requests: Queue[tuple[dict[str, Any], bytes]], replies: IO[bytes]) -> None:
    """Queue requests, and end the process when the input ends, even while a document is being parsed."""
    try:
        while True:
            request = read_message(pipe)
            requests.put((request, b"" if "path" in request else read_part(pipe)))
    except MemoryError:  # no document is being parsed, so no other thread writes
        write_message(replies, {"memory": True})
    except (BrokenFrameError, OSError):
        pass
    finally:  # no request can follow an error
        os._exit(0)


def _limit_forever(**limits: int) -> None:
    """Set limits that this process cannot raise later: memory, file size, processes, core dumps."""
    for name, most in limits.items():
        _set(name, most, is_final=True)


def _limit_cpu(seconds: int) -> None:
    """Limit the CPU time for the next document."""
    if resource is not None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        _set("RLIMIT_CPU", int(used.ru_utime + used.ru_stime) + seconds + 1, is_final=False)


def _set(name: str, most: int, *, is_final: bool) -> None:
    """Set a limit if this system supports it; some systems accept limits that they do not enforce."""
    limit = getattr(resource, name, None)
    if limit is not None:
        with suppress(ValueError, OSError):
            hardest = resource.getrlimit(limit)[1]
            most = most if hardest == resource.RLIM_INFINITY else min(most, hardest)
            resource.setrlimit(limit, (most, most if is_final else hardest))


def _most_memory() -> int:
    """Return this process's peak memory use in bytes; 0 if the system does not report it.

    On Linux, `getrusage` is only a fallback: it reports at least the parent process's memory use, which may be large.
    """
    try:
        with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 - fewer imports start faster
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        pass
    usage = getattr(resource, "getrusage", None)
    if usage is None:
        return 0
    most = int(usage(resource.RUSAGE_SELF).ru_maxrss)
    return most if sys.platform == "darwin" else most * 1024


if __name__ == "__main__":
    main()
