"""Pictures for the documentation: small, and still the same picture."""

from __future__ import annotations

import struct
import zlib

import pytest

from tools.png import SIGNATURE, _chunk, read, smaller

WIDTH, HEIGHT = 6, 5
PIXELS = [(40 * x, 50 * y, 255 - 40 * x) for y in range(HEIGHT) for x in range(WIDTH)]


def _png(channels: int) -> bytes:
    """Return the picture as a browser writes it: every line with another filter (PNG §9)."""
    lines = [
        bytes(value for pixel in PIXELS[y * WIDTH :][:WIDTH] for value in (*pixel, 255)[:channels])
        for y in range(HEIGHT)
    ]
    above = bytes(WIDTH * channels)
    rows = b""
    for kind, line in enumerate(lines):
        rows += bytes([kind]) + _filtered(kind, line, above, channels)
        above = line
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2 if channels == 3 else 6, 0, 0, 0)
    return SIGNATURE + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def _filtered(kind: int, line: bytes, above: bytes, size: int) -> bytes:
    out = bytearray()
    for at, value in enumerate(line):
        left, corner = (line[at - size], above[at - size]) if at >= size else (0, 0)
        up = above[at]
        nearest = min((left, up, corner), key=lambda each: abs(left + up - corner - each))
        out.append((value - (0, left, up, (left + up) // 2, nearest)[kind]) & 255)
    return bytes(out)


@pytest.mark.parametrize("channels", [3, 4])
def test_every_filter_is_undone(channels: int) -> None:
    assert read(_png(channels)) == (WIDTH, HEIGHT, PIXELS)


def test_few_colours_stay_as_they_are() -> None:
    small = smaller(_png(3))
    palette = small.partition(b"PLTE")[2]
    rows = zlib.decompressobj().decompress(small.partition(b"IDAT")[2])
    at = [row * (WIDTH + 1) + 1 + x for row in range(HEIGHT) for x in range(WIDTH)]
    assert [tuple(palette[3 * rows[each] : 3 * rows[each] + 3]) for each in at] == PIXELS


def test_other_kinds_are_refused() -> None:
    grey = _png(3).replace(struct.pack(">BB", 8, 2), struct.pack(">BB", 8, 0), 1)
    with pytest.raises(ValueError, match="8-bit RGB"):
        read(grey)
