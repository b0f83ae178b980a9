"""Addresses that must not be mailed: add, look up, lift, list. After an erasure only a keyed hash remains (C4)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session

from newsletter.audience.models import Suppression
from newsletter.errors import InvalidInput, NotFound

REASONS = ("hard_bounce", "soft_bounce", "complaint", "unsubscribed", "manual", "erased", "imported")
_HASHED = "h:"


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
    existing = session.scalars(
        select(Suppression).where(
            Suppression.address_key == address_key,
            Suppression.lifted_at.is_(None),
            Suppression.publication_id.is_(None)
            if publication_id is None
            else Suppression.publication_id == publication_id,
        )
    ).first()
    if existing is not None:
        return existing
    row = Suppression(
        address_key=address_key, reason=reason, source=source, detail=detail[:2000], publication_id=publication_id,
        campaign_id=campaign_id, created_by=actor, created_at=now,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


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
    session: Session, keys: Iterable[str], secret: bytes, publication_id: int | None = None
) -> set[str]:
    """Return which of the keys are suppressed, also those remembered by hash only."""
    by_hash = {hashed_key(key, secret): key for key in keys}
    wanted = [*by_hash.values(), *by_hash]
    statement = select(Suppression.address_key).where(
        Suppression.address_key.in_(wanted), applies_to(publication_id)
    )
    return {by_hash.get(found, found) for found in session.scalars(statement)}


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
