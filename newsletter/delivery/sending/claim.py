"""Claim: a worker takes a chunk of queued rows, with owner, fence and a lease by the database's clock (R3).

A claimed row costs nothing when its worker dies: only the intent counts. Rows whose worker died twice with them are
claimed alone, so that one poisonous message cannot take others down (R9).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Update,
    exists,
    func,
    literal_column,
    null,
    select,
    update,
)
from sqlalchemy.orm import Session

from newsletter.audience.models import Subscriber, Subscription
from newsletter.audience.tracking_models import TrackingChoice
from newsletter.delivery.dbtime import database_now
from newsletter.delivery.models import Campaign, CampaignList, Delivery, of_campaign
from newsletter.delivery.states import CampaignState, DeliveryState

CHUNK = 500
CRASHES_BEFORE_ALONE = 2
_TAKEN = (
    Delivery.id, Delivery.fence, Delivery.address, Delivery.attempts, Delivery.date, Delivery.subscriber_id,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Claimed:
    """One claimed row with what its message needs."""

    id: int
    fence: int
    address: str
    name: str
    attempts: int
    date: datetime
    subscribed_at: datetime | None
    #: What the person chose about the counting of clicks and opens; None when they have not.
    counts_clicks: bool | None = None
    counts_opens: bool | None = None


def claim(
    session: Session,
    campaign_id: int,
    owner: str,
    *,
    after: int = 0,
    since: bool = True,
    choices: bool = True,
) -> list[Claimed]:
    """Take the next chunk beyond row `after`, or one row that must go alone; empty when nothing is queued.

    The limit is a literal and the cursor is there so that the planner never walks over rows already done. `since` says
    whether the messages name the day of the subscription, which costs a look at each person's lists; `choices`
    whether they depend on what a person chose about being counted.
    """
    wanted = _queued(campaign_id, after=after, limit=CHUNK, alone=False)
    rows = _take(session, campaign_id, wanted, owner, since=since, choices=choices)
    if not rows:
        wanted = _queued(campaign_id, after=0, limit=1, alone=True)
        rows = _take(session, campaign_id, wanted, owner, since=since, choices=choices)
    if rows:
        _note_start(session, campaign_id)
    return rows


def _queued(campaign_id: int, *, after: int, limit: int, alone: bool) -> Select[int]:
    crashed = Delivery.crashes >= CRASHES_BEFORE_ALONE
    return (
        select(Delivery.id)
        .where(
            of_campaign(campaign_id, after=after), Delivery.state == int(DeliveryState.QUEUED),
            crashed if alone else ~crashed,
        )
        .order_by(Delivery.id)
        .limit(literal_column(str(int(limit))))
        .with_for_update(skip_locked=True)
    )  # fmt: skip


def _take(
    session: Session, campaign_id: int, wanted: Select[int], owner: str, *, since: bool, choices: bool
) -> list[Claimed]:
    taking = _claimed(wanted, owner, database_now(session))
    if session.get_bind().dialect.name == "postgresql":
        taken: FromClause = taking.returning(*_TAKEN).cte("taken")
    else:  # an UPDATE cannot be read from there
        ids = session.scalars(taking.returning(Delivery.id)).all()
        taken = select(*_TAKEN).where(Delivery.id.in_(ids)).subquery("taken")
    rows = session.execute(_messages_of(taken, campaign_id, since=since, choices=choices))
    return [Claimed(*row) for row in rows]


def _claimed(wanted: Select[int], owner: str, now: datetime) -> Update:
    return (
        update(Delivery)
        .where(Delivery.id.in_(wanted), _is_sending())
        .values(
            state=int(DeliveryState.CLAIMED), owner=owner, fence=Delivery.fence + 1,
            date=func.coalesce(Delivery.date, now),
        )
        .execution_options(synchronize_session=False)
    )  # fmt: skip


def _is_sending() -> ColumnElement[bool]:
    return exists(
        select(Campaign.id).where(
            Campaign.id == Delivery.campaign_id, Campaign.state == CampaignState.SENDING.value
        )
    )


def _note_start(session: Session, campaign_id: int) -> None:
    session.execute(
        update(Campaign)
        .where(Campaign.id == campaign_id, Campaign.started_at.is_(None))
        .values(started_at=database_now(session))
        .execution_options(synchronize_session=False)
    )


def _messages_of(taken: FromClause, campaign_id: int, *, since: bool, choices: bool) -> Select[Any]:
    """Read what the messages need: name and choices as they are now, and since when the person is on one of the lists."""
    joined = (
        select(func.min(func.coalesce(Subscription.confirmed_at, Subscription.created_at)))
        .join(CampaignList, CampaignList.list_id == Subscription.list_id)
        .where(CampaignList.campaign_id == campaign_id, Subscription.subscriber_id == taken.c.subscriber_id)
        .scalar_subquery()
    )
    needed: list[Any] = [
        taken.c.id, taken.c.fence, taken.c.address, func.coalesce(Subscriber.name, ""), taken.c.attempts,
        taken.c.date, joined if since else null(),
    ]  # fmt: skip
    query = select(*needed).outerjoin(Subscriber, Subscriber.id == taken.c.subscriber_id)
    if choices:
        query = query.add_columns(TrackingChoice.clicks, TrackingChoice.opens)
        query = query.outerjoin(TrackingChoice, TrackingChoice.subscriber_id == taken.c.subscriber_id)
    return query.order_by(taken.c.id)
