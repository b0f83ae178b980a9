"""What the sending room reads beside the report: the list of campaigns, failures by reason, speed over time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from newsletter.audience.selection import count_members
from newsletter.delivery.models import Campaign, Delivery
from newsletter.delivery.states import DeliveryState

PER_PAGE: Final = 25
_BARS: Final = 24


@dataclass(frozen=True, slots=True)
class CampaignPage:
    """Some campaigns, newest first; `before` starts the next page."""

    campaigns: list[Campaign]
    before: int | None


@dataclass(frozen=True, slots=True)
class Failure:
    """How many failed for one reason, and whether that counts as hard or soft."""

    reason: str
    code: int | None
    kind: str
    count: int


@dataclass(frozen=True, slots=True)
class Pace:
    """Messages accepted from `at` on, until the next one begins."""

    at: datetime
    accepted: int
    per_second: float


def campaign_page(session: Session, *, state: str = "", before: int | None = None) -> CampaignPage:
    """Return a page of campaigns, or of those in one state."""
    statement = select(Campaign).options(selectinload(Campaign.lists), selectinload(Campaign.issue))
    if state:
        statement = statement.where(Campaign.state == state)
    if before is not None:
        statement = statement.where(Campaign.id < before)
    found = list(session.scalars(statement.order_by(Campaign.id.desc()).limit(PER_PAGE + 1)))
    return CampaignPage(found[:PER_PAGE], found[PER_PAGE - 1].id if len(found) > PER_PAGE else None)


def campaigns_to(session: Session, list_id: int) -> list[Campaign]:
    """Return the latest campaigns that went to a list."""
    statement = select(Campaign).where(Campaign.lists.any(id=list_id)).options(selectinload(Campaign.issue))
    return list(session.scalars(statement.order_by(Campaign.id.desc()).limit(PER_PAGE)))


def people_of(session: Session, campaign: Campaign) -> int:
    """Return how many people a campaign is for: those counted at its freeze, before that those on its lists now."""
    if campaign.audience is not None:
        return campaign.audience
    return count_members(session, [one.id for one in campaign.lists])


def failures(session: Session, campaign_id: int) -> list[Failure]:
    """Return what failed, the most frequent reason first."""
    grouped = (Delivery.reason, Delivery.smtp_code, Delivery.bounce)
    rows = session.execute(
        select(*grouped, func.count().label("count"))
        .where(Delivery.campaign_id == campaign_id, Delivery.state == int(DeliveryState.FAILED))
        .group_by(*grouped)
        .order_by(func.count().desc())
        .limit(12)
    )
    return [Failure(row[0] or "no reason given", row[1], row[2] or "", row[3]) for row in rows]


def paces(session: Session, campaign: Campaign) -> list[Pace]:
    """Return the speed over the time of sending in a few equal steps; nothing before two were accepted."""
    sent = (Delivery.campaign_id == campaign.id, Delivery.state == int(DeliveryState.SENT))
    first, last = session.execute(
        select(func.min(Delivery.sent_at), func.max(Delivery.sent_at)).where(*sent)
    ).one()
    if first is None or last is None or last <= first:
        return []
    step = max(timedelta(seconds=1), (last - first) / _BARS)
    starts = [first + step * number for number in range(_BARS) if first + step * number <= last]
    counted = [
        func.count().filter(Delivery.sent_at >= start, Delivery.sent_at < start + step) for start in starts
    ]
    counts = session.execute(select(*counted).where(*sent)).one()
    return [
        Pace(start, count, count / step.total_seconds()) for start, count in zip(starts, counts, strict=True)
    ]
