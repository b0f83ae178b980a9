"""A campaign's public summary, at an address that nobody can guess."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from newsletter.reporting.sharing import public_summary
from newsletter.web.deps import Reading, render

router = APIRouter(include_in_schema=False)


@router.get("/s/{token}")
def summary(request: Request, session: Reading, token: str) -> Response:
    """Show the rounded numbers; search engines are asked to leave it out."""
    answer = render(request, "public/summary.html", summary=public_summary(session, token))
    answer.headers["X-Robots-Tag"] = "noindex, nofollow"
    return answer
