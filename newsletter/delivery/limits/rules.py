"""The rules that hold for one campaign now, in the limiter's words: windows for all its rows, and for single groups. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from newsletter.delivery.limits.hours import Hours
from newsletter.delivery.limits.limiter import Seats
from newsletter.delivery.limits.plans import Plan, day_ends, local_day
from newsletter.delivery.limits.providers import SHIPPED_AT_ONCE
from newsletter.delivery.limits.rates import SECONDS
from newsletter.delivery.limits.windows import Window

AT_ONCE = "at_once"
DAY_SECONDS = 86400.0
SLOW_COUNT, SLOW_SECONDS = 1, 60.0


@dataclass(frozen=True, slots=True)
class GroupRule:
    """What one destination group may get."""

    windows: tuple[Window, ...] = ()
    seats: Seats | None = None


@dataclass(frozen=True, slots=True)
class GroupCap:
    """A warm-up's cap for each single group on one calendar day."""

    key: str
    count: int
    ends_at: float

    def window(self, group: str) -> Window:
        """Return the group's own counter."""
        return Window(f"{self.key}:{group}", self.count, DAY_SECONDS, self.ends_at)


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything that may hold a campaign's rows. Nothing set: nothing is asked."""

    common: tuple[Window, ...] = ()
    groups: Mapping[str, GroupRule] = field(default_factory=dict)
    caps: tuple[GroupCap, ...] = ()
    hours: tuple[Hours, ...] = ()

    @property
    def concern_all(self) -> bool:
        """Say whether every row needs a token."""
        return bool(self.common or self.caps)

    def opens_again(self, now: datetime) -> datetime | None:
        """Return when sending may go on; None when it may now."""
        waits = [one.opens_again(now) for one in self.hours]
        return max((one for one in waits if one is not None), default=None)


def window_of(scope: str, name: str, per: str, count: int) -> Window:
    """Return the counter of a limit."""
    return Window(f"{scope}:{name}:{per}", count, float(SECONDS[per]))


def slow_window(group: str) -> Window:
    """Return the one message a minute that a group gets which asked us to slow down."""
    return Window(f"slow:{group}", SLOW_COUNT, SLOW_SECONDS)


def group_rules(rows: Iterable[tuple[str, str, int | None]]) -> dict[str, GroupRule]:
    """Return the rules of groups from what admins set: `(group, per, count)`; shipped ones hold where nothing is set."""
    at_once: dict[str, int | None] = dict(SHIPPED_AT_ONCE)
    windows: dict[str, tuple[Window, ...]] = {}
    for group, per, count in rows:
        if per == AT_ONCE:
            at_once[group] = count
        elif count is not None:
            windows[group] = (*windows.get(group, ()), window_of("group", group, per, count))
    seats = {group: Seats(group, most) for group, most in at_once.items() if most is not None}
    return {group: GroupRule(windows.get(group, ()), seats.get(group)) for group in {*windows, *seats}}


def spread_window(campaign_id: int, audience: int, minutes: int) -> Window:
    """Return the pace that spreads an audience evenly over so many minutes."""
    key = f"campaign:{campaign_id}:spread"
    if audience >= minutes:
        return Window(key, math.ceil(audience / minutes), 60.0)
    return Window(key, 1, minutes * 60.0 / max(1, audience))


def warm_up_window(scope: str, name: str, plan: Plan, zone: ZoneInfo, now: datetime) -> Window | None:
    """Return today's counter of a plan; None when the plan is over."""
    day = local_day(now, zone)
    cap = plan.cap(day)
    if cap is None:
        return None
    return Window(f"{scope}:{name}:warm-up:{day}", cap, DAY_SECONDS, day_ends(day, zone).timestamp())
