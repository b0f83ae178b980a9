"""Who left which list, newest first: along the index of when they left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from newsletter.audience.csv_guard import csv_line
from newsletter.audience.models import MailingList, Subscriber, Subscription, Suppression
from newsletter.audience.states import SubscriptionState
from newsletter.audience.suppressions import list_query

PER_PAGE: Final = 50
_CHUNK: Final = 2000


@dataclass(frozen=True, slots=True)
class Leaving:
    """One person who left one list."""

    id: int
    subscriber_id: int
    email: str
    list_name: str
    at: datetime | None
    reason: str
    source: str
    campaign_id: int | None


def leavings(
    session: Session, *, search: str = "", before: int | None = None, limit: int = PER_PAGE
) -> list[Leaving]:
    """Return people who left, from the one with the subscription `before` on, whose address begins with `search`."""
    statement = (
        select(
            Subscription.id, Subscription.subscriber_id, Subscriber.email, MailingList.name,
            Subscription.unsubscribed_at, Subscription.unsubscribe_reason, Subscription.unsubscribe_source,
            Subscription.campaign_id,
        )
        .join(Subscriber)
        .join(MailingList)
        .where(
            Subscription.state == SubscriptionState.UNSUBSCRIBED, Subscription.unsubscribed_at.is_not(None)
        )
        .order_by(Subscription.unsubscribed_at.desc(), Subscription.id.desc())
        .limit(limit)
    )  # fmt: skip
    if prefix := search.strip().lower():
        statement = statement.where(Subscriber.address_key.startswith(prefix, autoescape=True))
    if before is not None:
        at = select(Subscription.unsubscribed_at).where(Subscription.id == before).scalar_subquery()
        statement = statement.where(
            or_(
                Subscription.unsubscribed_at < at,
                (Subscription.unsubscribed_at == at) & (Subscription.id < before),
            )
        )
    return [Leaving(*row) for row in session.execute(statement)]


def leavings_csv(session: Session) -> Iterator[str]:
    """Yield the lines of a spreadsheet with everybody who left."""
    yield csv_line(["address", "list", "left_at", "reason", "source", "campaign"])
    before: int | None = None
    while rows := leavings(session, before=before, limit=_CHUNK):
        for row in rows:
            campaign = str(row.campaign_id or "")
            yield csv_line(
                [
                    row.email,
                    row.list_name,
                    row.at.isoformat() if row.at else "",
                    row.reason,
                    row.source,
                    campaign,
                ]
            )
        before = rows[-1].id


def suppressions_csv(session: Session, *, search: str, reason: str, active: bool) -> Iterator[str]:
    """Yield the lines of a spreadsheet with the suppressions that a search shows; `email` reads back as an import."""
    yield csv_line(["email", "reason", "detail", "source", "since", "by", "lifted_at", "lifted_reason"])
    before: int | None = None
    while rows := suppression_page(
        session, search=search, reason=reason, active=active, before=before, limit=_CHUNK
    ):
        for row in rows:
            lifted = row.lifted_at.isoformat() if row.lifted_at else ""
            yield csv_line(
                [
                    row.address_key,
                    row.reason,
                    row.detail,
                    row.source,
                    row.created_at.isoformat(),
                    row.created_by,
                    lifted,
                    row.lifted_reason,
                ]
            )
        before = rows[-1].id
        session.expunge_all()


def suppression_page(
    session: Session, *, search: str, reason: str, active: bool, before: int | None, limit: int = PER_PAGE
) -> list[Suppression]:
    """Return suppressions, newest first, from `before` on."""
    statement = list_query(search=search, reason=reason, active=active).limit(limit)
    if before is not None:
        statement = statement.where(Suppression.id < before)
    return list(session.scalars(statement))
