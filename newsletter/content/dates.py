"""Dates as sources write them, read without guessing day and month."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime

_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_SLASHED = re.compile(r"\b(\d{4})/(\d{1,2})/(\d{1,2})\b")
_MONTH_FIRST = re.compile(r"\b([A-Za-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})\b")
_DAY_FIRST = re.compile(r"\b(\d{1,2})(?:st|nd|rd|th)?\.?\s+([A-Za-z]{3,9})\.?,?\s+(\d{4})\b")
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul", "august aug",
            "september sept sep", "october oct", "november nov", "december dec",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
EARLIEST_YEAR = 1900


def parse_date(text: str | None) -> datetime | None:
    """Return an aware UTC time for ISO 8601, RFC 5322, "January 14 2020" or "2020/01/14"; None for anything else."""
    for reader in (_iso, _rfc5322, _words):
        try:
            moment = reader((text or "").strip())
        except (ValueError, OverflowError, TypeError, IndexError):
            continue
        if moment is not None and moment.year >= EARLIEST_YEAR:
            return moment
    return None


def _iso(text: str) -> datetime | None:
    day = _ISO.match(text)
    if day is None:
        return None
    try:
        return _utc(datetime.fromisoformat(text.upper()))
    except ValueError:
        whole = _day(day[1], int(day[2]), day[3])
        return _midnight(whole) if whole else None


def _rfc5322(text: str) -> datetime | None:
    return _utc(parsedate_to_datetime(text))


def _words(text: str) -> datetime | None:
    found = date_in(text)
    return _midnight(found) if found else None


def date_in(text: str) -> date | None:
    """Return the first date in running text: "March 03 2020", "3 March 2020", "2020/03/03"."""
    return next((day for day in _dates_in(text) if day is not None), None)


def _dates_in(text: str) -> Iterator[date | None]:
    for match in _SLASHED.finditer(text):
        yield _day(match[1], int(match[2]), match[3])
    for match in _MONTH_FIRST.finditer(text):
        yield _day(match[3], _MONTHS.get(match[1].lower()), match[2])
    for match in _DAY_FIRST.finditer(text):
        yield _day(match[3], _MONTHS.get(match[2].lower()), match[1])


def _day(year: str, month: int | None, day: str) -> date | None:
    """Return the day, or None when there is no such one (February 30)."""
    try:
        return date(int(year), month or 0, int(day))
    except ValueError:
        return None


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
