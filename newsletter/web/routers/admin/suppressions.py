"""Addresses that must not be mailed, and the people who left."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.datastructures import FormData
from starlette.responses import Response, StreamingResponse

from newsletter.accounts import audit
from newsletter.audience.addresses import normalise
from newsletter.audience.suppressions import REASONS, lift, suppress
from newsletter.errors import InvalidInput
from newsletter.issues import service as issues
from newsletter.web.deps import (
    Admin,
    AdminOnly,
    Form,
    Reading,
    SignedInOnly,
    Writing,
    back_to,
    container,
    field,
    render,
)
from newsletter.web.queries.left import (
    PER_PAGE,
    leavings,
    leavings_csv,
    suppression_page,
    suppressions_csv,
)
from newsletter.web.security import hold_form_token

router = APIRouter(include_in_schema=False, dependencies=[SignedInOnly, Depends(hold_form_token)])
_PERSON = re.compile(r"/admin/subscribers/[0-9]{1,18}", re.ASCII)
Before = Annotated[int | None, Query(ge=1, le=1 << 62)]


@router.get("/admin/suppressions")
def suppressed(
    request: Request,
    session: Reading,
    search: str = "",
    reason: str = "",
    lifted: bool = False,
    before: Before = None,
    told: str = "",
) -> Response:
    """Show suppressions, newest first."""
    wanted = reason if reason in REASONS else ""
    rows = suppression_page(
        session, search=search, reason=wanted, active=not lifted, before=before, limit=PER_PAGE + 1
    )
    publications = issues.list_publications(session)
    return render(
        request,
        "admin/suppressions/list.html",
        rows=rows[:PER_PAGE],
        more=rows[PER_PAGE - 1].id if len(rows) > PER_PAGE else None,
        reasons=REASONS,
        publications=publications,
        names={one.id: one.name for one in publications},
        search=search,
        reason=wanted,
        lifted=lifted,
        before=before,
        told=told,
    )


@router.get("/admin/suppressions/left")
def people_who_left(request: Request, session: Reading, search: str = "", before: Before = None) -> Response:
    """Show who left which list, when, and why if they said so."""
    rows = leavings(session, search=search, before=before, limit=PER_PAGE + 1)
    return render(
        request,
        "admin/suppressions/left.html",
        rows=rows[:PER_PAGE],
        more=rows[PER_PAGE - 1].id if len(rows) > PER_PAGE else None,
        search=search,
        before=before,
    )


@router.post("/admin/suppressions")
def add(request: Request, user: Admin, form: Form, session: Writing) -> Response:
    """Suppress an address by hand."""
    address = normalise(field(form, "email", most=400))
    publication = field(form, "publication", most=18)
    row = suppress(
        session,
        address.key,
        reason="manual",
        source="web",
        detail=field(form, "detail", most=1000).strip(),
        publication_id=int(publication) if publication.isdecimal() else None,
        actor=user.email,
        now=container(request).clock.now(),
    )
    audit.record(session, actor=user.email, action="suppression.add", object=f"suppression {row.id}")
    return back_to("/admin/suppressions?told=added")


@router.post("/admin/suppressions/{suppression_id:int}/lift")
def end(request: Request, user: Admin, form: Form, session: Writing, suppression_id: int) -> Response:
    """Let an address be mailed again, with a reason."""
    reason = " ".join(field(form, "reason", most=500).split())
    if suppression_id > 1 << 62:
        raise InvalidInput("There is no such suppression.")
    now = container(request).clock.now()
    row = lift(session, suppression_id, reason=reason, actor=user.email, now=now)
    audit.record(
        session,
        actor=user.email,
        action="suppression.lift",
        object=f"suppression {row.id}",
        details={"reason": reason},
    )
    return back_to(f"{_origin(form)}?told=lifted")


def _origin(form: FormData) -> str:
    """Return the page the form stood on: a person's, or the list."""
    back = field(form, "back", most=60)
    return back if _PERSON.fullmatch(back) else "/admin/suppressions"


@router.get("/admin/suppressions/export.csv", dependencies=[AdminOnly])
def export(request: Request, search: str = "", reason: str = "", lifted: bool = False) -> Response:
    """Give what the search shows as a spreadsheet."""
    return _download(_suppressions(request, search, reason, lifted), "suppressions.csv")


@router.get("/admin/suppressions/left.csv", dependencies=[AdminOnly])
def export_left(request: Request) -> Response:
    """Give everybody who left as a spreadsheet."""
    return _download(_left(request), "left.csv")


def _suppressions(request: Request, search: str, reason: str, lifted: bool) -> Iterator[str]:
    with container(request).reading_sessions() as session:
        wanted = reason if reason in REASONS else ""
        yield from suppressions_csv(session, search=search, reason=wanted, active=not lifted)


def _left(request: Request) -> Iterator[str]:
    with container(request).reading_sessions() as session:
        yield from leavings_csv(session)


def _download(lines: Iterator[str], name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(lines, media_type="text/csv", headers=headers)
