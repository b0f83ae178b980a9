"""News of the same kind about one delivery in any order: the earliest is the one that is kept (X14)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.delivery.models import Delivery
from newsletter.feedback.entries import LONGEST_DIAGNOSTIC, key_of
from newsletter.feedback.events import Event
from newsletter.feedback.models import FeedbackEntry


def keep_earliest(session: Session, delivery: Delivery, event: Event) -> None:
    """Let the entry that is there say what the event says, when that came first.

    So the entries do not depend on the order in which a provider's requests arrive.
    """
    entry = session.scalar(
        select(FeedbackEntry).where(FeedbackEntry.key == (event.key or key_of(delivery, event)))
    )
    if entry is None or entry.source != event.source or not entry.address_key:
        return
    said = event.diagnostic[:LONGEST_DIAGNOSTIC]
    earlier = _rank(event.at, event.reason, event.status, said)
    if earlier < _rank(entry.at, entry.reason, entry.status, entry.diagnostic):
        entry.at, entry.reason, entry.status, entry.diagnostic = event.at, event.reason, event.status, said


def _rank(at: Any, reason: str, status: str | None, said: str) -> tuple[Any, str, str, str]:
    return at, said, status or "", reason
