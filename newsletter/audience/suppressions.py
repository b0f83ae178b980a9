"""Addresses that must not be mailed: add, look up, lift, list. After an erasure only a keyed hash remains (C4)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, Select, or_, select, update
from sqlalchemy.orm import Session

from newsletter.audience.models import Suppression
from newsletter.audience.upsert import among, insert_if_new
from newsletter.errors import InvalidInput, NotFound

REASONS = ("hard_bounce", "soft_bounce", "complaint", "unsubscribed", "manual", "erased", "imported")
_BY_GRAVITY = ("unsubscribed", "soft_bounce", "hard_bounce", "complaint")
#: How the reason of a lift begins that no person decided on.
SUPERSEDED = "superseded by"
_HASHED = "h:"

#: The installation's secret, or how to get it.
Secret = bytes | Callable[[], bytes]


def suppress(
    session: Session,
    address_key: str,
    *,
    reason: str,
    source: str,
    detail: str = "",
    publication_id: int | None = None,
    campaign_id: int | None = None,
    actor: str = "",
    now: datetime,
) -> Suppression:
    """Suppress an address everywhere, or for one publication; doing it again changes nothing.

    :raises InvalidInput: for an unknown reason.
    """
    if reason not in REASONS:
        raise InvalidInput(f"{reason!r} is no reason: use one of {', '.join(REASONS)}.")
    scope = _scope(publication_id)
    if reason != "unsubscribed":
        _supersede_milder(session, address_key, scope, reason, actor, now)
    values = {
        "address_key": address_key,
        "publication_id": publication_id,
        "reason": reason,
        "detail": detail.replace("\0", "")[:2000],
        "source": source[:40],
        "campaign_id": campaign_id,
        "created_by": actor[:254],
        "created_at": now,
    }
    session.execute(insert_if_new(session, Suppression), [values])
    query = select(Suppression).where(
        Suppression.address_key == address_key, Suppression.lifted_at.is_(None), scope
    )
    return session.scalars(query).one()


def _scope(publication_id: int | None) -> ColumnElement[bool]:
    if publication_id is None:
        return Suppression.publication_id.is_(None)
    return Suppression.publication_id == publication_id


def _supersede_milder(
    session: Session, key: str, scope: ColumnElement[bool], reason: str, actor: str, now: datetime
) -> None:
    """A graver reason must not hide behind a milder one, which is lifted more lightly: by its owner, or by a person."""
    milder = _BY_GRAVITY[: _BY_GRAVITY.index(reason)] if reason in _BY_GRAVITY else _BY_GRAVITY[:1]
    session.execute(
        update(Suppression)
        .where(Suppression.address_key == key, Suppression.reason.in_(milder))
        .where(Suppression.lifted_at.is_(None), scope)
        .values(lifted_at=now, lifted_by=actor, lifted_reason=f"{SUPERSEDED} {reason}")
    )


def lift(session: Session, suppression_id: int, *, reason: str, actor: str, now: datetime) -> Suppression:
    """End a suppression, with the reason; the row stays as proof.

    :raises InvalidInput: without a reason.
    :raises NotFound: when there is no such active suppression.
    """
    if not reason.strip():
        raise InvalidInput("Say why this address may be mailed again.")
    row = session.get(Suppression, suppression_id)
    if row is None or row.lifted_at is not None:
        raise NotFound("That suppression is not active any more.")
    row.lifted_at, row.lifted_by, row.lifted_reason = now, actor, reason.strip()
    session.flush()
    return row


def applies_to(publication_id: int | None) -> ColumnElement[bool]:
    """Return the condition for active suppressions that hold for a publication (or everywhere)."""
    everywhere = Suppression.publication_id.is_(None)
    scope = (
        everywhere
        if publication_id is None
        else or_(everywhere, Suppression.publication_id == publication_id)
    )
    return Suppression.lifted_at.is_(None) & scope


def active_suppression(
    session: Session, key: str, publication_id: int | None = None, *, secret: bytes | None = None
) -> Suppression | None:
    """Return the active suppression of an address, if any; with the secret also what an erasure left."""
    keys = [key] if secret is None else [key, hashed_key(key, secret)]
    found = list(
        session.scalars(
            select(Suppression)
            .where(Suppression.address_key.in_(keys), applies_to(publication_id))
            .order_by(Suppression.id)
        )
    )
    return min(found, key=lambda row: row.reason == "unsubscribed", default=None)


def suppressed_keys(
    session: Session, keys: Iterable[str], secret: Secret, publication_id: int | None = None
) -> set[str]:
    """Return which of the keys are suppressed, also those remembered by hash only.

    The secret is asked for only when somebody was ever erased.
    """
    wanted = {key: key for key in keys}
    if _somebody_was_erased(session):
        known = secret() if callable(secret) else secret
        wanted |= {hashed_key(key, known): key for key in list(wanted)}
    query = select(Suppression.address_key).where(
        among(session, Suppression.address_key, wanted), applies_to(publication_id)
    )
    return {wanted[found] for found in session.scalars(query)}


def _somebody_was_erased(session: Session) -> bool:
    query = select(Suppression.id).where(Suppression.reason == "erased", Suppression.lifted_at.is_(None))
    return session.scalar(query.limit(1)) is not None


def hashed_key(key: str, secret: bytes) -> str:
    """Return the keyed hash that stands for an erased address."""
    mac_key = hashlib.blake2b(b"suppression", key=secret[:64], digest_size=32).digest()
    return _HASHED + hashlib.blake2b(key.encode(), key=mac_key, digest_size=20).hexdigest()


def list_query(*, search: str = "", reason: str = "", active: bool = True) -> Select[Suppression]:
    """Return the query behind every list of suppressions, newest first; `search` is a beginning of the address."""
    statement = select(Suppression).order_by(Suppression.id.desc())
    if active:
        statement = statement.where(Suppression.lifted_at.is_(None))
    if reason:
        statement = statement.where(Suppression.reason == reason)
    if search:
        statement = statement.where(
            Suppression.address_key.startswith(search.strip().lower(), autoescape=True)
        )
    return statement
