"""Whose turn it is to visit the mailbox, and when the next one is due. A failing mailbox is asked ever more seldom."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from newsletter.audience.upsert import insert_if_new
from newsletter.feedback.mailboxes.fetching import Visit
from newsletter.feedback.mailboxes.models import MailboxVisit

#: A visit that was not recorded by then is taken for dead.
_LEASE: Final = timedelta(minutes=2)
#: A wrong password tried every minute locks accounts.
_LONGEST_WAIT: Final = timedelta(hours=1)


def claim_turn(session: Session, place: str, now: datetime) -> bool:
    """Say whether the mailbox is due, and take the turn: of any number of callers one gets it."""
    session.execute(insert_if_new(session, MailboxVisit).values(_first(place, now)))
    claimed = session.execute(
        update(MailboxVisit)
        .where(MailboxVisit.place == place, MailboxVisit.next_at <= now)
        .values(next_at=now + _LEASE)
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[Any]", claimed).rowcount == 1


def _first(place: str, now: datetime) -> dict[str, Any]:
    return {"place": place, "next_at": now, "taken": 0, "failures": 0, "trouble": ""}


def record_visit(session: Session, place: str, visit: Visit, every: timedelta, now: datetime) -> None:
    """Write down how it went and when the next visit is due: at once while more waits."""
    session.execute(insert_if_new(session, MailboxVisit).values(_first(place, now)))
    row = session.scalars(select(MailboxVisit).where(MailboxVisit.place == place).with_for_update()).one()
    row.last_at, row.trouble = now, visit.trouble
    row.taken += visit.taken
    row.failures = row.failures + 1 if visit.trouble else 0
    row.next_at = now + (timedelta(0) if visit.more else wait_after(row.failures, every))
    if not visit.trouble:
        row.last_good_at = now


def wait_after(failures: int, every: timedelta) -> timedelta:
    """Return how long to wait after so many failures in a row; the wait doubles up to an hour."""
    return max(every, min(every * (1 << min(failures, 12)), _LONGEST_WAIT))
