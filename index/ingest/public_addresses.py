"""An HTTP transport for addresses from untrusted users, limited to public servers and to a deadline.

A chat user must not be able to make the server send requests inside its own network. The check runs when a connection
is opened: a name is resolved once, all its IP addresses are checked, and the connection uses one of them, so no
spelling, redirect or second DNS answer can bypass the check.

Import this module only to fetch such an address, since it loads the HTTP client.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

import httpcore
import httpx

from ..errors import LoadError
from ..paths import is_same_server

_NAT64 = ip_network("64:ff9b::/96")  # the last 32 bits are an IPv4 address
_WEB, _LAST_SYSTEM_PORT = (80, 443), 1023
_NEVER = (
    ip_network("fec0::/10"),  # site-local, deprecated
    ip_network("192.0.0.0/24"),  # protocol assignments; some clouds serve machine secrets there
    ip_network("168.63.129.16/32"),  # formally public, but reachable only inside a cloud
)


def is_public(address: str) -> bool:
    """Return whether an IP address is public on the internet. Pure.

    For an IPv6 address with an embedded IPv4 address, the IPv4 address is checked instead.
    """
    ip = ip_address(address)
    if isinstance(ip, IPv6Address):
        inner = IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else ip.ipv4_mapped or ip.sixtofour
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not any(ip in net for net in _NEVER)


class PublicTransport(httpx.HTTPTransport):
    """A transport that connects only to public servers, and to that of the address `trusted`, without a proxy.

    Raises `LoadError` naming `address` for any other server, and `httpx.TimeoutException` after `deadline`, a time on
    the monotonic clock.
    """

    def __init__(self, address: str, deadline: float, trusted: str | None = None) -> None:
        context = httpx.create_ssl_context()
        self._trusted = trusted
        super().__init__(verify=context, trust_env=False)
        self._address = address
        self._pool.close()
        self._pool = httpcore.ConnectionPool(
            ssl_context=context, network_backend=_Backend(address, deadline, self._trusted)
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; each redirect is a separate request."""
        url = request.url
        if self._trusted is not None and is_same_server(str(url), self._trusted) and not url.userinfo:
            return super().handle_request(request)
        # Other ports belong to services such as email, DNS and login, which an attacker may want to reach.
        is_web_port = url.port is None or url.port in _WEB or url.port > _LAST_SYSTEM_PORT
        if url.scheme not in ("http", "https") or url.userinfo or not is_web_port:
            raise _not_public(self._address)
        return super().handle_request(request)


class _Backend(httpcore.NetworkBackend):
    """A network backend that connects only to public addresses."""

    def __init__(self, address: str, deadline: float, trusted: str | None) -> None:
        self._address = address
        self._deadline = deadline
        self._trusted = trusted

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002 - the client's signature
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """Connect to the first of the host's IP addresses that answers."""
        try:
            found = _resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(str(error)) from None
        address = f"{'https' if port == _WEB[1] else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
        is_trusted = self._trusted is not None and is_same_server(address, self._trusted)
        if not is_trusted and not all(is_public(ip) for ip in found):
            raise _not_public(self._address)
        failed: Exception = httpcore.ConnectError(f"{host!r} has no address")
        for ip in found:
            try:
                return _Stream(_connect(ip, port, _seconds_left(self._deadline, timeout)), self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed


class _Stream(httpcore.NetworkStream):
    """A connection that times out at the deadline, even if the server sends slowly."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _seconds_left(self._deadline, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _seconds_left(self._deadline, timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        secure = self._stream.start_tls(ssl_context, server_hostname, _seconds_left(self._deadline, timeout))
        return _Stream(secure, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _resolve(host: str, port: int) -> list[str]:
    """Resolve a host name, or an IP address in any notation, to IP addresses."""
    return list(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


def _connect(ip: str, port: int, timeout: float) -> httpcore.NetworkStream:
    return httpcore.SyncBackend().connect_tcp(ip, port, timeout)


def _seconds_left(deadline: float, timeout: float | None) -> float:
    """Return the seconds until the deadline, at most `timeout`. Raises `httpcore.ReadTimeout` after the deadline."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("deadline exceeded")
    return left if timeout is None else min(left, timeout)


def _not_public(address: str) -> LoadError:
    return LoadError(
        f"Cannot fetch {address!r}: it is not a public web page, or contains a user name.",
        "To index an address on a private network, use the command line: `citechat index ADDRESS`.",
    )
