"""Programs and browsers in front of a server: what they send, to the byte, and what they get."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from scripted import Scripted

from rag import Answer


class Parrot(Scripted):
    """An assistant that needs no index: it answers every question with the same words."""

    model = "parrot"

    def __init__(self) -> None:
        super().__init__(lambda question: [Answer(question, "It reopened on Monday.", done=True)])


@dataclass
class Reply:
    """What came back; `headers` by their names in small letters."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def visit(
    port: int,
    path: str,
    *,
    method: str = "GET",
    body: Any = None,
    headers: list[tuple[str, str | bytes]] | None = None,
    read: bool = True,
    **named: str,
) -> Reply:
    """Send one request; `headers` may come twice. A body that is no bytes is sent as JSON."""
    sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    try:
        given = [(name.replace("_", "-"), value) for name, value in named.items()] + (headers or [])
        names_host = "host" in {name.lower() for name, _ in given}
        connection.putrequest("POST" if body is not None and method == "GET" else method, path, skip_host=names_host)
        if sent is not None:
            connection.putheader("Content-Length", str(len(sent)))
            if "content-type" not in {name.lower() for name, _ in given}:
                connection.putheader("Content-Type", "application/json")
        for name, value in given:
            connection.putheader(name, value)
        connection.endheaders(sent)
        response = connection.getresponse()
        return Reply(
            response.status,
            {name.lower(): value for name, value in response.getheaders()},
            response.read() if read else b"",
        )
    finally:
        connection.close()


def log_in(port: int, name: str, password: str) -> Reply:
    """Log in as the page does; `cookie_of` has what a browser sends from then on."""
    form = urlencode({"username": name, "password": password}).encode()
    return visit(port, "/login", body=form, content_type="application/x-www-form-urlencoded")


def cookie_of(reply: Reply) -> str:
    """The cookie that a reply gives; of several, the last."""
    return reply.headers["set-cookie"].split(";")[0]
