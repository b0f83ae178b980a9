"""Users: create, find, change."""

from __future__ import annotations

import re
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.accounts.logins import close_all_sessions
from newsletter.accounts.models import Role, User
from newsletter.accounts.passwords import hash_password
from newsletter.clock import utcnow
from newsletter.errors import Conflict, InvalidInput, NotFound

_ADDRESS = re.compile(r"[^@\s<>()\[\],;:\"\\\x00-\x1f\x7f-\x9f]{1,64}@[a-z0-9](?:[a-z0-9.-]{0,185}[a-z0-9])?")
FIRST_ADMIN = "admin@example.com"


def create_user(
    session: Session, *, email: str, role: Role | str, password: str | None = None, name: str = ""
) -> User:
    """Create a person who may sign in; without a password only by one-time links.

    :raises InvalidInput: when the address, role or password does not fit.
    :raises Conflict: when the address is known.
    """
    address = clean_email(email)
    if session.scalar(select(User.id).where(User.email == address)) is not None:
        raise Conflict(f"{address} is a user already.")
    user = User(
        email=address,
        name=" ".join(name.split())[:200],
        role=parse_role(role).value,
        password_hash=hash_password(password) if password is not None else None,
    )
    session.add(user)
    session.flush()
    return user


def clean_email(email: str) -> str:
    """Return the address as it is stored.

    :raises InvalidInput: when it is none.
    """
    address = email.strip().lower()
    if not _ADDRESS.fullmatch(address) or ".." in address:
        raise InvalidInput(f"{email[:100]!r} is no email address.")
    return address


def parse_role(role: Role | str) -> Role:
    """Return the role of this name.

    :raises InvalidInput: naming the roles there are.
    """
    try:
        return Role(role)
    except ValueError:
        raise InvalidInput(f"{role!r} is no role: use {', '.join(Role)}.") from None


def ensure_admin(session: Session, *, now: datetime | None = None) -> User:
    """Return the first administrator who may sign in, made when there is none."""
    statement = select(User).where(User.role == Role.ADMIN.value, User.disabled_at.is_(None))
    found = session.scalars(statement.order_by(User.id).limit(1)).first()
    if found is not None:
        return found
    stale = session.scalar(select(User).where(User.email == FIRST_ADMIN))
    if stale is None:
        admin = User(
            email=FIRST_ADMIN, name="Administrator", role=Role.ADMIN.value, created_at=now or utcnow()
        )
        session.add(admin)
    else:
        admin = stale
        admin.role, admin.disabled_at = Role.ADMIN.value, None
    session.flush()
    return admin


def find_user(session: Session, email: str) -> User:
    """Return the user with this address.

    :raises NotFound: when there is none.
    """
    user = session.scalar(select(User).where(User.email == email.strip().lower()))
    if user is None:
        raise NotFound(f"There is no user {email.strip()[:100]}.")
    return user


def list_users(session: Session) -> list[User]:
    """Return everybody by address."""
    return list(session.scalars(select(User).order_by(User.email)))


def change_password(session: Session, user: User, password: str, *, keep_token: str | None = None) -> None:
    """Set a password and end every other signed-in browser of the person.

    :raises InvalidInput: when it is too short.
    """
    user.password_hash = hash_password(password)
    close_all_sessions(session, user, keep_token=keep_token)


def change_role(session: Session, user: User, role: Role | str) -> None:
    """Give another role; the person signs in again. The last administrator stays one.

    :raises Conflict: when nobody would be left to administrate.
    """
    wanted = parse_role(role)
    if wanted is not Role.ADMIN:
        _keep_an_admin(session, user)
    user.role = wanted.value
    close_all_sessions(session, user)


def disable_user(session: Session, user: User, *, now: datetime) -> None:
    """Shut somebody out at once.

    :raises Conflict: when nobody would be left to administrate.
    """
    _keep_an_admin(session, user)
    user.disabled_at = now
    close_all_sessions(session, user)


def enable_user(session: Session, user: User) -> None:
    """Let somebody in again."""
    user.disabled_at = None
    session.flush()


def _keep_an_admin(session: Session, user: User) -> None:
    others = select(User.id).where(
        User.role == Role.ADMIN.value, User.disabled_at.is_(None), User.id != user.id
    )
    if user.role == Role.ADMIN and session.scalars(others.limit(1)).first() is None:
        raise Conflict(f"{user.email} is the only administrator: make somebody else one first.")
