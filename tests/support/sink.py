"""An SMTP server in a process of its own that keeps every message it accepted, for tests and benchmarks.

Run as `python -m tests.support.sink --port P --store FILE [--delay SECONDS]`. Each accepted message is appended to the
store and its envelope to FILE.index before the final reply goes out: what was answered with 250 is in both.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tests.servers import free_port, listens, wait_for


@dataclass(frozen=True)
class Accepted:
    """One message the sink took: envelope and bytes as they came over the wire, dots unstuffed."""

    sender: str
    recipient: str
    message: bytes


@dataclass
class Sink:
    """A running sink."""

    port: int
    store: Path
    process: subprocess.Popen[bytes]

    def accepted(self) -> Iterator[Accepted]:
        """Yield what was accepted so far, in order."""
        with self.store.open("rb") as messages, index_of(self.store).open("rb") as index:
            for line in index:
                envelope = json.loads(line)
                yield Accepted(envelope["from"], envelope["to"], messages.read(envelope["size"]))

    def count(self) -> int:
        """Return how many messages were accepted so far."""
        return index_of(self.store).read_bytes().count(b"\n")


def index_of(store: Path) -> Path:
    """Return the file of envelopes beside a store of messages."""
    return store.with_suffix(".index")


@contextmanager
def running_sink(folder: Path, *, delay: float = 0.0) -> Iterator[Sink]:
    """Run a sink until the block ends; `delay` seconds pass before each final reply."""
    port, store = free_port(), folder / "sink.store"
    store.touch()
    index_of(store).touch()
    command = [
        sys.executable,
        "-m",
        "tests.support.sink",
        f"--port={port}",
        f"--store={store}",
        f"--delay={delay}",
    ]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[2])
    try:
        wait_for(lambda: listens(port), "the sink's start")
        yield Sink(port, store, process)
    finally:
        process.terminate()
        process.wait(10)


class SinkProtocol(asyncio.Protocol):
    """One connection: enough of RFC 5321 and PIPELINING (RFC 2920) for a sender."""

    def __init__(self, store: BinaryIO, index: BinaryIO, delay: float) -> None:
        self._store, self._index, self._delay = store, index, delay
        self._buffer = bytearray()
        self._in_data = self._is_waiting = False
        self._sender = self._recipient = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"220 sink.example.com ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        """Take bytes as they come; what is pipelined behind a message waits for its reply."""
        self._buffer += data
        self._go_on()

    def _go_on(self) -> None:
        while not self._is_waiting and (self._message() if self._in_data else self._line()):
            pass

    def _taken(self) -> None:
        self._is_waiting = False
        self._transport.write(b"250 2.0.0 Taken\r\n")
        self._go_on()

    def _message(self) -> bool:
        end = self._buffer.find(b"\r\n.\r\n")
        if end < 0:
            return False
        message = bytes(self._buffer[: end + 2]).replace(b"\r\n..", b"\r\n.")
        del self._buffer[: end + 5]
        self._in_data = False
        self._keep(message)
        if self._delay:
            self._is_waiting = True
            asyncio.get_running_loop().call_later(self._delay, self._taken)
        else:
            self._transport.write(b"250 2.0.0 Taken\r\n")
        return True

    def _keep(self, message: bytes) -> None:
        head = {"from": self._sender, "to": self._recipient, "size": len(message)}
        self._store.write(message)
        self._store.flush()
        self._index.write(json.dumps(head).encode() + b"\n")
        self._index.flush()

    def _line(self) -> bool:
        line, found, rest = bytes(self._buffer).partition(b"\r\n")
        if not found:
            return False
        self._buffer = bytearray(rest)
        self._transport.write(self._answer(line.decode("ascii", "replace")))
        return not self._transport.is_closing()

    def _answer(self, line: str) -> bytes:
        verb = line[:4].upper()
        if verb == "EHLO":
            return b"250-sink.example.com\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n"
        if verb == "MAIL":
            self._sender = line.partition("<")[2].partition(">")[0]
        elif verb == "RCPT":
            self._recipient = line.partition("<")[2].partition(">")[0]
        elif verb == "DATA":
            self._in_data = True
            return b"354 Go ahead\r\n"
        elif verb == "QUIT":
            self._transport.write(b"221 2.0.0 Bye\r\n")
            self._transport.close()
            return b""
        return b"250 2.0.0 OK\r\n"


async def serve(port: int, store: Path, delay: float) -> None:
    """Listen until SIGTERM."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    with store.open("ab") as messages, index_of(store).open("ab") as index:
        server = await loop.create_server(
            lambda: SinkProtocol(messages, index, delay), "127.0.0.1", port, backlog=512
        )
        await ended.wait()
        server.close()


def main() -> None:
    """Run the sink."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--delay", type=float, default=0.0)
    options = parser.parse_args()
    asyncio.run(serve(options.port, options.store, options.delay))


if __name__ == "__main__":
    main()
