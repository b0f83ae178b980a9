"""Rehearsals that were performed, and what a campaign was found to be beside one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Float, ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.clock import utcnow
from newsletter.db.base import Base
from newsletter.db.types import BigId, UtcDateTime


class KeptRehearsal(Base):
    """What one rehearsal found. `lists` are list ids in order, with spaces between; sizes in octets."""

    __tablename__ = "rehearsals"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id", ondelete="CASCADE"), index=True)
    content_hash: Mapped[str] = mapped_column(String(64))
    lists: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    actor: Mapped[str] = mapped_column(String(254), default="")
    people: Mapped[int] = mapped_column(Integer)
    suppressed: Mapped[int] = mapped_column(Integer)
    failed: Mapped[int] = mapped_column(Integer)
    largest_bytes: Mapped[int] = mapped_column(Integer)
    seconds: Mapped[float] = mapped_column(Float)
    people_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class Comparison(Base):
    """A campaign's frozen rows held against a rehearsal, some thousand rows at a time.

    The sums are those of the rows up to `last_row`. `worked_at` tells the sweep that somebody is at it.
    """

    __tablename__ = "rehearsal_comparisons"

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"), primary_key=True)
    rehearsal_id: Mapped[int] = mapped_column(ForeignKey("rehearsals.id", ondelete="CASCADE"))
    last_row: Mapped[int] = mapped_column(BigInteger, default=0)
    people: Mapped[int] = mapped_column(Integer, default=0)
    message_sum: Mapped[str] = mapped_column(String(128), default="")
    people_sum: Mapped[str] = mapped_column(String(128), default="")
    worked_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    is_same: Mapped[bool | None] = mapped_column()
    #: The finding in words, when it has ended.
    verdict: Mapped[str] = mapped_column(Text, default="")
