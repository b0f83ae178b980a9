"""Where mail is handed over: seen by all, changed and tried by administrators."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.responses import Response

from newsletter.accounts import audit
from newsletter.db.session import unit_of_work
from newsletter.delivery.oneoff import send_relay_test
from newsletter.delivery.relays import service
from newsletter.delivery.relays.address import read_url
from newsletter.delivery.relays.overview import relay_views, view_of
from newsletter.delivery.relays.probe import Found, probe
from newsletter.errors import InvalidInput, Unavailable
from newsletter.web.deps import Admin, Form, Reading, SignedInOnly, Writing, back_to, container, field, render
from newsletter.web.security import hold_form_token

ROOM = "/admin/sending"
router = APIRouter(
    prefix=ROOM, include_in_schema=False, dependencies=[SignedInOnly, Depends(hold_form_token)]
)


@router.get("")
def everybody(request: Request, session: Reading, told: str = "") -> Response:
    """Show the relays and what takes over where there is none."""
    target = container(request).sending.target
    return render(
        request, "admin/sending/relays.html", relays=relay_views(session), fallback=target, told=told
    )


@router.post("/relays")
def add(request: Request, user: Admin, form: Form, session: Writing) -> Response:
    """Add a relay."""
    name = field(form, "name", most=60).strip()
    service.add_relay(session, container(request).sealer, name, _url(form), actor=user.email, **_values(form))
    return back_to(f"{ROOM}/relays/{name}?told=added")


@router.get("/relays/{name}")
def one(request: Request, session: Reading, name: str, told: str = "") -> Response:
    """Show one relay with its forms."""
    return _page(request, session, name, told=told)


@router.post("/relays/{name}")
def edit(request: Request, user: Admin, form: Form, session: Writing, name: str) -> Response:
    """Change a relay; an empty password leaves the one that is there."""
    row = service.get_relay(session, name)
    values = _values(form) | {"is_enabled": bool(form.get("is_enabled"))}
    service.edit_relay(session, container(request).sealer, row, actor=user.email, url=_url(form), **values)
    return back_to(f"{ROOM}/relays/{name}?told=saved")


@router.post("/relays/{name}/remove")
def remove(user: Admin, session: Writing, name: str) -> Response:
    """Forget a relay."""
    service.remove_relay(session, service.get_relay(session, name), actor=user.email)
    return back_to(f"{ROOM}?told=removed")


@router.post("/relays/{name}/test")
def try_it(request: Request, user: Admin, form: Form, session: Reading, name: str) -> Response:
    """Connect as sending does and say what was found; send a mail when an address was given."""
    parts, to = container(request), field(form, "to", most=254).strip()
    row = service.get_relay(session, name)
    found = probe(service.relay_of(parts.sealer, row).target)
    if to and not found.trouble:
        try:
            send_relay_test(session, row, to=to, room=parts.sending.room, now=parts.clock.now())
        except Unavailable as error:
            found = replace(found, trouble=str(error))
    with unit_of_work(parts.sessions) as noting:
        details = {"to": to, "trouble": found.trouble}
        audit.record(noting, actor=user.email, action="relay.test", object=f"relay {name}", details=details)
    return _page(request, session, name, found=found, to=to)


def _page(
    request: Request, session: Session, name: str, *, told: str = "", found: Found | None = None, to: str = ""
) -> Response:
    relay = view_of(service.get_relay(session, name))
    return render(request, "admin/sending/relay.html", relay=relay, told=told, found=found, to=to)


def _url(form: FormData) -> str:
    """The address as it was written, and the password from its own field."""
    address = read_url(field(form, "url", most=1000))
    password = field(form, "password", most=1000)
    return replace(address, password=password).secret_url if password else address.url


def _values(form: FormData) -> dict[str, Any]:
    return {
        "weight": _whole(form, "weight", 1),
        "connections": _whole(form, "connections", None),
        "messages_per_connection": _whole(form, "messages", 1000),
        "from_domains": field(form, "from_domains", most=4000).replace(",", " ").split(),
    }


def _whole(form: FormData, name: str, default: int | None) -> int | None:
    written = field(form, name, most=12).strip()
    if not written:
        return default
    if not (written.isascii() and written.isdecimal()):
        raise InvalidInput(f"{name.title()} must be a whole number.")
    return int(written)
