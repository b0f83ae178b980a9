"""Setting and removing warm-up plans and sending hours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.delivery.limits.models import SendingHours, WarmUp
from newsletter.delivery.limits.naming import checked_name, checked_zone, known
from newsletter.delivery.limits.rates import checked_count
from newsletter.errors import InvalidInput, NotFound
from newsletter.issues.service import get_publication

PLANNED = ("relay", "publication")
TIMED = ("publication", "campaign")
MOST_DAYS = 90
MOST_SPREAD_MINUTES = 7 * 24 * 60


def set_warm_up(
    session: Session,
    scope: str,
    name: str,
    *,
    first_day: date,
    days: Sequence[int],
    growth: int,
    most: int,
    per_group: int | None = None,
    time_zone: str = "UTC",
    actor: str,
) -> WarmUp:
    """Set the plan of a relay or publication; a publication's days are those of its own zone."""
    scope, name = known(scope, PLANNED), checked_name(session, scope, name)
    if not 1 <= len(days) <= MOST_DAYS:
        raise InvalidInput(f"A warm-up plan has 1 to {MOST_DAYS} days: write their caps as 50,75,100.")
    if not 0 <= growth <= 100:
        raise InvalidInput("A warm-up grows by 0 to 100 per cent a day; 25 is usual.")
    row = session.scalar(select(WarmUp).where(WarmUp.scope == scope, WarmUp.name == name))
    if row is None:
        row = WarmUp(scope=scope, name=name)
        session.add(row)
    row.first_day, row.days, row.growth = first_day, [checked_count(one) for one in days], growth
    row.most, row.per_group = checked_count(most), per_group and checked_count(per_group)
    row.time_zone = (
        get_publication(session, name).time_zone if scope == "publication" else checked_zone(time_zone)
    )
    row.updated_by = actor
    return row


def set_hours(
    session: Session,
    scope: str,
    name: str,
    *,
    opens_at: time | None = None,
    closes_at: time | None = None,
    spread_minutes: int | None = None,
    actor: str,
) -> SendingHours:
    """Set when a publication or campaign may send, and over how long each campaign is spread."""
    scope, name = known(scope, TIMED), checked_name(session, scope, name)
    if (opens_at is None) != (closes_at is None):
        raise InvalidInput("Sending hours have a beginning and an end: write 08:00-20:00.")
    if opens_at is None and spread_minutes is None:
        raise InvalidInput("Say between which hours may be sent, or over how many minutes.")
    if spread_minutes is not None and not 1 <= spread_minutes <= MOST_SPREAD_MINUTES:
        raise InvalidInput("A campaign can be spread over 1 minute to 7 days.")
    row = session.scalar(select(SendingHours).where(SendingHours.scope == scope, SendingHours.name == name))
    if row is None:
        row = SendingHours(scope=scope, name=name)
        session.add(row)
    row.opens_at, row.closes_at, row.spread_minutes, row.updated_by = (
        opens_at,
        closes_at,
        spread_minutes,
        actor,
    )
    return row


def remove_plan(session: Session, table: type[WarmUp | SendingHours], scope: str, name: str) -> None:
    """Remove a warm-up plan or sending hours.

    :raises NotFound: when there are none.
    """
    row = session.scalar(select(table).where(table.scope == scope, table.name == name))
    if row is None:
        raise NotFound(f"Nothing of the kind is set for the {scope} {name[:80]}.")
    session.delete(row)
