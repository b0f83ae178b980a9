"""Rows for tests of what comes back: a publication, its readers, and a finished campaign with one delivery each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.audience.models import MailingList, Subscriber, Subscription
from newsletter.delivery.models import Campaign, CampaignList, Delivery
from newsletter.delivery.states import CampaignState, DeliveryState
from newsletter.issues.models import Issue, IssueSnapshotRow, Publication

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def sent_to(session: Session, *addresses: str, at: datetime = NOW) -> list[Delivery]:
    """Make a campaign that was sent to these addresses; people who are not there yet are made."""
    readers, snapshot = _publication(session)
    campaign = Campaign(
        issue_id=snapshot.issue_id, snapshot_id=snapshot.id, state=CampaignState.FINISHED, ended_at=at
    )
    session.add(campaign)
    session.flush()
    session.add(CampaignList(campaign_id=campaign.id, list_id=readers.id))
    deliveries = [_delivery(campaign, _reader(session, readers, each, at), at) for each in addresses]
    session.add_all(deliveries)
    session.flush()
    return deliveries


def _delivery(campaign: Campaign, person: Subscriber, at: datetime) -> Delivery:
    return Delivery(
        campaign_id=campaign.id,
        subscriber_id=person.id,
        address=person.email,
        address_key=person.address_key,
        state=int(DeliveryState.SENT),
        sent_at=at - timedelta(minutes=5),
    )


def _publication(session: Session) -> tuple[MailingList, IssueSnapshotRow]:
    snapshot = session.scalar(select(IssueSnapshotRow))
    if snapshot is not None:
        return session.scalars(select(MailingList)).one(), snapshot
    publication = Publication(slug="p", name="P", from_name="P", from_address="letter@example.com")
    session.add(publication)
    session.flush()
    issue = Issue(publication_id=publication.id, state="sent", title="T")
    readers = MailingList(slug="readers", name="Readers", publication_id=publication.id)
    session.add_all([issue, readers])
    session.flush()
    snapshot = IssueSnapshotRow(issue_id=issue.id, content_hash="x", document={})
    session.add(snapshot)
    session.flush()
    return readers, snapshot


def _reader(session: Session, readers: MailingList, address: str, at: datetime) -> Subscriber:
    found = session.scalar(select(Subscriber).where(Subscriber.address_key == address))
    if found is not None:
        return found
    person = Subscriber(email=address, address_key=address)
    session.add(person)
    session.flush()
    session.add(Subscription(list_id=readers.id, subscriber_id=person.id, state="confirmed", confirmed_at=at))
    return person
