"""Writing hits down: only of people who are there, of publications that count, and not of who declined (C5)."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from newsletter.audience.models import Subscriber
from newsletter.audience.tracking_models import TrackingChoice
from newsletter.audience.upsert import among
from newsletter.delivery.link_models import Link
from newsletter.delivery.models import Campaign, Delivery
from newsletter.delivery.states import DeliveryState
from newsletter.feedback.engagement.buffer import Batch, PendingHit
from newsletter.feedback.engagement.models import Hit
from newsletter.issues.measuring import is_counted
from newsletter.issues.models import Issue, Publication


class _Reader(NamedTuple):
    """Whose delivery it is, and what is counted of them at this moment."""

    issue_id: int
    clicks: bool
    opens: bool


def store_hits(session: Session, batch: Batch) -> int:
    """Add the hits that may be counted; return how many. Whatever is left out leaves no trace."""
    readers = _readers(session, {hit.delivery_id for hit in batch})
    issues = _issues_of_links(session, {hit.link_id for hit in batch if hit.link_id is not None})
    allowed = [hit for hit in batch if _may_count(hit, readers, issues)]
    if allowed:
        rows = [hit._asdict() | {"at": batch[hit]} for hit in allowed]
        session.execute(insert(Hit), rows)
        _settle_ambiguous(session, {hit.delivery_id for hit in allowed})
    return len(allowed)


def _may_count(hit: PendingHit, readers: dict[int, _Reader], issues: dict[int, int]) -> bool:
    reader = readers.get(hit.delivery_id)
    if reader is None:
        return False
    if hit.link_id is None:
        return reader.opens
    return reader.clicks and issues.get(hit.link_id) == reader.issue_id


def _readers(session: Session, delivery_ids: set[int]) -> dict[int, _Reader]:
    rows = session.execute(
        select(
            Delivery.id, Campaign.issue_id, Publication.click_counting, TrackingChoice.clicks,
            Publication.open_counting, TrackingChoice.opens,
        )
        .join(Campaign, Campaign.id == Delivery.campaign_id)
        .join(Issue, Issue.id == Campaign.issue_id)
        .join(Publication, Publication.id == Issue.publication_id)
        .join(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .outerjoin(TrackingChoice, TrackingChoice.subscriber_id == Subscriber.id)
        .where(among(session, Delivery.id, delivery_ids))
    )  # fmt: skip
    return {
        row.id: _Reader(
            row.issue_id, is_counted(row.click_counting, row.clicks), is_counted(row.open_counting, row.opens)
        )
        for row in rows
    }


def _issues_of_links(session: Session, link_ids: set[int]) -> dict[int, int]:
    rows = session.execute(select(Link.id, Link.issue_id).where(among(session, Link.id, link_ids)))
    return {row.id: row.issue_id for row in rows}


def _settle_ambiguous(session: Session, delivery_ids: set[int]) -> None:
    """A link that was followed proves that the mail arrived."""
    session.execute(
        update(Delivery)
        .where(among(session, Delivery.id, delivery_ids), Delivery.state == int(DeliveryState.AMBIGUOUS))
        .values(state=int(DeliveryState.SENT))
        .execution_options(synchronize_session=False)
    )
