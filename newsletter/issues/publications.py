"""Publications: create, find, list."""

from __future__ import annotations

import re
from email.utils import parseaddr
from zoneinfo import available_timezones

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.errors import Conflict, InvalidInput, NotFound
from newsletter.issues.models import Publication
from newsletter.issues.numbering import HIGHEST_NUMBER
from newsletter.issues.wording import language as language_tag
from newsletter.issues.wording import line, lines

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,78}[a-z0-9])?")
_ADDRESS = re.compile(r"[^@\s<>()\[\],;:\"\\]{1,64}@[^@\s<>()\[\],;:\"\\]{1,250}")
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
    from_name, from_address = parse_sender(sender)
    own_language = language_tag(language, "language")
    if own_language is None:
        raise InvalidInput("A publication needs a language: one like en, fa or pt-BR.")
    if time_zone not in available_timezones():
        raise InvalidInput(f"{time_zone!r} is no time zone: use one like Europe/Berlin.")
    if session.scalar(select(Publication.id).where(Publication.slug == slug)) is not None:
        raise Conflict(f"There is a publication {slug!r} already.")
    publication = Publication(
        slug=slug,
        name=one_line(name, "name"),
        description=lines(description, "description"),
        from_name=from_name or one_line(name, "name"),
        from_address=from_address,
        reply_to=parse_sender(reply_to)[1] if reply_to else None,
        postal_address=lines(postal_address, "postal address").strip(),
        language=own_language,
        time_zone=time_zone,
        next_number=first_number,
    )
    session.add(publication)
    session.flush()
    audit.record(session, actor=actor, action="publication.create", object=slug)
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
