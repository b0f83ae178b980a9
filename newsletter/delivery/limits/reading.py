"""Reads the rules that hold for one campaign now: three small tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from newsletter.delivery.limits.hours import Hours
from newsletter.delivery.limits.models import Limit, SendingHours, WarmUp
from newsletter.delivery.limits.plans import Plan, local_day
from newsletter.delivery.limits.rules import (
    AT_ONCE,
    GroupCap,
    Rules,
    group_rules,
    spread_window,
    warm_up_window,
    window_of,
)
from newsletter.delivery.limits.windows import Window


@dataclass(frozen=True, slots=True)
class Sending:
    """What is sent, as far as limits ask: `relays` are the names of those that the campaign may go through."""

    campaign_id: int
    publication: str
    zone: ZoneInfo
    audience: int
    relays: tuple[str, ...] = ()

    @property
    def names(self) -> dict[str, tuple[str, ...]]:
        """The names that rules may be set for, by scope."""
        return {
            "publication": (self.publication,),
            "relay": self.relays,
            "campaign": (str(self.campaign_id),),
        }


def read_rules(session: Session, sending: Sending, now: datetime) -> Rules:
    """Return the rules of a campaign. With several relays a message needs room at each: nobody knows yet which it takes."""
    limits = session.execute(select(Limit.scope, Limit.name, Limit.per, Limit.count)).all()
    plans = [row for row in session.scalars(select(WarmUp)) if row.name in sending.names[row.scope]]
    hours = list(_hours(session, sending))
    common = [
        window_of(scope, name, per, count)
        for scope, name, per, count in limits
        if scope != "group" and per != AT_ONCE and count is not None and name in sending.names[scope]
    ]
    common += _warm_up_windows(plans, now)
    common += [
        spread_window(sending.campaign_id, sending.audience, row.spread_minutes)
        for row in hours
        if row.spread_minutes
    ]
    return Rules(
        tuple(common),
        group_rules((name, per, count) for scope, name, per, count in limits if scope == "group"),
        tuple(_caps(plans, now)),
        tuple(_opening(hours, sending.zone)),
    )


def plan_of(row: WarmUp) -> Plan:
    """Return a stored plan."""
    return Plan(row.first_day, tuple(row.days), row.growth, row.most)


def _warm_up_windows(plans: list[WarmUp], now: datetime) -> Iterator[Window]:
    for row in plans:
        window = warm_up_window(row.scope, row.name, plan_of(row), ZoneInfo(row.time_zone), now)
        if window is not None:
            yield window


def _caps(plans: list[WarmUp], now: datetime) -> Iterator[GroupCap]:
    for row in plans:
        zone = ZoneInfo(row.time_zone)
        today = warm_up_window(row.scope, row.name, plan_of(row), zone, now)
        if row.per_group is not None and today is not None and today.ends_at is not None:
            yield GroupCap(
                f"{row.scope}:{row.name}:warm-up:{local_day(now, zone)}", row.per_group, today.ends_at
            )


def _hours(session: Session, sending: Sending) -> Iterator[SendingHours]:
    """Return the rows that hold: a campaign's own spread wins over its publication's."""
    mine = or_(
        and_(SendingHours.scope == "publication", SendingHours.name == sending.publication),
        and_(SendingHours.scope == "campaign", SendingHours.name == str(sending.campaign_id)),
    )
    rows = list(session.scalars(select(SendingHours).where(mine)))
    own = [row for row in rows if row.scope == "campaign"]
    return iter(own or rows)


def _opening(rows: list[SendingHours], zone: ZoneInfo) -> Iterator[Hours]:
    for row in rows:
        if row.opens_at is not None and row.closes_at is not None:
            yield Hours(row.opens_at, row.closes_at, zone)
