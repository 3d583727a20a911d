"""Addresses from untrusted users: no request goes to a server that is not public on the internet."""

from __future__ import annotations

import gzip
import itertools
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpcore
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from index import Index, LoadError
from index.ingest import fetch as web
from index.ingest import public_addresses
from index.ingest.fetch import fetch
from index.ingest.public_addresses import is_public

PUBLIC, OTHER = "93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"
PAGE = "<html><body><article><p>The ferry sails at nine.</p></article></body></html>"
NOT_PUBLIC = "it is not a public web page"

Internet = Callable[..., list[tuple[str, int]]]


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch) -> Iterator[Internet]:
    """Names of an internet whose public addresses all lead to servers of this machine, and what was connected to."""
    names: dict[str, list[str]] = {}
    connected: list[tuple[str, int]] = []
    resolve, connect = public_addresses._resolve, public_addresses._connect

    def lookup(host: str, port: int) -> list[str]:
        return names[host].copy() if host in names else resolve(host, port)

    def lead_here(ip: str, port: int, timeout: float) -> httpcore.NetworkStream:
        connected.append((ip, port))
        if ip == OTHER:
            raise httpcore.ConnectError("no route to it")
        return connect("127.0.0.1", port, timeout)

    monkeypatch.setattr(public_addresses, "_resolve", lookup)
    monkeypatch.setattr(public_addresses, "_connect", lead_here)

    def name(**hosts: str) -> list[tuple[str, int]]:
        names.update({host.replace("_", "."): addresses.split() for host, addresses in hosts.items()})
        return connected

    return name


def refusal(address: str) -> str:
    """Why an address of a stranger is not fetched."""
    with pytest.raises(LoadError) as caught:
        fetch(address, public_only=True)
    return caught.value.message


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "10.1.2.3", "100.100.100.200", "127.0.0.1", "169.254.169.254", "172.31.0.1", "192.0.0.192"),
        *("192.168.1.1", "198.18.0.1", "168.63.129.16", "224.0.0.1", "239.1.2.3", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "2002:7f00:1::", "2001::1", "64:ff9b::7f00:1"),
        "64:ff9b:1::7f00:1",
    ],
)
def test_an_ip_address_that_means_something_else_elsewhere_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", [PUBLIC, OTHER, f"::ffff:{PUBLIC}", "64:ff9b::5db8:d822", "1.1.1.1"])
def test_an_ip_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "127.1", "0x7f.1", "2130706433", "0", "[::1]", "[::]", "[::ffff:127.0.0.1]"),
        *("[::ffff:7f00:1]", "127。0。0。1"),
    ],
)
def test_a_server_of_this_machine_is_not_asked_however_it_is_spelled(httpserver: HTTPServer, host: str) -> None:
    httpserver.expect_request("/").respond_with_data(PAGE, content_type="text/html")
    reason = refusal(f"http://{host}:{httpserver.port}/")
    assert NOT_PUBLIC in reason
    assert host in reason
    assert httpserver.log == []


@pytest.mark.parametrize("host", ["LOCALHOST.", "127.0.0.1.", "0177.0.0.1", "１２７.0.0.1"])
def test_nor_where_the_spelling_is_none_that_every_system_knows(httpserver: HTTPServer, host: str) -> None:
    httpserver.expect_request("/").respond_with_data(PAGE, content_type="text/html")
    assert refusal(f"http://{host}:{httpserver.port}/")
    assert httpserver.log == []


def test_the_command_line_may_read_from_its_own_network(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_data(PAGE, content_type="text/html")
    assert fetch(httpserver.url_for("/")).suffix == ".html"


def test_a_public_page_is_fetched_from_the_address_that_was_checked(httpserver: HTTPServer, internet: Internet) -> None:
    connected = internet(news_example=PUBLIC)
    httpserver.expect_request("/a").respond_with_data(PAGE, content_type="text/html")
    assert fetch(f"http://news.example:{httpserver.port}/a", public_only=True).data == PAGE.encode()
    assert connected == [(PUBLIC, httpserver.port)]
    ((request, _),) = httpserver.log
    assert request.headers["Host"] == f"news.example:{httpserver.port}"


def test_a_name_is_resolved_once_so_that_no_second_answer_leads_elsewhere(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [PUBLIC, "127.0.0.1"]
    asked: list[str] = []

    def rebinding(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answers[len(asked) - 1], httpserver.port))]

    connected: list[tuple[str, int]] = []

    def unreachable(place: tuple[str, int], *_: object, **__: object) -> socket.socket:
        connected.append(place)
        raise OSError("no network in tests")

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(socket, "create_connection", unreachable)
    assert "no network in tests" in refusal(f"http://rebound.example:{httpserver.port}/")
    assert asked == ["rebound.example"]
    assert connected == [(PUBLIC, httpserver.port)]


def test_a_name_with_one_private_address_among_public_ones_is_refused(internet: Internet) -> None:
    connected = internet(mixed_example=f"{PUBLIC} 10.0.0.1")
    assert NOT_PUBLIC in refusal("http://mixed.example/")
    assert connected == []


def test_the_next_address_is_tried_where_one_does_not_answer(httpserver: HTTPServer, internet: Internet) -> None:
    connected = internet(news_example=f"{OTHER} {PUBLIC}", dead_example=OTHER, nothing_example="")
    httpserver.expect_request("/a").respond_with_data(PAGE, content_type="text/html")
    assert fetch(f"http://news.example:{httpserver.port}/a", public_only=True).data
    assert [ip for ip, _ in connected] == [OTHER, PUBLIC]
    assert "no route to it" in refusal("http://dead.example/")
    assert "has no address" in refusal("http://nothing.example/")


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:{port}/secret",
        "//localhost:{port}/secret",
        "http://169.254.169.254/latest",
        "http://10.0.0.1/",
    ],
)
def test_a_redirect_into_a_private_network_is_not_followed(
    httpserver: HTTPServer, internet: Internet, target: str
) -> None:
    connected = internet(news_example=PUBLIC)
    location = target.format(port=httpserver.port)
    httpserver.expect_request("/a").respond_with_response(Response(status=302, headers={"Location": location}))
    httpserver.expect_request("/secret").respond_with_data("secret", content_type="text/plain")
    reason = refusal(f"http://news.example:{httpserver.port}/a")
    assert NOT_PUBLIC in reason
    assert "news.example" in reason
    assert location not in reason, "what lies there is not told"
    assert [ip for ip, _ in connected] == [PUBLIC]
    assert [request.path for request, _ in httpserver.log] == ["/a"]


def test_a_redirect_to_another_public_page_is_followed(httpserver: HTTPServer, internet: Internet) -> None:
    internet(news_example=PUBLIC, www_news_example=PUBLIC)
    there = f"http://www.news.example:{httpserver.port}/b"
    httpserver.expect_request("/a").respond_with_response(Response(status=301, headers={"Location": there}))
    httpserver.expect_request("/b").respond_with_data(PAGE, content_type="text/html")
    assert fetch(f"http://news.example:{httpserver.port}/a", public_only=True).data == PAGE.encode()
    assert [request.host.partition(":")[0] for request, _ in httpserver.log] == ["news.example", "www.news.example"]


@pytest.mark.parametrize("target", ["file:///etc/passwd", "gopher://news.example/", "http://me:pw@news.example/"])
def test_only_plain_addresses_of_the_web_are_followed_to(
    httpserver: HTTPServer, internet: Internet, target: str
) -> None:
    internet(news_example=PUBLIC)
    httpserver.expect_request("/a").respond_with_response(Response(status=302, headers={"Location": target}))
    assert refusal(f"http://news.example:{httpserver.port}/a")
    assert len(httpserver.log) == 1


@pytest.mark.parametrize(
    "address", ["http://me@news.example/", "http://news.example@127.0.0.1/", "ftp://news.example/"]
)
def test_an_address_with_a_user_or_of_another_kind_is_refused(internet: Internet, address: str) -> None:
    connected = internet(news_example=PUBLIC)
    assert refusal(address)
    assert connected == []


@pytest.mark.parametrize("port", [0, 1, 22, 25, 53, 110, 445, 993])
def test_the_ports_of_other_servers_are_not_spoken_to(internet: Internet, port: int) -> None:
    connected = internet(news_example=PUBLIC)
    assert refusal(f"http://news.example:{port}/")
    assert connected == []


def test_no_proxy_is_asked_since_it_would_reach_what_it_likes(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, httpserver.url_for(""))
    assert NOT_PUBLIC in refusal("http://10.0.0.1/")
    assert httpserver.log == []


@pytest.mark.parametrize("address", ["http://nowhere.invalid/", f"http://{'x' * 64}.example/", "http://[::bad/"])
def test_an_unknown_host_name_is_rejected(address: str) -> None:
    assert "Cannot fetch" in refusal(address)


def test_a_server_that_drips_its_headers_is_left_in_time(internet: Internet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes in time for the one before it; only the whole takes too long."""
    import threading

    internet(slow_example=PUBLIC)
    monkeypatch.setattr(web, "TIME_LIMIT", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                try:
                    for byte in itertools.chain(b"HTTP/1.1 200 OK\r\nX: ", itertools.repeat(ord("x"))):
                        connection.sendall(bytes([byte]))
                        time.sleep(0.02)
                except OSError:
                    return

        thread = threading.Thread(target=drip)
        thread.start()
        assert "no complete response within 0.5 seconds" in refusal(f"http://slow.example:{server.getsockname()[1]}/")
        thread.join(300)


def test_a_body_that_drips_or_is_too_large_is_left(
    httpserver: HTTPServer, internet: Internet, monkeypatch: pytest.MonkeyPatch
) -> None:
    internet(news_example=PUBLIC)
    monkeypatch.setattr(web, "_LARGEST", 100_000)

    def drip(_: Request) -> Response:
        def parts() -> Iterator[bytes]:
            for _ in range(3000):
                time.sleep(0.1)
                yield b"x"

        return Response(parts(), content_type="text/plain")  # type: ignore[arg-type]

    httpserver.expect_request("/drip").respond_with_handler(drip)
    httpserver.expect_request("/large").respond_with_data(b"x" * 200_000, content_type="text/plain")
    assert "larger than" in refusal(f"http://news.example:{httpserver.port}/large")
    monkeypatch.setattr(web, "TIME_LIMIT", 0.5)
    assert "no complete response within 0.5 seconds" in refusal(f"http://news.example:{httpserver.port}/drip")


def test_a_certificate_must_be_of_the_name_that_was_given_not_of_the_address(
    tmp_path: Path, internet: Internet, monkeypatch: pytest.MonkeyPatch
) -> None:
    internet(news_example=PUBLIC, other_example=PUBLIC)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path, "news.example"))
    asked: list[str | None] = []
    context.sni_callback = lambda _, name, __: asked.append(name)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    with HTTPServer(ssl_context=context) as server:
        server.expect_request("/").respond_with_data(PAGE, content_type="text/html")
        assert fetch(f"https://news.example:{server.port}/", public_only=True).data == PAGE.encode()
        assert "certificate" in refusal(f"https://other.example:{server.port}/")
    assert asked == ["news.example", "other.example"]


def test_with_public_only_private_addresses_are_skipped(
    index: Index, httpserver: HTTPServer, internet: Internet
) -> None:
    internet(news_example=PUBLIC)
    httpserver.expect_request("/a").respond_with_data(PAGE, content_type="text/html")
    public = f"http://news.example:{httpserver.port}/a"
    report = index.sync([httpserver.url_for("/a"), public], public_only=True)
    assert (report.added, [each.path for each in report.skipped]) == (1, [httpserver.url_for("/a")])
    assert [article.path for article in index.articles()] == [public]
    assert index.sync([httpserver.url_for("/a")]).skipped == ()


def certificate(folder: Path, name: str) -> Path:
    """A self-signed certificate for this host name, with its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "certificate.pem"
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path


def test_a_page_that_is_sent_packed_without_end_is_left(
    httpserver: HTTPServer, internet: Internet, monkeypatch: pytest.MonkeyPatch
) -> None:
    internet(news_example=PUBLIC)
    monkeypatch.setattr(web, "_LARGEST", 100_000)
    packed = {"Content-Encoding": "gzip"}
    bomb = gzip.compress(b"x" * 5_000_000)
    httpserver.expect_request("/a").respond_with_data(bomb, content_type="text/plain", headers=packed)
    assert "larger than" in refusal(f"http://news.example:{httpserver.port}/a")


@pytest.mark.parametrize("charset", ["punycode", "unicode_escape", "raw_unicode_escape", "utf-7", "idna"])
def test_an_encoding_that_a_server_makes_up_is_not_believed(
    httpserver: HTTPServer, internet: Internet, charset: str
) -> None:
    internet(news_example=PUBLIC)
    text = "The ferry sails \\ud800 +2AA-."
    httpserver.expect_request("/a").respond_with_data(text, content_type=f"text/plain; charset={charset}")
    assert fetch(f"http://news.example:{httpserver.port}/a", public_only=True).data == text.encode()
