"""What people may write into issues and items: one line or several, never a control character, never a script link. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from newsletter.errors import InvalidInput

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CONTROL_IN_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8}){0,3}")
LINK_SCHEMES: Final = ("http", "https", "mailto")
LONGEST_LINE: Final = 500
LONGEST_TEXT: Final = 200_000
LONGEST_LINK: Final = 4000

Cleaner = Callable[[Any, str], Any]


def line(value: Any, what: str, *, longest: int = LONGEST_LINE) -> str:
    """Return one line of text, stripped; empty is allowed.

    :raises InvalidInput: for a line break or other control character (they could become headers), or too much.
    """
    text = _text(value, what).strip()
    if _CONTROL.search(text):
        raise InvalidInput(f"The {what} holds a line break or another control character.")
    if len(text) > longest:
        raise InvalidInput(f"The {what} is longer than {longest} characters.")
    return text


def lines(value: Any, what: str) -> str:
    """Return text of several lines with plain line ends.

    :raises InvalidInput: for control characters or too much.
    """
    text = _text(value, what).replace("\r\n", "\n").replace("\r", "\n")
    if _CONTROL_IN_TEXT.search(text):
        raise InvalidInput(f"The {what} holds a control character.")
    if len(text) > LONGEST_TEXT:
        raise InvalidInput(f"The {what} is longer than {LONGEST_TEXT:,} characters.")
    return text


def link(value: Any, what: str) -> str:
    """Return an address a reader can follow; empty is allowed.

    :raises InvalidInput: for anything but http, https and mailto.
    """
    text = line(value, what, longest=LONGEST_LINK)
    try:
        parts = urlsplit(text)
        good = parts.scheme in LINK_SCHEMES and bool(parts.hostname or parts.scheme == "mailto")
    except ValueError:
        good = False
    if text and not good:
        raise InvalidInput(f"The {what} {text[:80]!r} is no address: start it with https://.")
    return text


def language(value: Any, what: str) -> str | None:
    """Return a language tag, or None for the publication's own."""
    text = line(value or "", what)
    if text and not _LANGUAGE.fullmatch(text):
        raise InvalidInput(f"{text[:40]!r} is no language tag: use one like en, fa or pt-BR.")
    return text or None


def number(value: Any, what: str) -> int:
    """Return a whole number, also from digits in a form."""
    if isinstance(value, str) and value.strip().isdecimal() and len(value.strip()) < 10:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise InvalidInput(f"The {what} must be a whole number.")


def label(value: Any, what: str) -> str:
    """Return the short word that may stand beside the number ("Special")."""
    return line(value, what, longest=40)


ISSUE_FIELDS: Final[Mapping[str, Cleaner]] = {
    "number": number,
    "label": label,
    "title": line,
    "subject": line,
    "preheader": line,
    "intro": lines,
    "outro": lines,
    "language": language,
}
ITEM_FIELDS: Final[Mapping[str, Cleaner]] = {
    "display": line,
    "title": line,
    "blurb": lines,
    "url": link,
    "image_url": link,
    "image_alt": line,
    "read_more": line,
}


def clean_issue_changes(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the changes of an issue, each checked.

    :raises InvalidInput: for an unknown field or a value that does not fit.
    """
    return {name: _cleaner(ISSUE_FIELDS, name, "An issue")(value, name) for name, value in changes.items()}


def clean_item_changes(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the changes of an item, each checked; None stays None and gives the post's words back.

    :raises InvalidInput: for an unknown field or a value that does not fit.
    """
    return {
        name: _cleaner(ITEM_FIELDS, name, "An item")(value, _spoken(name)) if value is not None else None
        for name, value in changes.items()
    }


def _cleaner(fields: Mapping[str, Cleaner], name: str, what: str) -> Cleaner:
    if name not in fields:
        raise InvalidInput(f"{what} has no {name!r}: it has {', '.join(fields)}.")
    return fields[name]


def _spoken(name: str) -> str:
    return {"url": "link", "image_url": "image address", "image_alt": "image description"}.get(
        name, name.replace("_", " ")
    )


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"The {what} must be text.")
    return value
