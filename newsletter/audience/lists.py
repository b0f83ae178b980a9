"""Mailing lists: create, find, list, count."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.audience.models import MailingList, Subscription
from newsletter.audience.states import OptIn, Visibility
from newsletter.audience.text import one_line, several_lines
from newsletter.errors import Conflict, InvalidInput, NotFound
from newsletter.issues.models import Publication

_SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,78}[a-z0-9])?")


def create_list(
    session: Session,
    *,
    slug: str,
    name: str,
    publication_id: int | None = None,
    optin: str = "double",
    visibility: str = "public",
    description: str = "",
) -> MailingList:
    """Create a mailing list.

    :raises InvalidInput: when a value does not fit.
    :raises NotFound: when there is no such publication.
    :raises Conflict: when the slug is taken.
    """
    _check(slug, one_line(name), optin, visibility)
    if publication_id is not None and session.get(Publication, publication_id) is None:
        raise NotFound("There is no such publication.")
    if session.scalar(select(MailingList.id).where(MailingList.slug == slug)) is not None:
        raise Conflict(f"There is a list {slug!r} already.")
    mailing_list = MailingList(
        slug=slug,
        name=one_line(name),
        description=several_lines(description),
        publication_id=publication_id,
        optin=optin,
        visibility=visibility,
    )
    session.add(mailing_list)
    session.flush()
    return mailing_list


def _check(slug: str, name: str, optin: str, visibility: str) -> None:
    if not _SLUG.fullmatch(slug):
        raise InvalidInput(f"{slug!r} is no short name: use small letters, digits and hyphens, at most 80.")
    if not name:
        raise InvalidInput("A list needs a name that people will see.")
    if optin not in tuple(OptIn):
        raise InvalidInput(f"Opt-in must be single or double, not {optin!r}.")
    if visibility not in tuple(Visibility):
        raise InvalidInput(f"Visibility must be public or private, not {visibility!r}.")


def find_list(session: Session, slug: str) -> MailingList:
    """Return a list by its slug.

    :raises NotFound: naming those that exist.
    """
    found = session.scalar(select(MailingList).where(MailingList.slug == slug))
    if found is None:
        known = ", ".join(session.scalars(select(MailingList.slug).order_by(MailingList.slug).limit(10)))
        raise NotFound(
            f"There is no list {slug!r}" + (f"; there is {known}." if known else ": create one first.")
        )
    return found


def list_lists(session: Session, publication_id: int | None = None) -> list[MailingList]:
    """Return every list, or those of one publication, by name."""
    query = select(MailingList).order_by(MailingList.name, MailingList.id)
    if publication_id is not None:
        query = query.where(MailingList.publication_id == publication_id)
    return list(session.scalars(query))


def list_counts(session: Session) -> dict[int, dict[str, int]]:
    """Return for each list how many subscriptions are in each state."""
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    query = select(Subscription.list_id, Subscription.state, func.count()).group_by(
        Subscription.list_id, Subscription.state
    )
    for list_id, state, count in session.execute(query):
        counts[list_id][state] = count
    return dict(counts)
