"""Reports: what became of one campaign, and of the issues over time."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from newsletter.delivery.control.campaigns import find_campaign
from newsletter.issues.service import list_publications
from newsletter.reporting.campaign_tables import campaign_tables
from newsletter.reporting.issues import PER_PAGE, SORTS, issue_reports, issue_table
from newsletter.reporting.sharing import share_summary, shared_of, unshare_summary
from newsletter.reporting.tables import FileFormat, find_table, tables_json
from newsletter.reporting.trends import bounce_trends
from newsletter.web.deps import Editor, Reading, SignedInOnly, Writing, back_to, container, render
from newsletter.web.security import hold_form_token
from newsletter.web.views.files import as_file, json_file
from newsletter.web.views.progress import progress

router = APIRouter(include_in_schema=False, dependencies=[SignedInOnly, Depends(hold_form_token)])
Before = Annotated[int | None, Query(ge=1, le=1 << 62)]
#: How many issues stand beside each other.
_SPANS: Final = (PER_PAGE, 26, 52)
#: A file holds as many as anybody will ever have.
_MOST: Final = 10_000


@router.get("/admin/campaigns/{ref:int}/report")
def one_report(request: Request, session: Reading, ref: int) -> Response:
    """Show what became of a campaign."""
    campaign = find_campaign(session, str(ref))
    shared = shared_of(session, campaign.id)
    return render(
        request,
        "admin/reports/one.html",
        tables=campaign_tables(session, campaign),
        shared=f"{container(request).settings.base_url}/s/{shared.token}" if shared else "",
        **progress(session, campaign),
    )


@router.get("/admin/campaigns/{ref:int}/report.{ending}")
def report_file(session: Reading, ref: int, ending: FileFormat, table: str = "") -> Response:
    """Give one table of a report as a file, or all of them as JSON."""
    campaign = find_campaign(session, str(ref))
    tables = campaign_tables(session, campaign, is_exact=True).all
    if ending is FileFormat.JSON and not table:
        return json_file(tables_json(tables), f"campaign-{campaign.id}")
    return as_file(find_table(tables, table or "providers"), ending, f"campaign-{campaign.id}")


@router.get("/admin/reports")
def over_time(
    request: Request,
    session: Reading,
    sort: str = "",
    publication: str = "",
    span: int = PER_PAGE,
    before: Before = None,
) -> Response:
    """Show the issues that went out, beside each other."""
    wanted = sort if sort.lstrip("-") in SORTS else ""
    limit = span if span in _SPANS else PER_PAGE
    page = issue_reports(session, publication=publication, before=before, limit=limit)
    reasons, providers = bounce_trends(session, page.rows)
    return render(
        request,
        "admin/reports/over_time.html",
        rows=page.sorted_by(wanted),
        latest=page.rows[0] if page.rows else None,
        table=issue_table(page.sorted_by(wanted)),
        reasons=reasons,
        providers=providers,
        older=page.before,
        sort=wanted,
        sorts=SORTS,
        spans=_SPANS,
        span=limit,
        publication=publication,
        publications=list_publications(session),
    )


@router.get("/admin/reports.{ending}")
def over_time_file(
    session: Reading, ending: FileFormat, publication: str = "", table: str = "issues"
) -> Response:
    """Give every issue that went out as a file, or their bounces by reason or provider."""
    rows = issue_reports(session, publication=publication, limit=_MOST).rows
    tables = [issue_table(rows)] if table == "issues" else bounce_trends(session, rows)
    return as_file(find_table(tables, table), ending, "reports")


@router.post("/admin/campaigns/{ref:int}/share")
def share(request: Request, user: Editor, session: Writing, ref: int) -> Response:
    """Open the public summary."""
    campaign = find_campaign(session, str(ref))
    share_summary(session, campaign, actor=user.email, now=container(request).clock.now())
    return back_to(f"/admin/campaigns/{campaign.id}/report#share")


@router.post("/admin/campaigns/{ref:int}/unshare")
def unshare(user: Editor, session: Writing, ref: int) -> Response:
    """Close the public summary for good."""
    campaign = find_campaign(session, str(ref))
    unshare_summary(session, campaign, actor=user.email)
    return back_to(f"/admin/campaigns/{campaign.id}/report#share")
