"""Which campaigns are to be counted again: those whose rows may have changed, each as seldom as its size asks for."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from newsletter.delivery.models import Campaign, CampaignEvent
from newsletter.delivery.states import CampaignState
from newsletter.reporting.models import CampaignSummary

#: Each count waits for so many times what the last one cost: both together take at most 7 % of one processor.
TOTALS_FACTOR: Final = 20
DETAIL_FACTOR: Final = 50
AT_LEAST: Final = timedelta(seconds=8)
#: A campaign that is over but not settled is counted ever more seldom: after so many parts of its age.
_AGE_PARTS: Final = 20


def due_campaigns(session: Session, touched: set[int], now: datetime) -> list[int]:
    """Return the campaigns to count now, those that go on first; of `touched` ones something came back lately."""
    stored = CampaignSummary
    events = (
        select(CampaignEvent.campaign_id, func.max(CampaignEvent.id).label("last"))
        .group_by(CampaignEvent.campaign_id)
        .subquery()
    )
    may_have_changed = or_(
        stored.campaign_id.is_(None), stored.is_settled.is_(False), stored.event_id != events.c.last
    )
    rows = session.execute(
        select(Campaign, stored, func.coalesce(events.c.last, 0))
        .outerjoin(stored, stored.campaign_id == Campaign.id)
        .outerjoin(events, events.c.campaign_id == Campaign.id)
        .where(Campaign.frozen_at.is_not(None), may_have_changed)
        .order_by(Campaign.ended_at.is_not(None), Campaign.id.desc())
    )
    return [
        campaign.id
        for campaign, summary, last_event in rows
        if summary is None or _is_due(campaign, summary, last_event, campaign.id in touched, now)
    ]


def _is_due(
    campaign: Campaign, summary: CampaignSummary, last_event: int, is_touched: bool, now: datetime
) -> bool:
    pause = max(AT_LEAST, timedelta(milliseconds=summary.took_ms * TOTALS_FACTOR))
    if CampaignState(campaign.state).is_over and not is_touched and summary.event_id == last_event:
        pause = max(pause, (now - (campaign.ended_at or now)) / _AGE_PARTS)
    return now - summary.counted_at >= pause


def is_detail_due(summary: CampaignSummary | None, now: datetime) -> bool:
    """Say whether destination groups and reasons are to be counted too."""
    if summary is None or summary.is_settled:
        return True
    return now - summary.detail_at >= timedelta(milliseconds=summary.detail_ms * DETAIL_FACTOR)
