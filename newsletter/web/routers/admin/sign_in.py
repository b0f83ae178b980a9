"""The door: password or one-time link in, and out again."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from newsletter.accounts import audit
from newsletter.accounts import service as accounts
from newsletter.accounts.models import User as Account
from newsletter.db.session import unit_of_work
from newsletter.errors import Forbidden
from newsletter.web.deps import Form, SignedInOnly, User, back_to, container, cookie_name, field, render
from newsletter.web.security import hold_form_token

router = APIRouter(include_in_schema=False)


@router.get("/sign-in")
def door(request: Request, next: str = "/admin/") -> Response:
    """Show the form."""
    return render(request, "admin/sign_in.html", next=local_path(next), email="", error="")


@router.post("/sign-in")
def enter(request: Request, form: Form) -> Response:
    """Sign in with a password; a failure never says which of the two was wrong."""
    email, following = field(form, "email", most=254), local_path(field(form, "next", "/admin/"))
    parts = container(request)
    token = None
    error = "This address and password do not belong together."
    try:
        with unit_of_work(parts.sessions) as session:
            now = parts.clock.now()
            user = accounts.authenticate(
                session, email, field(form, "password", most=1000), ip=_ip(request), now=now
            )
            token = _open(request, session, user, "sign-in") if user is not None else None
    except Forbidden as refused:
        error = str(refused)
    if token is None:
        return render(request, "admin/sign_in.html", 403, next=following, email=email, error=error)
    return _with_cookie(request, back_to(following), token)


@router.get("/sign-in/{link}")
def show_link(request: Request, link: str) -> Response:
    """Show a button: a mail scanner that opens the link uses nothing up."""
    return render(request, "admin/sign_in_link.html", link=link)


@router.post("/sign-in/{link}")
def enter_by_link(request: Request, link: str) -> Response:
    """Spend the link."""
    parts = container(request)
    with unit_of_work(parts.sessions) as session:
        user = accounts.use_sign_in_link(session, link, now=parts.clock.now())
        token = _open(request, session, user, "sign-in.link")
    return _with_cookie(request, back_to("/admin/"), token)


@router.post("/sign-out", dependencies=[SignedInOnly, Depends(hold_form_token)])
def leave(request: Request, user: User) -> Response:
    """Sign this browser out."""
    parts = container(request)
    with unit_of_work(parts.sessions) as session:
        accounts.close_session(session, request.cookies.get(cookie_name(request), ""))
        audit.record(session, actor=user.email, action="sign-out", ip=_ip(request))
    answer = back_to("/sign-in")
    name = cookie_name(request)
    answer.delete_cookie(name, httponly=True, samesite="lax", secure=name.startswith("__Host-"))
    return answer


def local_path(address: str) -> str:
    """Return a path on this site, whatever was asked for: no open redirect."""
    is_local = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if is_local else "/admin/"


def _open(request: Request, session: Session, user: Account, action: str) -> str:
    now = container(request).clock.now()
    audit.record(session, actor=user.email, action=action, ip=_ip(request), at=now)
    agent = request.headers.get("user-agent", "")
    return accounts.open_session(session, user, ip=_ip(request), user_agent=agent, now=now)


def _with_cookie(request: Request, answer: Response, token: str) -> Response:
    name = cookie_name(request)
    answer.set_cookie(
        name, token, max_age=30 * 24 * 3600, httponly=True, samesite="lax", secure=name.startswith("__Host-")
    )
    return answer


def _ip(request: Request) -> str:
    return request.client.host if request.client else ""
