"""Reports on lists: how they grow and how healthy they are."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from newsletter.audience import service as audience
from newsletter.reporting.growth import membership_of
from newsletter.reporting.list_tables import Step, growth_table, list_table
from newsletter.reporting.tables import FileFormat
from newsletter.web.deps import Reading, SignedInOnly, container, render
from newsletter.web.views.files import as_file

router = APIRouter(include_in_schema=False, dependencies=[SignedInOnly])


@router.get("/admin/reports/lists")
def all_lists(request: Request, session: Reading) -> Response:
    """Show every list beside the others."""
    now = container(request).clock.now()
    found = [(one, membership_of(session, one, now)) for one in audience.list_lists(session)]
    return render(request, "admin/reports/lists.html", lists=found, table=list_table(found))


@router.get("/admin/reports/lists.{ending}")
def all_lists_file(request: Request, session: Reading, ending: FileFormat) -> Response:
    """Give the lists as a file."""
    now = container(request).clock.now()
    found = [(one, membership_of(session, one, now)) for one in audience.list_lists(session)]
    return as_file(list_table(found), ending, "reports")


@router.get("/admin/reports/lists/{slug}")
def one_list(request: Request, session: Reading, slug: str, step: str = "") -> Response:
    """Show one list's growth by day, week or month."""
    wanted = Step(step) if step in tuple(Step) else Step.WEEK
    mailing_list = audience.find_list(session, slug)
    membership = membership_of(session, mailing_list, container(request).clock.now())
    return render(
        request,
        "admin/reports/one_list.html",
        list=mailing_list,
        membership=membership,
        table=growth_table(membership, wanted),
        step=wanted,
        steps=list(Step),
    )


@router.get("/admin/reports/lists/{slug}/growth.{ending}")
def one_list_file(
    request: Request, session: Reading, slug: str, ending: FileFormat, step: Step = Step.DAY
) -> Response:
    """Give one list's growth as a file."""
    mailing_list = audience.find_list(session, slug)
    membership = membership_of(session, mailing_list, container(request).clock.now())
    return as_file(growth_table(membership, step), ending, f"list-{mailing_list.slug}")
