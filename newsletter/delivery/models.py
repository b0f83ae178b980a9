"""The ledger: campaigns and one delivery per recipient."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    and_,
    func,
    select,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from newsletter.audience.models import MailingList
from newsletter.clock import utcnow
from newsletter.db.base import Base
from newsletter.db.types import BigId, UtcDateTime
from newsletter.issues.models import Issue, IssueSnapshotRow

_NO_END = 2**62


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
    #: All its deliveries lie in `first_row < id <= last_row`: walking them needs no index of its own (see `of_campaign`).
    first_row: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    last_row: Mapped[int | None] = mapped_column(BigInteger)
    #: Everyone selected, counted once at the freeze: the left side of the equation, never the sum of its right side.
    audience: Mapped[int | None] = mapped_column(Integer)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_result_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ambiguous_policy: Mapped[str] = mapped_column(String(15), default="hold")
    paused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(Text, default="")
    #: The campaign whose unreached people this one is for.
    retry_of: Mapped[int | None] = mapped_column(ForeignKey("campaigns.id"))
    #: Which of them: soft, expired or all.
    retry_which: Mapped[str | None] = mapped_column(String(7))
    #: The time by a clock on the wall and its zone, from which `scheduled_at` is computed (R10); None for a time with offset.
    wall_time: Mapped[str | None] = mapped_column(String(19))
    wall_zone: Mapped[str | None] = mapped_column(String(64))
    #: A first stage of so many per cent, held for so long; None again when the rest has been released.
    stage_percent: Mapped[int | None] = mapped_column(SmallInteger)
    stage_minutes: Mapped[int | None] = mapped_column(Integer)
    #: Address keys that belong to the first stage, with spaces between.
    stage_seeds: Mapped[str] = mapped_column(Text, default="", server_default="")
    #: When the wait is over; None until the first stage is through.
    stage_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: False sends without brakes: for proofs, asked for by an administrator.
    has_brakes: Mapped[bool] = mapped_column(default=True)
    #: When the brakes stopped it; None again once a person has resumed it.
    braked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: What happened before a person resumed it does not stop it again.
    brakes_from: Mapped[datetime | None] = mapped_column(UtcDateTime)

    issue: Mapped[Issue] = relationship()
    snapshot: Mapped[IssueSnapshotRow] = relationship()
    lists: Mapped[list[MailingList]] = relationship(secondary="campaign_lists")


class Installation(Base):
    """One row: whose database this is (see `delivery.instance`)."""

    __tablename__ = "installation"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    instance: Mapped[str] = mapped_column(String(64))
    adopted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    adopted_by: Mapped[str] = mapped_column(String(254))


class CampaignList(Base):
    """Which lists a campaign goes to."""

    __tablename__ = "campaign_lists"

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"), primary_key=True)
    list_id: Mapped[int] = mapped_column(ForeignKey("mailing_lists.id"), primary_key=True)


class AttemptTally(Base):
    """Attempts of one sender in about two seconds; the brakes add up a window of them.

    `group_name` is empty for all attempts together; rows of a destination group count its policy refusals.
    """

    __tablename__ = "attempt_tallies"
    __table_args__ = (Index("ix_attempt_tallies_campaign_id_at", "campaign_id", "at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    group_name: Mapped[str] = mapped_column(String(254), default="")
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    hard: Mapped[int] = mapped_column(Integer, default=0)
    policy: Mapped[int] = mapped_column(Integer, default=0)
    unwritable: Mapped[int] = mapped_column(Integer, default=0)
    complaints: Mapped[int] = mapped_column(Integer, default=0)


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
    `bounce` is hard|soft for a 5xx at send time. Neither state nor owner in an index: it would end HOT updates.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        # In this order it also finds what a person was sent.
        UniqueConstraint("subscriber_id", "campaign_id"),
        UniqueConstraint("campaign_id", "address_key"),
        Index(
            "ix_deliveries_campaign_id_bounce",
            "campaign_id",
            sqlite_where=text("bounce IS NOT NULL"),
            postgresql_where=text("bounce IS NOT NULL"),
        ),
        # Both are empty for almost every row, and do not change while it is sent: updates stay HOT.
        Index(
            "ix_deliveries_next_attempt_at",
            "next_attempt_at",
            "campaign_id",
            sqlite_where=text("next_attempt_at IS NOT NULL"),
            postgresql_where=text("next_attempt_at IS NOT NULL"),
        ),
        {"postgresql_with": {"fillfactor": "60"}},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    #: No foreign key: checking it costs 3.5 µs a row, a third of the freeze, and campaigns are never deleted.
    campaign_id: Mapped[int] = mapped_column(BigInteger)
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


def to_addresses(*address_keys: str) -> ColumnElement[bool]:
    """Return the condition for the deliveries to some addresses, of every campaign.

    Naming the campaigns lets the index (campaign, address) answer: 0.3 ms in place of 2.1 s at 20 million rows.
    """
    return and_(Delivery.campaign_id.in_(select(Campaign.id)), Delivery.address_key.in_(address_keys))


def of_campaign(campaign_id: int, *, after: int = 0) -> ColumnElement[bool]:
    """Return the condition for a campaign's deliveries, by the range of its rows: the freeze writes them in a run.

    `after` is one of its rows: only what lies beyond it. As a second lower bound beside the first SQLite would not use it,
    and each claim would walk over everything claimed before.

    An index on (campaign, id) would do the same and slow the freeze by a fifth. The `+ 0` keeps planners from the index
    that begins with the campaign: it is in the order of addresses, and each claim would sort the whole campaign.
    """
    its = select(Campaign.first_row, func.coalesce(Campaign.last_row, _NO_END)).where(
        Campaign.id == campaign_id
    )
    first, last = (its.with_only_columns(column).scalar_subquery() for column in its.selected_columns)
    return and_(Delivery.campaign_id + 0 == campaign_id, Delivery.id > (after or first), Delivery.id <= last)
