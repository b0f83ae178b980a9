"""Whose copy is shown: a sample reader's, or a subscriber's with the tokens of their delivery, byte for byte."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.audience.addresses import normalise
from newsletter.audience.models import Subscriber, Subscription
from newsletter.audience.tracking import choices_at
from newsletter.delivery.models import Campaign, CampaignList, Delivery
from newsletter.delivery.sending.claim import Claimed
from newsletter.delivery.sending.outgoing import MailRoom, campaign_mail
from newsletter.errors import NotFound
from newsletter.issues.models import Issue
from newsletter.issues.service import current_snapshot
from newsletter.rendering.message import CompiledMessage
from newsletter.rendering.values import Recipient, Tracking, sample_reader


@dataclass(frozen=True, slots=True)
class Copy:
    """One reader's copy: the compiled message it comes from, and the reader."""

    message: CompiledMessage
    recipient: Recipient


def copy_of(session: Session, issue: Issue, room: MailRoom, email: str, *, now: datetime) -> Copy:
    """Return the issue as that reader gets (or got) it; without an address a sample.

    :raises NotFound: when nobody has that address.
    """
    snapshot = current_snapshot(session, issue)
    sample = sample_reader(snapshot.publication)
    if not email:
        return Copy(room.signed(session, snapshot), sample)
    subscriber = _subscriber(session, email)
    delivery = _delivery(session, issue.id, subscriber.id)
    if delivery is None:
        tracking = Tracking.of(snapshot.publication, *choices_at(session, subscriber.id, now))
        reader = replace(sample, email=subscriber.email, name=subscriber.name, tracking=tracking)
        return Copy(room.signed(session, snapshot), reader)
    return _sent_copy(session, room, delivery, subscriber.name, now)


def _subscriber(session: Session, email: str) -> Subscriber:
    subscriber = session.scalar(select(Subscriber).where(Subscriber.address_key == normalise(email).key))
    if subscriber is None:
        raise NotFound(f"There is no subscriber {email}.")
    return subscriber


def _delivery(session: Session, issue_id: int, subscriber_id: int) -> Delivery | None:
    statement = (
        select(Delivery)
        .join(Campaign, Campaign.id == Delivery.campaign_id)
        .where(Campaign.issue_id == issue_id, Delivery.subscriber_id == subscriber_id)
        .order_by(Delivery.id.desc())
        .limit(1)
    )
    return session.scalars(statement).first()


def _sent_copy(session: Session, room: MailRoom, delivery: Delivery, name: str, now: datetime) -> Copy:
    """The campaign's own compiled message: its headers name the list that the reader is on, its keys are those of then."""
    campaign = session.get_one(Campaign, delivery.campaign_id)
    mail = campaign_mail(room, campaign, signed_at=delivery.sent_at)
    clicks, opens = choices_at(session, delivery.subscriber_id, delivery.sent_at or now)
    row = Claimed(
        id=delivery.id,
        fence=delivery.fence,
        address=delivery.address,
        name=name,
        attempts=delivery.attempts,
        date=delivery.date or now,
        subscribed_at=_subscribed_at(session, delivery),
        counts_clicks=clicks,
        counts_opens=opens,
    )
    return Copy(mail.message, room.recipient(mail.snapshot, row))


def _subscribed_at(session: Session, delivery: Delivery) -> datetime | None:
    since = func.min(func.coalesce(Subscription.confirmed_at, Subscription.created_at))
    return session.scalar(
        select(since)
        .join(CampaignList, CampaignList.list_id == Subscription.list_id)
        .where(
            CampaignList.campaign_id == delivery.campaign_id,
            Subscription.subscriber_id == delivery.subscriber_id,
        )
    )
