"""Writing feedback down, once: an entry is unique by its key, and only a new one changes who is mailed next."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from newsletter.audience.models import Subscriber
from newsletter.audience.upsert import insert_if_new
from newsletter.delivery.models import Delivery
from newsletter.feedback.events import Event
from newsletter.feedback.models import FeedbackEntry

#: What servers say is kept; a whole page of it is not.
LONGEST_DIAGNOSTIC: Final = 4000


def add_entry(session: Session, delivery: Delivery, event: Event, now: datetime) -> bool:
    """Add what happened to a delivery; False when it is known already. A person who was erased leaves no address here."""
    known = is_known_person(session, delivery.subscriber_id)
    values = {
        **_said(event),
        "key": event.key or key_of(delivery, event),
        "at": min(event.at, now),
        "campaign_id": delivery.campaign_id,
        "delivery_id": delivery.id,
        "subscriber_id": delivery.subscriber_id if known else None,
        "address_key": delivery.address_key if known else "",
        "diagnostic": _plain(event.diagnostic)[:LONGEST_DIAGNOSTIC] if known else "",
    }
    statement = insert_if_new(session, FeedbackEntry).values(values).returning(FeedbackEntry.id)
    return session.scalar(statement) is not None


def _said(event: Event) -> dict[str, Any]:
    return {
        "word": event.word,
        "kind": event.kind,
        "status": (event.status or "")[:12] or None,
        "reason": event.reason[:12],
        "source": event.source[:20],
        "said_by": _plain(event.said_by)[:254],
        "returned_mail_id": event.returned_mail_id,
    }


def key_of(delivery: Delivery, event: Event) -> str:
    """Return what makes the event unique where it does not say itself: one entry per delivery, word and kind."""
    return f"{event.word}:{delivery.id}:{event.kind}" if event.kind else f"{event.word}:{delivery.id}"


def _plain(text: str) -> str:
    """Return text that every database can keep: no NUL, no half of a surrogate pair."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def is_known_person(session: Session, subscriber_id: int) -> bool:
    """Say whether the subscriber is still there: nothing may be written down again about one who was erased."""
    return bool(session.scalar(select(exists().where(Subscriber.id == subscriber_id))))
