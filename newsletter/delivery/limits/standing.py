"""How the destination groups stand, and what waits. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.delivery.limits.breakers import read_breakers
from newsletter.delivery.limits.models import DestinationDomain
from newsletter.delivery.limits.providers import KNOWN_DOMAINS
from newsletter.delivery.models import Campaign, Delivery, of_campaign
from newsletter.delivery.states import CampaignState, DeliveryState

#: Reasons of rows that are held.
HELD_WORDS = ("limit", "resting", "hours", "slow")


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One destination group that has a name, a breaker, or domains behind it."""

    name: str
    domains: int
    state: str
    until: datetime | None
    why: str


def group_rows(session: Session, now: datetime) -> list[GroupRow]:
    """Return the groups that have a name or trouble; a domain that stands alone and is well is not listed."""
    shared = DestinationDomain.destination_group != DestinationDomain.domain
    counts = dict.fromkeys(KNOWN_DOMAINS.values(), 0)
    for group in KNOWN_DOMAINS.values():
        counts[group] += 1
    query = select(DestinationDomain.destination_group, func.count()).where(shared)
    for group, count in session.execute(query.group_by(DestinationDomain.destination_group)).all():
        counts[group] = counts.get(group, 0) + count
    breakers = read_breakers(session)
    rows = []
    for name in sorted({*counts, *breakers}):
        breaker = breakers.get(name)
        state = breaker.state(now) if breaker else "closed"
        until = {"slow": breaker.slow_until, "open": breaker.open_until}.get(state) if breaker else None
        rows.append(GroupRow(name, counts.get(name, 1), state, until, breaker.why if breaker else ""))
    return rows


def held_rows(session: Session) -> dict[str, int]:
    """Return how many rows of campaigns under way wait, by what holds them."""
    live = Campaign.state.in_([CampaignState.SENDING.value, CampaignState.PAUSED.value])
    held: dict[str, int] = {}
    for campaign_id in session.scalars(select(Campaign.id).where(live)).all():
        query = select(Delivery.reason, func.count()).where(
            of_campaign(campaign_id),
            Delivery.state == int(DeliveryState.DEFERRED),
            Delivery.reason.in_(HELD_WORDS),
        )
        for reason, count in session.execute(query.group_by(Delivery.reason)).all():
            held[str(reason)] = held.get(str(reason), 0) + count
    return held
