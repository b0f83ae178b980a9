"""What happened to a campaign, in words, in order."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.delivery.models import CampaignEvent


def note(session: Session, campaign_id: int, what: str, *, now: datetime, actor: str = "") -> None:
    """Add one line."""
    session.add(CampaignEvent(campaign_id=campaign_id, what=what, at=now, actor=actor))


def note_once(session: Session, campaign_id: int, what: str, *, now: datetime) -> None:
    """Add a line unless the last one says the same: a relay that is away should not fill pages."""
    last = (
        select(CampaignEvent.what)
        .where(CampaignEvent.campaign_id == campaign_id)
        .order_by(CampaignEvent.id.desc())
        .limit(1)
    )
    if session.scalar(last) != what:
        note(session, campaign_id, what, now=now)


def events_of(session: Session, campaign_id: int) -> list[CampaignEvent]:
    """Return what happened to a campaign, oldest first."""
    statement = select(CampaignEvent).where(CampaignEvent.campaign_id == campaign_id)
    return list(session.scalars(statement.order_by(CampaignEvent.id)))
