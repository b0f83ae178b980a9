"""What became of a campaign at each of the readers' mail domains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from newsletter.delivery.models import Delivery, of_campaign
from newsletter.delivery.states import DeliveryState

MOST: Final = 10


@dataclass(frozen=True, slots=True)
class DomainShare:
    """The numbers of one domain."""

    domain: str
    people: int
    sent: int
    failed: int
    deferred: int

    @property
    def percent(self) -> int:
        """Return how many of a hundred have it."""
        return self.sent * 100 // max(1, self.people)


def by_domain(session: Session, campaign_id: int) -> list[DomainShare]:
    """Return the domains with the most readers."""
    domain = _domain(session)
    rows = session.execute(
        select(
            domain,
            func.count(),
            _in(DeliveryState.SENT),
            _in(DeliveryState.FAILED),
            _in(DeliveryState.DEFERRED),
        )
        .where(of_campaign(campaign_id))
        .group_by(domain)
        .order_by(func.count().desc(), domain)
        .limit(MOST)
    )
    return [DomainShare(*row) for row in rows]


def _in(state: DeliveryState) -> ColumnElement[int]:
    return func.count().filter(Delivery.state == int(state))


def _domain(session: Session) -> ColumnElement[Any]:
    """Return what follows the @; the two databases have different words for it."""
    key = Delivery.address_key
    if session.get_bind().dialect.name == "postgresql":
        return func.split_part(key, "@", 2)
    return func.substr(key, func.instr(key, "@") + 1)
