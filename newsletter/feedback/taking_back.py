"""Taking back what a person had made of a returned mail: the entry goes, and what it alone had caused ends."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.audience.consent import Evidence
from newsletter.audience.models import Subscription, Suppression
from newsletter.audience.service import undo_unsubscribe
from newsletter.feedback.models import FeedbackEntry


def take_back(session: Session, mail_id: int, done_at: datetime, *, actor: str, now: datetime) -> None:
    """Undo an assignment made at `done_at`, exactly: what was there before, or came after, stays.

    Memberships come back within a day only, as after any unsubscribe: later the person must join again.
    """
    entry = session.scalar(select(FeedbackEntry).where(FeedbackEntry.returned_mail_id == mail_id))
    if entry is None:
        return
    _lift(session, entry, done_at, actor, now)
    if entry.subscriber_id is not None:
        _bring_back(session, entry.subscriber_id, done_at, actor, now)
    session.delete(entry)


def _lift(session: Session, entry: FeedbackEntry, done_at: datetime, actor: str, now: datetime) -> None:
    session.execute(
        update(Suppression)
        .where(
            Suppression.address_key == entry.address_key,
            Suppression.created_at == done_at,
            Suppression.lifted_at.is_(None),
        )
        .values(lifted_at=now, lifted_by=actor, lifted_reason="the returned mail was assigned by mistake")
    )


def _bring_back(session: Session, subscriber_id: int, done_at: datetime, actor: str, now: datetime) -> None:
    ended = list(
        session.scalars(
            select(Subscription.list_id).where(
                Subscription.subscriber_id == subscriber_id, Subscription.unsubscribed_at == done_at
            )
        )
    )
    if ended:
        undo_unsubscribe(
            session, subscriber_id, list_ids=ended, evidence=Evidence(f"undone by {actor}"[:40]), now=now
        )
