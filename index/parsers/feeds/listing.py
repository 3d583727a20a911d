"""Data classes for a list of articles: a feed or a sitemap."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from ..base import Extract

MOST_ENTRIES = 2_000
"""Maximum number of entries that are read from a feed, newest first, as feeds list them."""

MOST_PAGES = 50_000
"""Maximum number of pages in a sitemap; the protocol of sitemaps allows as many."""

MOST_CHARACTERS = 10_000_000
"""Maximum number of characters in the addresses of a sitemap, and of all sitemaps of an index together."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An article in a feed, or a page in a sitemap.

    `place` is the address of the article, or an id within the feed if it has none (`has_link` is false). `revision`
    changes whenever the feed says anything else about the article. `found` has the metadata, and the text if the feed
    contains it.
    """

    place: str
    has_link: bool
    revision: str
    found: Extract


@dataclass(frozen=True, slots=True)
class Listing:
    """The entries of a feed or sitemap, in its order, and the addresses of further sitemaps.

    `title` is that of the feed; `left_out` is the number of entries beyond the maximum.
    """

    title: str | None = None
    entries: tuple[Entry, ...] = ()
    sitemaps: tuple[str, ...] = ()
    left_out: int = 0


def revision_of(*parts: object) -> str:
    """Return a hash of what a feed says about an article."""
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def is_web(address: str) -> bool:
    """Return whether an entry's address can be fetched."""
    return address.startswith(("http://", "https://"))
