"""What is set and what is going on, for the page, the command and monitoring. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.delivery.limits.breakers import read_breakers
from newsletter.delivery.limits.limiter import Limiter, LimiterAway
from newsletter.delivery.limits.models import DestinationDomain, Limit, SendingHours, WarmUp
from newsletter.delivery.limits.plans import local_day
from newsletter.delivery.limits.providers import KNOWN_DOMAINS, SHIPPED_AT_ONCE
from newsletter.delivery.limits.reading import plan_of
from newsletter.delivery.limits.rules import AT_ONCE, warm_up_window, window_of
from newsletter.delivery.limits.windows import Window
from newsletter.delivery.models import Campaign, Delivery, of_campaign
from newsletter.delivery.states import CampaignState, DeliveryState


@dataclass(frozen=True, slots=True)
class LimitRow:
    """One limit. `source` is shipped, set, or off (a shipped one that was switched off); `left` is None when unknown."""

    scope: str
    name: str
    per: str
    count: int | None
    source: str
    left: int | None = None
    updated_by: str = ""


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One destination group that has a name, a breaker, or domains behind it."""

    name: str
    domains: int
    state: str
    until: datetime | None
    why: str


@dataclass(frozen=True, slots=True)
class WarmUpRow:
    """One warm-up plan today; `cap` is None when it is over."""

    scope: str
    name: str
    first_day: str
    time_zone: str
    cap: int | None
    left: int | None
    per_group: int | None
    days: Sequence[int]
    growth: int
    most: int


@dataclass(frozen=True, slots=True)
class HoursRow:
    """Sending hours and spread of a publication or campaign."""

    scope: str
    name: str
    opens_at: str | None
    closes_at: str | None
    spread_minutes: int | None


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything on one page. `held` counts rows that wait for a limit, a breaker or hours; None of a window's numbers
    is known while the limiter is away."""

    limits: list[LimitRow]
    groups: list[GroupRow]
    warm_ups: list[WarmUpRow]
    hours: list[HoursRow]
    held: dict[str, int]
    limiter_answers: bool

    def to_json(self) -> dict[str, Any]:
        """Return it as a document."""
        return asdict(self)


HELD_WORDS = ("limit", "resting", "hours", "slow")


def overview(session: Session, limiter: Limiter, now: datetime) -> Overview:
    """Return what is set and what is going on."""
    rows, plans = _limits(session), list(session.scalars(select(WarmUp).order_by(WarmUp.scope, WarmUp.name)))
    windows = [_window(row) for row in rows] + [_today(plan, now) for plan in plans]
    left = _left(limiter, [one for one in windows if one is not None], now)
    return Overview(
        [_with_left(row, window, left) for row, window in zip(rows, windows, strict=False)],
        group_rows(session, now),
        [_warm_up(plan, window, left, now) for plan, window in zip(plans, windows[len(rows) :], strict=True)],
        [
            _hours(row)
            for row in session.scalars(select(SendingHours).order_by(SendingHours.scope, SendingHours.name))
        ],
        held_rows(session),
        left is not None,
    )


def _limits(session: Session) -> list[LimitRow]:
    stored = list(session.scalars(select(Limit).order_by(Limit.scope, Limit.name, Limit.per)))
    rows = [
        LimitRow(
            one.scope,
            one.name,
            one.per,
            one.count,
            "off" if one.count is None else "set",
            None,
            one.updated_by,
        )
        for one in stored
    ]
    taken = {one.name for one in stored if one.scope == "group" and one.per == AT_ONCE}
    shipped = [
        LimitRow("group", name, AT_ONCE, count, "shipped")
        for name, count in SHIPPED_AT_ONCE.items()
        if name not in taken
    ]
    return sorted(rows + shipped, key=lambda row: (row.scope, row.name, row.per))


def _window(row: LimitRow) -> Window | None:
    return window_of(row.scope, row.name, row.per, row.count) if row.per != AT_ONCE and row.count else None


def _today(plan: WarmUp, now: datetime) -> Window | None:
    return warm_up_window(plan.scope, plan.name, plan_of(plan), ZoneInfo(plan.time_zone), now)


def _left(limiter: Limiter, windows: list[Window], now: datetime) -> dict[str, int] | None:
    """Return the tokens left of each window; None while the limiter is away."""
    try:
        usages = limiter.usages(windows) if windows else ()
    except LimiterAway:
        return None
    return {one.key: one.free(usage, now.timestamp()) for one, usage in zip(windows, usages, strict=True)}


def _with_left(row: LimitRow, window: Window | None, left: dict[str, int] | None) -> LimitRow:
    known = None if window is None or left is None else left[window.key]
    return LimitRow(row.scope, row.name, row.per, row.count, row.source, known, row.updated_by)


def _warm_up(plan: WarmUp, window: Window | None, left: dict[str, int] | None, now: datetime) -> WarmUpRow:
    today = local_day(now, ZoneInfo(plan.time_zone))
    return WarmUpRow(
        plan.scope, plan.name, plan.first_day.isoformat(), plan.time_zone, plan_of(plan).cap(today),
        None if window is None or left is None else left[window.key], plan.per_group, plan.days, plan.growth, plan.most,
    )  # fmt: skip


def _hours(row: SendingHours) -> HoursRow:
    opens, closes = (f"{one:%H:%M}" if one is not None else None for one in (row.opens_at, row.closes_at))
    return HoursRow(row.scope, row.name, opens, closes, row.spread_minutes)


def group_rows(session: Session, now: datetime) -> list[GroupRow]:
    """Return the groups that have a name or trouble; a domain that stands alone and is well is not listed."""
    shared = DestinationDomain.destination_group != DestinationDomain.domain
    counts = dict.fromkeys(KNOWN_DOMAINS.values(), 0)
    for group in KNOWN_DOMAINS.values():
        counts[group] += 1
    query = select(DestinationDomain.destination_group, func.count()).where(shared)
    for group, count in session.execute(query.group_by(DestinationDomain.destination_group)).all():
        counts[group] = counts.get(group, 0) + count
    breakers = read_breakers(session)
    rows = []
    for name in sorted({*counts, *breakers}):
        breaker = breakers.get(name)
        state = breaker.state(now) if breaker else "closed"
        until = {"slow": breaker.slow_until, "open": breaker.open_until}.get(state) if breaker else None
        rows.append(GroupRow(name, counts.get(name, 1), state, until, breaker.why if breaker else ""))
    return rows


def held_rows(session: Session) -> dict[str, int]:
    """Return how many rows of campaigns under way wait, by what holds them."""
    live = Campaign.state.in_([CampaignState.SENDING.value, CampaignState.PAUSED.value])
    held: dict[str, int] = {}
    for campaign_id in session.scalars(select(Campaign.id).where(live)).all():
        query = select(Delivery.reason, func.count()).where(
            of_campaign(campaign_id),
            Delivery.state == int(DeliveryState.DEFERRED),
            Delivery.reason.in_(HELD_WORDS),
        )
        for reason, count in session.execute(query.group_by(Delivery.reason)).all():
            held[str(reason)] = held.get(str(reason), 0) + count
    return held
