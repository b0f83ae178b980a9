"""When passing failures have lasted too long: counted against the publication's rule, from the last success or second chance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session

from newsletter.audience.models import Suppression
from newsletter.audience.suppressions import SUPERSEDED, suppress
from newsletter.delivery.models import Campaign, Delivery
from newsletter.delivery.states import DeliveryState
from newsletter.feedback.models import FeedbackEntry
from newsletter.feedback.policy import NOT_THEIR_FAULT, SoftRule
from newsletter.feedback.rules import EVERYBODYS, rule_of, rule_of_campaign
from newsletter.issues.models import Issue

#: A message counts as a success when no bounce has come for this long: servers try for five days.
BOUNCES_WITHIN: Final = timedelta(days=5)
#: What only a mailbox that works can bring about.
_SUCCESSES: Final = ("delivered", "opened", "clicked")


@dataclass(frozen=True, slots=True)
class SoftCount:
    """How an address stands against a rule: the failures that count now, in order."""

    rule: SoftRule
    counted: list[datetime]

    @property
    def is_enough(self) -> bool:
        """True when the rule is met."""
        return self.rule.is_met(self.counted)

    def __str__(self) -> str:
        """Return it in words."""
        days = (self.counted[-1] - self.counted[0]).days if self.counted else 0
        return (
            f"{len(self.counted)} temporary failures over {days} days without a success in between "
            f"(the rule: {self.rule.count} over {self.rule.over_days})"
        )


def suppress_if_lasting(
    session: Session, address_key: str, *, campaign_id: int | None, now: datetime
) -> bool:
    """Suppress an address whose soft bounces have lasted too long; say whether they have."""
    rule = rule_of_campaign(session, campaign_id)
    times = _times(session, address_key, rule)
    if len(times) < rule.count:
        return False
    count = _count(session, address_key, rule, times, now)
    if not count.is_enough:
        return False
    suppress(
        session,
        address_key,
        reason="soft_bounce",
        source="bounce",
        detail=str(count),
        publication_id=rule.publication_id,
        campaign_id=campaign_id,
        now=now,
    )
    return True


def count_soft(session: Session, address_key: str, rule: SoftRule, now: datetime) -> SoftCount:
    """Return how an address stands against a rule."""
    return _count(session, address_key, rule, _times(session, address_key, rule), now)


def soft_counts(
    session: Session, address_key: str, publication_ids: Iterable[int | None], now: datetime
) -> list[SoftCount]:
    """Return how an address stands against every rule that holds for these publications."""
    rules = {rule_of(session, each) for each in publication_ids if each is not None} or {EVERYBODYS}
    ordered = sorted(rules, key=lambda rule: rule.publication_id or 0)
    return [count_soft(session, address_key, rule, now) for rule in ordered]


def _count(
    session: Session, address_key: str, rule: SoftRule, times: list[datetime], now: datetime
) -> SoftCount:
    since = _latest((_last_success(session, address_key, now), _last_chance(session, address_key)))
    return SoftCount(rule, rule.counted(times, since, now))


def _times(session: Session, address_key: str, rule: SoftRule) -> list[datetime]:
    """Return when each message failed softly, once a message, for reasons that tell something about the address."""
    statement = (
        select(func.min(FeedbackEntry.at))
        .where(FeedbackEntry.address_key == address_key, FeedbackEntry.kind == "soft", _is_theirs())
        .group_by(FeedbackEntry.delivery_id)
    )
    if rule.publication_id is not None:
        its = (
            select(Campaign.id)
            .join(Issue, Issue.id == Campaign.issue_id)
            .where(Issue.publication_id == rule.publication_id)
        )
        statement = statement.where(FeedbackEntry.campaign_id.in_(its))
    return [time for time in session.scalars(statement) if time is not None]


def _is_theirs() -> ColumnElement[bool]:
    """`policy.is_not_their_fault`, in SQL and the other way round."""
    is_opinion = func.coalesce(func.substr(FeedbackEntry.status, 2, 3), "") == ".7."
    return or_(FeedbackEntry.reason == "dead", FeedbackEntry.reason.not_in(NOT_THEIR_FAULT) & ~is_opinion)


def _latest(times: Iterable[datetime | None]) -> datetime | None:
    return max((time for time in times if time is not None), default=None)


def _last_chance(session: Session, address_key: str) -> datetime | None:
    """Return when a person last lifted such a suppression: what was before is forgiven."""
    return session.scalar(
        select(func.max(Suppression.lifted_at)).where(
            Suppression.address_key == address_key,
            Suppression.reason == "soft_bounce",
            ~Suppression.lifted_reason.startswith(SUPERSEDED),
        )
    )


def _last_success(session: Session, address_key: str, now: datetime) -> datetime | None:
    """Return when the mailbox last showed that it works: by a sign, or by a message of which nothing came back."""
    came_back = exists().where(FeedbackEntry.delivery_id == Delivery.id, FeedbackEntry.kind.is_not(None))
    subscriber_ids = select(FeedbackEntry.subscriber_id).where(FeedbackEntry.address_key == address_key)
    silent = session.scalar(
        select(func.max(Delivery.sent_at)).where(
            Delivery.subscriber_id.in_(subscriber_ids),
            Delivery.address_key == address_key,
            Delivery.state == int(DeliveryState.SENT),
            Delivery.sent_at < now - BOUNCES_WITHIN,
            ~came_back,
        )
    )
    sign = session.scalar(
        select(func.max(FeedbackEntry.at)).where(
            FeedbackEntry.address_key == address_key, FeedbackEntry.word.in_(_SUCCESSES)
        )
    )
    return _latest((silent, sign))
