"""A control socket: one JSON object a line tells a fault-making process what to do, and it answers with one."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

Command = dict[str, Any]
Handler = Callable[[Command], Command]
ANSWER_SECONDS = 10


async def serve_control(port: int, handle: Handler) -> asyncio.Server:
    """Listen on the loopback; each line is handed to `handle`, whose result is the answer."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(json.dumps(handle(json.loads(line))).encode() + b"\n")
            await writer.drain()
        writer.close()

    return await asyncio.start_server(talk, "127.0.0.1", port)


def ask(port: int, **command: Any) -> Command:
    """Send one command and return the answer."""
    with socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS) as connection:
        connection.sendall(json.dumps(command).encode() + b"\n")
        with connection.makefile("rb") as file:
            answer: Command = json.loads(file.readline())
    return answer
