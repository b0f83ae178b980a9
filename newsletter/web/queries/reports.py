"""The reports of several campaigns beside each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from newsletter.delivery.models import Campaign
from newsletter.delivery.states import CampaignState
from newsletter.reporting.campaigns import CampaignReport, campaign_report

PER_PAGE: Final = 12
SORTS: Final = {
    "sent": "Sent",
    "hard_bounces": "Hard bounces",
    "soft_bounces": "Soft bounces",
    "complaints": "Complaints",
    "unsubscribes": "Left",
}


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One campaign and its report."""

    campaign: Campaign
    report: CampaignReport

    @property
    def label(self) -> str:
        """Return what stands below the bar."""
        number = self.campaign.issue.number
        return str(number) if number is not None else f"#{self.campaign.id}"


@dataclass(frozen=True, slots=True)
class ReportPage:
    """Some reports, the newest campaign first; `before` starts the next page."""

    rows: list[ReportRow]
    before: int | None

    def sorted_by(self, sort: str) -> list[ReportRow]:
        """Return the rows by one of the numbers, `-` in front for the largest first."""
        name = sort.lstrip("-")
        if name not in SORTS:
            return self.rows

        def number(row: ReportRow) -> Any:
            return getattr(row.report, name)

        return sorted(self.rows, key=number, reverse=sort.startswith("-"))


def issue_reports(session: Session, *, before: int | None = None) -> ReportPage:
    """Return the reports of campaigns that are over, a page of them."""
    statement = (
        select(Campaign)
        .options(selectinload(Campaign.issue))
        .where(Campaign.state.in_([CampaignState.FINISHED.value, CampaignState.CANCELLED.value]))
        .order_by(Campaign.id.desc())
        .limit(PER_PAGE + 1)
    )
    if before is not None:
        statement = statement.where(Campaign.id < before)
    found = list(session.scalars(statement))
    rows = [ReportRow(one, campaign_report(session, one)) for one in found[:PER_PAGE]]
    return ReportPage(rows, found[PER_PAGE - 1].id if len(found) > PER_PAGE else None)
