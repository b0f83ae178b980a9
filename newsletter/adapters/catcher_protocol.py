"""SMTP as the mail catcher speaks it: RFC 5321 with PIPELINING, SIZE, 8BITMIME and SMTPUTF8, fast and forgiving."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from newsletter.adapters.caught_mail import CaughtMailWriter

Refuse = Callable[[str], str | None]

LARGEST: Final = 32 * 1024 * 1024
MOST_RECIPIENTS: Final = 1000
_LONGEST_LINE: Final = 4096
_END: Final = b"\r\n.\r\n"
_PATH: Final = re.compile(r"(?:from|to):\s?<([^<>\s]*)>(.*)", re.IGNORECASE | re.DOTALL)
_SIZE: Final = re.compile(r"\bsize=(\d{1,15})\b", re.IGNORECASE)
_EXTENSIONS: Final = ("PIPELINING", f"SIZE {LARGEST}", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
_TOO_LARGE: Final = "552 5.3.4 Message is too large"
_SYNTAX: Final = "501 5.5.4 Syntax error in the address"


class CatcherProtocol(asyncio.Protocol):
    """One connection; `connected` is the server's set of living connections."""

    def __init__(self, writer: CaughtMailWriter, refuse: Refuse, connected: set[asyncio.Transport]) -> None:
        self._writer, self._refuse, self._connected = writer, refuse, connected
        self._buffer = bytearray()
        self._searched = 0
        self._in_data = self._too_large = False
        self._reset()

    def _reset(self) -> None:
        self._sender: str | None = None
        self._recipients: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connected.add(transport)
        self._say("220 localhost ESMTP mail catcher: nothing is delivered from here")

    def connection_lost(self, _error: Exception | None) -> None:
        """Forget the connection, and a message that never ended."""
        self._connected.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        """Take commands and messages as they come, many at once when the client pipelines."""
        self._buffer += data
        while not self._transport.is_closing() and (
            self._take_message() if self._in_data else self._take_line()
        ):
            pass

    def _say(self, line: str) -> None:
        if line:
            self._transport.write(line.encode("ascii", "replace") + b"\r\n")

    def _take_line(self) -> bool:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            if len(self._buffer) > _LONGEST_LINE:
                self._say("500 5.5.2 Line too long")
                self._transport.close()
            return False
        line = self._buffer[:end].decode("utf-8", "replace")
        del self._buffer[: end + 2]
        self._obey(line)
        return True

    def _obey(self, line: str) -> None:
        verb, _, argument = line.strip().partition(" ")
        command = self._commands.get(verb.upper())
        if command is None:
            self._say("500 5.5.2 Command not known")
        else:
            self._say(command(self, argument.strip()))

    def _ehlo(self, _argument: str) -> str:
        self._reset()
        lines = ["localhost", *_EXTENSIONS]
        return "\r\n".join([*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}"])

    def _helo(self, _argument: str) -> str:
        self._reset()
        return "250 localhost"

    def _mail(self, argument: str) -> str:
        match = _PATH.match(argument)
        if match is None:
            return _SYNTAX
        if self._sender is not None:
            return "503 5.5.1 One sender a message"
        announced = _SIZE.search(match[2])
        if announced and int(announced[1]) > LARGEST:
            return _TOO_LARGE
        self._sender = match[1]
        return "250 2.1.0 Ok"

    def _rcpt(self, argument: str) -> str:
        match = _PATH.match(argument)
        if self._sender is None:
            return "503 5.5.1 Say MAIL FROM first"
        if match is None or not match[1]:
            return _SYNTAX
        if len(self._recipients) >= MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        refusal = self._refuse(match[1])
        if refusal is not None:
            return refusal
        self._recipients.append(match[1])
        return "250 2.1.5 Ok"

    def _data(self, _argument: str) -> str:
        if not self._recipients:
            return "503 5.5.1 No recipients" if self._sender is None else "554 5.5.1 No valid recipients"
        # With the line end before it, a message that starts with a dot needs no rule of its own.
        self._buffer[:0] = b"\r\n"
        self._in_data, self._too_large, self._searched = True, False, 0
        return "354 End with a dot on a line of its own"

    def _take_message(self) -> bool:
        end = self._buffer.find(_END, self._searched)
        if end < 0:
            self._wait_for_more()
            return False
        raw = bytes(self._buffer[: end + 2])
        del self._buffer[: end + len(_END)]
        self._in_data = False
        if self._too_large or len(raw) > LARGEST:
            self._say(_TOO_LARGE)
        else:
            self._keep(raw.replace(b"\r\n..", b"\r\n.")[2:])
        self._reset()
        return True

    def _wait_for_more(self) -> None:
        self._searched = max(0, len(self._buffer) - len(_END))
        if len(self._buffer) > LARGEST:
            self._too_large = True
            del self._buffer[: self._searched]
            self._searched = 0

    def _keep(self, message: bytes) -> None:
        try:
            mail_id = self._writer.add(self._sender or "", self._recipients, message, datetime.now(UTC))
        except OSError as error:
            self._say(f"452 4.3.1 Cannot store the message: {error.strerror}")
        else:
            self._say(f"250 2.0.0 Caught as {mail_id}")

    def _rset(self, _argument: str) -> str:
        self._reset()
        return "250 2.0.0 Ok"

    def _noop(self, _argument: str) -> str:
        return "250 2.0.0 Ok"

    def _vrfy(self, _argument: str) -> str:
        return "252 2.5.0 Try and see"

    def _quit(self, _argument: str) -> str:
        self._say("221 2.0.0 Bye")
        self._transport.close()
        return ""

    _commands: Final[dict[str, Callable[[CatcherProtocol, str], str]]] = {
        "EHLO": _ehlo,
        "HELO": _helo,
        "MAIL": _mail,
        "RCPT": _rcpt,
        "DATA": _data,
        "RSET": _rset,
        "NOOP": _noop,
        "VRFY": _vrfy,
        "QUIT": _quit,
    }
