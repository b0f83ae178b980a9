"""The galley: every part of a mail as tall as its bytes, with the line where Gmail cuts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lxml import html as lxml_html

from newsletter.issues.snapshot import IssueSnapshot
from newsletter.rendering.lint import CLIP_BYTES
from newsletter.rendering.mime import quoted_printable

HEIGHT: Final = 420
_GAP: Final = 1.5
_SHORT: Final = 16
_ROWS: Final = "//td[contains(concat(' ', @class, ' '), ' card ')]/table/tr"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the mail: where it goes to on the desk, its bytes, and its place in the drawing."""

    name: str
    anchor: str
    number: int | None
    bytes: int
    end: int
    y: float
    height: float

    @property
    def is_cut(self) -> bool:
        """Say whether some of it is beyond what Gmail shows."""
        return self.end > CLIP_BYTES

    @property
    def label(self) -> str:
        """A name that fits the drawing."""
        return self.name if len(self.name) <= _SHORT else self.name[: _SHORT - 1].rstrip() + "…"


@dataclass(frozen=True, slots=True)
class Galley:
    """The parts in their order; `clip_y` is where Gmail cuts, if it does."""

    parts: list[Part]
    total: int
    clip_y: float | None
    height: int = HEIGHT


def draw_galley(snapshot: IssueSnapshot, markup: str) -> Galley:
    """Measure and place the parts of a rendered mail, as it is encoded."""
    total = len(quoted_printable(markup))
    sizes = _sizes(snapshot, markup)
    frame = total - sum(size for _, _, _, size in sizes)
    scale = HEIGHT / max(total, 1)
    parts: list[Part] = []
    end = 0
    for name, anchor, number, size in [("Frame", "", None, frame), *sizes]:
        place, end = end * scale, end + size
        parts.append(Part(name, anchor, number, size, end, round(place, 1), _height(size * scale)))
    return Galley(parts, total, round(CLIP_BYTES * scale, 1) if total > CLIP_BYTES else None)


def _height(pixels: float) -> float:
    return round(max(pixels - _GAP, 1.0), 1)


def _sizes(snapshot: IssueSnapshot, markup: str) -> list[tuple[str, str, int | None, int]]:
    """Return (name, anchor, number, bytes) of what editors can change; nothing for a theme of another build."""
    rows = lxml_html.document_fromstring(markup).xpath(_ROWS)
    names = list(_names(snapshot))
    if len(rows) != len(names):
        return []
    sized = [
        (*name, len(quoted_printable(lxml_html.tostring(row, encoding="unicode"))))
        for name, row in zip(names, rows, strict=True)
    ]
    return [one for one in sized if one[0]]


def _names(snapshot: IssueSnapshot) -> Iterator[tuple[str, str, int | None]]:
    """Give the rows of the mail's card in order; rows without a name are frame."""
    yield "", "", None
    yield "Opening", "words", None
    number = 0
    for section in snapshot.sections:
        if section.title:
            yield "", "", None
        for item in section.items:
            number += 1
            yield item.title or item.kind.capitalize(), f"i{item.item_id}", number
    if snapshot.outro:
        yield "Last words", "words", None
    yield "", "", None
