"""Publications: create, change, find, list."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from email.utils import parseaddr
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.errors import Conflict, InvalidInput, NotFound
from newsletter.issues.measuring import Counting
from newsletter.issues.models import Publication
from newsletter.issues.numbering import HIGHEST_NUMBER
from newsletter.issues.wording import language as language_tag
from newsletter.issues.wording import line, lines

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,78}[a-z0-9])?")
_ACCENT = re.compile(r"#[0-9A-Fa-f]{6}")
_ADDRESS = re.compile(r"[^@\s<>()\[\],;:\"\\]{1,64}@[^@\s<>()\[\],;:\"\\]{1,250}")
#: First words of the site's own addresses; a publication of that name could not be reached.
RESERVED_SLUGS = frozenset(
    {
        "admin",
        "api",
        "c",
        "confirm",
        "health",
        "hooks",
        "n",
        "o",
        "p",
        "s",
        "sign-in",
        "sign-out",
        "static",
        "subscribe",
        "u",
        "v",
        "webhooks",
    }
)


def create_publication(
    session: Session,
    *,
    slug: str,
    name: str,
    sender: str,
    postal_address: str = "",
    language: str = "en",
    description: str = "",
    time_zone: str = "UTC",
    reply_to: str | None = None,
    first_number: int = 1,
    actor: str = "system",
) -> Publication:
    """Create a publication; `sender` is "Name <a@b>"; its first issue gets `first_number`.

    :raises InvalidInput: when a value does not fit.
    :raises Conflict: when the slug is taken.
    """
    check_slug(slug)
    if not 0 <= first_number <= HIGHEST_NUMBER:
        raise InvalidInput(f"The first number is between 0 and {HIGHEST_NUMBER:,}.")
    if session.scalar(select(Publication.id).where(Publication.slug == slug)) is not None:
        raise Conflict(f"There is a publication {slug!r} already.")
    words = {
        "name": name, "sender": sender, "postal_address": postal_address, "language": language,
        "description": description, "time_zone": time_zone, "reply_to": reply_to,
    }  # fmt: skip
    publication = Publication(slug=slug, next_number=first_number, **_columns(words))
    publication.from_name = publication.from_name or publication.name
    session.add(publication)
    session.flush()
    audit.record(session, actor=actor, action="publication.create", object=slug)
    return publication


def edit_publication(
    session: Session, publication: Publication, changes: Mapping[str, Any], *, actor: str = "system"
) -> Publication:
    """Change a publication; issues approved before keep what they were approved with.

    Takes the words of `create_publication` (but slug and first number) and `theme`, `accent`, `shows_bylines`.

    :raises InvalidInput: for an unknown word or a value that does not fit.
    """
    columns = _columns(changes)
    for column, value in columns.items():
        setattr(publication, column, value)
    publication.from_name = publication.from_name or publication.name
    session.flush()
    audit.record(
        session,
        actor=actor,
        action="publication.edit",
        object=publication.slug,
        details={"changed": sorted(columns)},
    )
    return publication


def _columns(words: Mapping[str, Any]) -> dict[str, Any]:
    """Return checked columns for what people call them."""
    columns: dict[str, Any] = {}
    for word, value in words.items():
        if word == "sender":
            columns["from_name"], columns["from_address"] = parse_sender(value)
        elif word in _CLEANERS:
            columns[word] = _CLEANERS[word](value)
        else:
            raise InvalidInput(f"A publication has no {word!r}: it has sender, {', '.join(_CLEANERS)}.")
    return columns


def check_slug(slug: str) -> str:
    """Return the slug, or say what it may consist of."""
    if not _SLUG.fullmatch(slug) or slug in RESERVED_SLUGS:
        raise InvalidInput(
            f"{slug!r} cannot be a short name: use small letters, digits and hyphens, and no reserved word."
        )
    return slug


def one_line(text: str, what: str) -> str:
    """Return the text stripped; refuse empty text and control characters (they could become headers)."""
    cleaned = line(text, what, longest=200)
    if not cleaned:
        raise InvalidInput(f"The {what} is empty.")
    return cleaned


def parse_sender(sender: str) -> tuple[str, str]:
    """Split "Name <a@b>" into name and address.

    :raises InvalidInput: when there is no plain address in it.
    """
    name, address = parseaddr(line(sender, "sender"))
    if not _ADDRESS.fullmatch(address):
        raise InvalidInput(f"{sender!r} is no sender: write it like Harbour Letter <letter@example.com>.")
    return name.strip(), address


def get_publication(session: Session, slug: str) -> Publication:
    """Return the publication with this slug.

    :raises NotFound: naming those that exist.
    """
    found = session.scalar(select(Publication).where(Publication.slug == slug))
    if found is None:
        known = ", ".join(session.scalars(select(Publication.slug).order_by(Publication.slug).limit(10)))
        raise NotFound(
            f"There is no publication {slug!r}" + (f"; there is {known}." if known else ": create one first.")
        )
    return found


def list_publications(session: Session) -> list[Publication]:
    """Return all publications by name."""
    return list(session.scalars(select(Publication).order_by(Publication.name)))


def _language(value: Any) -> str:
    tag = language_tag(value, "language")
    if tag is None:
        raise InvalidInput("A publication needs a language: one like en, fa or pt-BR.")
    return tag


def _time_zone(value: Any) -> str:
    if value not in available_timezones():
        raise InvalidInput(f"{value!r} is no time zone: use one like Europe/Berlin.")
    return str(value)


def _accent(value: Any) -> str:
    if not _ACCENT.fullmatch(str(value)):
        raise InvalidInput(f"{value!r} is no colour: write it like #0f566b.")
    return str(value).lower()


def _theme(value: Any) -> str:
    if not _SLUG.fullmatch(str(value)) or len(str(value)) > 40:
        raise InvalidInput(f"{value!r} is no theme.")
    return str(value)


def _counting(value: Any, allowed: tuple[Counting, ...], what: str) -> str:
    if value not in allowed:
        raise InvalidInput(f"Whose {what} are counted is {' or '.join(allowed)}, not {value!r}.")
    return str(value)


_CLEANERS: Mapping[str, Callable[[Any], Any]] = {
    "name": lambda value: one_line(value, "name"),
    "postal_address": lambda value: lines(value, "postal address").strip(),
    "language": _language,
    "description": lambda value: lines(value, "description").strip(),
    "time_zone": _time_zone,
    "reply_to": lambda value: parse_sender(value)[1] if value else None,
    "theme": _theme,
    "accent": _accent,
    "shows_bylines": bool,
    "click_counting": lambda value: _counting(value, tuple(Counting), "clicks"),
    "open_counting": lambda value: _counting(value, (Counting.OFF, Counting.ASKED), "opens"),
}
