"""The table of DKIM keys."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.clock import utcnow
from newsletter.db.base import Base
from newsletter.db.types import BigId, UtcDateTime


class KeyState(StrEnum):
    """A key's life."""

    WAITING = "waiting"  # made; signs nothing until its record is in DNS
    ACTIVE = "active"
    RETIRED = "retired"  # signs nothing more; its record stays for mail that is still on its way


class DkimKey(Base):
    """A private key, sealed. `algorithm` is rsa or ed25519. It signed from `activated_at` until `retired_at`."""

    __tablename__ = "dkim_keys"
    __table_args__ = (UniqueConstraint("domain", "selector"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    domain: Mapped[str] = mapped_column(String(253))
    selector: Mapped[str] = mapped_column(String(63))
    algorithm: Mapped[str] = mapped_column(String(7))
    sealed_key: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(String(7), default=KeyState.WAITING)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    activated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: What DNS said when it was last asked, and when.
    record_state: Mapped[str] = mapped_column(String(8), default="unasked")
    asked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
