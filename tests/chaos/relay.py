"""The chaos relay: an SMTP server in its own process that notes what it accepted *before* it answers.

Run as `python -m tests.chaos.relay --port P --control C --log FILE`. FILE gets a line for each accepted message,
`seconds TAB recipient TAB message-id TAB sender`, written before the reply to the final dot leaves; FILE.attempts gets
one for each RCPT, FILE.cuts `state TAB recipient` for each connection that was cut. Messages themselves are not kept. What it does to its clients is `Behaviour`, switched over C.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import os
import signal
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, cast

import uvloop

from tests.chaos.behaviour import Behaviour
from tests.chaos.control import Command, serve_control

#: An address of no family (AF_UNSPEC): connecting to it takes a TCP connection apart (connect(2)).
NO_ADDRESS = bytes(16)
HEAD_BYTES = 8192
END = b"\r\n.\r\n"
OFFER = b"250-relay.example.com\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n"


@dataclass
class Books:
    """What the relay did, shared by its connections."""

    log: int
    attempts: int
    cut_log: int
    behaviour: Behaviour = field(default_factory=Behaviour)
    transactions: int = 0
    greeted: int = 0
    open: int = 0
    cuts: int = 0

    def accept(self, recipient: bytes, message_id: bytes, sender: bytes) -> None:
        """Note an accepted message: one write, in the kernel when it returns."""
        os.write(self.log, b"%.6f\t%s\t%s\t%s\n" % (time.time(), recipient, message_id, sender))

    def attempt(self, recipient: bytes) -> None:
        """Note that somebody was asked for."""
        os.write(self.attempts, b"%.6f\t%s\n" % (time.time(), recipient))

    def cut(self, state: str, recipient: bytes) -> None:
        """Note that a connection is cut; without a recipient when nobody was named yet."""
        self.cuts += 1
        os.write(self.cut_log, b"%s\t%s\n" % (state.encode(), recipient))

    def handle(self, command: Command) -> Command:
        """Change the behaviour by the command's fields; answer with the counts."""
        for name, value in command.items():
            setattr(self.behaviour, name, value)
        return {name: getattr(self, name) for name in ("transactions", "greeted", "open", "cuts")}


class RelayProtocol(asyncio.Protocol):
    """One connection: as much of RFC 5321 and PIPELINING (RFC 2920) as a sender needs."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._line = b""
        self._in_data = False
        self._head = self._tail = b""
        self._sender = self._recipient = b""
        self._messages = self._number = 0
        self._held: list[bytes] | None = None
        self._leaving = False

    @property
    def _does(self) -> Behaviour:
        return self._books.behaviour

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet, refuse or cut."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop has its own class
        self._books.open += 1
        self._books.greeted += 1
        if not self._cut("connect", self._books.greeted):
            self._say(self._does.refuses("connect") or b"220 relay.example.com ESMTP\r\n")
            self._hang_up_if_refused("connect")

    def connection_lost(self, exc: Exception | None) -> None:
        """Count it out."""
        self._books.open -= 1

    def data_received(self, data: bytes) -> None:
        """Take commands and bodies as they come."""
        while data and not self._leaving and not self._transport.is_closing():
            data = self._body(data) if self._in_data else self._command(data)

    def _command(self, data: bytes) -> bytes:
        line, found, rest = (self._line + data).partition(b"\r\n")
        self._line = b"" if found else line
        if found:
            self._obey(line)
        return rest

    def _obey(self, line: bytes) -> None:
        verb = line[:4].upper()
        if verb == b"EHLO":
            if not self._cut("ehlo", self._books.greeted):
                self._say(OFFER)
        elif verb == b"MAIL":
            self._mail(line)
        elif verb == b"RCPT":
            self._rcpt(line)
        elif verb == b"DATA":
            self._data()
        elif verb == b"QUIT":
            self._say(b"221 2.0.0 Bye\r\n")
            self._hang_up()
        else:
            self._say(b"250 2.0.0 OK\r\n")

    def _mail(self, line: bytes) -> None:
        self._books.transactions += 1
        self._number = self._books.transactions
        self._sender, self._recipient = _address(line), b""
        if not self._cut("mail", self._number):
            self._say(self._does.refuses("mail") or b"250 2.1.0 OK\r\n")
            self._hang_up_if_refused("mail")

    def _rcpt(self, line: bytes) -> None:
        address = _address(line)
        self._books.attempt(address)
        self._recipient = address
        if self._cut("rcpt", self._number):
            return
        refusal = self._does.refuses("rcpt")
        self._recipient = b"" if refusal else address
        self._say(refusal or b"250 2.1.5 OK\r\n", after=self._does.holds_back(address.decode()))

    def _data(self) -> None:
        if self._cut("data", self._number):
            return
        if not self._recipient:
            self._say(b"503 5.5.1 No recipient\r\n")
            return
        self._in_data, self._head, self._tail = True, b"", b""
        self._say(b"354 Go ahead\r\n")

    def _body(self, data: bytes) -> bytes:
        """Look for the final dot; keep the head only, for its Message-ID."""
        if len(self._head) < HEAD_BYTES:
            self._head += data[:HEAD_BYTES]
        window = self._tail + data
        end = window.find(END)
        if end < 0:
            self._tail = window[-4:]
            if not self._dot_waits():
                self._cut("body", self._number)
            return b""
        self._in_data = False
        self._taken()
        return window[end + len(END) :]

    def _dot_waits(self) -> bool:
        """Say whether the final dot is here already, unread: then a cut would come after it, as the client sees it."""
        raw: Any = self._transport.get_extra_info("socket")
        with socket.socket(fileno=os.dup(raw.fileno())) as copy, suppress(BlockingIOError):
            return END in self._tail + copy.recv(65_536, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        return False

    def _taken(self) -> None:
        if self._cut("dot", self._number):
            return
        self._books.accept(self._recipient, _message_id(self._head), self._sender)
        if self._cut("reply", self._number):
            return
        self._messages += 1
        self._say(b"250 2.0.0 Taken\r\n", after=self._does.latency)
        if self._does.close_after and self._messages >= self._does.close_after:
            self._hang_up()

    def _say(self, reply: bytes, *, after: float = 0.0) -> None:
        """Answer, now or after some seconds; what is said meanwhile waits behind it."""
        if self._held is not None:
            self._held.append(reply)
        elif after > 0:
            self._held = [reply]
            asyncio.get_running_loop().call_later(after, self._release)
        else:
            self._transport.write(reply)

    def _release(self) -> None:
        held, self._held = self._held or [], None
        if not self._transport.is_closing():
            self._transport.write(b"".join(held))
            if self._leaving:
                self._transport.close()

    def _cut(self, state: str, number: int) -> bool:
        """Reset the connection when the script says so."""
        if not self._does.cuts(state, number) or self._transport.is_closing():
            return False
        self._books.cut(state, self._recipient)
        # The loop would close some turns later, and a dot could come meanwhile: this resets at once.
        ctypes.CDLL(None).connect(
            self._transport.get_extra_info("socket").fileno(), NO_ADDRESS, len(NO_ADDRESS)
        )
        self._transport.abort()
        return True

    def _hang_up_if_refused(self, state: str) -> None:
        if self._does.refuses(state).startswith(b"421"):
            self._hang_up()

    def _hang_up(self) -> None:
        """Close, after everything said was handed over; what still comes in is not read any more."""
        self._leaving = True
        if self._held is None:
            self._transport.close()


def _address(line: bytes) -> bytes:
    return line.partition(b"<")[2].partition(b">")[0]


def _message_id(head: bytes) -> bytes:
    """Return the Message-ID of a message's head, folded or not."""
    return head.partition(b"\r\nMessage-ID:")[2].partition(b">")[0].strip() + b">"


async def serve(port: int, control: int, log: Path, script: dict[str, Any]) -> None:
    """Listen until SIGTERM."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    append = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    taken, attempts, cuts = (os.open(f"{log}{kind}", append) for kind in ("", ".attempts", ".cuts"))
    books = Books(taken, attempts, cuts)
    books.handle(script)
    server = await loop.create_server(lambda: RelayProtocol(books), "127.0.0.1", port, backlog=512)
    controlled = await serve_control(control, books.handle)
    await ended.wait()
    server.close()
    controlled.close()


def main() -> None:
    """Run the relay; each field of `Behaviour` may be given as a Python literal's JSON after --script."""
    import json

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--control", type=int, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--script", type=json.loads, default={})
    options = parser.parse_args()
    unknown = set(options.script) - {each.name for each in fields(Behaviour)}
    if unknown:
        parser.error(f"no such behaviour: {', '.join(sorted(unknown))}")
    uvloop.run(serve(options.port, options.control, options.log, options.script))


if __name__ == "__main__":
    main()
