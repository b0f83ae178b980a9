"""What a person has said about being measured."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.audience.models import Subscriber
from newsletter.clock import utcnow
from newsletter.db.base import Base
from newsletter.db.types import UtcDateTime


class TrackingChoice(Base):
    """Yes or no to the counting of clicks and of opens; None where the person has not chosen.

    The record of each change, with its wording, is in the consents.
    """

    __tablename__ = "tracking_choices"

    subscriber_id: Mapped[int] = mapped_column(
        ForeignKey(Subscriber.id, ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    clicks: Mapped[bool | None] = mapped_column(Boolean)
    opens: Mapped[bool | None] = mapped_column(Boolean)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
