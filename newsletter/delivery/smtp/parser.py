"""Replies out of a byte stream that may be cut anywhere (RFC 5321 §4.2)."""

from __future__ import annotations

from newsletter.delivery.smtp.replies import Reply

LONGEST_LINE = 4096
MOST_LINES = 100
MOST_KNOWN = 8


class ProtocolError(Exception):
    """The other side does not speak SMTP."""


class ReplyParser:
    """Collects bytes and gives whole replies."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[str] = []
        self._known: dict[bytes, Reply] = {}

    def feed(self, data: bytes) -> list[Reply]:
        """Take bytes; return the replies that are complete now.

        :raises ProtocolError: for lines that are no replies, or without end.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            raise ProtocolError("a reply line without end")
        return [reply for line in lines if (reply := self._reply(line)) is not None]

    def _reply(self, line: bytes) -> Reply | None:
        return (None if self._lines else self._known.get(line)) or self._take(line)

    def _take(self, line: bytes) -> Reply | None:
        code, mark = line[:3], line[3:4]
        if not (len(code) == 3 and code.isdigit()) or mark not in (b" ", b"-", b"\r", b""):
            raise ProtocolError(f"not a reply: {line[:80]!r}")
        text = line[4:].rstrip(b"\r").decode("utf-8", "replace")
        if not text.isprintable():  # no database takes NUL
            text = "".join(letter if letter.isprintable() else " " for letter in text)
        if mark == b"-":
            self._keep(text)
            return None
        if not self._lines:
            return self._remember(line, Reply(int(code), text))
        lines, self._lines = (*self._lines, text), []
        return Reply(int(code), " ".join(lines), lines)

    def _remember(self, line: bytes, reply: Reply) -> Reply:
        """Servers say the same three lines for each message: the first few that occur are kept."""
        if len(self._known) < MOST_KNOWN:
            self._known[line] = reply
        return reply

    def _keep(self, text: str) -> None:
        if len(self._lines) >= MOST_LINES:
            raise ProtocolError("a reply without end")
        self._lines.append(text)
