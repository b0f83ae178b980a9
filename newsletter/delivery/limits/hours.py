"""Hours in which a publication or a campaign may send, by the clock on its readers' wall (T8). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Hours:
    """From `opens_at` until `closes_at`, over midnight too; the same time twice means always."""

    opens_at: time
    closes_at: time
    zone: ZoneInfo

    def opens_again(self, now: datetime) -> datetime | None:
        """Return when sending may go on; None when it may now."""
        local = now.astimezone(self.zone)
        if self._is_open(local.time()):
            return None
        day = local.date() if local.time() < self.opens_at else local.date() + timedelta(days=1)
        return datetime.combine(day, self.opens_at, self.zone).astimezone(UTC)

    def _is_open(self, at: time) -> bool:
        if self.opens_at <= self.closes_at:
            return self.opens_at == self.closes_at or self.opens_at <= at < self.closes_at
        return at >= self.opens_at or at < self.closes_at
