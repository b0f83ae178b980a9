"""Claim: a worker takes a chunk of queued rows, with owner, fence and a lease by the database's clock (R3).

A claimed row costs nothing when its worker dies: only the intent counts. Rows whose worker died twice with them are
claimed alone, so that one poisonous message cannot take others down (R9).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, Update, exists, func, literal_column, select, update
from sqlalchemy.orm import Session

from newsletter.audience.models import Subscriber, Subscription
from newsletter.delivery.dbtime import database_now
from newsletter.delivery.models import Campaign, CampaignList, Delivery
from newsletter.delivery.states import CampaignState, DeliveryState

LEASE = timedelta(seconds=60)
CHUNK = {"postgresql": 500, "sqlite": 200}
CRASHES_BEFORE_ALONE = 2


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


def claim(session: Session, campaign_id: int, owner: str, *, after: int = 0) -> list[Claimed]:
    """Take the next chunk beyond row `after`, or one row that must go alone; empty when nothing is queued.

    The limit is a literal and the cursor is there so that the planner never walks over rows already done.
    """
    dialect = session.get_bind().dialect.name
    ordinary = _take(session, campaign_id, owner, after=after, limit=CHUNK[dialect], alone=False)
    return ordinary or _take(session, campaign_id, owner, after=0, limit=1, alone=True)


def _take(
    session: Session, campaign_id: int, owner: str, *, after: int, limit: int, alone: bool
) -> list[Claimed]:
    now = database_now(session)
    crashed = Delivery.crashes >= CRASHES_BEFORE_ALONE
    chosen = (
        select(Delivery.id)
        .where(
            Delivery.campaign_id == campaign_id, Delivery.state == DeliveryState.QUEUED, Delivery.id > after,
            crashed if alone else ~crashed,
        )
        .order_by(Delivery.id)
        .limit(literal_column(str(int(limit))))
    )  # fmt: skip
    if session.get_bind().dialect.name == "postgresql":
        chosen = chosen.with_for_update(skip_locked=True)
    ids = list(session.scalars(_claimed(chosen, owner, now)))
    if not ids:
        return []
    _note_start(session, campaign_id, now)
    return _load(session, campaign_id, ids)


def _claimed(chosen: Select[int], owner: str, now: datetime) -> Update:
    return (
        update(Delivery)
        .where(Delivery.id.in_(chosen), _is_sending())
        .values(
            state=int(DeliveryState.CLAIMED), owner=owner, fence=Delivery.fence + 1, lease_until=now + LEASE,
            date=func.coalesce(Delivery.date, now),
        )
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    )  # fmt: skip


def _is_sending() -> ColumnElement[bool]:
    return exists(
        select(Campaign.id).where(
            Campaign.id == Delivery.campaign_id, Campaign.state == CampaignState.SENDING.value
        )
    )


def _note_start(session: Session, campaign_id: int, now: datetime) -> None:
    session.execute(
        update(Campaign)
        .where(Campaign.id == campaign_id, Campaign.started_at.is_(None))
        .values(started_at=now)
        .execution_options(synchronize_session=False)
    )


def _load(session: Session, campaign_id: int, ids: list[int]) -> list[Claimed]:
    """Read what the messages need: the name as it is now, and since when the person is on one of the lists."""
    since = (
        select(func.min(func.coalesce(Subscription.confirmed_at, Subscription.created_at)))
        .join(CampaignList, CampaignList.list_id == Subscription.list_id)
        .where(CampaignList.campaign_id == campaign_id, Subscription.subscriber_id == Delivery.subscriber_id)
        .scalar_subquery()
    )
    rows = session.execute(
        select(
            Delivery.id, Delivery.fence, Delivery.address, func.coalesce(Subscriber.name, ""), Delivery.attempts,
            Delivery.date, since,
        )
        .outerjoin(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .where(Delivery.id.in_(ids))
        .order_by(Delivery.id)
    )  # fmt: skip
    return [
        Claimed(row_id, fence, address, name, attempts, date, since)
        for row_id, fence, address, name, attempts, date, since in rows
        if date is not None
    ]
