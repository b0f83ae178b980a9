"""Header fields of mail that may be broken (RFC 5322 §2.2), and its line ends."""

from __future__ import annotations

import re
from typing import Final

from newsletter.feedback.classify.decoding import as_text

Headers = tuple[tuple[str, str], ...]

_LONGEST_HEADER: Final = 4000
_MOST_HEADER_LINES: Final = 3000
_FIELD: Final = re.compile(rb"([!-9;-~\x80-\xff]{1,80})[ \t]*:[ \t]*(.*)", re.DOTALL)
#: What follows a line of white space that is a part of the header (RFC 5322 §4.2), not its end.
_GOES_ON: Final = re.compile(rb"[ \t]|[A-Za-z][A-Za-z0-9-]{1,40}:[ \t\n]")
#: A parameter at the beginning of a line: the white space of a folded Content-Type was lost.
_BROKEN_FOLD: Final = re.compile(rb"(?:boundary|charset|report-type|name|type)=", re.IGNORECASE)


def with_plain_line_ends(raw: bytes) -> bytes:
    """Return a text with LF line ends whatever it had, gateways that double the CR included, and without NUL."""
    if b"\0" in raw:
        raw = raw.replace(b"\0", b"")
    return raw.replace(b"\r\r\n", b"\n").replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def split_headers(raw: bytes) -> tuple[Headers, bytes]:
    """Read header fields until the blank line, or until a line that is no field."""
    found: list[tuple[str, list[bytes]]] = []
    position = 0
    for _ in range(_MOST_HEADER_LINES):
        if position >= len(raw):
            break
        end = raw.find(b"\n", position)
        end = len(raw) if end < 0 else end
        line = raw[position:end]
        if not line.strip() and not (line and _GOES_ON.match(raw, end + 1)):
            position = end + 1
            break
        if found and (line[:1] in b" \t" or _BROKEN_FOLD.match(line)):
            found[-1][1].append(line)
        elif match := _FIELD.fullmatch(line):
            found.append((match[1].decode("latin-1").lower(), [match[2]]))
        elif not line.startswith((b"From ", b">From ")):
            break
        position = end + 1
    headers = tuple((name, _header_text(lines)) for name, lines in found)
    return headers, raw[position:]


def _header_text(lines: list[bytes]) -> str:
    value = b" ".join(line.strip() for line in lines[:200])[:_LONGEST_HEADER]
    return as_text(value.strip(), "")
