"""The process that reads foreign files: `python -m index.formats.child SECONDS BYTES`.

It is asked on its standard input and answers on its standard output. It ends when its input does, which is when whoever
started it ends, however that came.
"""

from __future__ import annotations

import os
import sys
import threading
from queue import Queue
from typing import IO, Any

from ..errors import LoadError
from .sandbox_protocol import BrokenFrameError, read_message, read_part, write_message, written

_OPEN_FILES = 64
_WORN = 0.5  # of the memory that is allowed; one that has needed more is replaced by a new one


def main() -> None:
    """Answer until the input ends."""
    seconds, memory = int(sys.argv[1]), int(sys.argv[2])
    replies = _only_ours()
    requests: Queue[tuple[dict[str, Any], bytes]] = Queue(1)
    _limit_for_good(RLIMIT_AS=memory, RLIMIT_FSIZE=0, RLIMIT_NOFILE=_OPEN_FILES, RLIMIT_CORE=0)
    threading.Thread(target=_listen, args=(sys.stdin.buffer, requests, replies), daemon=True).start()
    _limit_for_good(RLIMIT_NPROC=0)  # threads count
    while True:
        request, data = requests.get()
        _Answer(replies, seconds, memory).to(request, data)


class _Answer:
    """The answer to one request, document by document, each with its share of the processor."""

    def __init__(self, replies: IO[bytes], seconds: int, memory: int) -> None:
        self._replies = replies
        self._seconds = seconds
        self._memory = memory

    def to(self, request: dict[str, Any], data: bytes) -> None:
        _limit_processor(self._seconds)
        try:
            if "path" in request:
                self._container(request["path"], request["start"])
            else:
                from . import extract

                self._document(lambda: extract(data, request["suffix"], request["name"]), request["name"])
        except MemoryError:
            write_message(self._replies, {"memory": True})
            os._exit(0)  # what is left of it cannot be trusted to have room for anything
        write_message(self._replies, {"done": True, "worn": _most_memory() > _WORN * self._memory})

    def _container(self, path: str, start: int) -> None:
        from pathlib import Path

        from . import CONTAINERS, FORMATS, extract
        from .container import documents

        for number, member in enumerate(documents(Path(path))):
            if number < start:
                continue
            write_message(self._replies, {"name": member.name})
            _limit_processor(self._seconds)

            def read(member: Any = member) -> Any:
                # Those of other formats are refused by their names; a container says why it was not opened.
                data = member.read() if member.suffix in FORMATS or member.suffix in CONTAINERS else b""
                return extract(data, member.suffix, member.name)

            self._document(read, member.name)

    def _document(self, read: Any, name: str) -> None:
        try:
            found = read()
        except LoadError as error:
            write_message(self._replies, {"name": name, "message": error.message, "hint": error.hint})
        else:
            write_message(self._replies, {"name": name, "extract": written(found)})


def _only_ours() -> IO[bytes]:
    """Where answers go; what a library prints goes nowhere, since it would be taken for one."""
    ours = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    os.close(nothing)
    return ours


def _listen(pipe: IO[bytes], requests: Queue[tuple[dict[str, Any], bytes]], replies: IO[bytes]) -> None:
    """Take requests as they come, and end the process when no more can come, also while one is being read."""
    try:
        while True:
            request = read_message(pipe)
            requests.put((request, b"" if "path" in request else read_part(pipe)))
    except MemoryError:  # nothing is being read yet, so that the answers are ours
        write_message(replies, {"memory": True})
    except (BrokenFrameError, OSError):
        pass
    finally:  # whatever came: nobody could ask any more
        os._exit(0)


def _limit_for_good(**limits: int) -> None:
    """What this process may never do: take more memory, write a file, start a process, leave an image of its memory."""
    try:
        import resource
    except ImportError:  # Windows has none of these
        return
    for name, most in limits.items():
        _set(getattr(resource, name, None), most, is_final=True)


def _limit_processor(seconds: int) -> None:
    """How much of the processor's time the next document may take."""
    try:
        import resource
    except ImportError:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    _set(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + seconds + 1, is_final=False)


def _set(limit: int | None, most: int, *, is_final: bool) -> None:
    import resource
    from contextlib import suppress

    if limit is None:
        return
    with suppress(ValueError, OSError):  # a system that knows the name need not keep the limit
        hardest = resource.getrlimit(limit)[1]
        most = most if hardest == resource.RLIM_INFINITY else min(most, hardest)
        resource.setrlimit(limit, (most, most if is_final else hardest))


def _most_memory() -> int:
    """Bytes of this process's memory at its height; 0 where the system does not tell.

    Linux tells it by the program that runs: what `getrusage` says there is at least what the process was that started
    this one, which may be large.
    """
    try:
        with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 - fewer imports, a sooner start
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


if __name__ == "__main__":
    main()
