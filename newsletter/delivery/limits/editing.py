"""Setting and removing limits. Every function says in a plain sentence what does not fit."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.delivery.limits.models import Limit
from newsletter.delivery.limits.naming import checked_name, known
from newsletter.delivery.limits.providers import SHIPPED_AT_ONCE
from newsletter.delivery.limits.rates import PERIODS, Rate, checked_count
from newsletter.delivery.limits.rules import AT_ONCE
from newsletter.errors import NotFound

SCOPES = ("relay", "publication", "group")


def set_limit(session: Session, scope: str, name: str, rate: Rate, *, actor: str, now: datetime) -> Limit:
    """Set a rate; one for each period and name, the newest holds."""
    return _store(session, scope, name, rate.per, checked_count(rate.count), actor=actor, now=now)


def set_at_once(session: Session, name: str, count: int, *, actor: str, now: datetime) -> Limit:
    """Set how many messages to a group may be on the wire at once, of all senders together."""
    return _store(session, "group", name, AT_ONCE, checked_count(count), actor=actor, now=now)


def switch_off(session: Session, name: str, *, actor: str, now: datetime) -> Limit:
    """Switch a shipped limit off.

    :raises NotFound: when none is shipped for the group.
    """
    if name not in SHIPPED_AT_ONCE:
        raise NotFound(f"No limit is shipped for {name}: there is nothing to switch off.")
    return _store(session, "group", name, AT_ONCE, None, actor=actor, now=now)


def remove_limit(session: Session, scope: str, name: str, per: str) -> None:
    """Remove what was set; a shipped limit holds again.

    :raises NotFound: when nothing was set.
    """
    row = _find(session, known(scope, SCOPES), name, per)
    if row is None:
        raise NotFound(f"No limit per {per} is set for the {scope} {name}.")
    session.delete(row)


def _store(
    session: Session, scope: str, name: str, per: str, count: int | None, *, actor: str, now: datetime
) -> Limit:
    scope, name = known(scope, SCOPES), checked_name(session, scope, name)
    row = _find(session, scope, name, per)
    if row is None:
        row = Limit(scope=scope, name=name, per=known(per, (*PERIODS, AT_ONCE)))
        session.add(row)
    row.count, row.updated_by, row.updated_at = count, actor, now
    return row


def _find(session: Session, scope: str, name: str, per: str) -> Limit | None:
    return session.scalar(select(Limit).where(Limit.scope == scope, Limit.name == name, Limit.per == per))
