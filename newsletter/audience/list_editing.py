"""Changing a mailing list after it was made."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.audience.models import MailingList, Subscription
from newsletter.audience.states import OptIn, Visibility
from newsletter.audience.text import one_line, several_lines
from newsletter.errors import Conflict, InvalidInput, NotFound
from newsletter.issues.models import Publication


def edit_list(
    session: Session,
    mailing_list: MailingList,
    *,
    name: str,
    description: str,
    optin: str,
    visibility: str,
    publication_id: int | None,
) -> None:
    """Change what people see of a list and how they join it; its short name stays, because links hold it.

    :raises InvalidInput: when a value does not fit.
    :raises Conflict: when people are on it and it would move to another publication.
    """
    if not one_line(name):
        raise InvalidInput("A list needs a name that people will see.")
    if optin not in tuple(OptIn) or visibility not in tuple(Visibility):
        raise InvalidInput("Opt-in is single or double, visibility public or private.")
    if publication_id != mailing_list.publication_id:
        _move(session, mailing_list, publication_id)
    mailing_list.name, mailing_list.description = one_line(name), several_lines(description)
    mailing_list.optin, mailing_list.visibility = optin, visibility
    session.flush()


def _move(session: Session, mailing_list: MailingList, publication_id: int | None) -> None:
    """People agreed to one publication: a list that holds any stays with it."""
    if publication_id is not None and session.get(Publication, publication_id) is None:
        raise NotFound("There is no such publication.")
    members = select(Subscription.id).where(Subscription.list_id == mailing_list.id).limit(1)
    if mailing_list.publication_id is not None and session.scalar(members) is not None:
        raise Conflict("People joined this list for its publication: make another list for another one.")
    mailing_list.publication_id = publication_id
