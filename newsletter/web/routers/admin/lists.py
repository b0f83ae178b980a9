"""Mailing lists: who they are for, how people join them, how many are on them."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from newsletter.accounts import audit
from newsletter.audience import service as audience
from newsletter.audience.list_editing import edit_list
from newsletter.errors import InvalidInput
from newsletter.issues import service as issues
from newsletter.web.deps import Admin, Form, Reading, SignedInOnly, Writing, back_to, field, render
from newsletter.web.queries.campaigns import campaigns_to
from newsletter.web.security import hold_form_token

router = APIRouter(include_in_schema=False, dependencies=[SignedInOnly, Depends(hold_form_token)])


@router.get("/admin/lists")
def all_lists(request: Request, session: Reading) -> Response:
    """Show every list with its numbers."""
    return render(
        request,
        "admin/lists/list.html",
        lists=audience.list_lists(session),
        counts=audience.list_counts(session),
        publications=issues.list_publications(session),
    )


@router.post("/admin/lists")
def create(user: Admin, form: Form, session: Writing) -> Response:
    """Create a list."""
    made = audience.create_list(
        session,
        slug=field(form, "slug", most=80).strip(),
        name=field(form, "name", most=200),
        publication_id=_publication(form),
        optin=field(form, "optin", "double"),
        visibility=field(form, "visibility", "public"),
        description=field(form, "description", most=2000),
    )
    audit.record(session, actor=user.email, action="list.create", object=made.slug)
    return back_to(f"/admin/lists/{made.slug}")


@router.get("/admin/lists/{slug}")
def one_list(request: Request, session: Reading, slug: str) -> Response:
    """Show one list: its numbers, its settings, what went to it."""
    found = audience.find_list(session, slug)
    return render(
        request,
        "admin/lists/one.html",
        list=found,
        counts=audience.list_counts(session).get(found.id, {}),
        publications=issues.list_publications(session),
        campaigns=campaigns_to(session, found.id),
    )


@router.post("/admin/lists/{slug}")
def edit(user: Admin, form: Form, session: Writing, slug: str) -> Response:
    """Change a list."""
    found = audience.find_list(session, slug)
    edit_list(
        session,
        found,
        name=field(form, "name", most=200),
        description=field(form, "description", most=2000),
        optin=field(form, "optin"),
        visibility=field(form, "visibility"),
        publication_id=_publication(form),
    )
    audit.record(session, actor=user.email, action="list.edit", object=found.slug)
    return back_to(f"/admin/lists/{found.slug}?saved=1")


def _publication(form: Form) -> int | None:
    chosen = field(form, "publication", most=18)
    if chosen and not (chosen.isascii() and chosen.isdigit()):
        raise InvalidInput("Choose a publication from the list.")
    return int(chosen) if chosen else None
