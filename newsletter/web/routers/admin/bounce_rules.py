"""Rules about soft bounces: everybody's, and a publication's own."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from newsletter.errors import InvalidInput
from newsletter.feedback.policy import SoftRule
from newsletter.feedback.rules import EVERYBODYS, drop_rule, rule_of, set_rule
from newsletter.issues import service as issues
from newsletter.web.deps import Admin, Form, Reading, SignedInOnly, Writing, back_to, container, field, render
from newsletter.web.security import hold_form_token

router = APIRouter(
    prefix="/admin/returned/rules",
    include_in_schema=False,
    dependencies=[SignedInOnly, Depends(hold_form_token)],
)


@router.get("")
def rules(request: Request, session: Reading, told: str = "") -> Response:
    """Show which rule holds where."""
    publications = issues.list_publications(session)
    shelves = [(each, rule_of(session, each.id)) for each in publications]
    return render(request, "admin/returned/rules.html", shelves=shelves, everybodys=EVERYBODYS, told=told)


@router.post("/{slug}")
def change(request: Request, user: Admin, form: Form, session: Writing, slug: str) -> Response:
    """Give a publication a rule of its own."""
    publication = issues.get_publication(session, slug)
    rule = SoftRule(_number(form, "count"), _number(form, "over_days"), _number(form, "forget_days"))
    now = container(request).clock.now()
    set_rule(session, publication.id, rule, actor=user.email, now=now)
    return back_to("/admin/returned/rules?told=set")


@router.post("/{slug}/drop")
def drop(user: Admin, session: Writing, slug: str) -> Response:
    """Let everybody's rule hold again."""
    drop_rule(session, issues.get_publication(session, slug).id, actor=user.email)
    return back_to("/admin/returned/rules?told=dropped")


def _number(form: FormData, name: str) -> int:
    given = field(form, name, most=6).strip()
    if not (given.isascii() and given.isdecimal()):
        raise InvalidInput(f"Give the {name.replace('_', ' ')} as a whole number.")
    return int(given)
