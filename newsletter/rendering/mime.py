"""Bodies as byte segments: cut at the tokens first, then quoted-printable (RFC 2045 §6.7), so that no soft break falls
inside a token and a reader's value can be laid between two soft breaks.

Always 7-bit safe, whatever the server offers, so that a relay cannot re-encode and break a signature (M4). A dot at the
start of a line is written =2E: dot-stuffing is never needed. A tab, and a space after a space, are written in their
encoded form too: no line has a run of white space, so the body is its own relaxed canonical form (RFC 6376 §3.4.4).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LINE = 75
SOFT = b"=\r\n"
#: Values that need neither encoding nor escaping: no white space but single spaces inside.
_QUICK = re.compile(r"[A-Za-z0-9@_-][A-Za-z0-9@._-]*(?: [A-Za-z0-9@._-]+)*")
_SAFE = frozenset(range(33, 127)) - {ord("=")}
_ALONE = tuple(bytes([byte]) if byte in _SAFE or byte == 32 else b"=%02X" % byte for byte in range(256))


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for a reader's value: which field, and what stands there without one."""

    word: str
    fallback: str


@dataclass(frozen=True, slots=True)
class SegmentedText:
    """Text cut at its tokens: `pieces[0] slot[0] pieces[1] …`."""

    pieces: tuple[str, ...]
    slots: tuple[Slot, ...]


def cut(text: str, pattern: re.Pattern[str], fallbacks: tuple[str, ...]) -> SegmentedText:
    """Cut text at its tokens."""
    parts = pattern.split(text)
    slots = tuple(Slot(parts[index], fallbacks[int(parts[index + 1])]) for index in range(1, len(parts), 3))
    return SegmentedText(tuple(parts[0::3]), slots)


def quoted_printable(text: str) -> bytes:
    """Encode text; its LF become CRLF; every line is at most 76 with its soft break."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return b"\r\n".join(_line(line.encode("utf-8", "replace")) for line in lines)


def _line(raw: bytes) -> bytes:
    out, width = bytearray(), 0
    last = len(raw) - 1
    for index, byte in enumerate(raw):
        plain = byte in _SAFE or (byte == 32 and index != last and out[-1:] != b" ")
        if byte == 46 and width == 0:  # a leading dot
            plain = False
        size = 1 if plain else 3
        if width + size > LINE:
            out += SOFT
            width = 0
            if byte == 46:
                plain, size = False, 3
        if plain:
            out.append(byte)
        else:
            out += b"=%02X" % byte
        width += size
    return bytes(out)


def quoted_value(value: str) -> bytes:
    """Encode a reader's value so that it fits between two soft breaks."""
    if len(value) < LINE and ((value.isascii() and value.isalnum()) or _QUICK.fullmatch(value)):
        return value.encode("ascii")
    raw = value.encode("utf-8", "replace")
    if len(raw) * 3 <= LINE and raw[:1] != b"." and raw[-1:] != b" " and b"  " not in raw:
        return b"".join([_ALONE[byte] for byte in raw])
    return _line(raw)


def body_segments(text: SegmentedText) -> tuple[bytes, ...]:
    """Encode the pieces; between two of them stands a soft break, the value, a soft break."""
    last = len(text.pieces) - 1
    segments = []
    for index, piece in enumerate(text.pieces):
        encoded = quoted_printable(piece)
        before = SOFT if index > 0 else b""
        after = SOFT if index < last else b""
        segments.append(before + encoded + after)
    return tuple(segments)
