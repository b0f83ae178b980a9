"""Screenshots made small with the standard library alone: at most 256 colours, one byte a pixel.

Pages have few colours and many shades at the edges of letters, so colours are counted, the commonest kept, and every
other one is replaced by the nearest of them.
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOURS = 256
#: Shades nearer than this to one another (of 256) count as one before the commonest are chosen.
STEP = 8

Colour = tuple[int, int, int]


def smaller(png: bytes) -> bytes:
    """Return an 8-bit RGB or RGBA picture without transparency as one with a palette."""
    width, height, pixels = read(png)
    counted = Counter(pixels)
    palette = _palette(counted)
    index = {colour: _nearest(colour, palette) for colour in counted}
    indexed = bytes(map(index.__getitem__, pixels))
    rows = b"".join(b"\0" + indexed[at : at + width] for at in range(0, width * height, width))
    return SIGNATURE + b"".join(
        (
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", b"".join(bytes(colour) for colour in palette)),
            _chunk(b"IDAT", zlib.compress(rows, 9)),
            _chunk(b"IEND", b""),
        )
    )


def _palette(counted: Counter[Colour]) -> list[Colour]:
    """Return the commonest colours, of each group of near ones only the commonest."""
    chosen: dict[Colour, Colour] = {}
    for colour, _ in counted.most_common():
        red, green, blue = colour
        chosen.setdefault((red // STEP, green // STEP, blue // STEP), colour)
        if len(chosen) == COLOURS:
            break
    return list(chosen.values())


def _nearest(colour: Colour, palette: list[Colour]) -> int:
    red, green, blue = colour
    distances = [(red - r) ** 2 + (green - g) ** 2 + (blue - b) ** 2 for r, g, b in palette]
    return distances.index(min(distances))


def read(png: bytes) -> tuple[int, int, list[Colour]]:
    """Return width, height and pixels of an 8-bit RGB or RGBA picture that is not interlaced."""
    chunks = list(_chunks(png))
    width, height, depth, kind, *_, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    if depth != 8 or kind not in (2, 6) or interlaced:
        raise ValueError("only plain 8-bit RGB or RGBA pictures can be read")
    size = 3 if kind == 2 else 4
    data = zlib.decompress(b"".join(body for name, body in chunks if name == b"IDAT"))
    pixels: list[Colour] = []
    above = bytearray(width * size)
    for number in range(height):
        start = number * (width * size + 1)
        above = _unfiltered(data[start], bytearray(data[start + 1 : start + 1 + width * size]), above, size)
        pixels += zip(above[0::size], above[1::size], above[2::size], strict=True)
    return width, height, pixels


def _unfiltered(kind: int, line: bytearray, above: bytearray, size: int) -> bytearray:
    """Undo a line's filter (PNG §9)."""
    for at in range(len(line)):
        left = line[at - size] if at >= size else 0
        corner = above[at - size] if at >= size else 0
        line[at] = (line[at] + _predicted(kind, left, above[at], corner)) & 255
    return line


def _predicted(kind: int, left: int, up: int, corner: int) -> int:
    if kind == 4:
        guess = left + up - corner
        return min((left, up, corner), key=lambda value: abs(guess - value))
    return (0, left, up, (left + up) // 2)[kind]


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += length + 12


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
