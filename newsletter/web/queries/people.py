"""What the pages about people read: why somebody gets mail or does not, and what they were sent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from newsletter.audience.models import Subscriber, SubscriberImport, Subscription, Suppression
from newsletter.audience.states import SubscriptionState


@dataclass(slots=True)
class Standing:
    """Where one person stands: the lists that reach them, and what else there is to say."""

    lists: list[str] = field(default_factory=list)
    is_pending: bool = False
    has_left: bool = False
    suppressed: str = ""

    @property
    def word(self) -> str:
        """Return the one word for a row of a table."""
        if self.suppressed:
            return "suppressed"
        if self.lists:
            return "confirmed"
        if self.is_pending:
            return "pending"
        return "unsubscribed" if self.has_left else "on no list"


def standings(session: Session, people: Sequence[Subscriber]) -> dict[int, Standing]:
    """Return where each of the people stands, in two queries."""
    found: dict[int, Standing] = defaultdict(Standing)
    query = select(Subscription).where(Subscription.subscriber_id.in_([one.id for one in people]))
    for row in session.scalars(query.options(joinedload(Subscription.list)).order_by(Subscription.id)):
        _add(found[row.subscriber_id], row)
    reasons = _reasons(session, [one.address_key for one in people])
    for person in people:
        found[person.id].suppressed = reasons.get(person.address_key, "")
    return found


def _add(standing: Standing, row: Subscription) -> None:
    if row.state == SubscriptionState.CONFIRMED:
        standing.lists.append(row.list.name)
    elif row.state == SubscriptionState.PENDING:
        standing.is_pending = True
    else:
        standing.has_left = True


def _reasons(session: Session, keys: Sequence[str]) -> dict[str, str]:
    rows = session.execute(
        select(Suppression.address_key, Suppression.reason)
        .where(Suppression.address_key.in_(keys), Suppression.lifted_at.is_(None))
        .order_by(Suppression.id.desc())
    )
    return {row[0]: row[1] for row in rows}


def count_people(session: Session) -> int:
    """Return how many people are known."""
    return session.scalar(select(func.count()).select_from(Subscriber)) or 0


def recent_imports(session: Session) -> list[SubscriberImport]:
    """Return the latest imports."""
    return list(session.scalars(select(SubscriberImport).order_by(SubscriberImport.id.desc()).limit(20)))
