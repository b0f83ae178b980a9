"""A time by a clock on the wall, in a zone: what a schedule means also when the clocks change (R10). Pure.

The wall time and its IANA zone are kept beside the computed instant: a government that moves its clocks moves the send.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from newsletter.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Schedule:
    """When to send: the instant, and the wall time and zone it comes from (None for a time with an offset)."""

    at: datetime
    wall: datetime | None = None
    zone: str | None = None

    @property
    def notice(self) -> str:
        """What the clocks do at that time, in words; empty on ordinary days."""
        if self.wall is None or self.zone is None:
            return ""
        zone = ZoneInfo(self.zone)
        if self.at.astimezone(zone).replace(tzinfo=None) != self.wall:
            shown = self.at.astimezone(zone)
            return f"{self.wall:%H:%M} does not exist that day: the clocks go forward. It is sent at {shown:%H:%M}."
        if _is_repeated(self.wall, zone):
            return f"{self.wall:%H:%M} comes twice that day: the clocks go back. It is sent once, the first time."
        return ""


def schedule_at(text: str, zone: str) -> Schedule:
    """Return the schedule of an ISO 8601 time; without an offset it is meant by the zone's clocks.

    :raises InvalidInput: for something that is no time, or an unknown zone.
    """
    try:
        given = datetime.fromisoformat(text.strip())
        if given.tzinfo is not None:
            return Schedule(given.astimezone(UTC))
        wall = given.replace(microsecond=0)
        return Schedule(instant_of(wall, zone), wall, zone)
    except (ValueError, OverflowError):
        raise InvalidInput(
            f"{text!r} is no time: write it like 2026-11-25T09:00 or 2026-11-25T09:00+01:00."
        ) from None


def instant_of(wall: datetime, zone: str) -> datetime:
    """Return the instant (UTC) of a wall time: in a gap the first valid one, in a repeated hour the first.

    :raises InvalidInput: for an unknown zone.
    """
    clock = _zone(zone)
    first = wall.replace(tzinfo=clock, fold=0).astimezone(UTC)
    if first.astimezone(clock).replace(tzinfo=None) == wall:
        return first
    return _end_of_gap(wall, clock)


def _end_of_gap(wall: datetime, clock: ZoneInfo) -> datetime:
    """Return the instant at which the clocks jump over `wall`: before it the old offset holds, from it on the new one."""
    early, late = (
        wall.replace(tzinfo=clock, fold=1).astimezone(UTC),
        wall.replace(tzinfo=clock, fold=0).astimezone(UTC),
    )
    before = early.astimezone(clock).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) / 2
        early, late = (middle, late) if middle.astimezone(clock).utcoffset() == before else (early, middle)
    return late.replace(microsecond=0)


def _is_repeated(wall: datetime, clock: ZoneInfo) -> bool:
    return wall.replace(tzinfo=clock, fold=0).utcoffset() != wall.replace(tzinfo=clock, fold=1).utcoffset()


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput(f"There is no time zone {name!r}: write one like Europe/Berlin.") from None
