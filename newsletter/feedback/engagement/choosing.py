"""A person's word about being counted, and what it means for what is known already: a no takes it back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from newsletter.audience import tracking
from newsletter.audience.consent import Evidence
from newsletter.audience.tracking import Choices
from newsletter.delivery.models import Delivery
from newsletter.feedback.engagement.models import Click, Hit, Open
from newsletter.feedback.engagement.turns import wait_turn


def choose(
    session: Session, subscriber_id: int, wanted: Choices, *, evidence: Evidence, now: datetime
) -> bool:
    """Store what a person chose; return whether anything changed. What was counted before stays as numbers only."""
    if False in (wanted.clicks, wanted.opens):
        wait_turn(session)
    changed = tracking.choose(session, subscriber_id, wanted, evidence=evidence, now=now)
    if wanted.clicks is False:
        _forget_clicks(session, subscriber_id)
    if wanted.opens is False:
        _forget_opens(session, subscriber_id)
    return changed


def forget_person(session: Session, subscriber_id: int) -> None:
    """Delete everything that says what one person followed or opened."""
    wait_turn(session)
    _forget_clicks(session, subscriber_id)
    _forget_opens(session, subscriber_id)


def _forget_clicks(session: Session, subscriber_id: int) -> None:
    own = select(Delivery.id).where(Delivery.subscriber_id == subscriber_id)
    session.execute(delete(Click).where(Click.subscriber_id == subscriber_id))
    session.execute(delete(Hit).where(Hit.delivery_id.in_(own), Hit.link_id.is_not(None)))


def _forget_opens(session: Session, subscriber_id: int) -> None:
    own = select(Delivery.id).where(Delivery.subscriber_id == subscriber_id)
    session.execute(delete(Open).where(Open.subscriber_id == subscriber_id))
    session.execute(delete(Hit).where(Hit.delivery_id.in_(own), Hit.link_id.is_(None)))
