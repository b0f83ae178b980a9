"""Reports: what became of one campaign, and of the issues over time."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from newsletter.delivery.campaigns import find_campaign
from newsletter.web.deps import Reading, SignedInOnly, render
from newsletter.web.queries.campaigns import failures
from newsletter.web.queries.domains import by_domain
from newsletter.web.queries.reports import SORTS, issue_reports
from newsletter.web.views.charts import bar_chart
from newsletter.web.views.progress import progress, speed

router = APIRouter(include_in_schema=False, dependencies=[SignedInOnly])
Before = Annotated[int | None, Query(ge=1, le=1 << 62)]


@router.get("/admin/campaigns/{ref:int}/report")
def one_report(request: Request, session: Reading, ref: int) -> Response:
    """Show what became of a campaign."""
    campaign = find_campaign(session, str(ref))
    return render(
        request,
        "admin/reports/one.html",
        failures=failures(session, campaign.id),
        domains=by_domain(session, campaign.id),
        **speed(session, campaign),
        **progress(session, campaign),
    )


@router.get("/admin/reports")
def over_time(request: Request, session: Reading, sort: str = "", before: Before = None) -> Response:
    """Show the issues that went out, beside each other."""
    wanted = sort if sort.lstrip("-") in SORTS else ""
    page = issue_reports(session, before=before)
    series = list(reversed(page.rows))
    labels = [row.label for row in series]
    return render(
        request,
        "admin/reports/over_time.html",
        rows=page.sorted_by(wanted),
        latest=page.rows[0] if page.rows else None,
        older=page.before,
        sort=wanted,
        sorts=SORTS,
        sent=bar_chart([row.report.sent for row in series], labels),
        left=bar_chart([row.report.unsubscribes for row in series], labels),
    )
