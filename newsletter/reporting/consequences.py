"""What people did about a campaign: who complained, who left through its mail, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.audience.models import Subscription
from newsletter.feedback.models import FeedbackEntry

#: Reasons with a row of their own; what people wrote in their own words is mostly said once.
_MOST_REASONS: Final = 10
NOTHING_SAID: Final = "Nothing said"
OWN_WORDS: Final = "In other words"


@dataclass(frozen=True, slots=True)
class Leaving:
    """So many people left for one reason, through one way: link, one-click, mail, a page."""

    reason: str
    source: str
    people: int


def complaints_of(session: Session, campaign_ids: Sequence[int]) -> dict[int, int]:
    """Return how many people called each campaign spam."""
    rows = session.execute(
        select(FeedbackEntry.campaign_id, func.count(func.distinct(FeedbackEntry.address_key)))
        .where(FeedbackEntry.campaign_id.in_(campaign_ids), FeedbackEntry.word == "complained")
        .group_by(FeedbackEntry.campaign_id)
    )
    return {campaign_id: count for campaign_id, count in rows if campaign_id is not None}


def leavers_of(session: Session, campaign_ids: Sequence[int]) -> dict[int, int]:
    """Return how many people left through each campaign's mail, each once, however many lists they left."""
    rows = session.execute(
        select(Subscription.campaign_id, func.count(func.distinct(Subscription.subscriber_id)))
        .where(Subscription.campaign_id.in_(campaign_ids))
        .group_by(Subscription.campaign_id)
    )
    return {campaign_id: count for campaign_id, count in rows if campaign_id is not None}


def leavings(session: Session, campaign_id: int) -> list[Leaving]:
    """Return why people left through a campaign's mail, the most frequent reason first; each person once."""
    each = (
        select(
            func.max(Subscription.unsubscribe_reason).label("reason"),
            func.max(Subscription.unsubscribe_source).label("source"),
        )
        .where(Subscription.campaign_id == campaign_id)
        .group_by(Subscription.subscriber_id)
        .subquery()
    )
    rows = session.execute(
        select(each.c.reason, each.c.source, func.count()).group_by(each.c.reason, each.c.source)
    )
    return _named([(reason, source, count) for reason, source, count in rows])


def _named(rows: list[tuple[str, str, int]]) -> list[Leaving]:
    """Give the frequent reasons their names; a reason that was chosen ends where a person's own words begin."""
    chosen = Counter[str]()
    for reason, _, count in rows:
        chosen[_choice(reason)] += count
    frequent = {reason for reason, _ in chosen.most_common(_MOST_REASONS)}
    sums = Counter[tuple[str, str]]()
    for reason, source, count in rows:
        choice = _choice(reason)
        sums[choice if choice in frequent else OWN_WORDS, source] += count
    return [Leaving(reason, source, count) for (reason, source), count in sums.most_common()]


def _choice(reason: str) -> str:
    return reason.split(". ", 1)[0].strip() or NOTHING_SAID
