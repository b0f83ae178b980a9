"""A tolerant, bounded reader of mail. Returned mail is often broken and sometimes hostile: nothing here raises, nothing is
slower than linear, and depth, number of parts and size are limited.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from newsletter.feedback.classify.decoding import as_text, decoded, transfer_decoded
from newsletter.feedback.classify.headers import Headers, split_headers, with_plain_line_ends

MOST_BYTES: Final = 1024 * 1024
MESSAGE_TYPES: Final = frozenset({"message/rfc822", "message/global"})
_MOST_TEXT: Final = 200_000
_DEEPEST: Final = 10
_MOST_PARTS: Final = 60
_PARAMETER: Final = re.compile(
    r';\s*([a-z-]{1,40})\*?0?\*?\s*=\s*(?:"([^"]{0,200})"|([^\s;"]{1,200}))', re.IGNORECASE
)
#: The separator of a mailbox file, and what may stand between it and the header.
_ENVELOPE: Final = re.compile(rb"[\n \t]*(?:>?From [^\n]{0,300}\n[\n \t]*)?")
_SEPARATOR: Final = re.compile(rb"^--([^\s-][^\n]{0,69}?)[ \t]*\n(?=content-)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Part:
    """One part of a mail, the whole mail being the outermost. Names of headers are in small letters."""

    headers: Headers
    body: bytes
    children: tuple[Part, ...] = field(default=())

    def header(self, name: str) -> str:
        """Return the first header of that name with encoded words read, or an empty text."""
        return next((decoded(value) for key, value in self.headers if key == name), "")

    def all_headers(self, name: str) -> list[str]:
        """Return every header of that name."""
        return [decoded(value) for key, value in self.headers if key == name]

    @cached_property
    def content_type(self) -> str:
        """The media type in small letters; text/plain when there is none."""
        value = self.header("content-type").partition(";")[0].strip().lower()
        return value if "/" in value else "text/plain"

    def parameter(self, name: str) -> str:
        """Return a parameter of the Content-Type."""
        for key, quoted, plain in _PARAMETER.findall(self.header("content-type")):
            if key.lower() == name:
                return str(quoted or plain)
        return ""

    @cached_property
    def content(self) -> bytes:
        """The body, transfer encoding undone."""
        return transfer_decoded(self.body, self.header("content-transfer-encoding").strip().lower())

    @cached_property
    def text(self) -> str:
        """The content as text in its charset, whatever it is."""
        return as_text(self.content[:_MOST_TEXT], self.parameter("charset"))

    def walk(self) -> Iterator[Part]:
        """Yield this part and everything inside it, in order."""
        yield self
        for child in self.children:
            yield from child.walk()

    def walk_outside_messages(self) -> Iterator[Part]:
        """Yield this part and what is inside it, but nothing of the messages that it holds."""
        yield self
        if self.content_type not in MESSAGE_TYPES:
            for child in self.children:
                yield from child.walk_outside_messages()


def read_mail(raw: bytes) -> Part:
    """Return the parts of a mail; of a huge one, what stands in its first megabyte."""
    return _read(_ENVELOPE.sub(b"", with_plain_line_ends(raw[:MOST_BYTES]), count=1), 0, [_MOST_PARTS])


def _read(raw: bytes, depth: int, parts_left: list[int]) -> Part:
    headers, body = split_headers(raw)
    part = Part(headers, body)
    parts_left[0] -= 1
    if depth >= _DEEPEST or parts_left[0] <= 0:
        return part
    if part.content_type.startswith("multipart/"):
        pieces = _split_body(body, part.parameter("boundary"))
    elif part.content_type in MESSAGE_TYPES:
        pieces = [with_plain_line_ends(part.content).lstrip(b"\n")]
    else:
        return part
    children = []
    for piece in pieces:
        if parts_left[0] <= 0:
            break
        children.append(_read(piece, depth + 1, parts_left))
    return Part(headers, body, tuple(children))


def _split_body(body: bytes, boundary: str) -> list[bytes]:
    boundary = boundary or _likely_boundary(body)
    if not boundary:
        return [body]
    pieces = (b"\n" + body).split(b"\n--" + boundary.encode("latin-1", "replace"))
    parts = []
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            break
        parts.append(piece.partition(b"\n")[2])
    return parts or [body]


def _likely_boundary(body: bytes) -> str:
    """Return what separates the parts when the header does not say it: the first line that begins with two dashes."""
    match = _SEPARATOR.search(body[:10_000])
    return match[1].decode("latin-1") if match else ""
