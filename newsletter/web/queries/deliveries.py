"""The ledger by pages: along the index of (campaign, address), however many people a campaign has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.delivery.models import Delivery
from newsletter.delivery.states import DeliveryState

PER_PAGE: Final = 50
_LAST_CHARACTER: Final = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """Some deliveries in the order of their addresses; `after` starts the next page."""

    deliveries: list[Delivery]
    after: str | None


def ledger_page(
    session: Session,
    campaign_id: int,
    *,
    search: str = "",
    state: DeliveryState | None = None,
    after: str = "",
) -> LedgerPage:
    """Return deliveries of a campaign whose address begins with `search`."""
    statement = select(Delivery).where(Delivery.campaign_id == campaign_id)
    if prefix := search.strip().lower():
        statement = statement.where(
            Delivery.address_key >= prefix,
            Delivery.address_key < prefix + _LAST_CHARACTER,
            Delivery.address_key.startswith(prefix, autoescape=True),
        )
    if state is not None:
        statement = statement.where(Delivery.state == int(state))
    if after:
        statement = statement.where(Delivery.address_key > after)
    found = list(session.scalars(statement.order_by(Delivery.address_key).limit(PER_PAGE + 1)))
    more = len(found) > PER_PAGE
    return LedgerPage(found[:PER_PAGE], found[PER_PAGE - 1].address_key if more else None)
