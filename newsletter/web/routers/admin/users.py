"""Who may sign in, and as what. Administrators only."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from newsletter.accounts import audit
from newsletter.accounts import service as accounts
from newsletter.accounts.models import Role
from newsletter.accounts.models import User as Account
from newsletter.errors import Conflict, NotFound
from newsletter.web.deps import Admin, AdminOnly, Form, Reading, Writing, back_to, container, field, render
from newsletter.web.security import hold_form_token

router = APIRouter(include_in_schema=False, dependencies=[AdminOnly, Depends(hold_form_token)])


@router.get("/admin/users")
def everybody(request: Request, session: Reading, told: str = "") -> Response:
    """Show who may sign in."""
    return render(
        request, "admin/users/list.html", users=accounts.list_users(session), roles=list(Role), told=told
    )


@router.post("/admin/users")
def create(request: Request, user: Admin, form: Form, session: Writing) -> Response:
    """Make a user and show the link that lets them in, once."""
    made = accounts.create_user(
        session,
        email=field(form, "email", most=254),
        role=field(form, "role", most=20),
        name=field(form, "name", most=200),
    )
    audit.record(
        session, actor=user.email, action="user.create", object=made.email, details={"role": made.role}
    )
    return _with_link(request, session, made)


@router.post("/admin/users/{user_id:int}/link")
def new_link(request: Request, user: Admin, session: Writing, user_id: int) -> Response:
    """Show another link that signs in once."""
    account = _find(session, user_id)
    if account.disabled_at is not None:
        raise Conflict(f"{account.email} is shut out: let them in again first.")
    audit.record(session, actor=user.email, action="user.link", object=account.email)
    return _with_link(request, session, account)


def _with_link(request: Request, session: Session, account: Account) -> Response:
    """Show the link on the page that answers the form: its token is nowhere else, in no address and no log."""
    parts = container(request)
    token = accounts.create_sign_in_link(session, account, now=parts.clock.now())
    link = f"{parts.settings.base_url}/sign-in/{token}"
    return render(request, "admin/users/link.html", account=account, link=link)


@router.post("/admin/users/{user_id:int}/role")
def change_role(user: Admin, form: Form, session: Writing, user_id: int) -> Response:
    """Give another role."""
    account = _find(session, user_id)
    accounts.change_role(session, account, field(form, "role", most=20))
    audit.record(
        session, actor=user.email, action="user.role", object=account.email, details={"role": account.role}
    )
    return back_to("/admin/users?told=role")


@router.post("/admin/users/{user_id:int}/disable")
def disable(request: Request, user: Admin, session: Writing, user_id: int) -> Response:
    """Shut somebody out at once."""
    account = _find(session, user_id)
    if account.id == user.id:
        raise Conflict("You would shut yourself out: let another administrator do it.")
    accounts.disable_user(session, account, now=container(request).clock.now())
    audit.record(session, actor=user.email, action="user.disable", object=account.email)
    return back_to("/admin/users?told=disabled")


@router.post("/admin/users/{user_id:int}/enable")
def enable(user: Admin, session: Writing, user_id: int) -> Response:
    """Let somebody in again."""
    account = _find(session, user_id)
    accounts.enable_user(session, account)
    audit.record(session, actor=user.email, action="user.enable", object=account.email)
    return back_to("/admin/users?told=enabled")


def _find(session: Session, user_id: int) -> Account:
    account = session.get(Account, user_id) if user_id < 1 << 62 else None
    if account is None:
        raise NotFound("There is no such user.")
    return account
