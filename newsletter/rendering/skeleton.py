"""The body of an issue as one list of bytes with holes: a reader's body is that list, filled and joined.

All holes of one field share one value, which is escaped and encoded once per reader. What stands in a hole when the
reader has no value was encoded when the issue was compiled: it lies in the pieces already.
"""

from __future__ import annotations

import html
from dataclasses import dataclass

from newsletter.rendering.fields import value_of
from newsletter.rendering.mime import SegmentedText, body_segments, quoted_value
from newsletter.rendering.values import Recipient

_PART = b'\r\nContent-Type: text/%s; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'


@dataclass(frozen=True, slots=True)
class Hole:
    """Where the values of one field go: indices into the pieces, of the text part and of the HTML part."""

    word: str
    text: tuple[int, ...]
    markup: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Skeleton:
    """The pieces of the body in order; those that a hole names hold the fallback."""

    pieces: tuple[bytes, ...]
    holes: tuple[Hole, ...]

    def filled(self, recipient: Recipient) -> list[bytes]:
        """Return the pieces of a reader's body."""
        pieces = list(self.pieces)
        for hole in self.holes:
            value = value_of(hole.word, "", recipient)
            if not value:
                continue
            encoded = quoted_value(value)
            for place in hole.text:
                pieces[place] = encoded
            escaped = value if value.isalnum() else html.escape(value)
            if escaped != value:
                encoded = quoted_value(escaped)
            for place in hole.markup:
                pieces[place] = encoded
        return pieces


def multipart(text: SegmentedText, markup: SegmentedText, boundary: bytes) -> Skeleton:
    """Return the multipart body, text first (RFC 2046 §5.1.4)."""
    edge = b"--" + boundary
    pieces = [edge + _PART % b"plain", *_pieces(text, escapes=False)]
    second = len(pieces) + 1
    pieces += [b"\r\n" + edge + _PART % b"html", *_pieces(markup, escapes=True), b"\r\n" + edge + b"--\r\n"]
    text_places, markup_places = _places(text, 1), _places(markup, second)
    words = dict.fromkeys([*text_places, *markup_places])
    holes = [Hole(word, text_places.get(word, ()), markup_places.get(word, ())) for word in words]
    return Skeleton(tuple(pieces), tuple(holes))


def _pieces(part: SegmentedText, *, escapes: bool) -> list[bytes]:
    """Return segment, fallback, segment, …, segment."""
    segments = body_segments(part)
    pieces = [segments[0]]
    for slot, segment in zip(part.slots, segments[1:], strict=True):
        pieces += (quoted_value(html.escape(slot.fallback) if escapes else slot.fallback), segment)
    return pieces


def _places(part: SegmentedText, first: int) -> dict[str, tuple[int, ...]]:
    """Return the indices of each word's holes; the part's first segment is the piece `first`."""
    places: dict[str, tuple[int, ...]] = {}
    for index, slot in enumerate(part.slots):
        places[slot.word] = (*places.get(slot.word, ()), first + 1 + 2 * index)
    return places
