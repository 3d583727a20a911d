"""Protection of a process's memory and environment, which contain keys and passwords, from other processes."""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import cache

_PR_SET_DUMPABLE = 4  # from linux/prctl.h


@cache
def protect_memory() -> None:
    """Prevent other processes of the same user from reading this process's memory and environment, on Linux.

    Without this, any process of the user can read `/proc/PID/environ` and, on many systems, attach to this process with
    `ptrace`. As a side effect, only root can debug this process, and it does not write core dumps. A program that it
    starts is not protected. Does nothing on systems that do not support it.
    """
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    with suppress(OSError, AttributeError):  # a C library without this function
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
