"""Read RSS and Atom feeds with feedparser, JSON feeds, and sitemaps. No address is fetched here."""

from __future__ import annotations

import json
from calendar import timegm
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parseaddr
from io import BytesIO
from typing import Any
from urllib.parse import urljoin

from ..base import Extract, cannot_read, printable, translate_errors
from ..metadata import iso_date, iso_language, one_line
from ..packages.markup import parse_xml, text_of
from ..pages.tags import name_of
from .listing import MOST_CHARACTERS, MOST_ENTRIES, MOST_PAGES, Entry, Listing, is_web, revision_of

_MARKUP = ("text/html", "application/xhtml+xml")
_LONGEST_AUTHOR = 300  # characters
_LONGEST_LINK = 2_000  # characters
_CHECK = "Check the address. Most sites link to their feed in the head of their first page."


def read_listing(data: bytes, address: str) -> Listing:
    """Read the feed or sitemap at an address. Raises `LoadError` if it is neither, or is damaged."""
    with translate_errors(address, "a feed"):
        start = data.lstrip(b"\xef\xbb\xbf \t\r\n")
        if start.startswith((b"{", b"[")):
            return _of_json(json.loads(data.decode("utf-8-sig")), address)
        if b"<urlset" in start[:5_000] or b"<sitemapindex" in start[:5_000]:
            return _of_sitemap(data, address)
        return _of_feed(data, address)


def _of_feed(data: bytes, address: str) -> Listing:
    import feedparser

    # The library would open a text that is an address or a path, so it gets a file.
    parsed = feedparser.parse(
        BytesIO(data), response_headers={"content-location": address}, sanitize_html=False, resolve_relative_uris=False
    )
    if not parsed.get("version") or ("title" not in parsed.feed and not parsed.entries):
        raise cannot_read(address, "it is neither a feed nor a sitemap", _CHECK)
    title = one_line(_plain(parsed.feed.get("title_detail")))
    feed = Extract("", author=_authors(parsed.feed), language=iso_language(parsed.feed.get("language")))
    entries = tuple(_of_item(each, address, feed, parsed.version) for each in parsed.entries[:MOST_ENTRIES])
    return Listing(title, entries, left_out=max(0, len(parsed.entries) - MOST_ENTRIES))


def _of_item(item: Any, address: str, feed: Extract, version: str) -> Entry:
    """Return an entry; its text is the content in the feed, which is more than a summary."""
    # In RSS, plain "content" is the summary of a podcast.
    is_rss = version.startswith("rss")
    contents = [each for each in item.get("content", ()) if not is_rss or each.get("type") in _MARKUP]
    content = max(contents, key=lambda each: len(each["value"]), default=None)
    link = _absolute(address, item.get("link"))
    found = Extract(
        _plain(content or (None if is_web(link) else item.get("summary_detail"))),
        title=one_line(_plain(item.get("title_detail"))),
        author=_authors(item) or feed.author,
        published=_moment(item, "published") or _moment(item, "updated"),
        language=iso_language((content or {}).get("language")) or feed.language,
    )
    written = [item.get(name) for name in ("title", "published", "updated", "summary", "author")]
    revision = revision_of(*written, [each["value"] for each in contents])
    return _entry(link, str(item.get("id") or ""), revision, found)


def _of_json(feed: Any, address: str) -> Listing:
    """Read a JSON feed, see https://jsonfeed.org/version/1.1."""
    items = feed.get("items") if isinstance(feed, dict) else None
    if not isinstance(items, list) or "jsonfeed.org" not in str(feed.get("version", ""))[:200]:
        raise cannot_read(address, "it is not a feed", _CHECK)
    items = [each for each in items if isinstance(each, dict)]
    entries = tuple(_of_json_item(each, address, feed) for each in items[:MOST_ENTRIES])
    return Listing(one_line(_text(feed, "title")), entries, left_out=max(0, len(items) - MOST_ENTRIES))


def _of_json_item(item: dict[str, Any], address: str, feed: dict[str, Any]) -> Entry:
    link = _absolute(address, _text(item, "url") or _text(item, "external_url"))
    content = text_of(_text(item, "content_html") or "") or _text(item, "content_text") or ""
    if not content and not is_web(link):
        content = _text(item, "summary") or ""
    found = Extract(
        content,
        title=one_line(_text(item, "title")),
        author=one_line(_names(item) or _names(feed) or None),
        published=iso_date(_text(item, "date_published") or _text(item, "date_modified")),
        language=iso_language(_text(item, "language") or _text(feed, "language")),
    )
    return _entry(link, str(item.get("id", "")), revision_of(sorted(item.items(), key=str)), found)


def _of_sitemap(data: bytes, address: str) -> Listing:
    """Read a sitemap, see https://www.sitemaps.org/protocol.html."""
    entries: list[Entry] = []
    sitemaps: list[str] = []
    left_out = characters = 0
    for each in parse_xml(data).iterchildren("*"):
        fields = {name_of(field): (field.text or "").strip() for field in each.iterchildren("*")}
        place = _absolute(address, fields.get("loc"))
        characters += len(place)
        fits = len(entries) + len(sitemaps) < MOST_PAGES and characters <= MOST_CHARACTERS
        if name_of(each) == "sitemap" and place and fits:
            sitemaps.append(place)
        elif name_of(each) == "url" and place:
            if fits:
                entries.append(_entry(place, "", revision_of(fields.get("lastmod", "")), Extract("")))
            else:
                left_out += 1
    return Listing(None, tuple(entries), tuple(dict.fromkeys(sitemaps)), left_out)


def _entry(link: str, id_: str, revision: str, found: Extract) -> Entry:
    has_link = is_web(link)
    place = link if has_link else f"#{one_line(id_) or revision}"
    return Entry(printable(place), has_link, revision, replace(found, text=printable(found.text)))


def _plain(detail: Any) -> str:
    """Return the text of a field, which is plain or markup."""
    if not detail:
        return ""
    value = str(detail.get("value") or "")
    return text_of(value) if detail.get("type") in _MARKUP else value


def _authors(fields: Any) -> str | None:
    """Return the names of authors, also from "ann@example.org (Ann Lee)"."""
    written = str(fields.get("author") or "")[:_LONGEST_AUTHOR]
    if "@" in written:
        return one_line(parseaddr(written)[0])
    return one_line([each["name"] for each in fields.get("authors", ()) if each.get("name")] or None)


def _moment(item: Any, name: str) -> str | None:
    """Return a date in ISO form: with its time in UTC if the feed gives it in a known form."""
    parsed, written = item.get(f"{name}_parsed"), item.get(name)
    try:
        moment = datetime.fromtimestamp(timegm(parsed), UTC) if parsed is not None else None
    except (ValueError, OverflowError, OSError):
        moment = None
    if moment is None:
        return iso_date(written)
    return moment.isoformat() if ":" in str(written) else moment.date().isoformat()


def _absolute(address: str, link: str | None) -> str:
    """Return a link as an address; empty if it is not one."""
    try:
        return urljoin(address, link) if link and len(link) <= _LONGEST_LINK else ""
    except ValueError:
        return ""


def _text(fields: dict[str, Any], name: str) -> str | None:
    value = fields.get(name)
    return value if isinstance(value, str) else None


def _names(fields: dict[str, Any]) -> list[str]:
    authors = fields.get("authors")
    listed = authors if isinstance(authors, list) else [fields.get("author")]
    return list(_named(listed))


def _named(authors: list[Any]) -> Iterator[str]:
    for each in authors[:100]:
        if isinstance(each, dict) and isinstance(each.get("name"), str):
            yield each["name"]
