"""A TCP proxy in user space that breaks connections on command: `tc netem` is not to be had everywhere.

Run as `python -m tests.chaos.proxy --control C --route NAME=PORT:TARGET …`. A command is `{"route": NAME, "fault": F,
"amount": N}` with one of these faults; it holds for the connections there are and for new ones until the next command.

none        let everything through
delay       each chunk is N seconds late
drop        a partition: nothing passes in either direction, nothing is refused; what was held passes afterwards
reset       every connection is reset, and every new one
reset_at    a connection is reset when N bytes have come from the client
half_close  the client is told that the server has ended; what it sends goes through
trickle     one byte a second
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.control import Command, serve_control

CHUNK = 65_536
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
FAULTS = ("none", "delay", "drop", "reset", "reset_at", "half_close", "trickle")


@dataclass
class Route:
    """One way through the proxy: its fault and the connections that are on it."""

    target: int
    fault: str = "none"
    amount: float = 0.0
    resets: int = 0
    connections: set[Connection] = field(default_factory=set)
    passes: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.passes.set()

    def switch(self, fault: str, amount: float = 0.0) -> None:
        """Change the fault."""
        assert fault in FAULTS, fault
        self.fault, self.amount = fault, amount
        if fault == "drop":
            self.passes.clear()
        else:
            self.passes.set()
        for connection in list(self.connections):
            if fault == "reset":
                connection.reset()
            elif fault == "half_close":
                connection.half_close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        connection = Connection(self, writer)
        self.connections.add(connection)
        try:
            await connection.carry(reader)
        finally:
            self.connections.discard(connection)


@dataclass(eq=False)
class Connection:
    """Both halves of one connection through the proxy."""

    route: Route
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    sent: int = 0

    async def carry(self, reader: asyncio.StreamReader) -> None:
        """Carry bytes both ways until either side ends."""
        await self.route.passes.wait()
        if self.route.fault == "reset":
            self.reset()
            return
        try:
            answers, self.server = await asyncio.open_connection("127.0.0.1", self.route.target)
        except OSError:
            self.reset()
            return
        await asyncio.gather(self._pump(reader, self.server, True), self._pump(answers, self.client, False))

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, from_client: bool
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                await self._pass(data, writer, from_client)
        with suppress(OSError, RuntimeError):
            writer.close()

    async def _pass(self, data: bytes, writer: asyncio.StreamWriter, from_client: bool) -> None:
        """Hand on a chunk as the fault wants it."""
        await self.route.passes.wait()
        while self.route.fault == "trickle" and len(data) > 1:
            writer.write(data[:1])
            data = data[1:]
            await asyncio.sleep(1)
        if self.route.fault == "delay":
            await asyncio.sleep(self.route.amount)
        self.sent += len(data) if from_client else 0
        writer.write(data)
        await writer.drain()
        if self.route.fault == "reset_at" and self.sent >= self.route.amount:
            self.reset()

    def reset(self) -> None:
        """RST to both sides."""
        self.route.resets += 1
        for writer in (self.client, self.server):
            if writer is not None and not writer.is_closing():
                raw: Any = writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                writer.transport.abort()

    def half_close(self) -> None:
        """FIN to the client; its own half stays open."""
        with suppress(OSError, RuntimeError):
            self.client.write_eof()


async def serve(control: int, routes: dict[str, tuple[int, int]]) -> None:
    """Listen until SIGTERM."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    made = {name: Route(target) for name, (_, target) in routes.items()}
    servers = [
        await asyncio.start_server(made[name].serve, "127.0.0.1", port, backlog=512)
        for name, (port, _) in routes.items()
    ]

    def handle(command: Command) -> Command:
        route = made[command["route"]]
        route.switch(command["fault"], command.get("amount", 0.0))
        return {"connections": len(route.connections), "resets": route.resets}

    servers.append(await serve_control(control, handle))
    await ended.wait()
    for server in servers:
        server.close()


def _route(text: str) -> tuple[str, tuple[int, int]]:
    name, _, ports = text.partition("=")
    port, _, target = ports.partition(":")
    return name, (int(port), int(target))


def main() -> None:
    """Run the proxy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--control", type=int, required=True)
    parser.add_argument("--route", type=_route, action="append", required=True)
    options = parser.parse_args()
    asyncio.run(serve(options.control, dict(options.route)))


if __name__ == "__main__":
    main()
