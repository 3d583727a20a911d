"""Use the chat without a browser, as the page in a browser does: post events, and read the stream of states."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

CITECHAT = (sys.executable, "-c", "import sys; from ui.cli import main; sys.exit(main(sys.argv[1:]))")
PATIENCE = 120.0
"""Timeout for each response, in seconds."""

_TAG = re.compile(r"<[^>]+>")
_API = "/gradio_api"


class RefusedError(Exception):
    """Error for an event that the server rejects because its queue is full."""


class Page:
    """An open page with its own session, which asks as a browser does.

    Closing the page closes all its connections, as a browser does with the connections of a tab.
    """

    def __init__(self, address: str, **headers: str) -> None:
        """Open the page. `headers`, such as those that a proxy requires, are sent with every request."""
        self._host = urlsplit(address).netloc
        self._session = uuid4().hex[:12]
        self._headers = {"Content-Type": "application/json", **headers}
        self._open: list[tuple[http.client.HTTPConnection, http.client.HTTPResponse]] = []
        self.window: list[str] = []
        """The conversation as plain text: question, answer, question, …"""
        try:
            response, _ = self._request("GET", "/")
            new = [cookie.partition(";")[0] for cookie in response.headers.get_all("set-cookie") or ()]
            cookies = [*self._headers.get("Cookie", "").split("; "), *new]
            self._headers["Cookie"] = "; ".join({each.partition("=")[0]: each for each in cookies if each}.values())
            config = json.loads(self._request("GET", "/config")[1])
            self._stream(f"{_API}/heartbeat/{self._session}")
        except BaseException:
            self.close()
            raise
        self._parts = {part["id"]: part["props"] for part in config["components"]}
        self._events: list[dict[str, Any]] = config["dependencies"]

    def __enter__(self) -> Page:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        while self._open:
            self._hang_up(0)

    def load(self) -> None:
        """Request the page's initial content, and wait until it is complete."""
        for event in self._events:
            if any(name == "load" for _, name in event["targets"]):
                self._join(event, [None] * len(event["inputs"]))
        for _ in self.states():
            pass

    def ask(self, question: str) -> None:
        """Send a question; `states` yields its results."""
        event = self._event("question", "submit")
        # The server has the conversation; the other values are the settings on the page.
        self._join(event, [question, *(self._parts[one].get("value") for one in event["inputs"][1:])])

    def stop(self) -> None:
        """Send the event of the button that stops the answer."""
        self._join(self._event("question", "stop"), [None, None])

    def follow_up(self) -> None:
        """Request follow-up questions, as the page does when an answer is complete, and wait for them."""
        asked = self._event("question", "submit")
        after = next(event for event in self._events if event.get("trigger_after") == asked["id"])
        self._join(after, [None])
        for _ in self.states():
            pass

    def states(self) -> Iterator[dict[str, Any]]:
        """Yield the server's messages until all requests are done. Raises `RuntimeError` if a request failed."""
        for line in self._stream(f"{_API}/queue/data?session_hash={self._session}"):
            if not line.startswith(b"data:"):
                continue
            said = json.loads(line[5:])
            if said["msg"] == "unexpected_error" or said.get("success") is False:
                raise RuntimeError(f"the server says {said!r}")
            if said["msg"] == "process_completed":
                self._show(said["output"].get("data"))
            yield said
            if said["msg"] == "close_stream":
                break
        self._hang_up(-1)

    def _show(self, data: Any) -> None:
        """Store the conversation in `window` if `data` is a complete state of the page."""
        if isinstance(data, list) and data and isinstance(data[0], list):
            self.window = [unescape(_TAG.sub("", message["content"][0]["text"])) for message in data[0]]

    def _event(self, part: str, name: str) -> dict[str, Any]:
        for event in self._events:
            if any(does == name and self._parts.get(one, {}).get("elem_id") == part for one, does in event["targets"]):
                return event
        raise LookupError(f"the page has no event {name!r} of {part!r}")

    def _join(self, event: dict[str, Any], data: list[Any]) -> None:
        body = {"data": data, "fn_index": event["id"], "session_hash": self._session}
        response, text = self._request("POST", f"{_API}/queue/join", json.dumps(body))
        if response.status == 503:
            raise RefusedError(text.decode())
        if response.status != 200:
            raise RuntimeError(f"event {event['id']} was answered {response.status}: {text!r}")

    def _request(self, method: str, path: str, body: str | None = None) -> tuple[http.client.HTTPResponse, bytes]:
        response = self._send(method, path, body)
        text = response.read()
        self._hang_up(-1)
        return response, text

    def _stream(self, path: str) -> http.client.HTTPResponse:
        response = self._send("GET", path)
        if response.status != 200:
            raise RuntimeError(f"{path} was answered {response.status}")
        return response

    def _send(self, method: str, path: str, body: str | None = None) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(self._host, timeout=PATIENCE)
        connection.request(method, path, body, self._headers)
        response = connection.getresponse()
        self._open.append((connection, response))
        return response

    def _hang_up(self, which: int) -> None:
        connection, response = self._open.pop(which)
        response.close()
        connection.close()


@contextmanager
def serving(environment: dict[str, str]) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run `citechat chat` in a separate process; yield its address and the process."""
    command = (*CITECHAT, "chat", "--no-browser", "--port", "0")
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    lines: list[str] = []
    told = threading.Event()

    def listen() -> None:  # to its end, or the server would wait for someone to read what it says
        assert process.stderr is not None
        for line in process.stderr:
            lines.append(line)
            if "http://" in line:
                told.set()
        told.set()

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        told.wait(PATIENCE)
        address = next((word for line in lines for word in line.split() if word.startswith("http://")), None)
        if address is None:
            raise RuntimeError(f"the chat did not start: {''.join(lines)[-2000:]}")
        yield address, process
    finally:
        process.terminate()
        process.wait()
        listener.join()
        if process.stderr is not None:
            process.stderr.close()


@contextmanager
def silent_llm() -> Iterator[str]:
    """Run an OpenAI-compatible server that sends one word for each question and then stalls; yield its address."""
    over = threading.Event()

    class Silent(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            delta = {"index": 0, "delta": {"role": "assistant", "content": "The "}, "finish_reason": None}
            chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "silent", "choices": [delta]}
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
                over.wait(PATIENCE)

        def log_message(self, *_: object) -> None:
            """Do not log requests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Silent)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def environment_of(home: Path, served: Path, **settings: str) -> dict[str, str]:
    """Return the environment for a process that serves a checkout, offline and with its own home."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CITECHAT_")}
    offline = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1", "OPENAI_API_KEY": "none"}
    ours = {f"CITECHAT_{name.upper()}": value for name, value in settings.items()}
    # Without a safe path, the folder that the bench is started from would be served.
    return {**kept, **offline, "PYTHONSAFEPATH": "1", "PYTHONPATH": str(served), "CITECHAT_HOME": str(home), **ours}
