"""Accounts at providers: what is entered there, what came from them, and how a request of theirs would be read."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from newsletter.delivery.relays.service import FALLBACK_NAME, list_relays
from newsletter.feedback.webhooks import accounts as service
from newsletter.feedback.webhooks.overview import account_views, failed_requests, view_of
from newsletter.feedback.webhooks.providers import PROVIDERS, provider_named
from newsletter.feedback.webhooks.sealed import shown_to_admin
from newsletter.feedback.webhooks.trying import try_body
from newsletter.web.deps import Admin, Form, Reading, SignedInOnly, Writing, back_to, container, field, render
from newsletter.web.security import hold_form_token

ROOM = "/admin/sending/providers"
router = APIRouter(
    prefix=ROOM, include_in_schema=False, dependencies=[SignedInOnly, Depends(hold_form_token)]
)


@router.get("")
def everybody(request: Request, session: Reading, told: str = "") -> Response:
    """Show the accounts, and how to add one."""
    return render(
        request,
        "admin/sending/providers.html",
        accounts=account_views(session),
        providers=PROVIDERS.values(),
        relays=[FALLBACK_NAME, *(row.name for row in list_relays(session))],
        told=told,
    )


@router.post("")
def add(request: Request, user: Admin, form: Form, session: Writing) -> Response:
    """Add an account."""
    parts, name = container(request), field(form, "name", most=60).strip()
    service.add_account(
        session,
        parts.sealer,
        name,
        field(form, "provider", most=40),
        relay=field(form, "relay", FALLBACK_NAME, most=60),
        signing=field(form, "signing", most=5000),
        topics=field(form, "topics", most=8000).split(),
        actor=user.email,
        now=parts.clock.now(),
    )
    return back_to(f"{ROOM}/{name}?told=added")


@router.get("/{name}")
def one(request: Request, session: Reading, name: str, told: str = "") -> Response:
    """Show one account with its forms."""
    return _page(request, session, name, told=told)


@router.post("/{name}/signing")
def signing(request: Request, user: Admin, form: Form, session: Writing, name: str) -> Response:
    """Take a new signing secret."""
    row = service.get_account(session, name)
    secret = field(form, "signing", most=5000)
    service.set_signing(session, container(request).sealer, row, secret, actor=user.email)
    return back_to(f"{ROOM}/{name}?told=secret")


@router.post("/{name}/rotate")
def rotate(request: Request, user: Admin, session: Writing, name: str) -> Response:
    """Make a new password."""
    service.rotate(session, container(request).sealer, service.get_account(session, name), actor=user.email)
    return back_to(f"{ROOM}/{name}?told=rotated")


@router.post("/{name}/retire")
def retire(request: Request, user: Admin, session: Writing, name: str) -> Response:
    """Forget the older secrets."""
    service.retire(session, container(request).sealer, service.get_account(session, name), actor=user.email)
    return back_to(f"{ROOM}/{name}?told=retired")


@router.post("/{name}/topics")
def topics(user: Admin, form: Form, session: Writing, name: str) -> Response:
    """Set the topics of SNS."""
    arns = field(form, "topics", most=8000).split()
    service.set_topics(session, service.get_account(session, name), arns, actor=user.email)
    return back_to(f"{ROOM}/{name}?told=topics")


@router.post("/{name}/remove")
def remove(user: Admin, session: Writing, name: str) -> Response:
    """Forget an account."""
    service.remove_account(session, service.get_account(session, name), actor=user.email)
    return back_to(f"{ROOM}?told=removed")


@router.post("/{name}/try")
def try_it(request: Request, _user: Admin, form: Form, session: Reading, name: str) -> Response:
    """Read a body without verifying or keeping it, and say what it would do."""
    row, body = service.get_account(session, name), field(form, "body", most=200_000)
    tried = try_body(session, row, body, keyring=container(request).keyring)
    return _page(request, session, name, tried=tried, body=body)


def _page(request: Request, session: Session, name: str, **more: Any) -> Response:
    parts, user = container(request), request.state.user
    row = service.get_account(session, name)
    secret = shown_to_admin(parts.sealer, row, parts.settings.base_url) if user.is_admin else None
    context: dict[str, Any] = {"told": "", "tried": None, "body": ""} | more
    return render(
        request,
        "admin/sending/provider.html",
        account=view_of(session, row),
        provider=provider_named(row.provider),
        secret=secret,
        failed=failed_requests(session, row) if user.is_admin else [],
        **context,
    )
