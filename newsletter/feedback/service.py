"""The verbs of this stage, in one place for web, command line and workers."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.feedback.applying import apply_event
from newsletter.feedback.events import Event
from newsletter.feedback.rejections import apply_rejections, enqueue_untaken
from newsletter.feedback.returned import apply_or_set_aside, apply_returned_mail, mark_failed
from newsletter.feedback.storing import enqueue_forgotten, store_returned_mail, take_in
from newsletter.feedback.webhooks.receiving import enqueue_unread
from newsletter.jobs import JobQueue

__all__ = [
    "Event",
    "apply_event",
    "apply_or_set_aside",
    "apply_rejections",
    "apply_returned_mail",
    "mark_failed",
    "store_returned_mail",
    "sweep_feedback",
    "take_in",
]


def sweep_feedback(session: Session, queue: JobQueue, now: datetime) -> None:
    """Ask again for everything whose hint was lost. Two sweeps at once are harmless."""
    enqueue_forgotten(session, queue, now)
    enqueue_untaken(session, queue, now)
    enqueue_unread(session, queue, now)
