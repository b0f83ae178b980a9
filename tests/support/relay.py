"""A mail server that does what a test tells it: refuse, defer, hang up before or after the final dot, lack PIPELINING."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.servers import free_port

HANG_UP = "hang up"


@dataclass
class Relay:
    """Behaviour and what was accepted. `at_rcpt` and `at_dot` take the address and give a reply, None is "OK"."""

    port: int = field(default_factory=free_port)
    at_rcpt: Callable[[str], str | None] = lambda _address: None
    at_dot: Callable[[str], str | None] = lambda _address: None
    pipelining: bool = True
    hangs_up_after_refusal: bool = False
    greeting: str = "220 relay.example.com ESMTP"
    extensions: tuple[str, ...] = ()
    accepted: list[str] = field(default_factory=list)
    messages: dict[str, bytes] = field(default_factory=dict)
    connections: int = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        try:
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self.greeting.encode() + b"\r\n")
        recipient = ""
        while line := (await reader.readline()).decode().strip():
            verb = line[:4].upper()
            if verb == "EHLO":
                words = ["relay.example.com", *(["PIPELINING"] if self.pipelining else []), *self.extensions]
                lines = [f"250-{word}" for word in words[:-1]] + [f"250 {words[-1]}"]
                writer.write("".join(f"{line}\r\n" for line in lines).encode())
            elif verb == "RCPT":
                address = line.partition("<")[2].partition(">")[0]
                refusal = self.at_rcpt(address)
                recipient = "" if refusal else address
                writer.write((refusal or "250 2.1.5 OK").encode() + b"\r\n")
                if refusal and self.hangs_up_after_refusal:
                    return
            elif verb == "DATA" and not recipient:
                writer.write(b"503 5.5.1 No recipient\r\n")
            elif verb == "DATA":
                writer.write(b"354 Go ahead\r\n")
                message = (await reader.readuntil(b"\r\n.\r\n")).removesuffix(b".\r\n")
                said = self.at_dot(recipient)
                if said == HANG_UP:
                    return
                if said is None:
                    self.accepted.append(recipient)
                    self.messages[recipient] = message
                writer.write((said or "250 2.0.0 Taken").encode() + b"\r\n")
            elif verb == "QUIT":
                writer.write(b"221 2.0.0 Bye\r\n")
                return
            else:
                writer.write(b"250 2.0.0 OK\r\n")


@contextmanager
def running_relay(relay: Relay) -> Iterator[Relay]:
    """Run the relay in a thread until the block ends."""
    loop = asyncio.new_event_loop()
    started = threading.Event()

    def run() -> None:
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(asyncio.start_server(relay.talk, "127.0.0.1", relay.port))
        started.set()
        loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.01))
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(5)
    try:
        yield relay
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
