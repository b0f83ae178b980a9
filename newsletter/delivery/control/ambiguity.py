"""Messages whose fate nobody knows: the campaign's policy, and people who found out (R5)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.audience.addresses import normalise
from newsletter.db.session import enqueue_after_commit
from newsletter.delivery.events import note
from newsletter.delivery.models import Campaign, Delivery, of_campaign
from newsletter.delivery.sending.retry import LIFETIME
from newsletter.delivery.states import AmbiguousPolicy, CampaignState, DeliveryState, Resolution
from newsletter.errors import Conflict, InvalidInput, NotFound
from newsletter.jobs import JobName, JobQueue

#: The reason of rows that a person called sent, by which that can be taken back.
RESOLVED = "resolved"


def set_policy(
    session: Session, campaign: Campaign, policy: AmbiguousPolicy, *, actor: str, now: datetime
) -> None:
    """Change what becomes of ambiguous messages after half an hour without evidence."""
    before, campaign.ambiguous_policy = campaign.ambiguous_policy, policy.value
    note(session, campaign.id, f"Unknown messages: {policy.value.replace('_', ' ')}.", now=now, actor=actor)
    _record(session, campaign, actor, "campaign.ambiguous_policy", {"before": before, "now": policy.value})


def resolve(
    session: Session,
    queue: JobQueue,
    campaign: Campaign,
    resolution: Resolution,
    *,
    addresses: Collection[str] | None,
    actor: str,
    now: datetime,
) -> int:
    """Decide about these addresses, or about all (None), and return how many rows that was.

    :raises NotFound: when none of them is in question.
    :raises Conflict: when the campaign is cancelled and a message should go out again.
    """
    if resolution is Resolution.SEND_AGAIN and campaign.state == CampaignState.CANCELLED:
        raise Conflict("This campaign is cancelled: it sends nothing again.")
    changed = session.scalars(
        update(Delivery)
        .where(of_campaign(campaign.id), _in_question(resolution), *_among(addresses))
        .values(**_values(resolution))
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    ).all()
    if not changed:
        raise NotFound("None of these messages is unknown: look at 'newsletter campaign ambiguous'.")
    if resolution is Resolution.SEND_AGAIN:
        open_again(session, campaign, now)
        enqueue_after_commit(session, queue, JobName.SEND_CAMPAIGN, campaign_id=campaign.id)
    said = f"{len(changed):,} unknown: {resolution.value.replace('-', ' ')}."
    note(session, campaign.id, said, now=now, actor=actor)
    details: dict[str, Any] = {"as": resolution.value, "count": len(changed), "all": addresses is None}
    _record(session, campaign, actor, "campaign.resolve", details)
    return len(changed)


def count_in_question(session: Session, campaign_id: int, resolution: Resolution) -> int:
    """Return how many rows such a decision would be about: unknown ones, or those called sent that can be taken back."""
    mine = (of_campaign(campaign_id), _in_question(resolution))
    return session.scalar(select(func.count()).select_from(Delivery).where(*mine)) or 0


def _in_question(resolution: Resolution) -> ColumnElement[bool]:
    if resolution is Resolution.UNKNOWN:
        return and_(Delivery.state == int(DeliveryState.SENT), Delivery.reason == RESOLVED)
    return Delivery.state == int(DeliveryState.AMBIGUOUS)


def _among(addresses: Collection[str] | None) -> list[ColumnElement[bool]]:
    if addresses is None:
        return []
    if not addresses:
        raise InvalidInput("Say which addresses, or that all are meant.")
    return [Delivery.address_key.in_([normalise(each).key for each in addresses])]


def _values(resolution: Resolution) -> dict[str, object]:
    if resolution is Resolution.SENT:
        return {"state": int(DeliveryState.SENT), "reason": RESOLVED}
    if resolution is Resolution.SEND_AGAIN:
        again = {"state": int(DeliveryState.QUEUED), "reason": AmbiguousPolicy.SEND_AGAIN.value}
        return again | {"next_attempt_at": None}
    return {"state": int(DeliveryState.AMBIGUOUS), "reason": None}


def open_again(session: Session, campaign: Campaign, now: datetime) -> None:
    """Let a finished campaign send once more: the same message-ids, so that a reader who has it sees it once."""
    campaign.expires_at = now + LIFETIME
    if campaign.state != CampaignState.FINISHED:
        return
    campaign.state, campaign.ended_at = CampaignState.SENDING.value, None
    note(session, campaign.id, "Opened again for messages whose fate is unknown.", now=now)


def open_all_again(session: Session, campaign_ids: set[int], now: datetime) -> None:
    """Open campaigns again whose policy sends unknown messages once more."""
    for campaign in session.scalars(select(Campaign).where(Campaign.id.in_(campaign_ids)).with_for_update()):
        open_again(session, campaign, now)


def _record(session: Session, campaign: Campaign, actor: str, action: str, details: dict[str, Any]) -> None:
    audit.record(session, actor=actor, action=action, object=f"campaign {campaign.id}", details=details)
