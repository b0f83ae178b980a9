"""Forgetting a person. What stays is a keyed hash of the address, so that it is never mailed again (C4)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from newsletter.audience.addresses import normalise
from newsletter.audience.models import Consent, Subscriber, Subscription, Suppression
from newsletter.audience.suppressions import hashed_key, suppress
from newsletter.errors import NotFound


def erase(session: Session, email: str, *, secret: bytes, actor: str, now: datetime) -> int | None:
    """Delete a person and return the id they had, None when only a suppression knew the address.

    :raises NotFound: when nothing is known about the address.
    """
    key = normalise(email).key
    person_id = session.scalar(select(Subscriber.id).where(Subscriber.address_key == key))
    known = session.scalar(select(Suppression.id).where(Suppression.address_key == key).limit(1))
    if person_id is None and known is None:
        raise NotFound(f"Nobody is known as {email}.")
    session.execute(delete(Suppression).where(Suppression.address_key == key))
    suppress(session, hashed_key(key, secret), reason="erased", source="erasure", actor=actor, now=now)
    if person_id is not None:
        session.execute(
            update(Consent).where(Consent.subscriber_id == person_id).values(ip="", user_agent="")
        )
        session.execute(delete(Subscription).where(Subscription.subscriber_id == person_id))
        session.execute(delete(Subscriber).where(Subscriber.id == person_id))
        session.expire_all()
    return person_id
