"""What is set and what is going on, for the page, the command and monitoring. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.delivery.limits.limiter import Limiter, LimiterAway
from newsletter.delivery.limits.models import Limit, SendingHours, WarmUp
from newsletter.delivery.limits.plans import local_day
from newsletter.delivery.limits.providers import SHIPPED_AT_ONCE
from newsletter.delivery.limits.reading import plan_of
from newsletter.delivery.limits.rules import AT_ONCE, warm_up_window, window_of
from newsletter.delivery.limits.standing import GroupRow, group_rows, held_rows
from newsletter.delivery.limits.windows import Window


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
