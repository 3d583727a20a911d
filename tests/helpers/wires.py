"""What the servers of language models send, byte for byte, and a server that plays it, faults and all."""

from __future__ import annotations

import json
import socket
import socketserver
import struct
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages", "ollama": "/api/chat"}
_STREAMED = {"openai": "text/event-stream", "anthropic": "text/event-stream", "ollama": "application/x-ndjson"}


def openai_wire(pieces: list[str], reason: str | None = "stop") -> str:
    """The events of OpenAI's chat completions; without a reason they break off."""
    deltas: list[tuple[dict[str, str], str | None]] = [
        ({"role": "assistant", "content": text}, None) for text in pieces
    ]
    deltas += [({}, reason)] if reason else []
    chunks = [
        {
            "id": "1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "tiny",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        }
        for delta, finish in deltas
    ]
    return "".join(f"data: {_json(chunk)}\n\n" for chunk in chunks) + ("data: [DONE]\n\n" if reason else "")


ANTHROPIC_START = {
    "type": "message_start",
    "message": {
        "id": "1",
        "type": "message",
        "role": "assistant",
        "model": "tiny",
        "content": [],
        "stop_reason": None,
        "usage": {"input_tokens": 9, "output_tokens": 1},
    },
}
"""The first event of a message of Anthropic."""


def anthropic_wire(pieces: list[str], reason: str | None = "end_turn") -> str:
    """The events of Anthropic's messages; without a reason they break off."""
    events: list[dict[str, Any]] = [
        ANTHROPIC_START,
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
            for text in pieces
        ),
    ]
    if reason:
        delta = {"stop_reason": reason, "stop_sequence": None}
        events += [
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 5}},
            {"type": "message_stop"},
        ]
    return "".join(f"event: {event['type']}\ndata: {_json(event)}\n\n" for event in events)


def ollama_wire(pieces: list[str], reason: str | None = "stop") -> str:
    """The lines of Ollama's chat; without a reason they break off."""
    lines: list[dict[str, Any]] = [
        {"model": "tiny", "message": {"role": "assistant", "content": text}, "done": False} for text in pieces
    ]
    if reason:
        end = {"model": "tiny", "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": reason}
        lines.append(end | {"prompt_eval_count": 9, "eval_count": 5})
    return "".join(_json(line) + "\n" for line in lines)


WIRES = {"openai": openai_wire, "anthropic": anthropic_wire, "ollama": ollama_wire}


def whole(provider: str, text: str) -> str:
    """A reply that is not streamed. Ollama's client streams all the same, and joins the lines."""
    if provider == "openai":
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}
        return _json(
            {"id": "1", "object": "chat.completion", "created": 1, "model": "tiny", "choices": [choice], "usage": usage}
        )
    if provider == "anthropic":
        content = [{"type": "text", "text": text}]
        usage = {"input_tokens": 9, "output_tokens": 5}
        message = {"id": "1", "type": "message", "role": "assistant", "model": "tiny", "content": content}
        return _json(message | {"stop_reason": "end_turn", "stop_sequence": None, "usage": usage})
    return ollama_wire([text])


def refusal(provider: str, message: str) -> str:
    """The body of a reply that is none."""
    return _json({"error": message if provider == "ollama" else {"type": "error", "message": message}})


def reply(provider: str, body: str | bytes, status: int = 200, **headers: str) -> bytes:
    """A response as it goes over the wire; it ends where the connection does."""
    kind = _STREAMED[provider] if status == 200 and not _is_whole(body) else "application/json"
    lines = [f"HTTP/1.1 {status} Said", f"Content-Type: {kind}; charset=utf-8", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + (body.encode() if isinstance(body, str) else body)


class Reset:
    """The server hangs up without a word."""


Act = bytes | Reset | threading.Event
"""What a scene is made of: bytes to send, a connection to reset, or something to wait for."""


class WireServer(socketserver.ThreadingTCPServer):
    """Plays one scene for each request, the last one again and again, and keeps what it was sent."""

    daemon_threads = True

    def __init__(self, scenes: Iterable[Iterable[Act]]) -> None:
        super().__init__(("127.0.0.1", 0), _Player)
        self.scenes = [list(scene) for scene in scenes]
        self.requests: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Player(socketserver.StreamRequestHandler):
    server: WireServer

    def handle(self) -> None:
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        length = 0
        while line := self.rfile.readline().strip():
            name, _, value = line.decode().partition(":")
            length = int(value) if name.lower() == "content-length" else length
        self.server.requests.append(json.loads(self.rfile.read(length) or b"{}"))
        scenes = self.server.scenes
        for act in scenes.pop(0) if len(scenes) > 1 else scenes[0]:
            if isinstance(act, bytes):
                self.wfile.write(act)
                self.wfile.flush()
            elif isinstance(act, Reset):
                # A socket that lingers for no time is closed by a reset.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                return
            else:
                act.wait(300)


@contextmanager
def serving(*scenes: Iterable[Act]) -> Iterator[WireServer]:
    """A server that plays these scenes; what they wait for in vain is let go at the end."""
    with WireServer(scenes) as server:
        waits = [act for scene in server.scenes for act in scene if isinstance(act, threading.Event)]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            for wait in waits:
                wait.set()
            server.shutdown()
            thread.join()


def _is_whole(body: str | bytes) -> bool:
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    return text.startswith("{") and text.count("\n") == 0


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
