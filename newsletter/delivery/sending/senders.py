"""Senders at work: one row each, with the lease that says it lives (R3).

The lease is the sender's, not each row's: renewing it is one small update, and the deliveries need no index over owners,
which would end HOT updates (no update of 400,000 was one with such an index in place).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.db.base import Base
from newsletter.db.types import UtcDateTime
from newsletter.delivery.dbtime import database_now
from newsletter.delivery.models import Delivery, of_campaign
from newsletter.delivery.states import IN_FLIGHT
from newsletter.logs import logger

log = logger(__name__)

LEASE = timedelta(seconds=60)


class SenderLease(Base):
    """A sender that holds rows of a campaign; times are the database's."""

    __tablename__ = "senders"

    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"))
    lease_until: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


def sign_on(session: Session, owner: str, campaign_id: int) -> None:
    """Write a sender down, before its first claim."""
    session.add(SenderLease(owner=owner, campaign_id=campaign_id, lease_until=database_now(session) + LEASE))
    session.flush()


def renew(session: Session, owner: str) -> bool:
    """Extend a lease; False when it ran out and the rows have been freed meanwhile."""
    renewed = session.scalar(
        update(SenderLease)
        .where(SenderLease.owner == owner)
        .values(lease_until=database_now(session) + LEASE)
        .returning(SenderLease.owner)
        .execution_options(synchronize_session=False)
    )
    return renewed is not None


def sign_off(session: Session, owner: str) -> bool:
    """Strike a sender; False when it still holds rows, whose lease then runs out."""
    sender = find_sender(session, owner)
    if sender is None:
        return True
    held = (of_campaign(sender.campaign_id), Delivery.owner == owner, Delivery.state.in_(IN_FLIGHT))
    if session.scalar(select(Delivery.id).where(*held).limit(1)) is not None:
        log.error("rows_left_behind", owner=owner)
        return False
    session.delete(sender)
    return True


def find_sender(session: Session, owner: str) -> SenderLease | None:
    """Return a sender, locked against its own renewal."""
    return session.get(SenderLease, owner, with_for_update=True)


def expired_senders(session: Session, now: datetime) -> Sequence[SenderLease]:
    """Return the senders that have not been heard of, locked; another sweep's are left to it."""
    lost = select(SenderLease).where(SenderLease.lease_until < now)
    return session.scalars(lost.with_for_update(skip_locked=True)).all()
