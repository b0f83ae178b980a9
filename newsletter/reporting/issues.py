"""Campaigns beside each other: a page of them, newest first, and the table over time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from newsletter.delivery.models import Campaign
from newsletter.delivery.states import CampaignState
from newsletter.issues.models import Issue, Publication
from newsletter.reporting.campaigns import CampaignReport, campaign_reports
from newsletter.reporting.tables import Table, Value, columns

PER_PAGE: Final = 12
#: Numbers by which the issues of a page can be sorted, as columns name them.
SORTS: Final = {
    "sent": "Sent",
    "clicked": "Clicked",
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

        def number(row: ReportRow) -> int:
            return int(getattr(row.report, name))

        return sorted(self.rows, key=number, reverse=sort.startswith("-"))


def issue_reports(
    session: Session,
    *,
    publication: str = "",
    since: datetime | None = None,
    before: int | None = None,
    limit: int = PER_PAGE,
) -> ReportPage:
    """Return the reports of campaigns that are over: of one publication, begun since, before the one with a number."""
    statement = _ended(publication, since)
    if before is not None:
        statement = statement.where(Campaign.id < before)
    found = list(session.scalars(statement.limit(limit + 1)))
    shown = found[:limit]
    rows = [
        ReportRow(one, report) for one, report in zip(shown, campaign_reports(session, shown), strict=True)
    ]
    return ReportPage(rows, shown[-1].id if len(found) > limit else None)


def _ended(publication: str, since: datetime | None) -> Select[Campaign]:
    statement = (
        select(Campaign)
        .options(joinedload(Campaign.issue).joinedload(Issue.publication))
        .where(Campaign.state.in_([CampaignState.FINISHED.value, CampaignState.CANCELLED.value]))
        .order_by(Campaign.id.desc())
    )
    if publication:
        its = select(Issue.id).join(Publication).where(Publication.slug == publication)
        statement = statement.where(Campaign.issue_id.in_(its))
    if since is not None:
        statement = statement.where(Campaign.started_at >= since)
    return statement


def issue_table(rows: list[ReportRow]) -> Table:
    """Return the reports as a table, in the order of the rows."""
    return Table(
        "issues",
        "Issue by issue",
        columns(
            campaign="Campaign", issue="Issue", title="Title", started_at="Begun", state="State", audience="Audience",
            **SORTS, messages_per_second="A second",
        ),
        [_values(row) for row in rows],
    )  # fmt: skip


def _values(row: ReportRow) -> tuple[Value, ...]:
    report = row.report
    numbers = [getattr(report, name) for name in SORTS]
    return (
        report.campaign, report.issue, row.campaign.issue.title, report.started_at, report.state, report.audience,
        *numbers, report.messages_per_second,
    )  # fmt: skip
