"""Signing in with a password; the front door to users, sessions, links and the audit log."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.accounts.logins import (
    close_all_sessions,
    close_session,
    create_sign_in_link,
    find_session,
    forget_old_logins,
    list_sessions,
    needs_touch,
    open_session,
    touch_session,
    use_sign_in_link,
)
from newsletter.accounts.models import AuditEntry, Role, User
from newsletter.accounts.passwords import hash_password, is_outdated, password_fits
from newsletter.accounts.users import (
    change_password,
    change_role,
    create_user,
    disable_user,
    enable_user,
    ensure_admin,
    find_user,
    list_users,
)
from newsletter.errors import Forbidden

__all__ = [
    "authenticate", "change_password", "change_role", "close_all_sessions", "close_session", "create_sign_in_link",
    "create_user", "disable_user", "enable_user", "ensure_admin", "find_session", "find_user", "forget_old_logins",
    "has_role", "list_sessions", "list_users", "needs_touch", "open_session", "touch_session", "use_sign_in_link",
]  # fmt: skip

FAILED: Final = "sign-in.failed"
WINDOW: Final = timedelta(minutes=15)
MOST_FAILURES: Final = 5  # by one address of the network for one person
MOST_FAILURES_BY_IP: Final = 50
_RANKS: Final = (Role.VIEWER, Role.EDITOR, Role.ADMIN)


def has_role(user: User, role: Role) -> bool:
    """Say whether the user may do what `role` may; each role includes the ones below it."""
    return _RANKS.index(Role(user.role)) >= _RANKS.index(role)


def authenticate(session: Session, email: str, password: str, *, ip: str = "", now: datetime) -> User | None:
    """Return the user whose password this is, or None; never says which of the two was wrong.

    A failure is noted in the audit log, which is also what the limit counts: commit after None too.

    :raises Forbidden: after too many failures from one network address within a quarter of an hour.
    """
    address = email.strip().lower()[:254]
    _refuse_guessing(session, address, ip, now)
    user = session.scalar(select(User).where(User.email == _storable(address)))
    stored = user.password_hash if user is not None and user.disabled_at is None else None
    if not password_fits(stored, password) or user is None or stored is None:
        audit.record(session, actor="", action=FAILED, object=address[:200], ip=ip, at=now)
        return None
    if is_outdated(stored):
        user.password_hash = hash_password(password)
    return user


def _storable(text: str) -> str:
    """PostgreSQL refuses NUL, every database refuses lone surrogates."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _refuse_guessing(session: Session, address: str, ip: str, now: datetime) -> None:
    recent = select(func.count()).where(
        AuditEntry.action == FAILED, AuditEntry.at > now - WINDOW, AuditEntry.ip == _storable(ip)[:64]
    )
    here = session.scalar(recent.where(AuditEntry.object == _storable(address)[:200])) or 0
    if here >= MOST_FAILURES or (session.scalar(recent) or 0) >= MOST_FAILURES_BY_IP:
        raise Forbidden(
            "Too many failed sign-ins: wait a quarter of an hour, or use a one-time sign-in link."
        )
