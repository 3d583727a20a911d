"""An OpenAI-compatible server on loopback whose replies are computed from the prompts, for the other benchmarks."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_QUESTION = re.compile(r"<question>\n(.*?)\n</question>", re.DOTALL)


@contextmanager
def serving(reply: Callable[[str], str]) -> Iterator[str]:
    """Serve until the block ends, and yield the base URL. `reply` maps the last message of a prompt to the reply."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            said = reply(body["messages"][-1]["content"])
            head = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": body["model"]}
            deltas: list[tuple[dict[str, str], str | None]] = [({"role": "assistant", "content": ""}, None)]
            deltas += [({"content": part}, None) for part in re.findall(r"(?s).{1,12}", said)] + [({}, "stop")]
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            for delta, reason in deltas:
                chunk = head | {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
                self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
            self.wfile.write(b"data: [DONE]\n\n")

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def question_in(prompt: str) -> str:
    """Return the question in a prompt."""
    found = _QUESTION.search(prompt)
    return found[1] if found else ""


def to_translate(prompt: str) -> str | None:
    """Return the question in a prompt that asks to translate or rewrite it, or None for a prompt with documents."""
    return None if "<document" in prompt else question_in(prompt)
