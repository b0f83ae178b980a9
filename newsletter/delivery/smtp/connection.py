"""One connection to a relay: greeting, TLS, sign-in, transactions with the final dot held back.

Timeouts are those of RFC 5321 §4.5.3.2. asyncio sets TCP_NODELAY: the dot is a second small write that Nagle's algorithm
would otherwise hold. Messages come with CRLF line ends, 7-bit, and without a dot at a line's start (rendering writes
=2E), so nothing is stuffed here but as a safety.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import socket
import ssl
from collections import deque
from collections.abc import Awaitable, Callable

from newsletter.delivery.replies import Reply
from newsletter.delivery.smtp.parser import ProtocolError, ReplyParser
from newsletter.delivery.smtp.target import SmtpTarget

GREETING_SECONDS = 60.0
COMMAND_SECONDS = 300.0
BLOCK_SECONDS = 180.0
DOT_SECONDS = 600.0
CONNECT_SECONDS = 20.0
DOT = b".\r\n"


class ConnectionTrouble(Exception):
    """The relay cannot be used now; nobody's address is to blame. No final dot was written for the current message."""


class Unanswered(Exception):
    """The final dot was written and no reply came: the message's fate cannot be known."""


class SmtpConnection:
    """An open connection."""

    def __init__(
        self, target: SmtpTarget, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._target = target
        self._reader, self._writer = reader, writer
        self._parser = ReplyParser()
        self._replies: deque[Reply] = deque()
        self.extensions: dict[str, str] = {}
        self.sent_count = 0
        self.is_usable = True

    @classmethod
    async def open(cls, target: SmtpTarget, *, helo: str | None = None) -> SmtpConnection:
        """Connect, greet, secure and sign in.

        :raises ConnectionTrouble: with the reason in words.
        """
        context = ssl.create_default_context() if target.security != "none" else None
        implicit = context if target.security == "tls" else None
        try:
            reader, writer = await asyncio.wait_for(
                asyncio.open_connection(target.host, target.port, ssl=implicit, limit=1 << 16),
                CONNECT_SECONDS,
            )
        except (OSError, TimeoutError, ssl.SSLError) as error:
            raise ConnectionTrouble(
                f"{target.host}:{target.port} cannot be reached: {error or 'timeout'}"
            ) from None
        connection = cls(target, reader, writer)
        try:
            await connection._begin(helo or socket.getfqdn(), context)
        except BaseException:
            connection.abort()
            raise
        return connection

    async def _begin(self, helo: str, context: ssl.SSLContext | None) -> None:
        await self._expect(await self._reply(GREETING_SECONDS), 220, "greeting")
        await self._hello(helo)
        if self._target.security == "starttls" and context is not None:
            if "STARTTLS" not in self.extensions:
                raise ConnectionTrouble(
                    f"{self._target.host} offers no STARTTLS; refusing to send in the clear."
                )
            await self._expect(await self.command("STARTTLS"), 220, "STARTTLS")
            self._replies.clear()  # what came before TLS is not believed (CVE-2011-0411)
            self._parser = ReplyParser()
            try:
                await self._writer.start_tls(context, server_hostname=self._target.host)
            except (OSError, ssl.SSLError) as error:
                raise ConnectionTrouble(f"TLS with {self._target.host} failed: {error}") from None
            await self._hello(helo)
        if self._target.username:
            await self._sign_in()

    async def _hello(self, helo: str) -> None:
        verb = "LHLO" if self._target.lmtp else "EHLO"
        reply = await self.command(f"{verb} {helo}")
        if reply.code != 250 and not self._target.lmtp:
            reply = await self.command(f"HELO {helo}")
        await self._expect(reply, 250, verb)
        self.extensions = self._offered(reply)

    @staticmethod
    def _offered(reply: Reply) -> dict[str, str]:
        words = reply.text.split()
        known = ("PIPELINING", "STARTTLS", "SMTPUTF8", "8BITMIME", "SIZE", "AUTH", "CHUNKING")
        offered = {word.upper(): "" for word in words if word.upper() in known}
        if "AUTH" in offered:
            offered["AUTH"] = reply.text.upper()
        return offered

    async def _sign_in(self) -> None:
        user, password = self._target.username, self._target.password
        if "LOGIN" in self.extensions.get("AUTH", "") and "PLAIN" not in self.extensions.get("AUTH", ""):
            await self._expect(await self.command("AUTH LOGIN"), 334, "AUTH")
            await self._expect(await self.command(_b64(user)), 334, "AUTH")
            reply = await self.command(_b64(password))
        else:
            reply = await self.command("AUTH PLAIN " + _b64(f"\0{user}\0{password}"))
        await self._expect(reply, 235, "sign-in")

    async def _expect(self, reply: Reply, code: int, what: str) -> None:
        if reply.code != code:
            raise ConnectionTrouble(f"{self._target.host} answered {reply.line} to the {what}.")

    async def command(self, line: str) -> Reply:
        """Send one command and return its reply."""
        await self._write(line.encode("ascii") + b"\r\n", COMMAND_SECONDS)
        return await self._reply(COMMAND_SECONDS)

    async def deliver(
        self, sender: str, recipient: str, message: bytes, may_commit: Callable[[], Awaitable[bool]]
    ) -> Reply | None:
        """Run one transaction; `may_commit` is awaited when the whole body is out and only the final dot is missing.

        Returns the reply that decides (to MAIL, RCPT, DATA or the dot); None when `may_commit` said no, after which the
        connection is closed (DATA cannot be taken back otherwise).

        :raises ConnectionTrouble: before the final dot.
        :raises Unanswered: after it.
        """
        refused = await self._envelope(sender, recipient)
        if refused is not None:
            return refused
        await self._write(message if message.endswith(b"\r\n") else message + b"\r\n", BLOCK_SECONDS)
        if not await may_commit():
            self.abort()
            return None
        try:
            await self._write(DOT, BLOCK_SECONDS)
            reply = await self._reply(DOT_SECONDS)
        except ConnectionTrouble as error:
            raise Unanswered(str(error)) from None
        self.sent_count += 1
        return reply

    async def _envelope(self, sender: str, recipient: str) -> Reply | None:
        """Open a transaction; return the reply that refuses it, or None when the message may follow.

        A refusal counts even when the server hangs up right after it; then this connection is not used again.
        """
        replies: list[Reply] = []
        try:
            await self._exchange([f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>", "DATA"], replies)
            if replies[-1].code == 354 and len(replies) == 3 and _refusal(replies) is None:
                return None
            await self._end_refused(replies)
        except ConnectionTrouble:
            self.is_usable = False
            if _refusal(replies) is None:
                raise
        decisive = _refusal(replies) or replies[-1]
        if decisive.code == 421:
            raise ConnectionTrouble(f"{self._target.host} answered {decisive.line}")
        return decisive

    async def _exchange(self, commands: list[str], replies: list[Reply]) -> None:
        """Send the commands, at once where the server takes that (RFC 2920); note each reply as it comes."""
        if "PIPELINING" in self.extensions:
            await self._write("".join(f"{line}\r\n" for line in commands).encode("ascii"), COMMAND_SECONDS)
            for _ in commands:
                replies.append(await self._reply(COMMAND_SECONDS))  # noqa: PERF401 - what came is kept when the next does not
            return
        for line in commands:
            replies.append(await self.command(line))
            if not replies[-1].is_positive:
                return

    async def _end_refused(self, replies: list[Reply]) -> None:
        if (
            replies[-1].code == 354
        ):  # some servers open DATA although no recipient was taken: end the empty message
            await self._write(DOT, BLOCK_SECONDS)
            await self._reply(DOT_SECONDS)
        await self._expect(await self.command("RSET"), 250, "RSET")

    async def _write(self, data: bytes, seconds: float) -> None:
        """Write and wait until the transport's buffer is down: a body written is not a body sent."""
        try:
            self._writer.write(data)
            await asyncio.wait_for(self._writer.drain(), seconds)
        except (OSError, TimeoutError, RuntimeError) as error:
            raise ConnectionTrouble(
                f"the connection to {self._target.host} broke: {error or 'timeout'}"
            ) from None

    async def _reply(self, seconds: float) -> Reply:
        try:
            async with asyncio.timeout(seconds):
                while not self._replies:
                    data = await self._reader.read(1 << 16)
                    if not data:
                        raise ConnectionTrouble(f"{self._target.host} closed the connection.")
                    self._replies.extend(self._parser.feed(data))
        except (OSError, TimeoutError, ProtocolError, ssl.SSLError) as error:
            raise ConnectionTrouble(f"{self._target.host} did not answer: {error or 'timeout'}") from None
        return self._replies.popleft()

    async def quit(self) -> None:
        """Say goodbye; never raises."""
        with contextlib.suppress(ConnectionTrouble, OSError, TimeoutError):
            async with asyncio.timeout(2):
                await self.command("QUIT")
        self.abort()

    def abort(self) -> None:
        """Drop the connection at once."""
        with contextlib.suppress(Exception):
            self._writer.transport.abort()


def _refusal(replies: list[Reply]) -> Reply | None:
    """Return the first reply to MAIL or RCPT that says no."""
    return next((reply for reply in replies[:2] if not reply.is_positive), None)


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
