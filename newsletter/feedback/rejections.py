"""Refusals at send time (5xx) are bounces too: each becomes one entry, and the addresses of the dead are suppressed.

Everything is done for many rows at once, and may be done again at any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, String, cast, exists, func, literal, or_, select, update
from sqlalchemy.orm import Session

from newsletter.audience.models import Subscriber, Suppression
from newsletter.audience.upsert import among, insert_if_new
from newsletter.db.session import enqueue_after_commit
from newsletter.delivery.models import Campaign, Delivery
from newsletter.delivery.states import CampaignState
from newsletter.feedback.models import FeedbackEntry
from newsletter.feedback.softness import suppress_if_lasting
from newsletter.jobs import JobName, JobQueue
from newsletter.reasons import NOT_THEIR_FAULT

BATCH: Final = 2000
#: For this long after its end a campaign is looked at again for refusals whose hint was lost.
_WATCHED: Final = timedelta(minutes=30)


def apply_rejections(session: Session, campaign_id: int, now: datetime) -> int:
    """Take in one batch of a campaign's refusals that are not taken in yet; return how many, 0 when all are."""
    fresh = _record_batch(session, campaign_id, now)
    _suppress_dead(
        session, [row for row in fresh if row.kind == "hard" and row.address_key], campaign_id, now
    )
    for row in fresh:
        if row.kind == "soft" and row.address_key and row.reason not in NOT_THEIR_FAULT:
            suppress_if_lasting(session, row.address_key, campaign_id=campaign_id, now=now)
    return len(fresh)


def _record_batch(session: Session, campaign_id: int, now: datetime) -> Sequence[Row[Any]]:
    is_known = exists().where(Subscriber.id == Delivery.subscriber_id)
    columns = {
        "key": _key(),
        "word": literal("rejected"),
        "kind": Delivery.bounce,
        "at": literal(now, FeedbackEntry.at.type),
        "campaign_id": Delivery.campaign_id,
        "delivery_id": Delivery.id,
        "subscriber_id": Delivery.subscriber_id,
        "address_key": Delivery.address_key,
        "reason": func.coalesce(func.substr(Delivery.reason, 1, 12), "unknown"),
        "diagnostic": func.coalesce(Delivery.response, ""),
        "source": literal("smtp"),
    }
    batch: Any = (
        select(*(expression.label(name) for name, expression in columns.items()))
        .where(Delivery.campaign_id == campaign_id, _is_untaken(), is_known)
        .order_by(Delivery.id)
        .limit(BATCH)
    )
    statement = insert_if_new(session, FeedbackEntry).from_select(list(columns), batch)
    returned = (FeedbackEntry.address_key, FeedbackEntry.kind, FeedbackEntry.reason, FeedbackEntry.diagnostic)
    return session.execute(statement.returning(*returned)).all()


def _key() -> ColumnElement[str]:
    return literal("rejected:") + cast(Delivery.id, String)


def _is_untaken() -> ColumnElement[bool]:
    return Delivery.bounce.is_not(None) & ~exists().where(FeedbackEntry.key == _key())


def _suppress_dead(session: Session, rows: Sequence[Row[Any]], campaign_id: int, now: datetime) -> None:
    """Suppress many addresses at once, as `suppressions.suppress` does one."""
    if not rows:
        return
    keys = [row.address_key for row in rows]
    session.execute(
        update(Suppression)
        .where(among(session, Suppression.address_key, keys), Suppression.reason == "unsubscribed")
        .where(Suppression.lifted_at.is_(None), Suppression.publication_id.is_(None))
        .values(lifted_at=now, lifted_by="", lifted_reason="superseded by hard_bounce")
        .execution_options(synchronize_session=False)
    )
    same = {"publication_id": None, "reason": "hard_bounce", "source": "bounce", "campaign_id": campaign_id}
    values = [
        {
            "address_key": row.address_key,
            "detail": row.diagnostic[:2000],
            "created_at": now,
            "created_by": "",
            **same,
        }
        for row in rows
    ]
    session.execute(insert_if_new(session, Suppression), values)


def enqueue_untaken(session: Session, queue: JobQueue, now: datetime) -> None:
    """Ask again for the refusals of campaigns that ended lately, when some are not taken in."""
    lately = or_(Campaign.ended_at > now - _WATCHED, Campaign.state == CampaignState.PAUSED)
    untaken = exists(select(Delivery.id).where(Delivery.campaign_id == Campaign.id, _is_untaken()))
    for campaign_id in session.scalars(select(Campaign.id).where(lately, untaken)):
        enqueue_after_commit(session, queue, JobName.APPLY_REJECTIONS, campaign_id=campaign_id)
