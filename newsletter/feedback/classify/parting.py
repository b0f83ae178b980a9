"""Parts what a server wrote for people from the message that it returns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from newsletter.feedback.classify.headers import split_headers, with_plain_line_ends
from newsletter.feedback.classify.html import words_of
from newsletter.feedback.classify.mime import Part
from newsletter.feedback.classify.notice import Notice
from newsletter.feedback.classify.tables import SIGNS
from newsletter.reasons.folding import without_accents

_MOST: Final = 20_000
_RETURNED_TYPES: Final = frozenset(
    {
        "message/rfc822",
        "message/global",
        "message/partial",
        "text/rfc822-headers",
        "message/global-headers",
        "message/rfc822-headers",
    }
)
_COPY_FOLLOWS: Final = re.compile(rf"^[\s>*=_-]*(?:{SIGNS['copy'].pattern})")
_HEADER: Final = re.compile(r"[ \t>|]{0,4}([A-Za-z][A-Za-z0-9-]{1,40}):(?:[ \t]|$)")
_TELLING: Final = frozenset(
    {"received", "return-path", "message-id", "mime-version", "dkim-signature", "x-mailer", "content-type"}
)
#: A block of headers does not begin with `Error:` or `Reason:`, though these look like fields.
_BEGINNING: Final = re.compile(
    r"[ \t>|]{0,4}(?:x-|resent-|dkim-|arc-|list-|authentication-|content-|received|return-path|delivered-to|from|to|cc|bcc|"
    r"sender|reply-to|errors-to|subject|date|message-id|mime-version|precedence|references|in-reply-to|envelope-|comments|"
    r"organi[sz]ation|importance|user-agent|status|path|newsgroups|mailing-list|domainkey|old-|original-)",
    re.IGNORECASE,
)
_ADDRESSING: Final = frozenset({"to", "cc", "from", "subject", "date"})
_MOST_HEADER_LINES: Final = 120


def read_notice(mail: Part) -> Notice:
    """Return the server's words and the headers of the message that they are about."""
    texts: list[str] = []
    original: tuple[tuple[str, str], ...] = ()
    for part in _outer_parts(mail):
        if part.content_type in _RETURNED_TYPES:
            original = original or _headers_of(part)
        elif part.content_type.startswith("text/") and not original:
            text, below = _split(_plain(part))
            texts.append(text)
            original = original or below
    return Notice("\n".join(texts)[:_MOST], original)


def _outer_parts(part: Part) -> Iterator[Part]:
    """Yield leaves and returned messages, not what is inside a returned message."""
    if part.content_type in _RETURNED_TYPES or not part.children:
        yield part
        return
    for child in part.children:
        yield from _outer_parts(child)


def _headers_of(part: Part) -> tuple[tuple[str, str], ...]:
    if part.children:
        return part.children[0].headers
    return split_headers(with_plain_line_ends(part.content).lstrip(b"\n"))[0]


def _plain(part: Part) -> str:
    return words_of(part.text) if part.content_type == "text/html" else part.text


def _split(text: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Cut a text where the returned message begins: at its headers, or at words that announce it."""
    lines = text[: _MOST * 4].splitlines()
    start = _start_of_headers(lines)
    announced = next(
        (n for n, line in enumerate(lines) if n and _COPY_FOLLOWS.match(without_accents(line[:200].lower()))),
        len(lines),
    )
    if start is None:
        below = tuple(
            field
            for field in split_headers(_unindented(lines[announced + 1 :]))[0]
            if field[0] in _ADDRESSING
        )
        return "\n".join(lines[:announced]), below
    headers = split_headers(_unindented(lines[start:]))[0]
    end = min(start, announced if announced > 2 else start)
    return "\n".join(lines[:end] + _after_indented(lines, start)), headers


def _after_indented(lines: list[str], start: int) -> list[str]:
    """Return what follows a header block that is set in as part of the notice, not the returned message itself."""
    if not lines[start].startswith((" ", "\t")):
        return []
    blank = next((n for n in range(start, len(lines)) if not lines[n].strip()), len(lines))
    return lines[blank:]


def _unindented(lines: list[str]) -> bytes:
    """Return lines of a quoted or indented header as the header was."""
    plain = (line.lstrip(" \t>|") if _HEADER.match(line) else line for line in lines[:_MOST_HEADER_LINES])
    return "\n".join(plain).lstrip("\n").encode("utf-8", "replace")


def _start_of_headers(lines: list[str]) -> int | None:
    """Return where a block of mail headers begins: three or more fields, one of which only real mail has."""
    start, names = None, set[str]()
    for number, line in enumerate(lines):
        match = _HEADER.match(line)
        if match and (start is not None or _BEGINNING.match(line)):
            start = number if start is None else start
            names.add(match[1].lower())
            if len(names) >= 3 and names & _TELLING:
                return start
        elif not (start is not None and line[:1] in (" ", "\t", ">", "|") and line.strip(" \t>|")):
            start, names = None, set()
    return None
