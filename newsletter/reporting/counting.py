"""Counting the ledger and what came back, straight from their rows: the truth that every summary is made of."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Float, Integer, case, cast, func, literal, select
from sqlalchemy.orm import Session

from newsletter.db.types import UtcDateTime
from newsletter.delivery.limits.destinations import Destinations
from newsletter.delivery.models import Delivery, of_campaign
from newsletter.delivery.states import DeliveryState
from newsletter.feedback.models import FeedbackEntry
from newsletter.reporting.cells import (
    FORGOTTEN,
    Detail,
    GroupOf,
    LedgerCell,
    Pace,
    ReturnedCell,
    Totals,
    grouped,
)

_STEPS: Final = 24
_SENT: Final = int(DeliveryState.SENT)


def count_totals(session: Session, campaign_id: int) -> Totals:
    """Count a campaign's deliveries by state, and its refusals, in one walk over its rows."""
    grouping = (Delivery.state, Delivery.bounce)
    rows = session.execute(
        select(*grouping, func.count(), func.min(Delivery.sent_at), func.max(Delivery.sent_at))
        .where(of_campaign(campaign_id))
        .group_by(*grouping)
    ).all()
    states = dict.fromkeys(DeliveryState, 0)
    refused: dict[str, int] = {}
    for state, kind, count, *_ in rows:
        states[DeliveryState(state)] += count
        if kind is not None:
            refused[kind] = refused.get(kind, 0) + count
    sent = [row for row in rows if row[0] == _SENT]
    first = min((row[3] for row in sent if row[3] is not None), default=None)
    last = max((row[4] for row in sent if row[4] is not None), default=None)
    return Totals(states, refused, first, last)


def count_detail(session: Session, campaign_id: int, totals: Totals) -> Detail:
    """Count a campaign's deliveries by destination group, state and reason, and how fast they were accepted."""
    grouping = (
        domain_of(session, Delivery.address_key),
        Delivery.state,
        func.coalesce(Delivery.bounce, ""),
        func.coalesce(Delivery.reason, ""),
    )
    rows = session.execute(
        select(*grouping, func.count()).where(of_campaign(campaign_id)).group_by(*grouping)
    )
    cells = [LedgerCell(*row) for row in grouped((tuple(row) for row in rows), group_namer(session))]
    return Detail(cells, count_paces(session, campaign_id, totals))


def count_returned(session: Session, campaign_id: int) -> list[ReturnedCell]:
    """Count the deliveries of which a failure came back later, each once, by its worst kind and that one's reason.

    What the server refused at send time stands in the ledger and is not counted here again.
    """
    entry = FeedbackEntry
    ranked = (
        select(
            entry.address_key,
            entry.kind,
            entry.reason,
            func.row_number()
            .over(partition_by=entry.delivery_id, order_by=(entry.kind, entry.id))
            .label("place"),
            func.max(case((entry.source == "smtp", 1), else_=0))
            .over(partition_by=entry.delivery_id)
            .label("is_refused"),
        )
        .where(entry.campaign_id == campaign_id, entry.kind.is_not(None))
        .subquery()
    )
    grouping = (domain_of(session, ranked.c.address_key), ranked.c.kind, ranked.c.reason)
    rows = session.execute(
        select(*grouping, func.count())
        .where(ranked.c.place == 1, ranked.c.is_refused == 0)
        .group_by(*grouping)
    )
    return [ReturnedCell(*row) for row in grouped((tuple(row) for row in rows), group_namer(session))]


def group_namer(session: Session) -> GroupOf:
    """Return the function from a domain to its destination group, as the limits know them."""
    destinations = Destinations()
    destinations.refresh(session, 0.0)
    return lambda domain: destinations.group_of(domain) if domain else FORGOTTEN


def domain_of(session: Session, key: Any) -> ColumnElement[str]:
    """Return what follows the @ of an address, nothing for a hash; the two databases have different words for it."""
    if session.get_bind().dialect.name == "postgresql":
        return func.split_part(key, "@", 2)
    return case((func.instr(key, "@") > 0, func.substr(key, func.instr(key, "@") + 1)), else_="")


def count_paces(session: Session, campaign_id: int, totals: Totals) -> list[Pace]:
    """Return the speed over the time of sending; nothing before two messages were accepted."""
    first, last = totals.first_sent_at, totals.last_sent_at
    if first is None or last is None or last <= first:
        return []
    step = max(timedelta(seconds=1), (last - first) / _STEPS)
    places = (
        select(_place(session, first, step).label("place"))
        .where(of_campaign(campaign_id), Delivery.state == _SENT, Delivery.sent_at.is_not(None))
        .subquery()
    )
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
