"""Fetch the document at a web address that a user gives."""

from __future__ import annotations

import re
import time
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..errors import LoadError
from ..parsers.base import cannot_read, silence
from ..parsers.encoding import decode_as

if TYPE_CHECKING:
    from httpx import Client, Response

TIME_LIMIT = 20.0  # maximum duration of a request including redirects, in seconds
_LARGEST = 50_000_000  # maximum size of a response body after decompression, in bytes
_MOST_REDIRECTS = 10
_GZIP = b"\x1f\x8b"
FEED = ".feed"
"""The suffix for a feed or a sitemap: a list of articles, which is not a file format of its own."""

_BOM = "\ufeff"
_SUFFIXES = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "application/pdf": ".pdf",
    "application/rtf": ".rtf",
    "text/rtf": ".rtf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.oasis.opendocument.text": ".odt",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "message/rfc822": ".eml",
    **dict.fromkeys(("application/rss+xml", "application/atom+xml", "application/rdf+xml", "application/xml"), FEED),
    **dict.fromkeys(("text/xml", "application/feed+json", "application/json"), FEED),
    **dict.fromkeys(("application/gzip", "application/x-gzip"), FEED),  # a sitemap
}
_FEED_BEGINS = re.compile(
    rb"\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--[^>]{0,1000}-->\s*)?<(?:rss|feed|rdf:RDF|urlset|sitemapindex)\b"
)
_HEAD = 5_000  # bytes in which a feed begins
_UNSPECIFIC = ("", "application/octet-stream", "binary/octet-stream")


@dataclass(frozen=True, slots=True)
class Fetched:
    """A response body, and the file suffix for its declared format."""

    data: bytes
    suffix: str


def fetch(address: str, *, public_only: bool = False, trusted: str | None = None) -> Fetched:
    """Fetch an http(s) address, following redirects.

    Use `public_only` for addresses from untrusted users: requests, including redirects, are then sent only to servers
    that are public on the internet. The server of the address `trusted` need not be public, but those that it redirects
    to must be.

    Raises `LoadError` if the request fails, if a server is not public despite `public_only`, or if the response does
    not arrive within `TIME_LIMIT`, is too large or has an unsupported format.
    """
    silence("httpx", "httpcore")
    import httpx

    deadline = time.monotonic() + TIME_LIMIT
    headers = {"User-Agent": "citechat (reads one page for one reader)", "Accept-Encoding": "gzip"}
    try:
        with (
            _client(address, deadline, public_only, trusted) as client,
            client.stream("GET", address, headers=headers) as response,
        ):
            if response.status_code != httpx.codes.OK:
                status = f"{response.status_code} {response.reason_phrase}".strip()
                hint = "Check the address. If a browser shows the page, save it there and index the file."
                raise LoadError(f"Cannot fetch {address!r}: the server answered {status}.", hint)
            kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            charset = response.charset_encoding
            suffix = _suffix(kind, address)
            data = _decompressed(_body(response, address, deadline), response, address)
    except httpx.TimeoutException:
        raise _too_slow(address) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise LoadError(
            f"Cannot fetch {address!r}: {str(error) or type(error).__name__}.",
            "Check the address and the network, or save the page in a browser and index the file.",
        ) from None
    if suffix == FEED and data.startswith(_GZIP):
        data = _inflated(data, address)
    if suffix == FEED or (suffix in (".html", ".txt") and _FEED_BEGINS.match(data[:_HEAD].removeprefix(_BOM.encode()))):
        return Fetched(data, FEED)  # its encoding is that in its first line
    text = decode_as(data, charset) if charset and kind.startswith(("text/", "application/xhtml")) else None
    # The encoding in the header takes precedence over the one in the page, so the text is passed to the parser as UTF-8
    # with a byte order mark.
    return Fetched((_BOM + text.removeprefix(_BOM)).encode() if text is not None else data, suffix)


def _client(address: str, deadline: float, public_only: bool, trusted: str | None) -> Client:
    import httpx

    options: dict[str, Any] = {}
    if public_only:
        from .public_addresses import PublicTransport

        # Ignore a proxy set in the environment: it would resolve the name itself and could reach private servers.
        options = {"transport": PublicTransport(address, deadline, trusted), "trust_env": False}
    return httpx.Client(timeout=TIME_LIMIT / 2, follow_redirects=True, max_redirects=_MOST_REDIRECTS, **options)


def _suffix(kind: str, address: str) -> str:
    named = PurePosixPath(urlsplit(address).path).suffix.lower()
    if kind == "text/plain" and named in (".md", ".markdown"):  # few servers declare Markdown
        return named
    suffix = named if kind in _UNSPECIFIC and named in _SUFFIXES.values() else _SUFFIXES.get(kind)
    if suffix is None:
        hint = "Web pages, PDF, text, office documents and feeds are supported; download other files and index them."
        raise cannot_read(address, f"unsupported content type {kind or 'not stated'!r}", hint)
    return suffix


def _body(response: Response, address: str, deadline: float) -> bytes:
    parts: list[bytes] = []
    size = 0
    for part in response.iter_raw():
        parts.append(part)
        size += len(part)
        if size > _LARGEST:
            raise _too_large(address)
        if time.monotonic() > deadline:
            raise _too_slow(address)
    return b"".join(parts)


def _decompressed(data: bytes, response: Response, address: str) -> bytes:
    """Decompress the body with a size limit, which the HTTP client does not support."""
    encoding = str(response.headers.get("Content-Encoding", "identity")).strip().lower()
    if encoding in ("identity", ""):
        return data
    if encoding not in ("gzip", "x-gzip", "deflate"):
        why = f"unexpected content encoding {encoding!r}"
        raise cannot_read(address, why, "Save the page in a browser and index the file.")
    return _inflated(data, address)


def _inflated(data: bytes, address: str) -> bytes:
    try:
        inflated = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32).decompress(data, _LARGEST + 1)
    except zlib.error:
        raise cannot_read(address, "the compressed data is damaged", "Try again later.") from None
    if len(inflated) > _LARGEST:
        raise _too_large(address)
    return inflated


def _too_large(address: str) -> LoadError:
    return cannot_read(address, f"larger than {_LARGEST // 1_000_000} MB", "Download it, split it and index the files.")


def _too_slow(address: str) -> LoadError:
    return LoadError(
        f"Cannot fetch {address!r}: no complete response within {TIME_LIMIT:g} seconds.",
        "Try again, or save the page in a browser and index the file.",
    )
