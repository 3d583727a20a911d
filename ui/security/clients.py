"""Identify a request's sender and address from the connection, and from headers that a trusted proxy sends."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import regex as re

from rag import SettingsError

from .errors import RequestError

if TYPE_CHECKING:
    from starlette.types import Scope

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Headers = Sequence[tuple[bytes, bytes]]

LONGEST_NAME = 200
"""Maximum length of a user name from a proxy, in characters."""

_GRADIO_SERVER = "x-gradio-server"
"""A header from which Gradio takes the page's address. No proxy sends it, so it is never trusted."""

_FORWARDED = (
    *("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto", "x-real-ip"),
    _GRADIO_SERVER,
)

_UNSEEN = re.compile(r"[\p{Default_Ignorable_Code_Point}\u2800]")  # characters that nobody sees

# What proxies send in place of a missing name: `$remote_user`, `%{REMOTE_USER}e`, `(null)` or `<no value>`.
_PLACEHOLDER_STARTS = ("$", "%", "(", "<")


class TrustedProxies:
    """The proxies whose headers are trusted, as addresses or networks. Raises `SettingsError` for invalid values.

    Only the connection's peer address determines whether a sender is a trusted proxy; headers have no influence.
    """

    def __init__(self, addresses: Iterable[str] = ()) -> None:
        self.networks: tuple[Network, ...] = tuple(map(_network, addresses))
        self._trusts = lru_cache(maxsize=4096)(self._is_in_networks)

    def trusts(self, peer: str) -> bool:
        """Return whether this address belongs to a trusted proxy."""
        return bool(self.networks) and len(peer) < 64 and self._trusts(peer)

    def sender(self, peer: str, headers: Headers) -> str:
        """Return the sender's address: the last address in X-Forwarded-For that is not a trusted proxy.

        Addresses to the left of it come from the sender and are ignored.
        """
        if not self.trusts(peer):
            return peer
        seen = [part for name, value in headers if name.lower() == b"x-forwarded-for" for part in value.split(b",")]
        for part in reversed(seen):
            address = _address(_without_port(part.decode("latin-1").strip()))
            if address is None:
                return peer  # not an address: all such senders count as one sender
            peer = str(address)
            if not self.trusts(peer):
                break
        return peer

    def _is_in_networks(self, peer: str) -> bool:
        address = _address(peer)
        return address is not None and any(address in network for network in self.networks)


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address or host name; localhost is the only name that counts."""
    address = _address(host.strip("[]"))
    return host.lower() == "localhost" if address is None else address.is_loopback


def network_of(address: str) -> str:
    """Return the address range that counts as one sender: an IPv4 address, or an IPv6 sender's usual /64 network."""
    found = _address(address)
    return str(ipaddress.ip_network((found, 64), strict=False)) if found and found.version == 6 else str(found or "")


def caller_or_address(scope: Scope) -> str:
    """Return the name under which a request is counted: its caller or, without one, its address or network."""
    caller = scope.get("state", {}).get("caller")
    return str(caller) if caller else f"address:{network_of(scope['client'][0] if scope.get('client') else '')}"


def was_forwarded(headers: Headers) -> bool:
    """Return whether the headers indicate that a proxy forwarded this request."""
    return any(_plain(name) in _FORWARDED or name.lower() == b"via" for name, _ in headers)


def strip_headers(headers: Headers, *, user_header: str | None, forwarded: bool) -> list[tuple[bytes, bytes]]:
    """Return the headers without the user header, in any spelling, and with `forwarded` also without proxy headers.

    The header that would set the page's address is always removed.
    """
    named = {_GRADIO_SERVER, *([user_header.lower()] if user_header else []), *(_FORWARDED if forwarded else [])}
    return [(name, value) for name, value in headers if _plain(name) not in named]


def user_from_header(headers: Headers, user_header: str) -> str | None:
    """Return the user name from a trusted proxy, or None.

    Raises `RequestError` if the header occurs twice, has a different spelling from the setting, is too long, or
    contains several names, or unprintable or invisible characters: a proxy that replaces the header does not forward
    such headers.
    Neither are the placeholders names that proxies send if a login names no user: all these users would share one name.
    The ids of users who log in here begin with `#`, so names must not.
    """
    header = user_header.lower()
    found = [(name, value) for name, value in headers if _plain(name) == header]
    if not found:
        return None
    invalid = f"Invalid header {user_header}: it"
    if len(found) > 1 or found[0][0].lower() != header.encode("ascii"):
        raise RequestError(400, f"{invalid} was sent more than once, or in another spelling.")
    try:
        value = found[0][1].decode("utf-8").strip(" \t")
    except UnicodeDecodeError:
        raise RequestError(400, f"{invalid} is not UTF-8.") from None
    is_readable = value.isprintable() and not _UNSEEN.search(value)
    if len(value) > LONGEST_NAME or not is_readable or set(",;{}") & set(value) or value.startswith("#"):
        why = "is too long, begins with #, or contains several names, a placeholder, or characters that nobody sees."
        raise RequestError(400, f"{invalid} {why}")
    if value and (value.startswith(_PLACEHOLDER_STARTS) or not any(map(str.isalnum, value))):
        raise RequestError(400, f"{invalid} is a placeholder, not a name.")
    return value or None


def bearer_token(headers: Headers) -> str | None:
    """Return the key from `Authorization: Bearer …`; None without the header, '' if it is malformed."""
    sent = [value for name, value in headers if name.lower() == b"authorization"]
    if not sent:
        return None
    kind, _, key = sent[0].decode("latin-1").strip().partition(" ")
    return key.strip() if len(sent) == 1 and kind.lower() == "bearer" else ""


def _plain(name: bytes) -> str:
    """Return a normalized header name: downstream CGI and WSGI programs do not distinguish - from _."""
    return name.decode("latin-1").lower().replace("_", "-").strip()


def _network(written: str) -> Network:
    try:
        return ipaddress.ip_network(written)
    except ValueError as error:
        raise SettingsError(
            f"Invalid address {written!r} in the setting 'trusted_proxies': {error}",
            "Write addresses or networks separated by commas, such as 127.0.0.1,10.0.0.0/8.",
        ) from None


def _address(written: str) -> Address | None:
    try:
        address = ipaddress.ip_address(written.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _without_port(written: str) -> str:
    if written.startswith("["):
        return written[1:].partition("]")[0]
    return written.rpartition(":")[0] if written.count(":") == 1 else written
