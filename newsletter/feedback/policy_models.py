"""A publication's own rule about soft bounces, where it has one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.clock import utcnow
from newsletter.db.base import Base
from newsletter.db.types import UtcDateTime
from newsletter.issues.models import Publication


class BounceRule(Base):
    """So many soft bounces over so many days without a success; counts older than `forget_days` are forgotten."""

    __tablename__ = "bounce_rules"

    publication_id: Mapped[int] = mapped_column(
        ForeignKey(Publication.id, ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    count: Mapped[int] = mapped_column(SmallInteger)
    over_days: Mapped[int] = mapped_column(SmallInteger)
    forget_days: Mapped[int] = mapped_column(SmallInteger)
    set_by: Mapped[str] = mapped_column(String(254), default="")
    set_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
