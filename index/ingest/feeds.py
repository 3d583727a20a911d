"""Follow a feed or a sitemap to its entries, within limits.

The author of a feed chooses the addresses of its entries, and not the user who gave the feed's address, so an entry is
fetched only from a public server, or from the feed's own.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..cancellation import Cancellation
from ..errors import LoadError
from ..parsers.base import cannot_read
from ..parsers.feeds.listing import MOST_CHARACTERS, Entry, Listing
from ..parsers.sandbox import SANDBOX
from .fetch import FEED, fetch

MOST_NEW = 200
"""Maximum number of new or changed entries that one run reads from a feed or sitemap."""

MOST_SITEMAPS = 50
"""Maximum number of sitemaps that one run reads from an index of sitemaps, with the index itself."""

MOST_ADDRESSES = 100_000
"""Maximum number of pages in all sitemaps of an index, whose addresses are kept until the run ends."""


def entries_of(
    address: str, data: bytes, *, public_only: bool, cancellation: Cancellation
) -> Iterator[tuple[str, tuple[Listing, Entry] | LoadError]]:
    """Yield each entry of the feed or sitemap at `address` once, with its listing, or an error with its address.

    The entries have absolute addresses, in the order of the feed. An index of sitemaps is followed to its sitemaps,
    until they have `MOST_ADDRESSES` pages or addresses of `MOST_CHARACTERS` characters.
    """
    waiting: list[str] = []
    seen = {address}
    places: set[str] = set()
    place, is_first = address, True
    characters = 0
    while True:
        try:
            if not is_first:
                data = _fetched(place, trusted=None if public_only else address)
            listing = SANDBOX.listing(data, place, cancellation)
        except LoadError as error:
            yield place, error
            listing = Listing()
        for entry in listing.entries:
            at = entry.place if entry.has_link else address + entry.place
            if at not in places:
                characters += len(at)
                if len(places) >= MOST_ADDRESSES or characters > MOST_CHARACTERS:
                    yield address, _too_large(address)
                    return
                places.add(at)
                yield at, (listing, entry)
        if listing.left_out:
            yield place, _too_many(place, listing.left_out, len(listing.entries))
        found = [each for each in listing.sitemaps if each not in seen]
        characters += sum(map(len, found))
        seen.update(found)
        waiting += found
        if waiting and len(seen) - len(waiting) >= MOST_SITEMAPS:
            why = f"its index lists {len(waiting):,} more sitemaps than the {MOST_SITEMAPS} that are read"
            yield address, cannot_read(address, why, "Index the addresses of the other sitemaps.")
            return
        if not waiting:
            return
        cancellation.check()
        place, is_first = waiting.pop(0), False


def _fetched(address: str, *, trusted: str | None) -> bytes:
    fetched = fetch(address, public_only=True, trusted=trusted)
    if fetched.suffix != FEED:
        raise cannot_read(address, "it is not a sitemap", "Tell the site's operator.")
    return fetched.data


def _too_large(address: str) -> LoadError:
    most = f"{MOST_ADDRESSES:,} pages, or {MOST_CHARACTERS // 1_000_000} million characters of addresses"
    return cannot_read(address, f"its sitemaps have more than {most}", "Index the addresses of the other sitemaps.")


def _too_many(place: str, left_out: int, read: int) -> LoadError:
    why = f"it has {left_out:,} more entries than the {read:,} that are read"
    return cannot_read(place, why, "Index the addresses of the other articles themselves.")
