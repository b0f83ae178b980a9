"""Whose copy `issue render` writes: a sample reader's, or a subscriber's with the tokens of their delivery."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from newsletter.errors import NotFound

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from newsletter.audience.models import Subscriber
    from newsletter.bootstrap import Container
    from newsletter.delivery.models import Delivery
    from newsletter.issues.models import Issue
    from newsletter.issues.snapshot import IssueSnapshot
    from newsletter.rendering.values import Recipient


def copy_of(parts: Container, session: Session, issue: Issue, email: str) -> tuple[IssueSnapshot, Recipient]:
    """Return the issue as that reader gets it, and the reader; without address a sample.

    :raises NotFound: when nobody has that address.
    """
    from newsletter.issues.service import current_snapshot
    from newsletter.rendering.values import sample_recipient

    snapshot = current_snapshot(session, issue)
    sample = sample_recipient(snapshot.publication.from_address)
    if not email:
        return snapshot, sample
    subscriber = _subscriber(session, email)
    delivery = _delivery(session, issue.id, subscriber.id)
    if delivery is None:
        return snapshot, replace(sample, email=subscriber.email, name=subscriber.name)
    return _sent_copy(parts, session, delivery)


def _subscriber(session: Session, email: str) -> Subscriber:
    from sqlalchemy import select

    from newsletter.audience.addresses import normalise
    from newsletter.audience.models import Subscriber

    key = normalise(email).key
    subscriber = session.scalar(select(Subscriber).where(Subscriber.address_key == key))
    if subscriber is None:
        raise NotFound(f"There is no subscriber {email}.")
    return subscriber


def _delivery(session: Session, issue_id: int, subscriber_id: int) -> Delivery | None:
    from sqlalchemy import select

    from newsletter.delivery.models import Campaign, Delivery

    statement = select(Delivery).join(Campaign, Campaign.id == Delivery.campaign_id)
    wanted = statement.where(Campaign.issue_id == issue_id, Delivery.subscriber_id == subscriber_id)
    return session.scalars(wanted.order_by(Delivery.id.desc()).limit(1)).first()


def _sent_copy(parts: Container, session: Session, delivery: Delivery) -> tuple[IssueSnapshot, Recipient]:
    from newsletter.delivery.models import Campaign
    from newsletter.issues.snapshot import IssueSnapshot
    from newsletter.rendering.values import Recipient

    document = session.get_one(Campaign, delivery.campaign_id).snapshot.document
    snapshot = IssueSnapshot.from_document(document)
    own_domain = snapshot.publication.from_address.rpartition("@")[2]
    bounce_domain = parts.settings.bounce_domain or own_domain
    return snapshot, Recipient(
        email=delivery.address,
        name=_name(session, delivery.subscriber_id),
        token=parts.keyring.recipient.sign(delivery.id),
        return_path=f"b+{parts.keyring.return_path.sign(delivery.id)}@{bounce_domain}",
        message_id=f"{parts.keyring.message_id.sign(delivery.id)}@{own_domain}",
        date=delivery.date or parts.clock.now(),
        subscribed_at=_subscribed_at(session, delivery),
    )


def _name(session: Session, subscriber_id: int) -> str:
    from newsletter.audience.models import Subscriber

    subscriber = session.get(Subscriber, subscriber_id)
    return subscriber.name if subscriber is not None else ""


def _subscribed_at(session: Session, delivery: Delivery) -> datetime | None:
    from sqlalchemy import func, select

    from newsletter.audience.models import Subscription
    from newsletter.delivery.models import CampaignList

    since = func.min(func.coalesce(Subscription.confirmed_at, Subscription.created_at))
    statement = select(since).join(CampaignList, CampaignList.list_id == Subscription.list_id)
    return session.scalar(
        statement.where(
            CampaignList.campaign_id == delivery.campaign_id,
            Subscription.subscriber_id == delivery.subscriber_id,
        )
    )
