"""Replies out of a byte stream that may be cut anywhere (RFC 5321 §4.2)."""

from __future__ import annotations

import re

from newsletter.delivery.replies import Reply

_LINE = re.compile(rb"(\d{3})([ -]?)(.*)", re.DOTALL)
LONGEST_LINE = 4096
MOST_LINES = 100


class ProtocolError(Exception):
    """The other side does not speak SMTP."""


class ReplyParser:
    """Collects bytes and gives whole replies."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._lines: list[bytes] = []

    def feed(self, data: bytes) -> list[Reply]:
        """Take bytes; return the replies that are complete now.

        :raises ProtocolError: for lines that are no replies, or without end.
        """
        self._buffer += data
        replies = []
        while (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[:end]).rstrip(b"\r")
            del self._buffer[: end + 1]
            reply = self._take(line)
            if reply is not None:
                replies.append(reply)
        if len(self._buffer) > LONGEST_LINE:
            raise ProtocolError("a reply line without end")
        return replies

    def _take(self, line: bytes) -> Reply | None:
        match = _LINE.fullmatch(line)
        if match is None or len(self._lines) >= MOST_LINES:
            raise ProtocolError(f"not a reply: {line[:80]!r}")
        self._lines.append(match[3])
        if match[2] == b"-":
            return None
        text = b" ".join(self._lines).decode("utf-8", "replace")
        self._lines = []
        return Reply(int(match[1]), text)
