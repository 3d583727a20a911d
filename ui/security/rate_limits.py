"""How much each caller may ask, and how often anybody may guess at a key. Counts are kept in memory, by each server."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rag import SettingsError

from .denials import too_many

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.strategies import FixedWindowRateLimiter

LOGINS_AT_ONCE = 4
"""Attempts to log in from one address at a time."""

MOST_NAMES = 100_000
"""Names that are counted at a time; when there are more, all counts begin anew, so that memory has a bound."""

WRONG_KEYS = "20/minute"
"""Wrong keys or passwords of one address; a right key is 256 bits long, so this spares the log and the machine."""


class Rate:
    """At most so many in a time, for each name, such as '120/minute'. What is counted is forgotten with its time."""

    def __init__(self, written: str) -> None:
        from limits import parse
        from limits.storage import MemoryStorage
        from limits.strategies import FixedWindowRateLimiter

        self._item: RateLimitItem = parse(written)
        self._counts = MemoryStorage()
        self._limiter: FixedWindowRateLimiter = FixedWindowRateLimiter(self._counts)

    def hit(self, name: str) -> bool:
        """Count one; False where there were too many already."""
        if len(self._counts.storage) >= MOST_NAMES:
            self._counts.reset()
        return self._limiter.hit(self._item, name)

    def is_over(self, name: str) -> bool:
        """Whether there were too many, without counting."""
        return not self._limiter.test(self._item, name)

    def wait(self, name: str) -> int:
        """Seconds until there may be one more, at least 1."""
        return max(1, math.ceil(self._limiter.get_window_stats(self._item, name).reset_time - time.time()))


class Limits:
    """How much each caller may ask: `rate`, such as '120/minute' or 'none', and so many requests at a time.

    Raises `SettingsError` where the rate cannot be understood.
    """

    def __init__(self, rate: str, concurrency: int) -> None:
        try:
            self._rate = None if rate in ("", "none") else Rate(rate)
        except ValueError:
            raise SettingsError(
                f"the setting 'rate_limit' cannot be {rate!r}",
                "Write a number and a time, such as 120/minute, 5/second or 1000/hour; or none.",
            ) from None
        self._concurrency = concurrency
        self._inside: dict[str, int] = {}

    @contextmanager
    def turn(self, caller: str) -> Iterator[None]:
        """While a request of the caller is answered. Raises `Denied`: a refused request counts for nothing."""
        inside = self._inside.get(caller, 0)
        if inside >= self._concurrency:
            raise too_many(f"{inside} of your requests are being answered; more at a time are not", 1)
        if self._rate is not None and not self._rate.hit(caller):
            raise too_many("you have asked too much in too short a time", self._rate.wait(caller))
        self._inside[caller] = inside + 1
        try:
            yield
        finally:
            self._inside[caller] -= 1
            if not self._inside[caller]:
                del self._inside[caller]


class FailedAttempts:
    """Sends away addresses that bring wrong keys again and again."""

    def __init__(self, written: str = WRONG_KEYS) -> None:
        self._rate = Rate(written)

    def check(self, address: str) -> None:
        """Raises `Denied` where this address has brought too many."""
        if self._rate.is_over(address):
            raise too_many("too many wrong keys came from this address", self._rate.wait(address))

    def note(self, address: str) -> None:
        """It has brought one."""
        self._rate.hit(address)
