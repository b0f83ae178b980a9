"""Accounts at providers, what they sent us as it came, and the events read from it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.clock import utcnow
from newsletter.db.base import Base
from newsletter.db.types import BigId, Json, UtcDateTime


class ProviderAccount(Base):
    """An account at a provider. Its address holds a secret path, known here by digest; all secrets are sealed together.

    `relay` is the name of the relay that hands mail to this account: its events count for no other mail (W2).
    `pending_topic` waits for a person to confirm that SNS may send; `last_refusal` is kept once a minute.
    """

    __tablename__ = "provider_accounts"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    provider: Mapped[str] = mapped_column(String(20))
    relay: Mapped[str] = mapped_column(String(40))
    path_digest: Mapped[str] = mapped_column(String(64), unique=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    topics: Mapped[list[str]] = mapped_column(Json, default=list)
    pending_topic: Mapped[str] = mapped_column(String(320), default="")
    sealed_link: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    last_event_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_refused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_refusal: Mapped[str] = mapped_column(Text, default="")


class ProviderRequest(Base):
    """One request, kept raw. state: new|applied|failed; `position` counts the documents in it that are applied.

    Unique by account and body (or the provider's token for it): a request that comes again changes nothing.
    """

    __tablename__ = "provider_requests"
    __table_args__ = (Index("ix_provider_requests_state_received_at", "state", "received_at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(
        ForeignKey("provider_accounts.id", ondelete="CASCADE"), index=True
    )
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    headers: Mapped[dict[str, str]] = mapped_column(Json)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(String(8), default="new")
    position: Mapped[int] = mapped_column(Integer, default=0)
    note: Mapped[str] = mapped_column(Text, default="")
    received_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    applied_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ProviderEvent(Base):
    """One event of an account, unique by digest; it holds no address. outcome: applied|known|foreign|unmatched|unknown."""

    __tablename__ = "provider_events"
    __table_args__ = (
        UniqueConstraint("account_id", "digest"),
        Index("ix_provider_events_account_id_outcome", "account_id", "outcome"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("provider_accounts.id", ondelete="CASCADE"))
    digest: Mapped[str] = mapped_column(String(64))
    request_id: Mapped[int] = mapped_column(BigInteger, index=True)
    delivery_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    word: Mapped[str] = mapped_column(String(15))
    told: Mapped[str] = mapped_column(String(80), default="")
    outcome: Mapped[str] = mapped_column(String(9))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
