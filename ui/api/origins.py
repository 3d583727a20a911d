"""Which requests a browser made for a page of another site. Pure."""

from __future__ import annotations

from collections.abc import Mapping

_PORTS = {"http": 80, "https": 443}


def is_foreign(headers: Mapping[str, str]) -> bool:
    """Whether a page of another site asks. Programs that are no browsers name no origin."""
    origin, host = headers.get("origin"), headers.get("host", "")
    from_elsewhere = origin is not None and not _is_own(origin, host)
    return from_elsewhere or headers.get("sec-fetch-site") in ("cross-site", "same-site")


def _is_own(origin: str, host: str) -> bool:
    """Whether a page of this origin was served under this host name; before a proxy, the scheme may be another."""
    scheme, _, name = origin.lower().partition("://")
    usual = f":{_PORTS.get(scheme, '')}"
    return bool(name) and name.removesuffix(usual) == host.lower().removesuffix(usual)
