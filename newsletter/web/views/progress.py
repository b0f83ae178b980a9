"""A campaign as its pages show it: report, equation, and how many people its next change concerns."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy.orm import Session

from newsletter.delivery.models import Campaign
from newsletter.delivery.states import CampaignState
from newsletter.reporting.campaigns import campaign_report
from newsletter.web.queries.campaigns import people_of
from newsletter.web.views.equation import equation

#: Counting a ledger of this size takes a moment; the page asks less often.
_LARGE: Final = 200_000


def progress(session: Session, campaign: Campaign) -> dict[str, Any]:
    """Return what `admin/campaigns/live.html` needs."""
    report = campaign_report(session, campaign, is_exact=False)
    is_frozen = campaign.audience is not None
    return {
        "campaign": campaign,
        "report": report,
        "sum": equation(report),
        "is_over": CampaignState(campaign.state).is_over,
        "to_go": report.open if is_frozen else people_of(session, campaign),
        "poll": "every 2s" if report.audience <= _LARGE else "every 5s",
    }
