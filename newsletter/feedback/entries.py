"""Writing feedback down, once: an entry is unique by its key, and only a new one changes who is mailed next."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from newsletter.audience.models import Subscriber
from newsletter.audience.upsert import insert_if_new
from newsletter.delivery.models import Delivery
from newsletter.feedback.models import FeedbackEntry


def add_entry(
    session: Session,
    delivery: Delivery,
    *,
    word: str,
    kind: str = "",
    at: datetime,
    **details: Any,
) -> bool:
    """Add what happened to a delivery; False when it is known already. A person who was erased leaves no address here."""
    known = is_known_person(session, delivery.subscriber_id)
    values = {
        "key": f"{word}:{delivery.id}:{kind}" if kind else f"{word}:{delivery.id}",
        "word": word,
        "kind": kind or None,
        "at": at,
        "campaign_id": delivery.campaign_id,
        "delivery_id": delivery.id,
        "subscriber_id": delivery.subscriber_id if known else None,
        "address_key": delivery.address_key if known else "",
        "status": None,
        "reason": "unknown",
        "diagnostic": "",
        "source": "",
        "returned_mail_id": None,
        **details,
    }
    statement = insert_if_new(session, FeedbackEntry).values(values).returning(FeedbackEntry.id)
    return session.scalar(statement) is not None


def is_known_person(session: Session, subscriber_id: int) -> bool:
    """Say whether the subscriber is still there: nothing may be written down again about one who was erased."""
    return bool(session.scalar(select(exists().where(Subscriber.id == subscriber_id))))
