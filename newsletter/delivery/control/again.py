"""Send to the failed again: a campaign of the same issue to those whom the first one did not reach, and may still (T7, M21)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.db.session import enqueue_after_commit
from newsletter.delivery.brakes.braking import must_not_be_blocked
from newsletter.delivery.events import note
from newsletter.delivery.models import Campaign, Delivery, of_campaign
from newsletter.delivery.sending.retry import LIFETIME
from newsletter.delivery.states import CampaignState, DeliveryState, Unreached
from newsletter.errors import Conflict
from newsletter.jobs import JobName, JobQueue


def retry_campaign(
    session: Session, queue: JobQueue, first: Campaign, which: Unreached = Unreached.ALL, *, actor: str, why: str = "",
    now: datetime,
) -> Campaign:  # fmt: skip
    """Start a campaign to those who failed softly or expired; dead and suppressed addresses are never tried again.

    :raises Conflict: while the first still sends, when nobody is left, or when the publication waits for a look at its brakes.
    """
    session.refresh(first, with_for_update=True)
    if not CampaignState(first.state).is_over:
        raise Conflict(f"Campaign {first.id} is {first.state}: wait until it has ended.")
    running = select(Campaign.id).where(Campaign.retry_of == first.id, Campaign.ended_at.is_(None)).limit(1)
    if (other := session.scalar(running)) is not None:
        raise Conflict(f"Campaign {other} is trying them again already.")
    people = count_unreached(session, first.id, which)
    if not people:
        raise Conflict("Nobody is left whom a second try could reach.")
    must_not_be_blocked(session, first.issue.publication_id)
    campaign = Campaign(
        issue_id=first.issue_id, snapshot_id=first.snapshot_id, state=CampaignState.FREEZING.value, created_at=now,
        created_by=actor, expires_at=now + LIFETIME, ambiguous_policy=first.ambiguous_policy, retry_of=first.id,
        retry_which=which.value, lists=list(first.lists),
    )  # fmt: skip
    session.add(campaign)
    session.flush()
    said = f"Started for those whom campaign {first.id} did not reach: {people:,}.{f' {why}' if why else ''}"
    note(session, campaign.id, said, now=now, actor=actor)
    details = {"first": first.id, "people": people, "which": which.value, "reason": why}
    audit.record(
        session, actor=actor, action="campaign.retry", object=f"campaign {campaign.id}", details=details
    )
    enqueue_after_commit(session, queue, JobName.FREEZE_CAMPAIGN, campaign_id=campaign.id)
    return campaign


def unreached(campaign_id: int) -> Select[int]:
    """Return the query of the subscriber ids that a campaign did not reach and the campaign being frozen may.

    Only one tries them at a time, so that its row says which of them are meant.
    """
    retry = (Campaign.retry_of == campaign_id, Campaign.state == CampaignState.FREEZING.value)
    which = select(func.coalesce(Campaign.retry_which, Unreached.ALL.value)).where(*retry).scalar_subquery()
    soft = and_(which != Unreached.EXPIRED.value, _is_soft())
    expired = and_(which != Unreached.SOFT.value, _is_expired())
    return select(Delivery.subscriber_id).where(of_campaign(campaign_id), or_(soft, expired))


def count_unreached(session: Session, campaign_id: int, which: Unreached = Unreached.ALL) -> int:
    """Return how many people another try is for."""
    meant = {
        Unreached.SOFT: _is_soft(),
        Unreached.EXPIRED: _is_expired(),
        Unreached.ALL: or_(_is_soft(), _is_expired()),
    }
    query = select(func.count()).select_from(Delivery).where(of_campaign(campaign_id), meant[which])
    return session.scalar(query) or 0


def _is_soft() -> ColumnElement[bool]:
    return and_(Delivery.state == int(DeliveryState.FAILED), Delivery.bounce == "soft")


def _is_expired() -> ColumnElement[bool]:
    return Delivery.state == int(DeliveryState.EXPIRED)
