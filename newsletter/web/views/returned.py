"""A returned mail made safe to look at: text only, bounded, and never an error, whatever is inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from newsletter.feedback.classify import Classified, classify
from newsletter.web.views.mail_parts import Header, take_apart

#: Enough to understand a report; a mail program shows the rest from the downloaded file.
_LOOKED_AT: Final = 256 * 1024
_MOST_TEXT: Final = 20_000
_MOST_HEADERS: Final = 60
_MOST_VALUE: Final = 500
#: Characters that turn the direction of what follows them: they would make one address look like another.
_TURNING: Final = dict.fromkeys(map(ord, "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"), "\ufffd")


@dataclass(frozen=True, slots=True)
class MailLook:
    """What a person sees of a returned mail."""

    subject: str
    sender: str
    headers: list[Header]
    text: str
    is_cut: bool
    found: Classified


def look_at(raw: bytes) -> MailLook:
    """Return what there is to see of a mail, and what the classifier thinks of it."""
    head = raw[:_LOOKED_AT]
    try:
        parts = take_apart(head)
        headers, text = parts.headers, parts.text
    except (Exception, RecursionError):  # parsers raise anything on hostile mail; its source is shown then
        headers, text = [], ""
    text = text or head.decode("utf-8", "replace")
    return MailLook(
        subject=_first(headers, "subject"),
        sender=_first(headers, "from"),
        headers=[_shown(each) for each in headers[:_MOST_HEADERS]],
        text=_plain(text)[:_MOST_TEXT],
        is_cut=len(text) > _MOST_TEXT or len(raw) > _LOOKED_AT,
        found=classify(raw),
    )


def _first(headers: list[Header], name: str) -> str:
    found = next((each.value for each in headers if each.name.lower() == name), "")
    return _plain(found)[:_MOST_VALUE]


def _shown(header: Header) -> Header:
    return Header(_plain(header.name)[:80], _plain(header.value)[:_MOST_VALUE], header.hint)


def _plain(text: str) -> str:
    """Return text without control characters, half characters, and what turns the direction."""
    kept = "".join(
        letter if letter >= " " or letter in "\n\t" else "\ufffd" for letter in text.replace("\r", "")
    )
    return kept.translate(_TURNING).encode("utf-8", "replace").decode()
