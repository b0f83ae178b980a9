"""When a mailbox was last visited, and how that went: so that two workers do not fetch at once, and people can see it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.db.base import Base
from newsletter.db.types import UtcDateTime


class MailboxVisit(Base):
    """One mailbox, by its place in words. `trouble` is what the last visit met, empty when it went well."""

    __tablename__ = "mailbox_visits"

    place: Mapped[str] = mapped_column(String(500), primary_key=True)
    next_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_good_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    taken: Mapped[int] = mapped_column(BigInteger, default=0)
    failures: Mapped[int] = mapped_column(Integer, default=0)
    trouble: Mapped[str] = mapped_column(Text, default="")
