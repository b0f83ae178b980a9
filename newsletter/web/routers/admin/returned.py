"""Returned mail: what nobody understood, looked at safely, and handled by hand."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from newsletter.errors import NotFound
from newsletter.feedback import tray
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
from newsletter.web.queries.returned import known_among, last_visits, outcome_of, pile_counts, pile_page
from newsletter.web.security import hold_form_token
from newsletter.web.views.returned import look_at

router = APIRouter(
    prefix="/admin/returned",
    include_in_schema=False,
    dependencies=[SignedInOnly, Depends(hold_form_token)],
)
Before = Annotated[int | None, Query(ge=1, le=1 << 62)]


@router.get("")
def pile(
    request: Request, session: Reading, pile: str = "open", before: Before = None, told: str = ""
) -> Response:
    """Show a pile of returned mail, newest first."""
    wanted = pile if pile in tray.PILES else "open"
    return render(
        request,
        "admin/returned/list.html",
        pile=wanted,
        page=pile_page(session, wanted, before),
        counts=pile_counts(session),
        visits=last_visits(session),
        before=before,
        told=told,
    )


@router.get("/{mail_id:int}")
def one_mail(request: Request, session: Reading, mail_id: int, told: str = "") -> Response:
    """Show one mail as text, with what the classifier made of it."""
    mail = tray.find_mail(session, mail_id)
    look = look_at(mail.raw) if mail.emptied_at is None else None
    return render(
        request,
        "admin/returned/one.html",
        mail=mail,
        look=look,
        size=len(mail.raw),
        known=known_among(session, look.found.recipients) if look else [],
        outcome=outcome_of(session, mail),
        told=told,
    )


@router.get("/{mail_id:int}/message.eml", dependencies=[AdminOnly])
def download(session: Reading, mail_id: int) -> Response:
    """Give the mail, byte for byte."""
    mail = tray.find_mail(session, mail_id)
    if mail.emptied_at is not None:
        raise NotFound("The text of this mail was thrown away: it was too old.")
    headers = {"Content-Disposition": f'attachment; filename="returned-{mail_id}.eml"'}
    return Response(mail.raw, media_type="message/rfc822", headers=headers)


@router.post("/{mail_id:int}/assign")
def assign(request: Request, user: Admin, form: Form, session: Writing, mail_id: int) -> Response:
    """Say whom the mail is about and what it means."""
    now = container(request).clock.now()
    email, meaning = field(form, "email", most=400), field(form, "meaning", most=20)
    tray.assign(session, mail_id, email, meaning, actor=user.email, now=now)
    return back_to(f"/admin/returned/{mail_id}?told=assigned")


@router.post("/{mail_id:int}/dismiss")
def dismiss(request: Request, user: Admin, session: Writing, mail_id: int) -> Response:
    """Say that the mail means nothing."""
    tray.dismiss(session, mail_id, actor=user.email, now=container(request).clock.now())
    return back_to(f"/admin/returned/{mail_id}?told=dismissed")


@router.post("/{mail_id:int}/undo")
def undo(request: Request, user: Admin, session: Writing, mail_id: int) -> Response:
    """Put the mail back, and take back what assigning it had changed."""
    tray.undo(session, mail_id, actor=user.email, now=container(request).clock.now())
    return back_to(f"/admin/returned/{mail_id}?told=undone")
