"""The ledger: campaigns and one delivery per recipient."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from newsletter.audience.models import MailingList
from newsletter.clock import utcnow
from newsletter.db.base import Base
from newsletter.db.types import BigId, UtcDateTime
from newsletter.issues.models import Issue, IssueSnapshotRow


class Campaign(Base):
    """The sending of one frozen issue to one audience."""

    __tablename__ = "campaigns"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id"), index=True)
    snapshot_id: Mapped[int] = mapped_column(ForeignKey("issue_snapshots.id"))
    state: Mapped[str] = mapped_column(String(12), index=True)
    request_key: Mapped[str | None] = mapped_column(String(64), unique=True)
    scheduled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    created_by: Mapped[str] = mapped_column(String(254), default="")
    frozen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    freeze_cursor: Mapped[int] = mapped_column(BigInteger, default=0)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_result_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ambiguous_policy: Mapped[str] = mapped_column(String(15), default="hold")
    paused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(Text, default="")
    # Hints that are on their way in the broker, so that the sweep never piles up more than can be used.
    hints: Mapped[int] = mapped_column(Integer, default=0)
    hinted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    issue: Mapped[Issue] = relationship()
    snapshot: Mapped[IssueSnapshotRow] = relationship()
    lists: Mapped[list[MailingList]] = relationship(secondary="campaign_lists")


class CampaignList(Base):
    """Which lists a campaign goes to."""

    __tablename__ = "campaign_lists"

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"), primary_key=True)
    list_id: Mapped[int] = mapped_column(ForeignKey("mailing_lists.id"), primary_key=True)


class CampaignEvent(Base):
    """What happened to a campaign, in order, in words: frozen, started, paused, a worker lost, finished."""

    __tablename__ = "campaign_events"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    actor: Mapped[str] = mapped_column(String(254), default="")
    what: Mapped[str] = mapped_column(Text)


class Delivery(Base):
    """One issue to one subscriber. Every later write is guarded by owner and fence.

    `date` is the Date header, set once. The message-id is derived from the id, the return path too.
    `bounce` is hard|soft for a 5xx at send time. `next_attempt_at` is when a deferred row is due, or when the
    campaign's policy decides about an ambiguous one. Neither state nor owner is indexed: the two updates of a
    message stay HOT on PostgreSQL; the lease is the sender's, one row for all it has claimed.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("campaign_id", "subscriber_id"),
        UniqueConstraint("campaign_id", "address_key"),
        Index("ix_deliveries_campaign_id_id", "campaign_id", "id"),
        Index("ix_deliveries_subscriber_id", "subscriber_id"),
        Index(
            "ix_deliveries_next_attempt_at",
            "next_attempt_at",
            sqlite_where=text("next_attempt_at IS NOT NULL"),
            postgresql_where=text("next_attempt_at IS NOT NULL"),
        ),
        {"postgresql_with": {"fillfactor": "60"}},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id"))
    subscriber_id: Mapped[int] = mapped_column(BigInteger)
    address: Mapped[str] = mapped_column(String(254))
    address_key: Mapped[str] = mapped_column(String(254))
    state: Mapped[int] = mapped_column(SmallInteger, default=0)
    reason: Mapped[str | None] = mapped_column(String(40))
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    crashes: Mapped[int] = mapped_column(SmallInteger, default=0)
    owner: Mapped[str | None] = mapped_column(String(64))
    fence: Mapped[int] = mapped_column(Integer, default=0)
    next_attempt_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    date: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    smtp_code: Mapped[int | None] = mapped_column(SmallInteger)
    bounce: Mapped[str | None] = mapped_column(String(4))
    response: Mapped[str | None] = mapped_column(Text)


class Sender(Base):
    """A run of a worker that holds claims: its lease by the database's clock, and the range its rows lie in."""

    __tablename__ = "delivery_senders"

    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"), index=True)
    host: Mapped[str] = mapped_column(String(255), default="")
    lowest_id: Mapped[int | None] = mapped_column(BigInteger)
    highest_id: Mapped[int | None] = mapped_column(BigInteger)
    lease_until: Mapped[datetime] = mapped_column(UtcDateTime)
