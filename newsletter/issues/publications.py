"""Publications: create, find, list."""

from __future__ import annotations

import re
from email.utils import parseaddr
from zoneinfo import available_timezones

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.errors import Conflict, InvalidInput, NotFound
from newsletter.issues.models import Publication

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,78}[a-z0-9])?")
_ADDRESS = re.compile(r"[^@\s<>()\[\],;:\"\\]{1,64}@[^@\s<>()\[\],;:\"\\]{1,250}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8})*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: First words of the site's own addresses; a publication of that name could not be reached.
RESERVED_SLUGS = frozenset(
    {
        "admin",
        "api",
        "confirm",
        "health",
        "n",
        "p",
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
) -> Publication:
    """Create a publication; `sender` is "Name <a@b>".

    :raises InvalidInput: when a value does not fit.
    :raises Conflict: when the slug is taken.
    """
    check_slug(slug)
    from_name, from_address = parse_sender(sender)
    if not _LANGUAGE.fullmatch(language):
        raise InvalidInput(f"{language!r} is no language tag: use one like en, fa or pt-BR.")
    if time_zone not in available_timezones():
        raise InvalidInput(f"{time_zone!r} is no time zone: use one like Europe/Berlin.")
    if session.scalar(select(Publication.id).where(Publication.slug == slug)) is not None:
        raise Conflict(f"There is a publication {slug!r} already.")
    publication = Publication(
        slug=slug,
        name=one_line(name, "name"),
        description=description,
        from_name=from_name or one_line(name, "name"),
        from_address=from_address,
        reply_to=parse_sender(reply_to)[1] if reply_to else None,
        postal_address=postal_address.strip(),
        language=language,
        time_zone=time_zone,
    )
    session.add(publication)
    session.flush()
    return publication


def check_slug(slug: str) -> str:
    """Return the slug, or say what it may consist of."""
    if not _SLUG.fullmatch(slug) or slug in RESERVED_SLUGS:
        raise InvalidInput(
            f"{slug!r} cannot be a short name: use small letters, digits and hyphens, and no reserved word."
        )
    return slug


def one_line(text: str, what: str) -> str:
    """Return the text stripped; refuse empty text and control characters (they could become headers)."""
    cleaned = text.strip()
    if not cleaned:
        raise InvalidInput(f"The {what} is empty.")
    if _CONTROL.search(cleaned):
        raise InvalidInput(f"The {what} holds a line break or another control character.")
    return cleaned


def parse_sender(sender: str) -> tuple[str, str]:
    """Split "Name <a@b>" into name and address.

    :raises InvalidInput: when there is no plain address in it.
    """
    if _CONTROL.search(sender):
        raise InvalidInput("The sender holds a line break or another control character.")
    name, address = parseaddr(sender)
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
