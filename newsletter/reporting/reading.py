"""Where the numbers of a campaign are read from: its summary while that is exact, else its rows, if they are not too many.

A settled summary is exact for ever. A campaign that goes on is counted when somebody looks, up to `LIVE_ROWS` people;
a larger one is shown as it was counted last, with the time, unless an exact answer is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.delivery.models import Campaign, CampaignEvent
from newsletter.delivery.states import CampaignState
from newsletter.reporting.cells import Detail, LedgerCell, ReturnedCell, Totals
from newsletter.reporting.counting import count_detail, count_returned, count_totals
from newsletter.reporting.marks import touched_campaigns
from newsletter.reporting.models import CampaignSummary

#: Counting so many rows by group and state takes a tenth of a second.
LIVE_ROWS: Final = 50_000


@dataclass(frozen=True, slots=True)
class Counted:
    """Totals and the moment they are of; None means that they were counted just now."""

    totals: Totals
    counted_at: datetime | None


def totals_of(session: Session, campaign: Campaign, *, is_exact: bool = True) -> Counted:
    """Return a campaign's deliveries by state."""
    stored = usable_summary(session, campaign, is_exact=is_exact)
    if stored is None:
        return Counted(count_totals(session, campaign.id), None)
    return Counted(Totals.from_document(stored.totals), None if stored.is_settled else stored.counted_at)


def detail_of(session: Session, campaign: Campaign, totals: Totals, *, is_exact: bool = True) -> Detail:
    """Return a campaign's deliveries by destination group, state and reason."""
    stored = usable_summary(session, campaign, is_exact=is_exact)
    if stored is None:
        return count_detail(session, campaign.id, totals)
    return Detail.from_document(stored.detail)


def last_cells(session: Session, campaign: Campaign) -> list[LedgerCell]:
    """Return a campaign's ledger as it was counted last; only one that never was is counted now."""
    stored = session.get(CampaignSummary, campaign.id)
    if stored is None:
        return count_detail(session, campaign.id, count_totals(session, campaign.id)).cells
    return Detail.from_document(stored.detail).cells


def returned_of(session: Session, campaign: Campaign) -> list[ReturnedCell]:
    """Return what came back of a campaign after it was accepted, up to this moment."""
    stored = session.get(CampaignSummary, campaign.id)
    if stored is None or campaign.id in touched_campaigns(session):
        return count_returned(session, campaign.id)
    return [ReturnedCell(*cell) for cell in stored.returned]


def returned_totals(session: Session, campaigns: list[Campaign]) -> dict[int, tuple[int, int]]:
    """Return the hard and the soft ones of several campaigns."""
    stored = _summaries(session, [one.id for one in campaigns])
    touched = touched_campaigns(session)
    return {one.id: _hard_and_soft(session, stored.get(one.id), one.id, touched) for one in campaigns}


def _hard_and_soft(
    session: Session, stored: CampaignSummary | None, campaign_id: int, touched: set[int]
) -> tuple[int, int]:
    if stored is not None and campaign_id not in touched:
        return stored.returned_hard, stored.returned_soft
    return hard_and_soft(count_returned(session, campaign_id))


def hard_and_soft(cells: list[ReturnedCell]) -> tuple[int, int]:
    """Add cells up by kind."""
    hard = sum(cell.mails for cell in cells if cell.kind == "hard")
    return hard, sum(cell.mails for cell in cells) - hard


def usable_summary(session: Session, campaign: Campaign, *, is_exact: bool) -> CampaignSummary | None:
    """Return the summary that may be shown for a campaign, None when its rows must be counted."""
    stored = session.get(CampaignSummary, campaign.id)
    if stored is None or is_current(session, campaign, stored):
        return stored
    return None if is_exact or (campaign.audience or 0) <= LIVE_ROWS else stored


def is_current(session: Session, campaign: Campaign, stored: CampaignSummary) -> bool:
    """Say whether nothing can have changed since the count."""
    is_over = CampaignState(campaign.state).is_over
    return stored.is_settled and is_over and stored.event_id == last_event_id(session, campaign.id)


def last_event_id(session: Session, campaign_id: int) -> int:
    """Return the number of the latest thing that happened to a campaign."""
    its = select(func.max(CampaignEvent.id)).where(CampaignEvent.campaign_id == campaign_id)
    return session.scalar(its) or 0


def _summaries(session: Session, ids: list[int]) -> dict[int, CampaignSummary]:
    found = session.scalars(select(CampaignSummary).where(CampaignSummary.campaign_id.in_(ids)))
    return {row.campaign_id: row for row in found}
