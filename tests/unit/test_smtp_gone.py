"""A connection that the other side has ended is known to be gone before the event loop tells."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Callable

import pytest

from newsletter.delivery.sending.engine import new_loop
from newsletter.delivery.smtp.connection import SmtpConnection
from newsletter.delivery.smtp.target import SmtpTarget

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def reset(server: socket.socket) -> None:
    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    server.close()


def greet(server: socket.socket) -> None:
    server.sendall(b"220 relay.example.com\r\n")


@pytest.mark.parametrize("loop_factory", [new_loop, asyncio.new_event_loop])
@pytest.mark.parametrize(
    ("act", "gone"), [(reset, True), (socket.socket.close, True), (greet, False), (lambda _: None, False)]
)
def test_an_end_is_seen_before_the_loop_tells(
    act: Callable[[socket.socket], None], gone: bool, loop_factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def look() -> tuple[bool, str | None]:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            target = SmtpTarget("127.0.0.1", listening.getsockname()[1])
            connection = await SmtpConnection.connect(target, None)
            server, _ = listening.accept()
            act(server)
            time.sleep(0.02)  # the loop must not turn meanwhile
            found = connection.is_gone(), connection.lost
            connection.abort()
            await asyncio.sleep(0)
            server.close()
            return found

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        assert runner.run(look()) == (gone, None)
