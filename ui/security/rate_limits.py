"""Limits on requests per caller and on failed login attempts. Each server counts in memory."""

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
"""Maximum number of concurrent login attempts per address."""

MOST_NAMES = 100_000
"""Maximum number of names with counts; exceeding it resets all counts, which limits memory use."""

FAILED_ATTEMPTS = "20/minute"
"""Maximum rate of wrong keys or passwords per address. For keys, it only limits load: they have 256 random bits."""

ACCOUNT_ATTEMPTS_PER_ADDRESS = "10/10 minute"
"""Maximum rate of wrong passwords per user name and address."""

ACCOUNT_ATTEMPTS = "30/10 minute"
"""Maximum rate of wrong passwords per user name from all addresses at which this user has not logged in before."""

RIGHT_PASSWORDS = "30/minute"
"""Maximum rate of logins with the right password per user name and address; each one takes a hash and a token."""

HEARTBEATS = "60/minute"
"""Maximum rate per caller or address at which pages connect; a page does so once and then stays connected."""

ANONYMOUS_REQUESTS = "120/minute"
"""Maximum rate per address of requests that need a key or a login and have neither; further ones get 429, not 401."""


class RateLimit:
    """A rate limit per name, such as '120/minute'. Counts expire at the end of their time window."""

    def __init__(self, rate: str) -> None:
        """Parse the rate. Raises `ValueError` if it is invalid."""
        from limits import parse
        from limits.storage import MemoryStorage
        from limits.strategies import FixedWindowRateLimiter

        self._item: RateLimitItem = parse(rate)
        self._counts = MemoryStorage()
        self._limiter: FixedWindowRateLimiter = FixedWindowRateLimiter(self._counts)

    def hit(self, name: str) -> bool:
        """Count a hit for a name; return False if its limit had already been reached."""
        if len(self._counts.storage) >= MOST_NAMES:
            self._counts.reset()
        return self._limiter.hit(self._item, name)

    def check(self, name: str, message: str) -> None:
        """Raise a 429 `RequestError` if the limit is reached, without counting."""
        if not self._limiter.test(self._item, name):
            raise self.error(name, message)

    def error(self, name: str, message: str) -> RequestError:
        """Return a 429 error with the time until the next allowed hit."""
        seconds = self._limiter.get_window_stats(self._item, name).reset_time - time.time()
        return too_many_requests(message, max(1, math.ceil(seconds)))


class CallerLimits:
    """The limits per caller: a rate such as '120/minute' or 'none', and a maximum number of concurrent requests.

    Raises `SettingsError` if the rate is invalid.
    """

    def __init__(self, rate: str, concurrency: int) -> None:
        try:
            self._rate = None if rate in ("", "none") else RateLimit(rate)
        except ValueError:
            raise SettingsError(
                f"Invalid value for the setting 'rate_limit': {rate!r}.",
                "Write a number and a unit of time, such as 120/minute, 5/second or 1000/hour; or none.",
            ) from None
        self._concurrency = concurrency
        self._running: Counter[str] = Counter()

    @contextmanager
    def turn(self, caller: str, *, is_queued: bool = False) -> Iterator[None]:
        """Count a caller's request while it runs. Raises `RequestError` if a limit is reached.

        For requests that are queued elsewhere (`is_queued`), only the rate is limited.
        """
        running = self._running[caller]
        if running >= self._concurrency and not is_queued:
            raise too_many_requests(f"Too many requests at a time: {running} of yours are still running.", 1)
        if self._rate is not None and not self._rate.hit(caller):
            raise self._rate.error(caller, "Too many requests.")
        if is_queued:
            yield
            return
        self._running[caller] += 1
        try:
            yield
        finally:
            self._running[caller] -= 1
            if not self._running[caller]:
                del self._running[caller]
