"""How fast a campaign was: messages accepted in equal steps of time, counted by one walk over the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Float, Integer, cast, func, literal, select
from sqlalchemy.orm import Session

from newsletter.db.types import UtcDateTime
from newsletter.delivery.models import Campaign, Delivery, of_campaign
from newsletter.delivery.states import DeliveryState

_STEPS: Final = 24


@dataclass(frozen=True, slots=True)
class Pace:
    """Messages accepted from `at` on, until the next one begins."""

    at: datetime
    accepted: int
    per_second: float


def paces(session: Session, campaign: Campaign) -> list[Pace]:
    """Return the speed over the time of sending; nothing before two messages were accepted."""
    sent = (of_campaign(campaign.id), Delivery.state == int(DeliveryState.SENT))
    first, last = session.execute(
        select(func.min(Delivery.sent_at), func.max(Delivery.sent_at)).where(*sent)
    ).one()
    if first is None or last is None or last <= first:
        return []
    step = max(timedelta(seconds=1), (last - first) / _STEPS)
    places = select(_place(session, first, step).label("place")).where(*sent).subquery()
    rows = session.execute(select(places.c.place, func.count()).group_by(places.c.place))
    counts = {int(row[0]): row[1] for row in rows}
    steps = min(_STEPS, int((last - first) / step) + 1)
    # What was accepted at the very last instant belongs to the last step.
    counts[steps - 1] = sum(count for place, count in counts.items() if place >= steps - 1)
    return [_pace(first + step * place, counts.get(place, 0), step) for place in range(steps)]


def _pace(at: datetime, accepted: int, step: timedelta) -> Pace:
    return Pace(at, accepted, accepted / step.total_seconds())


def _place(session: Session, first: datetime, step: timedelta) -> ColumnElement[Any]:
    """Return the number of the step in which a message was accepted; the two databases have different words for it."""
    start, seconds = literal(first, UtcDateTime), literal(step.total_seconds(), Float)
    if session.get_bind().dialect.name == "postgresql":
        return func.floor(func.extract("epoch", Delivery.sent_at - start) / seconds)
    days = func.julianday(Delivery.sent_at) - func.julianday(start)
    return cast(days * 86400.0 / seconds, Integer)
