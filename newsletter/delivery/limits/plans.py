"""Warm-up by calendar days: so many messages on the first day, a few more each day after (T6). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

#: A cautious first month: 50 a day in the first week, then about a quarter more each day.
FIRST_WEEK = (50, 50, 75, 75, 100, 100, 100)


@dataclass(frozen=True, slots=True)
class Plan:
    """Caps of the first days; afterwards the last grows by `growth` per cent a day until it passes `most`."""

    first_day: date
    days: Sequence[int]
    growth: int
    most: int

    def cap(self, day: date) -> int | None:
        """Return how many may go on a day: none before the first, None (any number) when the plan is over."""
        index = (day - self.first_day).days
        if index < 0:
            return 0
        if index < len(self.days):
            return self.days[index]
        grown = self._grown(index - len(self.days) + 1)
        return grown if grown <= self.most else None

    def _grown(self, days: int) -> int:
        """Return the cap after so many days of growth, at least one message more each day."""
        cap = self.days[-1]
        for _ in range(days):
            cap = max(cap + 1, cap * (100 + self.growth) // 100)
            if cap > self.most:
                break
        return cap


def local_day(now: datetime, zone: ZoneInfo) -> date:
    """Return the calendar day in a zone."""
    return now.astimezone(zone).date()


def day_ends(day: date, zone: ZoneInfo) -> datetime:
    """Return the next local midnight; the day has 23 or 25 hours when clocks change."""
    return datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
