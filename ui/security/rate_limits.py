"""How much each caller may ask, and how often anyone may try a key. Each server keeps its counts in memory."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rag import SettingsError

from .errors import RequestError, too_many_requests

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.strategies import FixedWindowRateLimiter

CONCURRENT_LOGINS = 4
"""Login attempts of one address at a time."""

MOST_NAMES = 100_000
"""Names that are counted at a time; one more resets all counts, so that memory is bounded."""

FAILED_ATTEMPTS = "20/minute"
"""Wrong keys or passwords of one address. A key has 256 random bits: this limit only spares the log and the machine."""


class RateLimit:
    """A limit such as '120/minute' for each of many names. Counts are forgotten when their time is over."""

    def __init__(self, rate: str) -> None:
        """Raise `ValueError` if the rate is invalid."""
        from limits import parse
        from limits.storage import MemoryStorage
        from limits.strategies import FixedWindowRateLimiter

        self._item: RateLimitItem = parse(rate)
        self._counts = MemoryStorage()
        self._limiter: FixedWindowRateLimiter = FixedWindowRateLimiter(self._counts)

    def hit(self, name: str) -> bool:
        """Count one; return False if the limit was reached before."""
        if len(self._counts.storage) >= MOST_NAMES:
            self._counts.reset()
        return self._limiter.hit(self._item, name)

    def check(self, name: str, message: str) -> None:
        """Raise a 429 `RequestError` if the limit is reached, without counting."""
        if not self._limiter.test(self._item, name):
            raise self.error(name, message)

    def error(self, name: str, message: str) -> RequestError:
        """Return a 429 that says when one more is allowed."""
        seconds = self._limiter.get_window_stats(self._item, name).reset_time - time.time()
        return too_many_requests(message, max(1, math.ceil(seconds)))


class CallerLimits:
    """The limits of each caller: a rate such as '120/minute' or 'none', and how many requests run at a time.

    Raises `SettingsError` if the rate is invalid.
    """

    def __init__(self, rate: str, concurrency: int) -> None:
        try:
            self._rate = None if rate in ("", "none") else RateLimit(rate)
        except ValueError:
            raise SettingsError(
                f"Invalid value of the setting 'rate_limit': {rate!r}.",
                "Write a number and a time, such as 120/minute, 5/second or 1000/hour; or none.",
            ) from None
        self._concurrency = concurrency
        self._running: Counter[str] = Counter()

    @contextmanager
    def turn(self, caller: str) -> Iterator[None]:
        """Count a request of the caller while it runs. Raises `RequestError` if a limit is reached."""
        running = self._running[caller]
        if running >= self._concurrency:
            raise too_many_requests(f"Too many requests at a time: {running} of yours are still running.", 1)
        if self._rate is not None and not self._rate.hit(caller):
            raise self._rate.error(caller, "Too many requests.")
        self._running[caller] += 1
        try:
            yield
        finally:
            self._running[caller] -= 1
            if not self._running[caller]:
                del self._running[caller]
