"""One address: everything that happened to it, on one page."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from newsletter.errors import InvalidInput
from newsletter.reporting.timeline import story_of
from newsletter.web.deps import AdminOnly, Reading, SignedInOnly, container, render
from newsletter.web.views.files import json_file
from newsletter.web.views.story import lines_of

router = APIRouter(include_in_schema=False, dependencies=[SignedInOnly])
Page = Annotated[int, Query(ge=1, le=100_000)]


@router.get("/admin/reports/address")
def one_address(request: Request, session: Reading, address: str = "", page: Page = 1) -> Response:
    """Show what happened to an address, or ask for one."""
    wanted = address.strip()[:400]
    story, problem = None, ""
    if wanted:
        try:
            story = story_of(session, wanted, secret=container(request).settings.secret)
        except InvalidInput as error:
            problem = str(error)
    return render(
        request,
        "admin/reports/address.html",
        status=422 if problem else 200,
        wanted=wanted,
        story=story,
        lines=lines_of(story.page(page)) if story else [],
        page=page,
        problem=problem,
    )


@router.get("/admin/reports/address.json", dependencies=[AdminOnly])
def one_address_file(request: Request, session: Reading, address: str) -> Response:
    """Give everything that happened to an address as a file."""
    story = story_of(session, address.strip()[:400], secret=container(request).settings.secret)
    return json_file(story.to_json(), "address")
