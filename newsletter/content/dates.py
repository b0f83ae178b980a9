"""Dates as sources write them, read without guessing day and month."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime

_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_SLASHED = re.compile(r"\b(\d{4})/(\d{1,2})/(\d{1,2})\b")
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
_MONTH_FIRST = re.compile(r"\b([A-Za-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})\b")
_DAY_FIRST = re.compile(r"\b(\d{1,2})(?:st|nd|rd|th)?\.?\s+([A-Za-z]{3,9})\.?,?\s+(\d{4})\b")


def parse_date(text: str | None) -> datetime | None:
    """Return an aware UTC time for ISO 8601, RFC 5322, "January 14 2020" or "2020/01/14"; None for anything else."""
    if not text or text.startswith("0000"):
        return None
    stripped = text.strip()
    for reader in (_iso, _rfc5322, _words):
        try:
            moment = reader(stripped)
        except (ValueError, OverflowError, TypeError, IndexError):
            continue
        if moment is not None and moment.year >= 1900:
            return moment
    return None


def _iso(text: str) -> datetime | None:
    if not _ISO.match(text):
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00").replace("z", "+00:00"))
    except ValueError:
        match = _ISO.match(text)
        return datetime(*(int(part) for part in match.groups()), tzinfo=UTC) if match else None  # type: ignore[misc,arg-type]
    return _utc(moment)


def _rfc5322(text: str) -> datetime | None:
    return _utc(parsedate_to_datetime(text))


def _words(text: str) -> datetime | None:
    found = date_in(text)
    return datetime(found.year, found.month, found.day, tzinfo=UTC) if found else None


def date_in(text: str) -> date | None:
    """Return the first date in running text: "March 03 2020", "3 March 2020", "2020/03/03"."""
    slashed = _SLASHED.search(text)
    if slashed:
        return date(int(slashed[1]), int(slashed[2]), int(slashed[3]))
    for pattern, month, day in ((_MONTH_FIRST, 1, 2), (_DAY_FIRST, 2, 1)):
        for match in pattern.finditer(text):
            number = _MONTHS.get(match[month].lower())
            if number:
                return date(int(match[3]), number, int(match[day]))
    return None


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
