"""How much each caller may ask, and how often anybody may guess at a key. Counts are kept in memory, by each server."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from .denied import too_many

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.strategies import FixedWindowRateLimiter

WRONG_KEYS = "20/minute"
"""Wrong keys or passwords of one address; a right key is 256 bits long, so this spares the log and the machine."""


class Rate:
    """At most so many in a time, for each name, such as '120/minute'. What is counted is forgotten with its time."""

    def __init__(self, written: str) -> None:
        from limits import parse
        from limits.storage import MemoryStorage
        from limits.strategies import FixedWindowRateLimiter

        self._item: RateLimitItem = parse(written)
        self._limiter: FixedWindowRateLimiter = FixedWindowRateLimiter(MemoryStorage())

    def hit(self, name: str) -> bool:
        """Count one; False where there were too many already."""
        return self._limiter.hit(self._item, name)

    def is_over(self, name: str) -> bool:
        """Whether there were too many, without counting."""
        return not self._limiter.test(self._item, name)

    def wait(self, name: str) -> int:
        """Seconds until there may be one more, at least 1."""
        return max(1, math.ceil(self._limiter.get_window_stats(self._item, name).reset_time - time.time()))


class WrongKeys:
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
