"""Addresses that must not be mailed: add, lift, look up."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from newsletter.audience.hashing import AddressHasher
from newsletter.audience.models import Suppression
from newsletter.audience.states import SuppressionReason
from newsletter.audience.text import one_line, several_lines
from newsletter.audience.upsert import insert_if_new
from newsletter.errors import Conflict, InvalidInput, NotFound
from newsletter.issues.models import Publication


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
    """Stop all mail to an address, everywhere or for one publication. Doing it again changes nothing.

    An `unsubscribed` that stands gives way to any graver reason: it alone can be lifted by its owner.

    :raises InvalidInput: when the reason is none of ours.
    :raises NotFound: when there is no such publication.
    """
    if reason not in tuple(SuppressionReason):
        raise InvalidInput(f"{reason!r} is no reason: use one of {', '.join(SuppressionReason)}.")
    if publication_id is not None and session.get(Publication, publication_id) is None:
        raise NotFound("There is no such publication.")
    if reason != SuppressionReason.UNSUBSCRIBED:
        _lift_unsubscribed(session, address_key, publication_id, f"superseded by {reason}", actor, now)
    row: dict[str, Any] = {
        "address_key": address_key,
        "publication_id": publication_id,
        "reason": str(reason),
        "detail": several_lines(detail),
        "source": one_line(source, 40),
        "campaign_id": campaign_id,
        "created_by": one_line(actor, 254),
        "created_at": now,
    }
    session.execute(insert_if_new(session, Suppression), [row])
    return session.scalars(
        _active().where(Suppression.address_key == address_key, _scope(publication_id))
    ).one()


def _active() -> Any:
    return select(Suppression).where(Suppression.lifted_at.is_(None))


def _scope(publication_id: int | None) -> ColumnElement[bool]:
    """Exactly this scope."""
    if publication_id is None:
        return Suppression.publication_id.is_(None)
    return Suppression.publication_id == publication_id


def in_force(publication_id: int | None) -> ColumnElement[bool]:
    """A suppression that stops mail of `publication_id` now: everywhere, or of that publication."""
    everywhere = Suppression.publication_id.is_(None)
    scope = (
        everywhere
        if publication_id is None
        else or_(everywhere, Suppression.publication_id == publication_id)
    )
    return Suppression.lifted_at.is_(None) & scope


def lift_own(session: Session, address_key: str, publication_id: int | None, now: datetime) -> None:
    """Lift what the owner of the address asked for themself, because they ask to come back."""
    _lift_unsubscribed(session, address_key, None, "subscribed again", address_key, now)
    if publication_id is not None:
        _lift_unsubscribed(session, address_key, publication_id, "subscribed again", address_key, now)


def _lift_unsubscribed(
    session: Session, key: str, publication_id: int | None, reason: str, actor: str, now: datetime
) -> None:
    session.execute(
        update(Suppression)
        .where(
            Suppression.address_key == key,
            Suppression.lifted_at.is_(None),
            Suppression.reason == SuppressionReason.UNSUBSCRIBED,
            _scope(publication_id),
        )
        .values(lifted_at=now, lifted_by=actor, lifted_reason=reason)
    )


def find_suppression(session: Session, suppression_id: int) -> Suppression:
    """Return one suppression.

    :raises NotFound: when there is none.
    """
    found = session.get(Suppression, suppression_id)
    if found is None:
        raise NotFound(f"There is no suppression {suppression_id}.")
    return found


def lift(session: Session, suppression_id: int, *, reason: str, actor: str, now: datetime) -> Suppression:
    """Allow mail to the address again; the record stays, with who lifted it and why.

    :raises InvalidInput: when no reason is given.
    :raises NotFound: when there is no such suppression.
    :raises Conflict: when it was lifted before.
    """
    why = several_lines(reason)
    if not why:
        raise InvalidInput("Say why this address may be mailed again.")
    found = find_suppression(session, suppression_id)
    changed = session.execute(
        update(Suppression)
        .where(Suppression.id == suppression_id, Suppression.lifted_at.is_(None))
        .values(lifted_at=now, lifted_by=actor, lifted_reason=why)
        .returning(Suppression.id)
    ).scalar()
    if changed is None:
        raise Conflict("This suppression was lifted already.")
    session.refresh(found)
    return found


def active_suppression(
    session: Session, key: str, publication_id: int | None = None, *, hasher: AddressHasher | None = None
) -> Suppression | None:
    """Return what stops mail to `key` now; with a hasher also what remained of an erased person."""
    keys = [key] if hasher is None else [key, hasher.hashed(key)]
    query = select(Suppression).where(Suppression.address_key.in_(keys), in_force(publication_id))
    return session.scalars(
        query.order_by(Suppression.publication_id.isnot(None), Suppression.id).limit(1)
    ).first()


def suppressed_keys(
    session: Session, keys: Iterable[str], publication_id: int | None, hasher: AddressHasher
) -> set[str]:
    """Return which of `keys` must not be mailed. The secret is asked for only when somebody was ever erased."""
    wanted = {key: key for key in keys}
    if _somebody_was_erased(session):
        wanted |= {hasher.hashed(key): key for key in list(wanted)}
    query = select(Suppression.address_key).where(
        Suppression.address_key.in_(list(wanted)), in_force(publication_id)
    )
    return {wanted[found] for found in session.scalars(query)}


def _somebody_was_erased(session: Session) -> bool:
    query = select(Suppression.id).where(
        Suppression.reason == SuppressionReason.ERASED, Suppression.lifted_at.is_(None)
    )
    return session.scalar(query.limit(1)) is not None
