"""Wall times in six zones (R10): each becomes one instant, the first that the clocks on the wall allow, in order."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from newsletter.delivery.control.wall_time import Schedule, instant_of, schedule_at

#: Whole hours north and south, half an hour of summer time, no summer time, odd offsets, and none at all.
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "America/Santiago",
    "UTC",
)
zones = some.sampled_from(ZONES)
START = datetime.fromisoformat("2024-01-01T00:00")
minutes = some.integers(0, 13 * 365 * 24 * 60).map(lambda later: START + timedelta(minutes=later))


def shown(instant: datetime, zone: str) -> datetime:
    return instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


@given(zones, minutes)
def test_the_clock_shows_it_or_has_just_jumped_over_it(zone: str, wall: datetime) -> None:
    instant = instant_of(wall, zone)
    second_before = shown(instant - timedelta(seconds=1), zone)
    assert shown(instant, zone) == wall or second_before < wall < shown(instant, zone)


@given(zones, minutes)
def test_no_earlier_instant_shows_the_same_time(zone: str, wall: datetime) -> None:
    instant = instant_of(wall, zone)
    for earlier in (timedelta(minutes=30), timedelta(hours=1)):
        assert shown(instant - earlier, zone) != wall


@given(zones, minutes, some.integers(1, 3 * 24 * 60))
def test_a_day_later_on_the_wall_is_no_instant_earlier(zone: str, wall: datetime, later: int) -> None:
    if later >= 24 * 60:
        assert instant_of(wall, zone) < instant_of(wall + timedelta(minutes=later), zone)


@given(zones, minutes)
def test_what_is_stored_gives_the_same_instant_again(zone: str, wall: datetime) -> None:
    made = schedule_at(wall.isoformat(), zone)
    assert made == Schedule(instant_of(wall, zone), wall, zone)
    assert made.wall is not None
    assert instant_of(datetime.fromisoformat(made.wall.isoformat()), zone) == made.at


@given(zones, minutes)
def test_a_notice_is_given_on_two_nights_at_most(zone: str, wall: datetime) -> None:
    clock = ZoneInfo(zone)
    noon = [wall.replace(hour=12, tzinfo=clock) + timedelta(days=days) for days in (-1, 1)]
    if schedule_at(wall.isoformat(), zone).notice:
        assert noon[0].utcoffset() != noon[1].utcoffset()


@pytest.mark.parametrize("zone", ZONES)
def test_the_leap_day_is_a_day_like_others(zone: str) -> None:
    made = schedule_at("2028-02-29 09:30", zone)
    assert shown(made.at, zone) == datetime.fromisoformat("2028-02-29T09:30")
    assert made.notice == ""
    following = schedule_at("2028-03-01 09:30", zone)
    assert following.at - made.at == timedelta(days=1)


@given(zones, some.dates(date(2024, 1, 1), date(2036, 12, 31)), some.integers(-14, 14))
def test_an_offset_is_an_instant_whatever_the_zone(zone: str, day: date, hours: int) -> None:
    made = schedule_at(f"{day}T09:00{hours:+03d}:00", zone)
    assert made == Schedule(datetime(day.year, day.month, day.day, 9, tzinfo=UTC) - timedelta(hours=hours))
