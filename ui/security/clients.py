"""Who sends a request, and from where: told by the connection, and by headers as far as their sender is believed."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache

from rag import SettingsError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Headers = Sequence[tuple[bytes, bytes]]

LONGEST_NAME = 200
"""Characters of a name that a proxy may send."""

_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto", "x-real-ip")


class OddHeaderError(Exception):
    """A header that no honest sender writes so; its text says what is odd, without the value."""


class Proxies:
    """The proxies whose headers are believed, given as addresses or networks. Raises `SettingsError` naming an odd one.

    Only the address at the other end of the connection is looked at: a header cannot make its sender a proxy.
    """

    def __init__(self, written: Iterable[str] = ()) -> None:
        self.networks: tuple[Network, ...] = tuple(map(_network, written))
        self._trusts = lru_cache(maxsize=4096)(self._looked_up)

    def trusts(self, peer: str) -> bool:
        """Whether this address is one of them."""
        return bool(self.networks) and len(peer) < 64 and self._trusts(peer)

    def sender(self, peer: str, headers: Headers) -> str:
        """The address of who sent a request: the last one that a trusted proxy saw and that is no such proxy itself.

        Further left in X-Forwarded-For stands what the sender wrote; it is not looked at.
        """
        if not self.trusts(peer):
            return peer
        seen = [part for name, value in headers if name.lower() == b"x-forwarded-for" for part in value.split(b",")]
        for part in reversed(seen):
            address = _address(_without_port(part.decode("latin-1").strip()))
            if address is None:
                return peer  # what a proxy wrote there is no address: all of these count as one
            peer = str(address)
            if not self.trusts(peer):
                break
        return peer

    def _looked_up(self, peer: str) -> bool:
        address = _address(peer)
        return address is not None and any(address in network for network in self.networks)


def is_loopback(host: str) -> bool:
    """Whether an address or name can be reached from this machine alone; names other than localhost are not asked."""
    address = _address(host.strip("[]"))
    return host.lower() == "localhost" if address is None else address.is_loopback


def network_of(address: str) -> str:
    """What counts as one sender: an IPv4 address, or the /64 network that a single IPv6 sender has to itself."""
    found = _address(address)
    return str(ipaddress.ip_network((found, 64), strict=False)) if found and found.version == 6 else str(found or "")


def was_forwarded(headers: Headers) -> bool:
    """Whether some proxy says that it passed this request on."""
    return any(_plain(name) in _FORWARDED or name.lower() == b"via" for name, _ in headers)


def without(headers: Headers, *, user_header: str | None, forwarded: bool) -> list[tuple[bytes, bytes]]:
    """The headers but the one that names a user, however it is written; with `forwarded`, but those of proxies too."""
    named = {user_header.lower()} if user_header else set()
    named |= set(_FORWARDED) if forwarded else set()
    return [(name, value) for name, value in headers if _plain(name) not in named]


def user_named(headers: Headers, user_header: str) -> str | None:
    """Whom a trusted proxy names; None where it names nobody.

    Raises `OddHeaderError` where it is written twice or otherwise than the setting says, or holds several names, signs
    that do not print, or too many: a proxy that lets such things through was passed by.
    """
    header = user_header.lower()
    found = [(name, value) for name, value in headers if _plain(name) == header]
    if not found:
        return None
    if len(found) > 1 or found[0][0].lower() != header.encode("ascii"):
        raise OddHeaderError("it came more than once, or under another spelling")
    try:
        value = found[0][1].decode("utf-8").strip(" \t")
    except UnicodeDecodeError:
        raise OddHeaderError("it is not UTF-8") from None
    if not value:
        return None
    if len(value) > LONGEST_NAME or not value.isprintable() or "," in value or ";" in value:
        raise OddHeaderError("it is too long, or holds several names or signs that do not print")
    return value


def bearer(headers: Headers) -> str | None:
    """The key of `Authorization: Bearer …`; None without one, and '' where it is written oddly."""
    sent = [value for name, value in headers if name.lower() == b"authorization"]
    if not sent:
        return None
    kind, _, key = sent[0].decode("latin-1").strip().partition(" ")
    return key.strip() if len(sent) == 1 and kind.lower() == "bearer" else ""


def _plain(name: bytes) -> str:
    """A header's name as programs behind may read it: CGI and WSGI make no difference between - and _."""
    return name.decode("latin-1").lower().replace("_", "-").strip()


def _network(written: str) -> Network:
    try:
        return ipaddress.ip_network(written)
    except ValueError as error:
        raise SettingsError(
            f"the setting 'trusted_proxies' cannot hold {written!r}: {error}",
            "Write addresses or networks with commas between, such as 127.0.0.1,10.0.0.0/8.",
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
