"""The links of an issue: which id in a mail stands for which target, and how targets were repaired after sending."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.clock import utcnow
from newsletter.db.base import Base
from newsletter.db.types import BigId, UtcDateTime
from newsletter.issues.models import Issue


class Link(Base):
    """One link of an issue. `key` is what mails carry; it was computed from `original` and never changes.

    place: intro|item|outro|canary; `item_id` and `position` (in reading order) say where it stands.
    """

    __tablename__ = "links"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey(Issue.id, ondelete="CASCADE"), index=True)
    key: Mapped[str] = mapped_column(String(32), unique=True)
    place: Mapped[str] = mapped_column(String(10))
    item_id: Mapped[int | None] = mapped_column(BigInteger)
    position: Mapped[int] = mapped_column(Integer, default=0)
    words: Mapped[str] = mapped_column(String(200), default="")
    original: Mapped[str] = mapped_column(Text)
    target: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class LinkRepair(Base):
    """One change of a target after sending, append-only; undoing is another change."""

    __tablename__ = "link_repairs"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    link_id: Mapped[int] = mapped_column(ForeignKey(Link.id, ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    actor: Mapped[str] = mapped_column(String(254), default="")
    before: Mapped[str] = mapped_column(Text)
    after: Mapped[str] = mapped_column(Text)
