"""Who an issue goes to: confirmed members of lists, each person once."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from newsletter.audience.models import Subscriber, Subscription


def members(
    list_ids: Iterable[int], *, beyond: int | None = None, upto: int | None = None
) -> Select[int, str, str]:
    """Return the query of (subscriber id, email, address key) of everybody confirmed on one of the lists.

    `beyond` and `upto` bound the subscriber ids, in both tables: a planner does not carry a bound over by itself.
    """
    on_a_list = member_ids(list_ids, beyond=beyond, upto=upto)
    bounds = _within(Subscriber.id, beyond, upto)
    chosen = select(Subscriber.id, Subscriber.email, Subscriber.address_key)
    return chosen.where(Subscriber.id.in_(on_a_list), *bounds)


def member_ids(list_ids: Iterable[int], *, beyond: int | None = None, upto: int | None = None) -> Select[int]:
    """Return the query of the subscriber ids of everybody confirmed on one of the lists; a person on two comes twice."""
    on_a_list = (Subscription.list_id.in_(list(list_ids)), Subscription.state == "confirmed")
    return select(Subscription.subscriber_id).where(
        *on_a_list, *_within(Subscription.subscriber_id, beyond, upto)
    )


def _within(
    column: ColumnElement[int] | InstrumentedAttribute[int], beyond: int | None, upto: int | None
) -> list[ColumnElement[bool]]:
    above = [] if beyond is None else [column > beyond]
    return above if upto is None else [*above, column <= upto]


def count_members(session: Session, list_ids: Iterable[int]) -> int:
    """Return how many people the lists hold together."""
    return session.scalar(select(func.count()).select_from(members(list_ids).subquery())) or 0
