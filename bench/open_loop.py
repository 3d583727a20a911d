"""Send questions at a fixed rate, whether or not earlier questions were answered. Run this as a separate process.

    python bench/open_loop.py --questions FILE --out FILE --rate 200 --seconds 60 ADDRESS …

The questions go to the addresses in turn. If nothing listens at an address, the question goes to the next address, as
with a proxy, and the first address is skipped for a second. A question that was sent is never sent again. A wait is
measured from the time at which the question was due, including the wait for a free connection, so a stalled server
cannot make the benchmark ask less.

`--questions` names a file with a JSON list of texts. The report is JSON: a row for each question, and the CPU time
used by this process.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import h11

PATIENCE = 30.0
"""Time after which a question counts as lost, in seconds from the time at which it was due."""

MOST_CONNECTIONS = 256
"""Maximum number of connections to each address; further questions wait for a free connection."""

_LEFT_ALONE = 1.0  # seconds during which nothing is sent to an address where nobody listened
_CHUNK = 65_536


@dataclass(slots=True)
class Response:
    """The outcome of one question. Times are in seconds since the epoch; `lost` says why a question got no reply."""

    question: int
    due: float
    sent: float = 0.0
    ended: float = 0.0
    address: int = -1
    status: int = 0
    shed: bool = False
    lost: str = ""
    body: str = ""


class Address:
    """A server's address, and the open connections to it."""

    def __init__(self, address: str) -> None:
        self.host = urlsplit(address).hostname or ""
        self.port = urlsplit(address).port or 80
        self.free: deque[tuple[asyncio.StreamReader, asyncio.StreamWriter, h11.Connection]] = deque()
        self.places = asyncio.Semaphore(MOST_CONNECTIONS)
        self.alone_until = 0.0

    async def ask(self, body: bytes, response: Response) -> None:
        """Send a question, and record the reply. Raises `ConnectionRefusedError` if nothing listens at the address."""
        async with self.places:
            # One that the server has closed in the meantime would lose a question that was not its fault.
            while self.free and (self.free[0][0].at_eof() or self.free[0][1].is_closing()):
                self.free.popleft()[1].close()
            if self.free:
                reader, writer, connection = self.free.popleft()
            else:
                reader, writer = await asyncio.open_connection(self.host, self.port)
                connection = h11.Connection(h11.CLIENT)
            kept = False
            try:
                response.sent = time.time()
                await self._exchange(reader, writer, connection, body, response)
                kept = connection.our_state is connection.their_state is h11.DONE
            finally:
                if kept:
                    connection.start_next_cycle()
                    self.free.append((reader, writer, connection))
                else:
                    writer.close()

    async def _exchange(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        connection: h11.Connection,
        body: bytes,
        response: Response,
    ) -> None:
        headers = [("Host", f"{self.host}:{self.port}"), ("Content-Type", "application/json")]
        request = h11.Request(method="POST", target="/v1/ask", headers=[*headers, ("Content-Length", str(len(body)))])
        sent = (connection.send(request), connection.send(h11.Data(body)), connection.send(h11.EndOfMessage()))
        writer.write(b"".join(part or b"" for part in sent))
        parts: list[bytes] = []
        status = 0
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(_CHUNK))
            elif isinstance(event, h11.Response):
                status = event.status_code
                response.shed = status in (429, 503) and any(name == b"retry-after" for name, _ in event.headers)
            elif isinstance(event, h11.Data):
                parts.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                response.status, response.body = status, b"".join(parts).decode("utf-8", "replace")
                return
            elif isinstance(event, h11.ConnectionClosed):
                raise ConnectionResetError("closed before the reply")


async def ask(addresses: Sequence[Address], first: int, body: bytes, response: Response) -> None:
    """Ask the address whose turn it is or, if nothing listens there, the next address, and record the outcome."""
    turns = [(first + step) % len(addresses) for step in range(len(addresses))]
    listening = [turn for turn in turns if addresses[turn].alone_until <= time.monotonic()]
    try:
        async with asyncio.timeout(max(0.0, response.due + PATIENCE - time.time())):
            for turn in listening or turns:
                response.address = turn
                try:
                    await addresses[turn].ask(body, response)
                except ConnectionRefusedError:
                    response.lost = "nobody listens (502 of a proxy)"
                    addresses[turn].alone_until = time.monotonic() + _LEFT_ALONE
                    continue
                except (OSError, h11.RemoteProtocolError):
                    response.lost = "cut off (502 of a proxy)"
                return
    except TimeoutError:
        response.lost = f"no reply within {PATIENCE:.0f} s"
    finally:
        response.ended = time.time()


async def offer(addresses: Sequence[str], questions: Sequence[str], rate: float, seconds: float) -> list[Response]:
    """Ask `rate` questions per second for `seconds` seconds, evenly spaced, and return all outcomes."""
    servers = [Address(address) for address in addresses]
    bodies = [json.dumps({"question": question}).encode() for question in questions]
    rows: list[Response] = []
    asked: set[asyncio.Task[None]] = set()
    begin = time.time() + 0.1
    for number in range(round(rate * seconds)):
        due = begin + number / rate
        # Late or not, what is due is sent at once: nobody's question waits for those of others.
        if (pause := due - time.time()) > 0:
            await asyncio.sleep(pause)
        response = Response(number % len(questions), due)
        rows.append(response)
        task = asyncio.create_task(ask(servers, number % len(servers), bodies[response.question], response))
        asked.add(task)
        task.add_done_callback(asked.discard)
    while asked:
        await asyncio.wait(asked)
    for server in servers:
        for _, writer, _ in server.free:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask the questions, and write the outcomes to a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("addresses", nargs="+", metavar="ADDRESS")
    parser.add_argument("--questions", type=Path, required=True, metavar="FILE")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument("--rate", type=float, default=200.0, help="questions a second")
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args(arguments)
    questions = json.loads(options.questions.read_text(encoding="utf-8"))
    gc.disable()  # its pauses would be counted as the servers'
    began, used = time.monotonic(), time.process_time()
    rows = asyncio.run(offer(options.addresses, questions, options.rate, options.seconds))
    wall, used = time.monotonic() - began, time.process_time() - used
    report = {"wall": wall, "processor": used, "rows": [asdict(row) for row in rows]}
    options.out.write_text(json.dumps(report), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
