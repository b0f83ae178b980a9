"""The shared breakers in the database: read often, written only when something is wrong or right again."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from newsletter.delivery.limits.breaker import PROBE_TIME, Breaker, Heard, after
from newsletter.delivery.limits.models import GroupBreaker, insert_missing
from newsletter.logs import logger

log = logger(__name__)


def read_breakers(session: Session) -> dict[str, Breaker]:
    """Return every group that something is wrong with."""
    return {row.destination_group: _value(row) for row in session.scalars(select(GroupBreaker))}


def tell(session: Session, heard: Mapping[str, Heard], known: Mapping[str, Breaker], now: datetime) -> None:
    """Add what one sender heard; in the order of the names, so that two senders never wait for each other in a ring.

    A good answer of a group that nothing is wrong with writes nothing.
    """
    news = {group: one for group, one in heard.items() if one.troubles or one.advice or group in known}
    for group in sorted(news):
        insert_missing(session, GroupBreaker, [{"destination_group": group}])
        row = session.get_one(GroupBreaker, group, with_for_update=True, populate_existing=True)
        _apply(session, row, news[group], now)
        session.flush()


def _apply(session: Session, row: GroupBreaker, heard: Heard, now: datetime) -> None:
    before = _value(row)
    then = after(before, heard, now, random.Random())  # noqa: S311 - jitter, not a secret
    if then.is_blank(now):
        session.delete(row)
        return
    if then.open_until != before.open_until and then.open_until is not None:
        log.warning(
            "group_rests", group=row.destination_group, until=then.open_until.isoformat(), why=then.why
        )
    row.troubles, row.openings, row.why, row.updated_at = then.troubles, then.openings, then.why, now
    row.open_until, row.probing_until, row.slow_until = then.open_until, then.probing_until, then.slow_until


def take_probe(session: Session, group: str, now: datetime) -> bool:
    """Say whether this sender may send the one message that probes a group whose wait is over."""
    taken = session.scalar(
        update(GroupBreaker)
        .where(
            GroupBreaker.destination_group == group,
            GroupBreaker.open_until <= now,
            or_(GroupBreaker.probing_until.is_(None), GroupBreaker.probing_until <= now),
        )
        .values(probing_until=now + PROBE_TIME)
        .returning(GroupBreaker.destination_group)
        .execution_options(synchronize_session=False)
    )
    return taken is not None


def close(session: Session, group: str) -> bool:
    """Forget what is wrong with a group; False when nothing was."""
    gone = session.execute(delete(GroupBreaker).where(GroupBreaker.destination_group == group))
    return bool(gone.rowcount)  # type: ignore[attr-defined]


def _value(row: GroupBreaker) -> Breaker:
    return Breaker(
        troubles=row.troubles,
        openings=row.openings,
        open_until=row.open_until,
        probing_until=row.probing_until,
        slow_until=row.slow_until,
        why=row.why,
    )
