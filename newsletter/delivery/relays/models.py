"""The table of relays."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.clock import utcnow
from newsletter.db.base import Base
from newsletter.db.types import BigId, Json, UtcDateTime


class RelayRow(Base):
    """A relay: its URL in parts, the password sealed. Limits know it by its name.

    `weight` is its share beside the others; 0 means only when no other can be used. Without `from_domains` it takes
    mail of every From domain that no other relay is named for.
    """

    __tablename__ = "relays"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    scheme: Mapped[str] = mapped_column(String(13))
    host: Mapped[str] = mapped_column(String(253))
    port: Mapped[int] = mapped_column(Integer)
    username: Mapped[str] = mapped_column(String(254), default="")
    sealed_password: Mapped[bytes | None] = mapped_column(LargeBinary)
    weight: Mapped[int] = mapped_column(Integer, default=1)
    from_domains: Mapped[list[str]] = mapped_column(Json, default=list)
    connections: Mapped[int | None] = mapped_column(Integer)
    messages_per_connection: Mapped[int] = mapped_column(Integer, default=1000)
    is_enabled: Mapped[bool] = mapped_column(Boolean, default=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
