"""Clicks and opens. No address, no user agent, no cookie is stored: a time, a delivery, a link, and a verdict.

There are no foreign keys: these tables are written in batches, and what they point at is never deleted but with them.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, Integer, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.db.base import Base
from newsletter.db.types import BigId, UtcDateTime


class Hit(Base):
    """One request that is not judged yet. A queue: rows go as soon as their surroundings are known.

    `link_id` is None for the picture that counts opens; `signals` are the bits of `judging.Signal`.
    """

    __tablename__ = "engagement_hits"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    delivery_id: Mapped[int] = mapped_column(BigInteger, index=True)
    link_id: Mapped[int | None] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    signals: Mapped[int] = mapped_column(SmallInteger, default=0)


class Click(Base):
    """That one delivery's reader (or a machine before them) followed one link; the best verdict so far.

    verdict: 0 machine, 1 uncertain, 2 person.
    """

    __tablename__ = "clicks"
    __table_args__ = (
        UniqueConstraint("delivery_id", "link_id"),
        Index("ix_clicks_campaign_id_first_at", "campaign_id", "first_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    campaign_id: Mapped[int] = mapped_column(BigInteger)
    delivery_id: Mapped[int] = mapped_column(BigInteger)
    link_id: Mapped[int] = mapped_column(BigInteger)
    subscriber_id: Mapped[int] = mapped_column(BigInteger, index=True)
    first_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)
    hits: Mapped[int] = mapped_column(Integer, default=1)
    verdict: Mapped[int] = mapped_column(SmallInteger)


class Open(Base):
    """That the picture of one delivery was fetched; the best verdict so far. Only of people who agreed."""

    __tablename__ = "opens"
    __table_args__ = (Index("ix_opens_campaign_id_first_at", "campaign_id", "first_at"),)

    delivery_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    campaign_id: Mapped[int] = mapped_column(BigInteger)
    subscriber_id: Mapped[int] = mapped_column(BigInteger, index=True)
    first_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)
    hits: Mapped[int] = mapped_column(Integer, default=1)
    verdict: Mapped[int] = mapped_column(SmallInteger)


class LinkTotal(Base):
    """How many deliveries of a campaign followed one link, each counted once, under its best verdict."""

    __tablename__ = "link_totals"

    campaign_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    link_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    people: Mapped[int] = mapped_column(Integer, default=0)
    uncertain: Mapped[int] = mapped_column(Integer, default=0)
    machines: Mapped[int] = mapped_column(Integer, default=0)


class CampaignTotal(Base):
    """How many deliveries of a campaign had any link followed, or were opened, each counted once."""

    __tablename__ = "engagement_totals"

    campaign_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    is_opens: Mapped[bool] = mapped_column(primary_key=True, autoincrement=False)
    people: Mapped[int] = mapped_column(Integer, default=0)
    uncertain: Mapped[int] = mapped_column(Integer, default=0)
    machines: Mapped[int] = mapped_column(Integer, default=0)
