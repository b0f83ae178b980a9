"""A campaign as its pages show it: report, equation, and how many people its next change concerns."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from newsletter.delivery.models import Campaign
from newsletter.delivery.states import CampaignState
from newsletter.reporting.campaigns import campaign_report
from newsletter.web.queries.campaigns import people_of
from newsletter.web.views.equation import equation


def progress(session: Session, campaign: Campaign) -> dict[str, Any]:
    """Return what `admin/campaigns/live.html` needs."""
    report = campaign_report(session, campaign)
    is_frozen = campaign.audience is not None
    return {
        "campaign": campaign,
        "report": report,
        "sum": equation(report),
        "is_over": CampaignState(campaign.state).is_over,
        "to_go": report.open if is_frozen else people_of(session, campaign),
    }
