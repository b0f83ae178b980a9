"""Wall times around the nights on which clocks change (R10)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from newsletter.delivery.control.wall_time import schedule_at
from newsletter.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "zone", "instant", "notice"),
    [
        ("2027-03-28 02:30", "Europe/Berlin", "2027-03-28T01:00", "does not exist"),
        ("2027-03-28 02:00", "Europe/Berlin", "2027-03-28T01:00", "does not exist"),
        ("2027-03-28 03:00", "Europe/Berlin", "2027-03-28T01:00", ""),
        ("2027-03-28 01:59", "Europe/Berlin", "2027-03-28T00:59", ""),
        ("2027-10-31 02:30", "Europe/Berlin", "2027-10-31T00:30", "comes twice"),
        ("2027-10-31 03:00", "Europe/Berlin", "2027-10-31T02:00", ""),
        ("2027-03-14T02:30", "America/New_York", "2027-03-14T07:00", "does not exist"),
        ("2027-10-03T02:15", "Australia/Lord_Howe", "2027-10-02T15:30", "does not exist"),
        ("2026-11-25T09:00+01:00", "America/New_York", "2026-11-25T08:00", ""),
        ("2026-11-25", "Asia/Kathmandu", "2026-11-24T18:15", ""),
    ],
)
def test_instants(text: str, zone: str, instant: str, notice: str) -> None:
    schedule = schedule_at(text, zone)
    assert schedule.at == datetime.fromisoformat(instant).replace(tzinfo=UTC)
    assert notice in schedule.notice
    assert bool(notice) is bool(schedule.notice)


@pytest.mark.parametrize(
    ("text", "zone"), [("soon", "UTC"), ("2026-11-25T09:00", "Moon/Base"), ("0001-01-01", "Asia/Tokyo")]
)
def test_no_times(text: str, zone: str) -> None:
    with pytest.raises(InvalidInput):
        schedule_at(text, zone)
