"""The desk: compose an issue. Every change is a form; scripts only save the reload."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.responses import Response

from newsletter.errors import Conflict, InvalidInput, NotFound
from newsletter.issues import revisions
from newsletter.issues import service as issues
from newsletter.issues.models import Issue
from newsletter.issues.states import IssueState, is_editable
from newsletter.web.deps import (
    Editor,
    EditorOnly,
    Form,
    Reading,
    SignedInOnly,
    Writing,
    back_to,
    container,
    field,
    is_fragment,
    render,
)
from newsletter.web.security import hold_form_token
from newsletter.web.views.desk import STEPS, desk_view

router = APIRouter(
    prefix="/admin/issues/{issue_id}",
    include_in_schema=False,
    dependencies=[SignedInOnly, Depends(hold_form_token)],
)
WORDS = ("title", "subject", "preheader", "intro", "outro")


def find(session: Session, issue_id: int) -> Issue:
    """Return the issue that an address names.

    :raises NotFound: when there is none.
    """
    if issue_id >= 2**62:
        raise NotFound("There is no such issue.")
    return issues.find_issue(session, str(issue_id))


@router.get("")
def desk(request: Request, issue_id: int, session: Reading, tray: str = "") -> Response:
    """Show the desk of an issue."""
    return _desk(request, session, find(session, issue_id), tray)


def _desk(request: Request, session: Session, issue: Issue, search: str = "", **more: Any) -> Response:
    parts = container(request)
    view = desk_view(
        session, issue, search=search[:200], base_url=parts.settings.base_url, now=parts.clock.now()
    )
    return render(request, "admin/desk.html", view=view, steps=STEPS, **more)


@router.post("/words")
def save_words(request: Request, issue_id: int, user: Editor, form: Form, session: Writing) -> Response:
    """Save subject, preheader, title, intro and outro, unless somebody changed them meanwhile."""
    issue = find(session, issue_id)
    changes = {word: field(form, word) for word in WORDS if word in form}
    try:
        issues.edit_issue(session, issue, changes, expected_version=_version(form), actor=user.email)
    except Conflict as error:
        return _both(request, issue, changes, form, str(error))
    except InvalidInput as error:
        if not is_fragment(request):
            raise
        return _not_saved(request, issue, 422, message=str(error), version=field(form, "version"), both=[])
    if is_fragment(request):
        session.flush()
        return _desk(request, session, issue)
    return back_to(f"/admin/issues/{issue_id}")


def _both(request: Request, issue: Issue, mine: dict[str, str], form: FormData, message: str) -> Response:
    """Show what was typed beside what somebody else saved; nothing is lost, and either can be kept."""
    both = [(word, mine[word], getattr(issue, word)) for word in mine if mine[word] != getattr(issue, word)]
    return _not_saved(request, issue, 409, message=message, version=field(form, "version"), both=both)


def _not_saved(request: Request, issue: Issue, status: int, **context: Any) -> Response:
    template = "admin/desk_not_saved.html" if is_fragment(request) else "admin/desk_both.html"
    editable = is_editable(IssueState(issue.state))
    return render(request, template, status, issue=issue, editable=editable, **context)


def _version(form: FormData) -> int | None:
    """Return what the editor saw; "over" is the version that they chose to write over."""
    given = field(form, "over" if "over" in form else "version", most=20)
    return int(given) if given.isdecimal() else None


@router.post("/undo", dependencies=[EditorOnly])
def undo(issue_id: int, form: Form, session: Writing) -> Response:
    """Take the last change back."""
    revisions.undo(session, find(session, issue_id))
    return back_to_desk(issue_id, form)


@router.post("/discard")
def discard(issue_id: int, user: Editor, session: Writing) -> Response:
    """Throw a draft away; its posts go back to the tray."""
    issues.discard_issue(session, find(session, issue_id), actor=user.email)
    return back_to("/admin/")


def back_to_desk(issue_id: int, form: FormData) -> Response:
    """Send the browser back to where it was on the desk."""
    anchor = field(form, "anchor", most=40)
    return back_to(f"/admin/issues/{issue_id}" + (f"#{anchor}" if anchor.isalnum() else ""))
