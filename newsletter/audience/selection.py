"""Who an issue goes to: confirmed members of lists, each person once."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from newsletter.audience.models import Subscriber, Subscription


def members(list_ids: Iterable[int]) -> Select[int, str, str]:
    """Return the query of (subscriber id, email, address key) of everybody confirmed on one of the lists."""
    on_a_list = select(Subscription.subscriber_id).where(
        Subscription.list_id.in_(list(list_ids)), Subscription.state == "confirmed"
    )
    return select(Subscriber.id, Subscriber.email, Subscriber.address_key).where(Subscriber.id.in_(on_a_list))


def count_members(session: Session, list_ids: Iterable[int]) -> int:
    """Return how many people the lists hold together."""
    return session.scalar(select(func.count()).select_from(members(list_ids).subquery())) or 0
