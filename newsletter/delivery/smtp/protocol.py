"""The words of SMTP (RFC 5321, 2920, 4954, 2033) without any network: replies in, commands out."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field

LONGEST_REPLY_LINE = 4096
MOST_REPLY_LINES = 200
_LINE = re.compile(rb"([2-5][0-9]{2})([ -]?)(.*)", re.DOTALL)
_PATH = re.compile(r"[!-;=?-~]{1,254}")


class SmtpTrouble(Exception):
    """The connection cannot be used any more. Says nothing about the recipient."""


class ProtocolError(SmtpTrouble):
    """The server said something that is not SMTP: the connection is in doubt and gets dropped."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply, its lines joined by a space each."""

    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The words without the code."""
        return " ".join(line for line in self.lines if line)

    @property
    def is_positive(self) -> bool:
        """True for 2xx."""
        return 200 <= self.code < 300


class ReplyParser:
    """Turns bytes, cut anywhere, into replies. Accepts a bare LF; refuses anything that is no reply."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._lines: list[str] = []
        self._code: int | None = None

    @property
    def is_empty(self) -> bool:
        """True between replies: nothing was sent ahead (a must before STARTTLS)."""
        return not self._buffer and not self._lines

    def feed(self, data: bytes) -> list[Reply]:
        """Return the replies that are complete now.

        :raises ProtocolError: for what is not a reply, or is too long.
        """
        self._buffer += data
        *lines, rest = self._buffer.split(b"\n")
        if len(rest) > LONGEST_REPLY_LINE:
            raise ProtocolError("The mail server sent a line without end.")
        self._buffer = bytearray(rest)
        return [reply for line in lines if (reply := self._line(bytes(line).removesuffix(b"\r"))) is not None]

    def _line(self, line: bytes) -> Reply | None:
        match = _LINE.fullmatch(line)
        if match is None or (not match[2] and match[3]):
            raise ProtocolError(f"The mail server said {line[:80]!r}, which is no SMTP reply.")
        code = int(match[1])
        if self._code not in (None, code) or len(self._lines) >= MOST_REPLY_LINES:
            raise ProtocolError("The mail server mixed two replies.")
        self._code = code
        self._lines.append(match[3].decode("utf-8", "replace").strip())
        if match[2] == b"-":
            return None
        reply = Reply(code, tuple(self._lines))
        self._lines, self._code = [], None
        return reply


@dataclass(frozen=True, slots=True)
class Features:
    """What the server offered in its EHLO answer."""

    words: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, reply: Reply) -> Features:
        """Read the EHLO lines after the greeting."""
        pairs = (line.partition(" ") for line in reply.lines[1:])
        return cls({word.upper(): rest.strip() for word, _, rest in pairs if word})

    def offers(self, word: str) -> bool:
        """Say whether an extension is there."""
        return word in self.words

    @property
    def auth_mechanisms(self) -> frozenset[str]:
        """AUTH mechanisms in capitals."""
        return frozenset(self.words.get("AUTH", "").upper().split())


def is_path(address: str) -> bool:
    """Say whether an address can be written in MAIL or RCPT: printable ASCII, no space, no angle bracket."""
    return _PATH.fullmatch(address) is not None


def mail_command(sender: str) -> bytes:
    """Return MAIL FROM."""
    return b"MAIL FROM:<" + _checked(sender) + b">\r\n"


def recipient_command(address: str) -> bytes:
    """Return RCPT TO."""
    return b"RCPT TO:<" + _checked(address) + b">\r\n"


def _checked(address: str) -> bytes:
    if not is_path(address):
        raise ValueError("this address cannot be written in an SMTP command")
    return address.encode("ascii")


def dot_stuffed(message: bytes) -> bytes:
    """Double every dot at the start of a line (RFC 5321 §4.5.2) and end with CRLF; most messages need neither."""
    if message.startswith(b"."):
        message = b"." + message
    if b"\r\n." in message:
        message = message.replace(b"\r\n.", b"\r\n..")
    return message if message.endswith(b"\r\n") else message + b"\r\n"


def plain_response(user: str, password: str) -> bytes:
    """Return the one response of AUTH PLAIN (RFC 4616)."""
    return base64.b64encode(f"\0{user}\0{password}".encode())
