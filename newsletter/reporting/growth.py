"""How lists grow and how healthy they are: memberships by state, and per day who joined, left or was stopped.

Everything is derived from the memberships as they are, so that joined - left of all days is the number of members today.
Who left and came back counts at their latest joining; who was erased is gone from here too.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from newsletter.audience.models import MailingList, Subscriber, Subscription, Suppression
from newsletter.audience.states import SubscriptionState
from newsletter.reporting.models import ListSummary

#: A list so large is shown as it was counted last.
LIVE_MEMBERSHIPS: Final = 50_000
#: Who was asked to confirm and has not for so long will not.
STALE_AFTER: Final = timedelta(days=7)


class Day(NamedTuple):
    """What happened to a list on one day (UTC)."""

    day: date
    joined: int
    left: int
    stopped: int


@dataclass(frozen=True, slots=True)
class Membership:
    """One list: people by state, those among the members who get nothing because they are suppressed, and its days."""

    confirmed: int
    pending: int
    unsubscribed: int
    stale: int
    suppressed: int
    days: list[Day]
    counted_at: datetime

    @property
    def reached(self) -> int:
        """Return the members who are mailed."""
        return self.confirmed - self.suppressed

    def to_document(self) -> dict[str, Any]:
        """Return plain values for a JSON column."""
        days = [[one.day.isoformat(), one.joined, one.left, one.stopped] for one in self.days]
        return asdict(self) | {"days": days, "counted_at": self.counted_at.isoformat()}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Membership:
        """Read what `to_document` wrote."""
        days = [Day(date.fromisoformat(day), *counts) for day, *counts in document["days"]]
        return cls(**document | {"days": days, "counted_at": datetime.fromisoformat(document["counted_at"])})


def membership_of(session: Session, mailing_list: MailingList, now: datetime) -> Membership:
    """Return a list's memberships, of this moment unless it is very large."""
    stored = session.get(ListSummary, mailing_list.id)
    if stored is None or _size(stored) <= LIVE_MEMBERSHIPS:
        return count_membership(session, mailing_list.id, now)
    return Membership.from_document(stored.document)


def _size(stored: ListSummary) -> int:
    states = (stored.document[state] for state in ("confirmed", "pending", "unsubscribed"))
    return sum(states)


def count_membership(session: Session, list_id: int, now: datetime) -> Membership:
    """Count a list's memberships from their rows."""
    state = Subscription.state
    of_list = Subscription.list_id == list_id
    rows = session.execute(select(state, func.count()).where(of_list).group_by(state))
    counts = {found: count for found, count in rows}  # noqa: C416 - rows are no pairs to the type checker
    stale = select(func.count()).where(
        of_list, state == SubscriptionState.PENDING, Subscription.created_at < now - STALE_AFTER
    )
    stopped = _stopped_days(session, list_id)
    return Membership(
        confirmed=counts.get(SubscriptionState.CONFIRMED, 0),
        pending=counts.get(SubscriptionState.PENDING, 0),
        unsubscribed=counts.get(SubscriptionState.UNSUBSCRIBED, 0),
        stale=session.scalar(stale) or 0,
        suppressed=sum(stopped.values()),
        days=_days(session, of_list, stopped),
        counted_at=now,
    )


def _days(session: Session, of_list: ColumnElement[bool], stopped: dict[date, int]) -> list[Day]:
    """Return the days on which something happened. Who left before they had confirmed never was a member."""
    was_member = Subscription.confirmed_at.is_not(None)
    is_member = Subscription.state == SubscriptionState.CONFIRMED
    has_left = Subscription.state == SubscriptionState.UNSUBSCRIBED
    joined = _by_day(session, Subscription.confirmed_at, of_list, was_member & (is_member | has_left))
    left = _by_day(session, Subscription.unsubscribed_at, of_list, was_member & has_left)
    return [
        Day(day, joined.get(day, 0), left.get(day, 0), stopped.get(day, 0))
        for day in sorted(joined.keys() | left.keys() | stopped.keys())
    ]


def _by_day(session: Session, moment: Any, *conditions: ColumnElement[bool]) -> dict[date, int]:
    day = day_of(session, moment)
    rows = session.execute(select(day, func.count()).where(*conditions).group_by(day))
    return {date.fromisoformat(str(found)): count for found, count in rows if found is not None}


def _stopped_days(session: Session, list_id: int) -> dict[date, int]:
    """Count the members whom a suppression keeps from being mailed, by the day of the first one."""
    applies = Suppression.publication_id.is_(None) | (
        Suppression.publication_id
        == select(MailingList.publication_id).where(MailingList.id == list_id).scalar_subquery()
    )
    first = (
        select(func.min(Suppression.created_at).label("at"))
        .join(Subscriber, Subscriber.address_key == Suppression.address_key)
        .join(Subscription, Subscription.subscriber_id == Subscriber.id)
        .where(Suppression.lifted_at.is_(None), applies)
        .where(Subscription.list_id == list_id, Subscription.state == SubscriptionState.CONFIRMED)
        .group_by(Subscriber.id)
        .subquery()
    )
    day = day_of(session, first.c.at)
    rows = session.execute(select(day, func.count()).group_by(day))
    return {date.fromisoformat(str(found)): count for found, count in rows}


def day_of(session: Session, moment: Any) -> ColumnElement[Any]:
    """Return the day (UTC) of a time."""
    if session.get_bind().dialect.name == "postgresql":
        return func.date(func.timezone("UTC", moment))
    return func.date(moment)
