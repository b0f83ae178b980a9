"""Counts kept beside the tables they were counted from, so that a page need not walk a million rows.

They hold nothing that could not be counted again: `newsletter report recount` throws them away and does so.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, deferred, mapped_column

from newsletter.db.base import Base
from newsletter.db.types import BigId, Json, UtcDateTime


class CampaignSummary(Base):
    """The ledger of one campaign, counted at `counted_at`; `event_id` is the last of its events that the count knew.

    `totals` and `detail` are documents of `cells.Totals` and `cells.Detail`; `returned` is a list of `cells.ReturnedCell`.
    """

    __tablename__ = "campaign_summaries"

    campaign_id: Mapped[int] = mapped_column(
        ForeignKey("campaigns.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    counted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: What the count cost; the next one waits a multiple of it.
    took_ms: Mapped[int] = mapped_column(Integer, default=0)
    event_id: Mapped[int] = mapped_column(BigInteger, default=0)
    #: True when every row is final and none is ambiguous: without a new event nothing can change any more.
    is_settled: Mapped[bool] = mapped_column(default=False)
    totals: Mapped[dict[str, Any]] = mapped_column(Json)
    #: The detail costs three times as much as the totals and is counted less often while a campaign goes on.
    detail_at: Mapped[datetime] = mapped_column(UtcDateTime)
    detail_ms: Mapped[int] = mapped_column(Integer, default=0)
    detail: Mapped[dict[str, Any]] = deferred(mapped_column(Json))
    returned_hard: Mapped[int] = mapped_column(Integer, default=0)
    returned_soft: Mapped[int] = mapped_column(Integer, default=0)
    returned: Mapped[list[Any]] = deferred(mapped_column(Json))


class ListSummary(Base):
    """The memberships of one list, counted at `counted_at`; `document` is one of `growth.Membership`."""

    __tablename__ = "list_summaries"

    list_id: Mapped[int] = mapped_column(
        ForeignKey("mailing_lists.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    counted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    took_ms: Mapped[int] = mapped_column(Integer, default=0)
    document: Mapped[dict[str, Any]] = mapped_column(Json)


class FoldMark(Base):
    """How far a table that only grows has been taken into the counts: rows up to `id` are in them.

    `next_id` was the last row when the mark last moved. It becomes the mark a minute later, when every transaction that
    had drawn a lower number has ended. `busy_until` is the lease of whoever counts.
    """

    __tablename__ = "fold_marks"

    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, default=0)
    next_id: Mapped[int] = mapped_column(BigInteger, default=0)
    moved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    busy_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SharedSummary(Base):
    """A campaign's public summary: who has the address may read it, until somebody takes it back."""

    __tablename__ = "shared_summaries"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"), unique=True)
    token: Mapped[str] = mapped_column(String(64), unique=True)
    shared_at: Mapped[datetime] = mapped_column(UtcDateTime)
    shared_by: Mapped[str] = mapped_column(String(254), default="")
