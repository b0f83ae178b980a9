"""Send to the failed again: a campaign of the same issue to those whom the first one did not reach, and may still (T7, M21)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.db.session import enqueue_after_commit
from newsletter.delivery.braking import must_not_be_blocked
from newsletter.delivery.events import note
from newsletter.delivery.models import Campaign, Delivery, of_campaign
from newsletter.delivery.retry import LIFETIME
from newsletter.delivery.states import CampaignState, DeliveryState
from newsletter.errors import Conflict
from newsletter.jobs import JobName, JobQueue


def retry_campaign(
    session: Session, queue: JobQueue, first: Campaign, *, actor: str, reason: str = "", now: datetime
) -> Campaign:
    """Start a campaign to those who failed softly or expired; dead and suppressed addresses are never tried again.

    :raises Conflict: while the first still sends, when nobody is left, or when the publication waits for a look at its brakes.
    """
    session.refresh(first, with_for_update=True)
    if not CampaignState(first.state).is_over:
        raise Conflict(f"Campaign {first.id} is {first.state}: wait until it has ended.")
    running = select(Campaign.id).where(Campaign.retry_of == first.id, Campaign.ended_at.is_(None)).limit(1)
    if (other := session.scalar(running)) is not None:
        raise Conflict(f"Campaign {other} is trying them again already.")
    people = count_unreached(session, first.id)
    if not people:
        raise Conflict("Nobody is left whom a second try could reach.")
    must_not_be_blocked(session, first.issue.publication_id)
    campaign = Campaign(
        issue_id=first.issue_id, snapshot_id=first.snapshot_id, state=CampaignState.FREEZING.value, created_at=now,
        created_by=actor, expires_at=now + LIFETIME, ambiguous_policy=first.ambiguous_policy, retry_of=first.id,
        lists=list(first.lists),
    )  # fmt: skip
    session.add(campaign)
    session.flush()
    said = f"Started for those whom campaign {first.id} did not reach: {people:,}.{f' {reason}' if reason else ''}"
    note(session, campaign.id, said, now=now, actor=actor)
    details = {"first": first.id, "people": people, "reason": reason}
    audit.record(
        session, actor=actor, action="campaign.retry", object=f"campaign {campaign.id}", details=details
    )
    enqueue_after_commit(session, queue, JobName.FREEZE_CAMPAIGN, campaign_id=campaign.id)
    return campaign


def unreached(campaign_id: int) -> Select[int]:
    """Return the query of the subscriber ids that a campaign did not reach and another try may."""
    return select(Delivery.subscriber_id).where(of_campaign(campaign_id), _may_be_reached())


def count_unreached(session: Session, campaign_id: int) -> int:
    """Return how many those are."""
    return session.scalar(select(func.count()).select_from(unreached(campaign_id).subquery())) or 0


def _may_be_reached() -> ColumnElement[bool]:
    soft = and_(Delivery.state == int(DeliveryState.FAILED), Delivery.bounce == "soft")
    return or_(soft, Delivery.state == int(DeliveryState.EXPIRED))
