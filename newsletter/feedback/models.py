"""What came back: returned mail as it was, and the events read from it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.clock import utcnow
from newsletter.db.base import Base
from newsletter.db.types import BigId, UtcDateTime


class ReturnedMail(Base):
    """A mail that came back, kept raw until it is emptied. state: new|applied|unmatched|ignored|failed|assigned|dismissed.

    The last two are a person's decision; `handled_by` is who.
    """

    __tablename__ = "returned_mails"
    __table_args__ = (
        Index(
            "ix_returned_mails_kept",
            "received_at",
            sqlite_where=text("emptied_at IS NULL"),
            postgresql_where=text("emptied_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    envelope_recipient: Mapped[str] = mapped_column(String(320), default="")
    envelope_sender: Mapped[str] = mapped_column(String(320), default="")
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(String(12), default="new", index=True)
    kind: Mapped[str] = mapped_column(String(12), default="")
    note: Mapped[str] = mapped_column(Text, default="")
    #: smtp|lmtp|imap|pop3|maildir|file
    came_by: Mapped[str] = mapped_column(String(8), default="")
    handled_by: Mapped[str] = mapped_column(String(254), default="")
    received_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow, index=True)
    applied_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: When its text was thrown away; the digest stays, so that it is still known when it comes again.
    emptied_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class FeedbackEntry(Base):
    """One event about one address, in the closed set of event words; unique by `key`, so replays change nothing.

    For word `bounced` (DSN) and `rejected` (5xx at send time) `kind` is hard|soft and `reason` a closed word.
    """

    __tablename__ = "feedback_entries"
    __table_args__ = (Index("ix_feedback_entries_campaign_id_word", "campaign_id", "word"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(String(100), unique=True)
    word: Mapped[str] = mapped_column(String(15))
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow, index=True)
    campaign_id: Mapped[int | None] = mapped_column(BigInteger)
    delivery_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    subscriber_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    address_key: Mapped[str] = mapped_column(String(254), default="", index=True)
    kind: Mapped[str | None] = mapped_column(String(4))
    status: Mapped[str | None] = mapped_column(String(12))
    reason: Mapped[str] = mapped_column(String(12), default="unknown")
    diagnostic: Mapped[str] = mapped_column(Text, default="")
    source: Mapped[str] = mapped_column(String(20), default="")
    #: The server that reported it, where it names itself.
    said_by: Mapped[str] = mapped_column(String(254), default="")
    returned_mail_id: Mapped[int | None] = mapped_column(BigInteger)
