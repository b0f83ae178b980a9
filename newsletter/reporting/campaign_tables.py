"""Everything a campaign's report shows, as tables."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from newsletter.delivery.models import Campaign
from newsletter.reporting import breakdown, clicks
from newsletter.reporting.cells import Detail
from newsletter.reporting.consequences import leavings
from newsletter.reporting.reading import detail_of, returned_of, totals_of
from newsletter.reporting.tables import Table, columns


@dataclass(frozen=True, slots=True)
class CampaignTables:
    """The tables of one campaign, in the order of the page."""

    states: Table
    not_sent: Table
    providers: Table
    bounces: Table
    bounces_by_provider: Table
    leaving: Table
    engagement: Table
    items: Table
    links: Table
    clicks_by_hour: Table
    speed: Table

    @property
    def all(self) -> list[Table]:
        """Return them together."""
        return [getattr(self, name) for name in self.__slots__]


def campaign_tables(session: Session, campaign: Campaign, *, is_exact: bool = False) -> CampaignTables:
    """Return the tables of a campaign; without `is_exact` those of a very large one that goes on may be a minute old."""
    totals = totals_of(session, campaign, is_exact=is_exact).totals
    detail = detail_of(session, campaign, totals, is_exact=is_exact)
    returned = breakdown.within(detail.cells, returned_of(session, campaign))
    return CampaignTables(
        states=breakdown.state_table(totals),
        not_sent=breakdown.failure_table(detail.cells),
        providers=breakdown.provider_table(detail.cells, returned),
        bounces=breakdown.reason_table(detail.cells, returned),
        bounces_by_provider=breakdown.bounce_table(detail.cells, returned),
        leaving=leaving_table(session, campaign.id),
        engagement=clicks.engagement_table(session, campaign),
        items=clicks.item_table(session, campaign),
        links=clicks.link_table(session, campaign),
        clicks_by_hour=clicks.hour_table(session, campaign),
        speed=breakdown.pace_table(detail.paces),
    )


def leaving_table(session: Session, campaign_id: int) -> Table:
    """Return why people left through a campaign's mail."""
    rows = [(one.reason, one.source.replace("_", " "), one.people) for one in leavings(session, campaign_id)]
    return Table(
        "leaving", "Why people left", columns(reason="Reason", through="Through", people="People"), list(rows)
    )


def speed_table(session: Session, campaign: Campaign) -> Table:
    """Return how fast a campaign goes, alone."""
    return breakdown.pace_table(_shown_detail(session, campaign).paces)


def failed_table(session: Session, campaign: Campaign) -> Table:
    """Return what failed, alone."""
    return breakdown.failed_table(_shown_detail(session, campaign).cells)


def _shown_detail(session: Session, campaign: Campaign) -> Detail:
    totals = totals_of(session, campaign, is_exact=False).totals
    return detail_of(session, campaign, totals, is_exact=False)
