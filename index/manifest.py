"""What built an index, so that what does not belong together is never mixed up."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

_FORMAT = "2"  # of the rows that the store writes


@dataclass(frozen=True, slots=True)
class Manifest:
    """What built an index. Vectors of another model have the same shape and mean nothing: a mismatch is refused."""

    encoder: str
    dimension: int
    splitter: str
    format: str = _FORMAT

    @property
    def key(self) -> str:
        """A short name for all of it, to name what must not be mixed up."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]
