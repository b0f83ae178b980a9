"""What one event changes: the ledger, the suppressions, the memberships. The same for mail and for webhooks."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.audience.consent import Evidence
from newsletter.audience.service import unsubscribe
from newsletter.audience.suppressions import suppress
from newsletter.delivery.models import CampaignList, Delivery
from newsletter.delivery.sending.tally import note_complaint, note_hard_bounce
from newsletter.delivery.states import DeliveryState
from newsletter.feedback.entries import add_entry, is_known_person
from newsletter.feedback.events import FAILURES, Event
from newsletter.feedback.policy import Consequence, consequence_of
from newsletter.feedback.softness import suppress_if_lasting

#: Whoever reports one of these has had the message in hand: the relay had accepted it.
_PROOFS = (*FAILURES, "queued", "sent", "deferred", "delivered", "complained", "opened", "clicked")


def apply_event(session: Session, delivery: Delivery, event: Event, now: datetime) -> bool:
    """Write the event down and do what it asks for; False when it was known, and then nothing else changes."""
    if event.word in _PROOFS:
        _settle_ambiguous(session, delivery)
    if event.word == "unsubscribed":
        _leave(session, delivery, event, now)
    is_new = add_entry(session, delivery, event, now)
    if not is_new or not is_known_person(session, delivery.subscriber_id):
        return is_new
    _act(session, delivery, event, now)
    return True


def _settle_ambiguous(session: Session, delivery: Delivery) -> None:
    if delivery.state != DeliveryState.AMBIGUOUS:
        return
    session.execute(
        update(Delivery)
        .where(Delivery.id == delivery.id, Delivery.state == int(DeliveryState.AMBIGUOUS))
        .values(state=int(DeliveryState.SENT))
        .execution_options(synchronize_session=False)
    )


def _act(session: Session, delivery: Delivery, event: Event, now: datetime) -> None:
    """Do what the policy says."""
    todo = consequence_of(event.word, event.kind, event.reason, event.status)
    if todo is Consequence.COUNT:
        suppress_if_lasting(session, delivery.address_key, campaign_id=delivery.campaign_id, now=now)
    elif todo is Consequence.SUPPRESS and event.word == "complained":
        _act_on_complaint(session, delivery, event, now)
    elif todo is Consequence.SUPPRESS:
        note_hard_bounce(session, delivery.campaign_id, delivery.sent_at or now)
        _suppress(session, delivery, event, "hard_bounce", "bounce", now)


def _act_on_complaint(session: Session, delivery: Delivery, event: Event, now: datetime) -> None:
    """Whoever calls our mail spam gets no more of it, from no publication."""
    note_complaint(session, delivery.campaign_id, delivery.sent_at or now)
    _suppress(session, delivery, event, "complaint", "complaint", now)
    unsubscribe(session, delivery.subscriber_id, source="complaint", now=now)


def _suppress(
    session: Session, delivery: Delivery, event: Event, reason: str, source: str, now: datetime
) -> None:
    suppress(
        session,
        delivery.address_key,
        reason=reason,
        source=source,
        detail=event.diagnostic,
        campaign_id=delivery.campaign_id,
        now=now,
    )


def _leave(session: Session, delivery: Delivery, event: Event, now: datetime) -> None:
    """End the memberships that the mail was for, as often as it is asked: they may have come back in between."""
    lists = list(
        session.scalars(select(CampaignList.list_id).where(CampaignList.campaign_id == delivery.campaign_id))
    )
    unsubscribe(
        session,
        delivery.subscriber_id,
        list_ids=lists or None,
        source=event.source[:20],
        campaign_id=delivery.campaign_id,
        evidence=Evidence(event.source),
        now=now,
    )
