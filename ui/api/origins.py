"""Which requests a browser made for a page of another site. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ..security.request_guard import is_own


def is_foreign(headers: Mapping[str, str]) -> bool:
    """Whether a page of another site asks. Programs that are no browsers name no origin."""
    origin, host = headers.get("origin"), headers.get("host", "")
    from_elsewhere = origin is not None and not is_own(origin, host)
    return from_elsewhere or headers.get("sec-fetch-site") in ("cross-site", "same-site")
