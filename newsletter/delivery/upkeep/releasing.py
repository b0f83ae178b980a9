"""Rows of senders that are gone: their journals are replayed, what they held is freed, what nobody can know is named."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from newsletter.db.session import Sessions, unit_of_work
from newsletter.delivery.dbtime import database_now
from newsletter.delivery.models import Campaign, Delivery, of_campaign
from newsletter.delivery.sending import ledger
from newsletter.delivery.sending.claim import CRASHES_BEFORE_ALONE
from newsletter.delivery.sending.journal import Abandoned, Result, abandoned
from newsletter.delivery.sending.senders import SenderLease, expired_senders, find_sender, sign_off
from newsletter.delivery.states import CampaignState, DeliveryState

_UNSYNCED = {"synchronize_session": False}


def replay_journals(sessions: Sessions, folder: Path) -> int:
    """Record what dead senders on this host had heard and free their rows; return how many senders those were."""
    count = 0
    for left in abandoned(folder):
        with unit_of_work(sessions) as session:
            replay(session, left.results)
            release_dead(session, left)
        count += 1
    return count


def replay(session: Session, results: list[Result]) -> None:
    """Record replies of a sender that is gone, also over `ambiguous`; the fence keeps newer claims safe."""
    states = (DeliveryState.COMMITTING, DeliveryState.AMBIGUOUS)
    unknown = or_(*(Delivery.__table__.c.state == int(state) for state in states))
    ledger.record_where(session, unknown, results)


def release_dead(session: Session, left: Abandoned) -> None:
    """Free the rows of a sender that is known to be dead, without waiting for its lease."""
    sender = find_sender(session, left.owner)
    if sender is None:
        return
    if left.is_complete:
        session.execute(
            update(Delivery)
            .where(
                _held_by(sender), Delivery.state == int(DeliveryState.COMMITTING),
                Delivery.id.not_in(left.unanswered),
            )
            .values(state=int(DeliveryState.CLAIMED))
            .execution_options(**_UNSYNCED)
        )  # fmt: skip
    _blame(session, sender, left.poison)
    _release(session, sender, database_now(session))


def _blame(session: Session, sender: SenderLease, poison: int) -> None:
    """Count a crash against the row whose message was being made, and no other: most deaths have other reasons.

    Twice, and it goes alone; once more, and it ends as quarantined (R9).
    """
    session.execute(
        update(Delivery)
        .where(Delivery.id == poison, _held_by(sender))
        .values(crashes=Delivery.crashes + 1)
        .execution_options(**_UNSYNCED)
    )


def release_expired_leases(session: Session, now: datetime) -> None:
    """Free the rows of senders that have not been heard of: on another host, or behind a cut network."""
    for sender in expired_senders(session, now):
        _release(session, sender, now)


def _held_by(sender: SenderLease) -> ColumnElement[bool]:
    return and_(of_campaign(sender.campaign_id), Delivery.owner == sender.owner)


def _release(session: Session, sender: SenderLease, now: datetime) -> None:
    """Claimed rows of a lost worker go back (or end); those after the intent become ambiguous, never sent again blindly."""
    lost = _held_by(sender)
    claimed = and_(lost, Delivery.state == int(DeliveryState.CLAIMED))
    over = select(Campaign.id).where(Campaign.state == CampaignState.CANCELLED.value)
    cancelled = {"state": int(DeliveryState.SKIPPED), "reason": "cancelled"}
    quarantined = {"state": int(DeliveryState.FAILED), "reason": "quarantined"}
    steps: tuple[tuple[ColumnElement[bool], dict[str, object]], ...] = (
        (and_(claimed, Delivery.campaign_id.in_(over)), cancelled),
        (and_(claimed, Delivery.crashes > CRASHES_BEFORE_ALONE), quarantined),
        (claimed, {"state": int(DeliveryState.QUEUED)}),
        (
            and_(lost, Delivery.state == int(DeliveryState.COMMITTING)),
            {"state": int(DeliveryState.AMBIGUOUS), "sent_at": now},
        ),
    )
    for condition, values in steps:
        session.execute(
            update(Delivery).where(condition).values(**values, owner=None).execution_options(**_UNSYNCED)
        )
    sign_off(session, sender.owner)
