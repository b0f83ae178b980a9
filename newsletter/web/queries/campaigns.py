"""What the sending room reads beside the report: the list of campaigns and how far they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from newsletter.audience.selection import count_members
from newsletter.delivery.models import Campaign
from newsletter.reporting.reading import totals_of

PER_PAGE: Final = 25


@dataclass(frozen=True, slots=True)
class CampaignPage:
    """Some campaigns, newest first; `before` starts the next page."""

    campaigns: list[Campaign]
    before: int | None


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


def percent_done(session: Session, campaign: Campaign) -> int:
    """Return how many of a hundred deliveries have their final state."""
    totals = totals_of(session, campaign, is_exact=False).totals
    return (totals.rows - totals.open) * 100 // max(1, totals.rows)
