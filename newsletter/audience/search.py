"""Finding people in a million rows: a walk along the index of addresses."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from newsletter.audience.addresses import normalise
from newsletter.audience.models import Subscriber, Subscription
from newsletter.errors import NotFound

MOST_PER_PAGE = 200
_LAST_CHARACTER = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Page:
    """Some subscribers in the order of their addresses; `next_after` starts the next page."""

    subscribers: list[Subscriber]
    next_after: str | None


def search_subscribers(
    session: Session,
    text: str = "",
    *,
    list_id: int | None = None,
    state: str | None = None,
    after: str = "",
    limit: int = 50,
) -> Page:
    """Return people whose address begins with `text`: a walk along one index, whatever the number of people."""
    limit = max(1, min(limit, MOST_PER_PAGE))
    prefix = text.strip().lower()
    query = select(Subscriber).order_by(Subscriber.address_key).limit(limit + 1)
    if prefix:
        query = query.where(
            Subscriber.address_key >= prefix, Subscriber.address_key < prefix + _LAST_CHARACTER
        )
        query = query.where(Subscriber.address_key.startswith(prefix, autoescape=True))
    if after:
        query = query.where(Subscriber.address_key > after)
    if list_id is not None or state is not None:
        query = query.where(_has_subscription(list_id, state))
    found = list(session.scalars(query))
    return Page(found[:limit], found[limit - 1].address_key if len(found) > limit else None)


def _has_subscription(list_id: int | None, state: str | None) -> ColumnElement[bool]:
    inner = select(Subscription.id).where(Subscription.subscriber_id == Subscriber.id)
    if list_id is not None:
        inner = inner.where(Subscription.list_id == list_id)
    if state is not None:
        inner = inner.where(Subscription.state == state)
    return exists(inner)


def find_subscriber(session: Session, email: str) -> Subscriber:
    """Return the subscriber with this address.

    :raises NotFound: when nobody has it.
    """
    found = session.scalar(select(Subscriber).where(Subscriber.address_key == normalise(email).key))
    if found is None:
        raise NotFound(f"Nobody is known as {email}.")
    return found
