"""How far growing tables have been taken in. Numbers are drawn before they are committed, so a mark lags behind."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from newsletter.audience.upsert import insert_if_new
from newsletter.feedback.models import FeedbackEntry
from newsletter.reporting.models import FoldMark

FEEDBACK: Final = "feedback"
#: No transaction that writes feedback takes so long; what was drawn before it is there after it.
LAG: Final = timedelta(minutes=1)
_LEASE: Final = timedelta(minutes=2)


def take_turn(session: Session, now: datetime) -> bool:
    """Say whether the caller may count; somebody who died is waited for as long as their lease."""
    session.execute(insert_if_new(session, FoldMark).values(name=FEEDBACK, id=0, next_id=0))
    is_free = or_(FoldMark.busy_until.is_(None), FoldMark.busy_until < now)
    mine = (
        update(FoldMark)
        .where(FoldMark.name == FEEDBACK, is_free)
        .values(busy_until=now + _LEASE)
        .returning(FoldMark.name)
    )
    return session.scalar(mine) is not None


def end_turn(session: Session) -> None:
    """Let the next one count."""
    session.execute(update(FoldMark).where(FoldMark.name == FEEDBACK).values(busy_until=None))


def is_time_to_move(session: Session, now: datetime) -> bool:
    """Say whether the mark has stood for its lag."""
    moved_at = session.scalar(select(FoldMark.moved_at).where(FoldMark.name == FEEDBACK))
    return moved_at is None or moved_at <= now - LAG


def move_on(session: Session, last_id: int, now: datetime) -> None:
    """Let the mark follow: what was last a minute ago is certain now, and `last_id` will be."""
    its = update(FoldMark).where(FoldMark.name == FEEDBACK)
    session.execute(its.values(id=FoldMark.next_id, next_id=last_id, moved_at=now))


def last_feedback_id(session: Session) -> int:
    """Return the number of the latest entry."""
    return session.scalar(select(func.max(FeedbackEntry.id))) or 0


def touched_campaigns(session: Session) -> set[int]:
    """Return the campaigns of which something came back since the mark: their counts may be older than that."""
    mark = session.scalar(select(FoldMark.id).where(FoldMark.name == FEEDBACK)) or 0
    newer = (
        select(FeedbackEntry.campaign_id)
        .where(FeedbackEntry.id > mark, FeedbackEntry.campaign_id.is_not(None))
        .distinct()
    )
    return {campaign_id for campaign_id in session.scalars(newer) if campaign_id is not None}
