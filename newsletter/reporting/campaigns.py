"""What became of a campaign: one report, the same for the command line, the web and scripts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from newsletter.delivery.models import Campaign
from newsletter.delivery.states import DeliveryState
from newsletter.feedback.engagement.reading import click_numbers
from newsletter.reporting.cells import Totals
from newsletter.reporting.consequences import complaints_of, leavers_of
from newsletter.reporting.reading import Counted, returned_totals, totals_of

#: The right side of the equation; a campaign that goes on has `open` rows besides.
TERMS = ("sent", "failed", "suppressed", "skipped", "expired", "ambiguous")


@dataclass(frozen=True, slots=True)
class CampaignReport:
    """Numbers of one campaign. `audience` was counted at the freeze, the terms are counted from the ledger.

    `counted_at` is None when they are of this moment; else they are as old as that, which only pages about very large
    campaigns that go on show.
    """

    campaign: int
    issue: str
    state: str
    audience: int
    sent: int
    failed: int
    deferred: int
    suppressed: int
    skipped: int
    expired: int
    ambiguous: int
    queued: int
    in_flight: int
    hard_bounces: int
    soft_bounces: int
    complaints: int
    unsubscribes: int
    messages_per_second: float | None
    started_at: datetime | None
    ended_at: datetime | None
    reason: str
    #: People who followed a link; machines are not counted, and nobody where clicks are not.
    clicked: int = 0
    counted_at: datetime | None = None

    @property
    def open(self) -> int:
        """Return how many rows have no final state yet."""
        return self.queued + self.in_flight + self.deferred

    @property
    def done(self) -> int:
        """Return how many rows have their final state."""
        return sum(getattr(self, term) for term in TERMS)

    @property
    def adds_up(self) -> bool:
        """Return whether everyone selected at the freeze is somewhere in the ledger, once."""
        return self.audience == self.done + self.open

    @property
    def equation(self) -> str:
        """Return the equation in words: `1,000 = 970 sent + 25 failed + …`."""
        terms = [f"{getattr(self, term):,} {term}" for term in TERMS]
        if self.open:
            terms.append(f"{self.open:,} open")
        sign = "=" if self.adds_up else "≠"
        return f"{self.audience:,} {sign} {' + '.join(terms)}"

    def to_json(self) -> dict[str, Any]:
        """Return the fields, with the equation."""
        known = asdict(self)
        del known["counted_at"]
        return known | {"equation": self.equation, "adds_up": self.adds_up}


def campaign_report(session: Session, campaign: Campaign, *, is_exact: bool = True) -> CampaignReport:
    """Return the report of a campaign as it is now."""
    return campaign_reports(session, [campaign], is_exact=is_exact)[0]


def campaign_reports(
    session: Session, campaigns: list[Campaign], *, is_exact: bool = True
) -> list[CampaignReport]:
    """Return the reports of several campaigns; without `is_exact` a very large one that goes on may be some seconds old."""
    ids = [one.id for one in campaigns]
    returned, leavers = returned_totals(session, campaigns), leavers_of(session, ids)
    complaints = complaints_of(session, ids)
    return [
        _report(
            one,
            totals_of(session, one, is_exact=is_exact),
            returned[one.id],
            complaints.get(one.id, 0),
            leavers.get(one.id, 0),
            click_numbers(session, one.id).people,
        )
        for one in campaigns
    ]


def _report(
    campaign: Campaign,
    counted: Counted,
    returned: tuple[int, int],
    complaints: int,
    unsubscribes: int,
    clicked: int,
) -> CampaignReport:
    totals = counted.totals
    terms = {term: totals.states[DeliveryState[term.upper()]] for term in (*TERMS, "deferred", "queued")}
    return CampaignReport(
        campaign=campaign.id,
        issue=f"{campaign.issue.publication.slug}/{campaign.issue.number}",
        state=campaign.state,
        audience=totals.rows if campaign.audience is None else campaign.audience,
        in_flight=totals.states[DeliveryState.CLAIMED] + totals.states[DeliveryState.COMMITTING],
        hard_bounces=totals.refused.get("hard", 0) + returned[0],
        soft_bounces=totals.refused.get("soft", 0) + returned[1],
        complaints=complaints,
        unsubscribes=unsubscribes,
        messages_per_second=_speed(campaign, totals),
        started_at=campaign.started_at,
        ended_at=campaign.ended_at,
        reason=campaign.reason,
        clicked=clicked,
        counted_at=counted.counted_at,
        **terms,
    )


def _speed(campaign: Campaign, totals: Totals) -> float | None:
    """Return messages accepted per second between the first claim and the last acceptance; None below two."""
    last, sent = totals.last_sent_at, totals.states[DeliveryState.SENT]
    if campaign.started_at is None or last is None or sent < 2:
        return None
    seconds = (last - campaign.started_at).total_seconds()
    return round(sent / seconds, 1) if seconds > 0 else None
