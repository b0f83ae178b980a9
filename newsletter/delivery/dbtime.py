"""The database's clock: leases and schedules of many machines agree by it."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session


def database_now(session: Session) -> datetime:
    """Return the database's current time; with SQLite that is this machine's."""
    if session.get_bind().dialect.name == "sqlite":
        return datetime.now(UTC)
    now: datetime = session.scalar(select(func.clock_timestamp()))  # type: ignore[assignment]
    return now.astimezone(UTC)
