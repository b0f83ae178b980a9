"""Who is mailed: lists, subscribers, subscriptions, consent and suppressions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from newsletter.clock import utcnow
from newsletter.db.base import Base
from newsletter.db.types import BigId, Json, UtcDateTime
from newsletter.issues.models import Publication


class MailingList(Base):
    """A collection of subscribers that an issue can be sent to. optin: single|double; visibility: public|private."""

    __tablename__ = "mailing_lists"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, default="")
    publication_id: Mapped[int | None] = mapped_column(ForeignKey(Publication.id), index=True)
    optin: Mapped[str] = mapped_column(String(10), default="double")
    visibility: Mapped[str] = mapped_column(String(10), default="public")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class Subscriber(Base):
    """A person. `address_key` is the address as we compare it (NFC, lower-cased, A-label domain)."""

    __tablename__ = "subscribers"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    email: Mapped[str] = mapped_column(String(254))
    address_key: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(300), default="")
    language: Mapped[str | None] = mapped_column(String(35))
    attributes: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)

    subscriptions: Mapped[list[Subscription]] = relationship(
        back_populates="subscriber", passive_deletes=True
    )


class Subscription(Base):
    """Membership of one person in one list. state: pending|confirmed|unsubscribed; only confirmed ones are mailed."""

    __tablename__ = "subscriptions"
    __table_args__ = (
        UniqueConstraint("list_id", "subscriber_id"),
        Index("ix_subscriptions_list_id_state_subscriber_id", "list_id", "state", "subscriber_id"),
        # Reports count who left through a campaign's mail.
        Index(
            "ix_subscriptions_campaign_id",
            "campaign_id",
            sqlite_where=text("campaign_id IS NOT NULL"),
            postgresql_where=text("campaign_id IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    list_id: Mapped[int] = mapped_column(ForeignKey("mailing_lists.id", ondelete="CASCADE"))
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscribers.id", ondelete="CASCADE"), index=True)
    state: Mapped[str] = mapped_column(String(15), default="pending")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    confirmation_requested_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    confirmation_sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    unsubscribed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    unsubscribe_reason: Mapped[str] = mapped_column(Text, default="")
    unsubscribe_source: Mapped[str] = mapped_column(String(20), default="")
    campaign_id: Mapped[int | None] = mapped_column(BigId)

    list: Mapped[MailingList] = relationship()
    subscriber: Mapped[Subscriber] = relationship(back_populates="subscriptions")


class Consent(Base):
    """Append-only record of what a person agreed to or withdrew, with the wording shown (C3)."""

    __tablename__ = "consents"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subscriber_id: Mapped[int | None] = mapped_column(BigId, index=True)
    list_id: Mapped[int | None] = mapped_column(BigId)
    action: Mapped[str] = mapped_column(String(20))
    source: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    ip: Mapped[str] = mapped_column(String(64), default="")
    user_agent: Mapped[str] = mapped_column(String(300), default="")
    wording: Mapped[str] = mapped_column(Text, default="")
    wording_hash: Mapped[str] = mapped_column(String(64), default="")


class Suppression(Base):
    """An address that must not be mailed, while `lifted_at` is empty.

    reason: hard_bounce|soft_bounce|complaint|unsubscribed|manual|erased|imported. Scope is everywhere unless
    `publication_id` is set. After erasure `address_key` is `h:` + a keyed hash, so the address stays suppressed
    without being kept (C4).
    """

    __tablename__ = "suppressions"
    __table_args__ = (
        Index(
            "uq_suppressions_everywhere",
            "address_key",
            unique=True,
            sqlite_where=text("lifted_at IS NULL AND publication_id IS NULL"),
            postgresql_where=text("lifted_at IS NULL AND publication_id IS NULL"),
        ),
        Index(
            "uq_suppressions_publication",
            "address_key",
            "publication_id",
            unique=True,
            sqlite_where=text("lifted_at IS NULL AND publication_id IS NOT NULL"),
            postgresql_where=text("lifted_at IS NULL AND publication_id IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    address_key: Mapped[str] = mapped_column(String(254), index=True)
    publication_id: Mapped[int | None] = mapped_column(ForeignKey(Publication.id, ondelete="CASCADE"))
    reason: Mapped[str] = mapped_column(String(20), index=True)
    detail: Mapped[str] = mapped_column(Text, default="")
    source: Mapped[str] = mapped_column(String(40), default="")
    campaign_id: Mapped[int | None] = mapped_column(BigId)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow, index=True)
    created_by: Mapped[str] = mapped_column(String(254), default="")
    lifted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lifted_by: Mapped[str] = mapped_column(String(254), default="")
    lifted_reason: Mapped[str] = mapped_column(Text, default="")


class SubscriberImport(Base):
    """One CSV import: its counts, so that it can be shown, proved and resumed."""

    __tablename__ = "subscriber_imports"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    list_id: Mapped[int] = mapped_column(ForeignKey("mailing_lists.id", ondelete="CASCADE"), index=True)
    file_name: Mapped[str] = mapped_column(Text, default="")
    actor: Mapped[str] = mapped_column(String(254), default="")
    consent: Mapped[str] = mapped_column(Text, default="")
    rows: Mapped[int] = mapped_column(Integer, default=0)
    created_count: Mapped[int] = mapped_column(Integer, default=0)
    updated_count: Mapped[int] = mapped_column(Integer, default=0)
    unchanged_count: Mapped[int] = mapped_column(Integer, default=0)
    invalid_count: Mapped[int] = mapped_column(Integer, default=0)
    suppressed_count: Mapped[int] = mapped_column(Integer, default=0)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
