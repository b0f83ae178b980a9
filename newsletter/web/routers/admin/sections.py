"""The sections of an issue on the desk."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from starlette.responses import Response

from newsletter.issues import composing
from newsletter.web.deps import Editor, Form, SignedInOnly, Writing, back_to, field
from newsletter.web.routers.admin.desk import find
from newsletter.web.security import hold_form_token

router = APIRouter(
    prefix="/admin/issues/{issue_id}/sections",
    include_in_schema=False,
    dependencies=[SignedInOnly, Depends(hold_form_token)],
)


@router.post("")
def add(issue_id: int, user: Editor, form: Form, session: Writing) -> Response:
    """Add a section at the end."""
    composing.add_section(session, find(session, issue_id), title=field(form, "title"), actor=user.email)
    return _back(issue_id)


@router.post("/{section_id}")
def rename(issue_id: int, section_id: int, user: Editor, form: Form, session: Writing) -> Response:
    """Give a section another title."""
    issue = find(session, issue_id)
    composing.rename_section(session, issue, section_id, title=field(form, "title"), actor=user.email)
    return _back(issue_id)


@router.post("/{section_id}/move")
def move(issue_id: int, section_id: int, user: Editor, form: Form, session: Writing) -> Response:
    """Move a section to a place (0 is the first)."""
    position = field(form, "position", "0", most=6)
    composing.move_section(
        session,
        find(session, issue_id),
        section_id,
        position=int(position) if position.isdecimal() else 0,
        actor=user.email,
    )
    return _back(issue_id)


@router.post("/{section_id}/remove")
def remove(issue_id: int, section_id: int, user: Editor, session: Writing) -> Response:
    """Remove a section; its posts go back to the tray."""
    composing.remove_section(session, find(session, issue_id), section_id, actor=user.email)
    return _back(issue_id)


def _back(issue_id: int) -> Response:
    return back_to(f"/admin/issues/{issue_id}")
