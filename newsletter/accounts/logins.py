"""Signed-in browsers and one-time links. Tokens leave once; the database keeps their hashes."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.orm import Session, joinedload

from newsletter.accounts.models import LoginSession, SignInLink, User
from newsletter.errors import Forbidden

ABSOLUTE_TIMEOUT: Final = timedelta(days=14)
IDLE_TIMEOUT: Final = timedelta(hours=12)
TOUCH_INTERVAL: Final = timedelta(minutes=5)
LINK_LIFETIME: Final = timedelta(minutes=30)


def hash_token(token: str) -> str:
    """Return what is stored of a token (256 random bits need no slow hash)."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def open_session(session: Session, user: User, *, ip: str = "", user_agent: str = "", now: datetime) -> str:
    """Sign a browser in and return its token, for a cookie."""
    token = secrets.token_urlsafe(32)
    session.add(
        LoginSession(
            token_hash=hash_token(token),
            user_id=user.id,
            created_at=now,
            last_seen_at=now,
            expires_at=now + ABSOLUTE_TIMEOUT,
            ip=ip[:64],
            user_agent=_printable(user_agent)[:300],
        )
    )
    session.flush()
    return token


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())


def find_session(session: Session, token: str, *, now: datetime) -> LoginSession | None:
    """Return the living session (with its user) behind a cookie. Reads only; see `touch_session`."""
    statement = (
        select(LoginSession)
        .options(joinedload(LoginSession.user))
        .where(LoginSession.token_hash == hash_token(token))
    )
    found = session.scalars(statement).first()
    return found if found is not None and is_alive(found, now) else None


def is_alive(login: LoginSession, now: datetime) -> bool:
    """Say whether a session still counts: not too old, not idle too long, its user not shut out."""
    return (
        now < login.expires_at and now - login.last_seen_at < IDLE_TIMEOUT and login.user.disabled_at is None
    )


def needs_touch(login: LoginSession, now: datetime) -> bool:
    """Say whether it is time to note that the browser is still there."""
    return now - login.last_seen_at >= TOUCH_INTERVAL


def touch_session(session: Session, login_id: int, *, now: datetime) -> None:
    """Note that the browser is still there (in a transaction of its own, so that reading pages stay reading)."""
    session.execute(update(LoginSession).where(LoginSession.id == login_id).values(last_seen_at=now))


def list_sessions(session: Session, user: User, *, now: datetime) -> list[LoginSession]:
    """Return a person's living sessions, the latest first."""
    statement = select(LoginSession).options(joinedload(LoginSession.user))
    rows = session.scalars(
        statement.where(LoginSession.user_id == user.id).order_by(LoginSession.last_seen_at.desc())
    )
    return [row for row in rows if is_alive(row, now)]


def close_session(session: Session, token: str) -> None:
    """Sign one browser out."""
    session.execute(delete(LoginSession).where(LoginSession.token_hash == hash_token(token)))


def close_all_sessions(session: Session, user: User, *, keep_token: str | None = None) -> None:
    """Sign out every browser of a person but the kept one; unused one-time links end too."""
    statement = delete(LoginSession).where(LoginSession.user_id == user.id)
    if keep_token is not None:
        statement = statement.where(LoginSession.token_hash != hash_token(keep_token))
    session.execute(statement)
    session.execute(delete(SignInLink).where(SignInLink.user_id == user.id, SignInLink.used_at.is_(None)))
    session.flush()


def create_sign_in_link(session: Session, user: User, *, now: datetime) -> str:
    """Return the token of a link that signs in once, within 30 minutes."""
    token = secrets.token_urlsafe(32)
    session.add(SignInLink(token_hash=hash_token(token), user_id=user.id, expires_at=now + LINK_LIFETIME))
    session.flush()
    return token


def use_sign_in_link(session: Session, token: str, *, now: datetime) -> User:
    """Spend a link and return who it signs in; of two at once only one succeeds.

    :raises Forbidden: when it is unknown, used or too old.
    """
    spent: CursorResult[Any] = session.execute(  # type: ignore[assignment]
        update(SignInLink)
        .where(
            SignInLink.token_hash == hash_token(token),
            SignInLink.used_at.is_(None),
            SignInLink.expires_at > now,
        )
        .values(used_at=now)
        .execution_options(synchronize_session=False)
    )
    if spent.rowcount != 1:
        raise Forbidden("This sign-in link was used already or is older than 30 minutes: ask for a new one.")
    statement = select(User).join(SignInLink, SignInLink.user_id == User.id)
    user = session.scalars(statement.where(SignInLink.token_hash == hash_token(token))).one()
    if user.disabled_at is not None:
        raise Forbidden("This account is disabled: ask an administrator.")
    return user


def forget_old_logins(session: Session, *, now: datetime) -> int:
    """Delete sessions and links that have ended; returns how many."""
    dead = delete(LoginSession).where(
        (LoginSession.expires_at < now) | (LoginSession.last_seen_at < now - IDLE_TIMEOUT)
    )
    count = 0
    for statement in (dead, delete(SignInLink).where(SignInLink.expires_at < now - timedelta(days=1))):
        result: CursorResult[Any] = session.execute(statement)  # type: ignore[assignment]
        count += result.rowcount
    return count
