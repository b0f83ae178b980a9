"""The first room: every publication with its issues and what waits in its tray."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from newsletter.issues import service as issues
from newsletter.issues.models import Issue, Publication
from newsletter.issues.tray import tray_count
from newsletter.web.deps import (
    Editor,
    Form,
    Reading,
    SignedInOnly,
    Writing,
    back_to,
    field,
    render,
)
from newsletter.web.security import hold_form_token

router = APIRouter(include_in_schema=False, dependencies=[SignedInOnly, Depends(hold_form_token)])
RECENT = 30


@router.get("/admin")
def without_slash() -> Response:
    """Send on to the desk."""
    return back_to("/admin/")


@router.get("/admin/")
def home(request: Request, session: Reading) -> Response:
    """Show the publications and their issues, newest first."""
    shelves = [_shelf(session, publication) for publication in issues.list_publications(session)]
    return render(request, "admin/home.html", shelves=shelves)


def _shelf(session: Session, publication: Publication) -> dict[str, Any]:
    found = issues.list_issues(session, publication)
    return {
        "publication": publication,
        "issues": [_row(issue) for issue in found[:RECENT]],
        "more": max(0, len(found) - RECENT),
        "waiting": tray_count(session, publication),
    }


def _row(issue: Issue) -> dict[str, Any]:
    return {"issue": issue, "items": sum(len(section.items) for section in issue.sections)}


@router.post("/admin/publications/{slug}/issues")
def create_issue(slug: str, user: Editor, form: Form, session: Writing) -> Response:
    """Start the next issue: empty, or with everything that waits in the tray."""
    publication = issues.get_publication(session, slug)
    issue = issues.create_issue(
        session, publication, unsent=field(form, "fill") == "tray", post_ids=None, actor=user.email
    )
    session.flush()
    return back_to(f"/admin/issues/{issue.id}")
