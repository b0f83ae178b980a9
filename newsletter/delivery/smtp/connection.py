"""One connection to a relay as an asyncio protocol: bytes out, replies in, and a clock that ends what takes too long.

asyncio and uvloop set TCP_NODELAY: the final dot is a second small write that Nagle's algorithm would otherwise hold.
The dialogue before the first message is in `opening`, the transactions are in `conversation`.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections import deque
from collections.abc import Callable
from typing import cast

from newsletter.delivery.smtp.parser import ProtocolError, ReplyParser
from newsletter.delivery.smtp.replies import Reply
from newsletter.delivery.smtp.target import SmtpTarget
from newsletter.delivery.smtp.trouble import COMMAND_SECONDS, CONNECT_SECONDS, ConnectionTrouble

_NEVER = float("inf")
_WATCH_SECONDS = 1.0
_LOOK = socket.MSG_PEEK | socket.MSG_DONTWAIT


def _nothing() -> None:
    pass


class SmtpConnection(asyncio.Protocol):
    """A connection. `on_reply`, `on_drained` and `on_lost` are set by the conversation that uses it."""

    def __init__(self, target: SmtpTarget) -> None:
        self.target = target
        self.extensions: dict[str, str] = {}
        self.lost: str | None = None
        #: We end it ourselves: its end is nobody's fault.
        self.is_leaving = False
        self.is_drained = True
        self.on_reply: Callable[[Reply], None] = self._keep
        self.on_drained: Callable[[], None] = _nothing
        self.on_lost: Callable[[str], None] = self._fail_waiter
        self._parser = ReplyParser()
        self._replies: deque[Reply] = deque()
        self._waiter: asyncio.Future[Reply] | None = None
        self._loop = asyncio.get_running_loop()
        self._deadline = _NEVER
        self._copy: socket.socket | None = None
        self._watch = self._loop.call_later(_WATCH_SECONDS, self._look_at_clock)

    @classmethod
    async def connect(cls, target: SmtpTarget, context: ssl.SSLContext | None) -> SmtpConnection:
        """Open the TCP connection, with TLS at once when a context is given.

        :raises ConnectionTrouble: with the reason in words.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, protocol = await loop.create_connection(
                    lambda: cls(target), target.host, target.port, ssl=context
                )
        except (OSError, TimeoutError, ssl.SSLError) as error:
            raise ConnectionTrouble(
                f"{target.host}:{target.port} cannot be reached: {error or 'timeout'}"
            ) from None
        return protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask to be told when every byte has left: a body written is not a body sent."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=0)
        if self._copy is None:  # once: TLS comes through here again, above the same socket
            self._copy = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))

    def pause_writing(self) -> None:
        """Note that bytes wait in the transport's buffer."""
        self.is_drained = False

    def resume_writing(self) -> None:
        """Tell the conversation that they have left."""
        self.is_drained = True
        self.on_drained()

    def data_received(self, data: bytes) -> None:
        """Hand on the replies that are complete."""
        try:
            for reply in self._parser.feed(data):
                if self.lost is not None:
                    return
                self.on_reply(reply)
        except ProtocolError as error:
            self.break_off(str(error))

    def eof_received(self) -> bool:
        """Close when the other side does; half-open SMTP connections are of no use."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Tell the conversation, once."""
        self._watch.cancel()
        if self._copy is not None:
            self._copy.close()
        if self.lost is None:
            self.lost = f"{self.target.host} closed the connection" + (f": {error}" if error else ".")
        self.is_drained = True
        self.on_lost(self.lost)

    def is_gone(self) -> bool:
        """Say whether the other side has closed or reset the connection, also when the loop has not been told yet.

        A dot written then never leaves, and its row would be one that nobody can know about.
        """
        if self.lost is not None or self._copy is None:
            return True
        try:
            return not self._copy.recv(1, _LOOK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def write(self, data: bytes, *, within: float) -> None:
        """Write; something must come back within so many seconds."""
        self._deadline = self._loop.time() + within
        self._transport.write(data)

    @property
    def tls_version(self) -> str | None:
        """The version of TLS in use, such as `TLSv1.3`; None in the clear."""
        secured: ssl.SSLObject | None = self._transport.get_extra_info("ssl_object")
        return secured.version() if secured is not None else None

    def wait_for_us(self) -> None:
        """Stop the clock: the next move is ours."""
        self._deadline = _NEVER

    def break_off(self, why: str) -> None:
        """Drop the connection at once, for a reason."""
        if self.lost is None:
            self.lost = why
            self._transport.abort()

    def abort(self) -> None:
        """Drop the connection at once."""
        self.is_leaving = True
        self.break_off("closed by us")

    def _look_at_clock(self) -> None:
        if self._loop.time() > self._deadline:
            self.break_off(f"{self.target.host} did not answer in time")
            return
        self._watch = self._loop.call_later(_WATCH_SECONDS, self._look_at_clock)

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Secure the connection; what the server said before is forgotten (CVE-2011-0411).

        :raises ConnectionTrouble: when the certificate is not the host's, or the handshake fails.
        """
        self._replies.clear()
        self._parser = ReplyParser()
        self.wait_for_us()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                made = await self._loop.start_tls(
                    self._transport, self, context, server_hostname=self.target.host
                )
        except (OSError, TimeoutError, ssl.SSLError) as error:
            self.abort()
            raise ConnectionTrouble(f"TLS with {self.target.host} failed: {error or 'timeout'}") from None
        if made is None:
            raise ConnectionTrouble(f"{self.target.host} closed the connection during TLS.")
        self.connection_made(made)

    async def command(self, line: str, *, within: float = COMMAND_SECONDS) -> Reply:
        """Send one command outside a conversation and return its reply.

        :raises ConnectionTrouble: when there is none.
        """
        if self.lost is None:
            self.write(line.encode("ascii") + b"\r\n", within=within)
        return await self.reply(within)

    async def reply(self, within: float) -> Reply:
        """Return the next reply outside a conversation.

        :raises ConnectionTrouble: when there is none.
        """
        if self._replies:
            return self._replies.popleft()
        if self.lost is not None:
            raise ConnectionTrouble(self.lost)
        self._deadline = self._loop.time() + within
        self._waiter = self._loop.create_future()
        try:
            return await self._waiter
        finally:
            self._waiter = None
            self.wait_for_us()

    def _keep(self, reply: Reply) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(reply)
        else:
            self._replies.append(reply)

    def _fail_waiter(self, why: str) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(ConnectionTrouble(why))
