"""Publications: what people subscribe to; who it comes from and how it looks."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.responses import Response

from newsletter.issues import service as issues
from newsletter.issues.models import Publication
from newsletter.issues.publications import edit_publication
from newsletter.web.deps import Admin, Form, Reading, SignedInOnly, Writing, back_to, field, render
from newsletter.web.security import hold_form_token

router = APIRouter(
    prefix="/admin/publications",
    include_in_schema=False,
    dependencies=[SignedInOnly, Depends(hold_form_token)],
)
WORDS = (
    "name",
    "description",
    "postal_address",
    "language",
    "time_zone",
    "accent",
    "click_counting",
    "open_counting",
)


@router.get("")
def publications(request: Request, session: Reading) -> Response:
    """Show every publication with its next number."""
    shelves = [_shelf(session, each) for each in issues.list_publications(session)]
    return render(request, "admin/publications/list.html", shelves=shelves)


def _shelf(session: Session, publication: Publication) -> dict[str, Any]:
    return {"publication": publication, "issues": len(issues.list_issues(session, publication))}


@router.post("")
def create(user: Admin, form: Form, session: Writing) -> Response:
    """Create a publication."""
    issues.create_publication(
        session,
        slug=field(form, "slug").strip(),
        sender=_sender(form),
        reply_to=field(form, "reply_to").strip() or None,
        first_number=_first_number(form),
        actor=user.email,
        **{
            word: field(form, word)
            for word in WORDS
            if (word in form or word == "name") and word not in ("accent", "click_counting", "open_counting")
        },
    )
    return back_to("/admin/")


def _sender(form: FormData) -> str:
    name = (field(form, "from_name") or field(form, "name")).replace('"', "'")
    return f'"{name}" <{field(form, "from_address").strip()}>'


def _first_number(form: FormData) -> int:
    given = field(form, "first_number", "1", most=9).strip()
    return int(given) if given.isascii() and given.isdigit() else 1


@router.get("/{slug}")
def one(request: Request, slug: str, session: Reading) -> Response:
    """Show what can be changed about a publication."""
    return render(
        request, "admin/publications/one.html", publication=issues.get_publication(session, slug), saved=False
    )


@router.post("/{slug}")
def change(request: Request, slug: str, user: Admin, form: Form, session: Writing) -> Response:
    """Change a publication; approved issues keep what they were approved with."""
    publication = issues.get_publication(session, slug)
    changes: dict[str, Any] = {word: field(form, word) for word in WORDS if word in form}
    changes |= {"sender": _sender(form), "reply_to": field(form, "reply_to").strip() or None}
    changes["shows_bylines"] = "shows_bylines" in form
    edit_publication(session, publication, changes, actor=user.email)
    return render(request, "admin/publications/one.html", publication=publication, saved=True)
