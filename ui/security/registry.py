"""What a server that runs knows of keys and users, read anew every few seconds: a revoked key is soon refused."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..persistence.database import PersistenceError
from .accounts import AccountDatabase, kept_by
from .keys import Key, Keys
from .users import Users

if TYPE_CHECKING:
    from rag import Settings

logger = logging.getLogger(__name__)

FRESH = 2.0
"""Seconds that what was read is taken to be so."""

STALE = 5.0
"""Seconds after which what was read is believed no more, where reading it again fails."""


@dataclass(frozen=True, slots=True)
class AccountSnapshot:
    """Keys by their ids, users by their names with when they were added, and the time it was (seconds, monotonic)."""

    keys: dict[str, Key] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=dict)
    at: float = -STALE


class AccountRegistry:
    """The keys and users of a database, for a server that asks about them at every request."""

    def __init__(self, kept: AccountDatabase) -> None:
        self.keys, self.users = Keys(kept), Users(kept)
        self.close = kept.close
        self._known = AccountSnapshot()
        self._asked_again_at = 0.0

    def read(self) -> AccountSnapshot:
        """What is kept now. Raises `PersistenceError`."""
        at = time.monotonic()
        keys = {key.id: key for key in self.keys.listing()}
        self._known = AccountSnapshot(keys, dict(self.users.listing()), at)
        return self._known

    async def known(self) -> AccountSnapshot:
        """What is kept, or was a moment ago. Raises `PersistenceError` where it was too long ago."""
        known, at = self._known, time.monotonic()
        if at < known.at + FRESH:
            return known
        from anyio import to_thread

        if at >= self._asked_again_at:  # a database that is away is not asked by every request
            try:
                return await to_thread.run_sync(self.read)
            except PersistenceError as error:
                self._asked_again_at = at + FRESH / 2
                logger.warning("%s", error)
        if at < known.at + STALE:
            return known
        raise PersistenceError("keys and users cannot be read", "The log of the server says why.")


def open_accounts(settings: Settings) -> AccountRegistry:
    """The register that the settings name."""
    return AccountRegistry(kept_by(settings))
