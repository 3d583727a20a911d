"""Web addresses that strangers name: only servers that anybody on the internet can reach, and only within a time.

A reader of the chat must not make its server look around in the server's own network. The check stands where
connections are opened: a name is resolved once, each of its addresses is checked, and one of exactly these is connected
to, so that no spelling, no redirect and no answer of a name server leads past it.

Imported when such an address is fetched: it loads the HTTP client.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

import httpcore
import httpx

from ..errors import LoadError

_NAT64 = ip_network("64:ff9b::/96")  # whose last 32 bits are an address of the older kind
_WEB, _LAST_SYSTEM_PORT = (80, 443), 1023
_NEVER = (
    ip_network("fec0::/10"),  # of one site, a kind that is no longer given out
    ip_network("192.0.0.0/24"),  # of protocols; some clouds answer there with the secrets of their machines
    ip_network("168.63.129.16/32"),  # public in form, but a cloud's own server, which only its machines reach
)


def is_public(address: str) -> bool:
    """True for an IP address that is the same for everybody on the internet. Pure.

    An older address that is written inside a newer one counts for it.
    """
    ip = ip_address(address)
    inner = _inner(ip) if isinstance(ip, IPv6Address) else None
    if inner is not None:
        return is_public(str(inner))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not any(ip in net for net in _NEVER)


class PublicTransport(httpx.BaseTransport):
    """Carries requests to public servers, without a proxy. Raises `LoadError` naming `address` for any other server,
    `httpx.TimeoutException` when it is later than `ends` on the monotonic clock."""

    def __init__(self, address: str, ends: float) -> None:
        self._address = address
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(), network_backend=_Backend(address, ends)
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer to one request; each redirect is another one."""
        url = request.url
        if url.scheme not in ("http", "https") or url.userinfo or not _is_of_the_web(url.port):
            raise _not_public(self._address)
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        with _as_httpx():
            answer = self._pool.handle_request(
                httpcore.Request(
                    request.method,
                    target,
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Body(answer), extensions=dict(answer.extensions)
        )

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


class _Backend(httpcore.NetworkBackend):
    """Opens connections, to public addresses only."""

    def __init__(self, address: str, ends: float) -> None:
        self._address = address
        self._ends = ends

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002 - the client's signature
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """A connection to the first of the host's addresses that answers."""
        try:
            found = _resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(str(error)) from None
        if not all(is_public(ip) for ip in found):
            raise _not_public(self._address)
        failed: Exception = httpcore.ConnectError(f"{host!r} has no address")
        for ip in found:
            try:
                return _Stream(_connect(ip, port, _left(self._ends, timeout)), self._ends)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed


class _Stream(httpcore.NetworkStream):
    """A connection that ends in time, however slowly the other side speaks."""

    def __init__(self, stream: httpcore.NetworkStream, ends: float) -> None:
        self._stream = stream
        self._ends = ends

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._ends, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._ends, timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        secure = self._stream.start_tls(ssl_context, server_hostname, _left(self._ends, timeout))
        return _Stream(secure, self._ends)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Body(httpx.SyncByteStream):
    """The body of an answer, as it arrives."""

    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx():
            yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


@contextmanager
def _as_httpx() -> Iterator[None]:
    """Errors of the connection, as whoever called the client knows them."""
    try:
        yield
    except httpcore.TimeoutException as error:
        raise httpx.ReadTimeout(str(error)) from None
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
        raise httpx.TransportError(str(error)) from None


def _is_of_the_web(port: int | None) -> bool:
    """False for the ports of mail, name and login servers, which somebody may want to be spoken to from here."""
    return port is None or port in _WEB or port > _LAST_SYSTEM_PORT


def _inner(ip: IPv6Address) -> IPv4Address | None:
    """The older address that a newer one stands for."""
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour


def _resolve(host: str, port: int) -> list[str]:
    """The IP addresses of a name, or of a number however it is spelled."""
    return list(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


def _connect(ip: str, port: int, timeout: float) -> httpcore.NetworkStream:
    return httpcore.SyncBackend().connect_tcp(ip, port, timeout)


def _left(ends: float, timeout: float | None) -> float:
    """Seconds that may still be waited."""
    left = ends - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("out of time")
    return left if timeout is None else min(left, timeout)


def _not_public(address: str) -> LoadError:
    return LoadError(
        f"{address!r} does not lead to a page of the public web, or names a user",
        "Addresses of a machine or a network of one's own are read at the command line: `citechat index ADDRESS`.",
    )
