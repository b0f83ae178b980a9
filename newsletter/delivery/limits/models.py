"""What admins set (limits, warm-up plans, sending hours) and what sending keeps (groups, counters, breakers)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import Date, Index, Integer, String, Text, Time, UniqueConstraint
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.clock import utcnow
from newsletter.db.base import Base
from newsletter.db.types import BigId, Json, UtcDateTime


class Limit(Base):
    """One rule: so many messages per second, minute, hour or day, or (`per` = `at_once`) on the wire together.

    `scope` is relay, publication or group, `name` the one it is for. Without a count it switches a shipped limit off.
    """

    __tablename__ = "limits"
    __table_args__ = (UniqueConstraint("scope", "name", "per"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    scope: Mapped[str] = mapped_column(String(12))
    name: Mapped[str] = mapped_column(String(253))
    per: Mapped[str] = mapped_column(String(8))
    count: Mapped[int | None] = mapped_column(Integer)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    updated_by: Mapped[str] = mapped_column(String(254), default="")


class WarmUp(Base):
    """How many messages a day a new relay or publication may send, for all groups together or for each (T6)."""

    __tablename__ = "warm_ups"
    __table_args__ = (UniqueConstraint("scope", "name"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    scope: Mapped[str] = mapped_column(String(12))
    name: Mapped[str] = mapped_column(String(253))
    first_day: Mapped[date] = mapped_column(Date)
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    #: Caps of the first days; afterwards the last one grows by `growth` per cent a day until it passes `most`.
    days: Mapped[list[int]] = mapped_column(Json)
    growth: Mapped[int] = mapped_column(Integer, default=25)
    most: Mapped[int] = mapped_column(Integer)
    per_group: Mapped[int | None] = mapped_column(Integer)
    updated_by: Mapped[str] = mapped_column(String(254), default="")


class SendingHours(Base):
    """When a publication or a campaign may send, and over how long a campaign is spread (T8)."""

    __tablename__ = "sending_hours"
    __table_args__ = (UniqueConstraint("scope", "name"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    scope: Mapped[str] = mapped_column(String(12))
    name: Mapped[str] = mapped_column(String(253))
    opens_at: Mapped[time | None] = mapped_column(Time)
    closes_at: Mapped[time | None] = mapped_column(Time)
    spread_minutes: Mapped[int | None] = mapped_column(Integer)
    updated_by: Mapped[str] = mapped_column(String(254), default="")


class DestinationDomain(Base):
    """Which group a domain belongs to, as DNS said when it was last asked. Its own name means that it stands alone."""

    __tablename__ = "destination_domains"
    __table_args__ = (Index("ix_destination_domains_looked_up_at", "looked_up_at"),)

    domain: Mapped[str] = mapped_column(String(253), primary_key=True)
    destination_group: Mapped[str] = mapped_column(String(253))
    mx: Mapped[str] = mapped_column(Text, default="")
    looked_up_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: Lookups that failed one after the other: asked again sooner, and it stands alone until then.
    failures: Mapped[int] = mapped_column(Integer, default=0)


class LimitCounter(Base):
    """What the limiter without Redis remembers of one counter: tokens by slot, or who has seats."""

    __tablename__ = "limit_counters"

    key: Mapped[str] = mapped_column(String(640), primary_key=True)
    document: Mapped[dict[str, Any]] = mapped_column(Json)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class GroupBreaker(Base):
    """What is wrong with a destination group, shared by all senders. No row: nothing is (T4)."""

    __tablename__ = "group_breakers"

    destination_group: Mapped[str] = mapped_column(String(253), primary_key=True)
    troubles: Mapped[int] = mapped_column(Integer, default=0)
    openings: Mapped[int] = mapped_column(Integer, default=0)
    open_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    probing_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    slow_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    why: Mapped[str] = mapped_column(Text, default="")
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


def insert_missing(session: Session, table: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows whose key is not there yet; two processes may do it at once."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.execute(insert(table).on_conflict_do_nothing(), rows)
