"""DKIM keys: their DNS records to copy, what DNS says of them, and rotation."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from newsletter.delivery.dkim import service
from newsletter.delivery.dkim.keys import ALGORITHMS
from newsletter.delivery.dkim.overview import key_views
from newsletter.delivery.dkim.publishing import look_up
from newsletter.issues import service as issues
from newsletter.web.deps import Admin, Form, Reading, SignedInOnly, Writing, back_to, container, field, render
from newsletter.web.security import hold_form_token

ROOM = "/admin/sending/signing"
router = APIRouter(
    prefix=ROOM, include_in_schema=False, dependencies=[SignedInOnly, Depends(hold_form_token)]
)


@router.get("")
def keys(request: Request, session: Reading, told: str = "") -> Response:
    """Show the keys in use, those that wait, and those that retired."""
    domains = {each.from_address.rpartition("@")[2].lower() for each in issues.list_publications(session)}
    return render(
        request,
        "admin/sending/signing.html",
        keys=key_views(session, container(request).sealer),
        domains=sorted(domains),
        algorithms=ALGORITHMS,
        told=told,
    )


@router.post("")
def create(request: Request, user: Admin, form: Form, session: Writing) -> Response:
    """Make the first key of a domain; it waits for its record."""
    parts = container(request)
    domain, algorithm = field(form, "domain", most=300), field(form, "algorithm", most=20)
    service.create_key(session, parts.sealer, domain, algorithm, actor=user.email, now=parts.clock.now())
    return back_to(f"{ROOM}?told=created")


@router.post("/{key_id:int}/rotate")
def rotate(request: Request, user: Admin, session: Writing, key_id: int) -> Response:
    """Make the next key of the same domain and kind."""
    parts = container(request)
    row = service.get_key(session, key_id)
    service.rotate_key(
        session, parts.sealer, row.domain, row.algorithm, actor=user.email, now=parts.clock.now()
    )
    return back_to(f"{ROOM}?told=rotated")


@router.post("/{key_id:int}/activate")
def activate(request: Request, user: Admin, session: Writing, key_id: int) -> Response:
    """Sign with a key from now on, whatever DNS says."""
    row = service.get_key(session, key_id)
    service.activate_key(session, row, actor=user.email, now=container(request).clock.now())
    return back_to(f"{ROOM}?told=activated")


@router.post("/check")
def check(request: Request, user: Admin) -> Response:
    """Ask DNS; waiting keys whose record is right sign from now on."""
    parts = container(request)
    look_up(
        parts.reading_sessions, parts.sessions, parts.sealer, parts.txt_lookup,
        actor=user.email, now=parts.clock.now(),
    )  # fmt: skip
    return back_to(f"{ROOM}?told=asked")
