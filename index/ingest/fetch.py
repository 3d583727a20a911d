"""A web address is fetched, once and only because somebody named it."""

from __future__ import annotations

import time
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..errors import LoadError
from ..parsers.base import hush
from ..parsers.encoding import decode_as

if TYPE_CHECKING:
    from httpx import Client, Response

TIME_LIMIT = 20.0  # seconds, for all of it
_LARGEST = 50_000_000  # bytes, unpacked
_MOST_REDIRECTS = 10
_OK = 200
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
    "message/rfc822": ".eml",
}
_SAYS_NOTHING = ("", "application/octet-stream", "binary/octet-stream")


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a server sent: the bytes, and the suffix of the format that it says they are in."""

    data: bytes
    suffix: str


def fetch(address: str, *, public_only: bool = False) -> Fetched:
    """What is at an http(s) address, after redirects.

    With `public_only`, for addresses that strangers name, nothing is asked of a server that not everybody on the
    internet can reach, redirects included; such an address is a `LoadError` too.

    Raises `LoadError` when it cannot be had within `TIME_LIMIT`, is too large, or is of a kind that is not read.
    """
    hush("httpx", "httpcore")
    import httpx

    ends = time.monotonic() + TIME_LIMIT
    headers = {"User-Agent": "citechat (reads one page for one reader)", "Accept-Encoding": "gzip"}
    try:
        with (
            _client(address, ends, public_only) as client,
            client.stream("GET", address, headers=headers) as response,
        ):
            _require_success(response, address)
            kind, charset = _kind(response), response.charset_encoding
            suffix = _suffix(kind, address)
            data = _unpacked(_body(response, address, ends), response, address)
    except httpx.TimeoutException:
        raise _too_slow(address) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise LoadError(
            f"{address!r} cannot be fetched: {str(error) or type(error).__name__}",
            "Check the address and the network; or save the page in a browser, and index the file.",
        ) from None
    text = decode_as(data, charset) if charset and kind.startswith(("text/", "application/xhtml")) else None
    # The server's word on the encoding goes before the page's own; as a mark it reaches the reader with the bytes.
    return Fetched((_BOM + text.removeprefix(_BOM)).encode() if text is not None else data, suffix)


def _client(address: str, ends: float, public_only: bool) -> Client:
    import httpx

    if not public_only:
        return httpx.Client(timeout=TIME_LIMIT / 2, follow_redirects=True, max_redirects=_MOST_REDIRECTS)
    from .public_transport import PublicTransport

    return httpx.Client(
        timeout=TIME_LIMIT / 2,
        follow_redirects=True,
        max_redirects=_MOST_REDIRECTS,
        transport=PublicTransport(address, ends),
        trust_env=False,  # a proxy would resolve the name itself, and reach whatever it reaches
    )


def _require_success(response: Response, address: str) -> None:
    if response.status_code != _OK:
        answer = f"{response.status_code} {response.reason_phrase}".strip()
        raise LoadError(
            f"{address!r} cannot be fetched: the server answers {answer}",
            "Check the address; where a browser shows the page, save it there, and index the file.",
        )


def _kind(response: Response) -> str:
    return str(response.headers.get("Content-Type", "")).partition(";")[0].strip().lower()


def _suffix(kind: str, address: str) -> str:
    named = PurePosixPath(urlsplit(address).path).suffix.lower()
    if kind == "text/plain" and named in (".md", ".markdown"):  # few servers know Markdown
        return named
    suffix = named if kind in _SAYS_NOTHING and named in _SUFFIXES.values() else _SUFFIXES.get(kind)
    if suffix is None:
        raise LoadError(
            f"{address!r} is of a kind that is not read: {kind or 'not stated'!r}",
            "Pages, PDF, text and office documents are read from the web; download others, and index the files.",
        )
    return suffix


def _body(response: Response, address: str, ends: float) -> bytes:
    parts: list[bytes] = []
    size = 0
    for part in response.iter_raw():
        parts.append(part)
        size += len(part)
        if size > _LARGEST:
            raise _too_large(address)
        if time.monotonic() > ends:
            raise _too_slow(address)
    return b"".join(parts)


def _unpacked(data: bytes, response: Response, address: str) -> bytes:
    """The body without its encoding; unpacked here, as the client would do it without a bound."""
    encoding = str(response.headers.get("Content-Encoding", "identity")).strip().lower()
    if encoding in ("identity", ""):
        return data
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise LoadError(
            f"{address!r} is sent in an encoding that was not asked for: {encoding!r}",
            "Save the page in a browser, and index the file.",
        )
    try:
        inflated = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32).decompress(data, _LARGEST + 1)
    except zlib.error:
        raise LoadError(f"{address!r} is sent damaged", "Try again; or save the page in a browser.") from None
    if len(inflated) > _LARGEST:
        raise _too_large(address)
    return inflated


def _too_large(address: str) -> LoadError:
    return LoadError(
        f"{address!r} is larger than {_LARGEST // 1_000_000} MB", "Download it, split it, and index the files."
    )


def _too_slow(address: str) -> LoadError:
    return LoadError(
        f"{address!r} did not arrive within {TIME_LIMIT:g} seconds",
        "Try again; or save the page in a browser, and index the file.",
    )
