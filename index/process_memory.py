"""Protect the memory of this process from other processes, and return what it no longer needs to the system."""

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


def release_memory() -> None:
    """Return memory that was freed to the system, where the C library is glibc; it keeps much of it otherwise.

    See https://man7.org/linux/man-pages/man3/malloc_trim.3.html.
    """
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
