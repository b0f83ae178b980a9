"""What admins and senders ask of the limits: set, list and remove rules, and make the gate of a campaign."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from newsletter.clock import Clock
from newsletter.db.session import Sessions, unit_of_work
from newsletter.delivery.events import note_once
from newsletter.delivery.limits.asking import Asking
from newsletter.delivery.limits.destinations import Destinations
from newsletter.delivery.limits.gate import LimitGate
from newsletter.delivery.limits.limiter import Limiter
from newsletter.delivery.limits.models import GroupBreaker, LimitCounter
from newsletter.delivery.limits.reading import Sending
from newsletter.delivery.limits.watch import Watch
from newsletter.delivery.models import Campaign, Delivery, of_campaign
from newsletter.delivery.states import DeliveryState
from newsletter.logs import logger

log = logger(__name__)

AWAY = "The limiter does not answer: messages that a limit concerns wait until it does."
BACK = "The limiter answers again."
_OPEN = (DeliveryState.QUEUED, DeliveryState.CLAIMED, DeliveryState.DEFERRED)
#: Longest window (a calendar day of 25 hours), and some.
COUNTER_LIFETIME = timedelta(hours=26)
BREAKER_LIFETIME = timedelta(days=1)


@dataclass
class Limits:
    """One for each process: the limiter, and the groups in memory. Makes a gate for each campaign it sends."""

    sessions: Sessions
    reading_sessions: Sessions
    clock: Clock
    limiter: Limiter
    destinations: Destinations = field(default_factory=Destinations)
    _name: str = field(default_factory=lambda: f"{os.getpid()}-{uuid.uuid4().hex[:8]}")

    def gate_for(self, campaign_id: int, *, relays: Sequence[str], connections: int) -> LimitGate:
        """Return the gate of a campaign's sender in this process; `relays` are the names it may go through."""
        with self.reading_sessions() as session:
            sending = sending_of(session.get_one(Campaign, campaign_id), relays)
        return LimitGate(
            self.sessions, self.clock, self._asking(campaign_id), self.destinations, sending,
            Watch(self.clock, connections),
        )  # fmt: skip

    def _asking(self, campaign_id: int) -> Asking:
        return Asking(
            self.limiter,
            self.clock,
            owner=f"{self._name}:{campaign_id}",
            waiting=lambda: self._open_rows(campaign_id),
            notice=lambda answers, why: self._notice(campaign_id, answers, why),
        )

    def _open_rows(self, campaign_id: int) -> int:
        query = select(func.count()).where(
            of_campaign(campaign_id), Delivery.state.in_([int(state) for state in _OPEN])
        )
        with self.reading_sessions() as session:
            return session.scalar(query) or 0

    def _notice(self, campaign_id: int, answers: bool, why: str) -> None:
        log.warning("limiter_answers" if answers else "limiter_away", campaign=campaign_id, error=why)
        with unit_of_work(self.sessions) as session:
            note_once(session, campaign_id, BACK if answers else AWAY, now=self.clock.now())


def sending_of(campaign: Campaign, relays: Sequence[str] = ()) -> Sending:
    """Return a campaign as limits see it."""
    publication = campaign.issue.publication
    zone = ZoneInfo(publication.time_zone)
    return Sending(campaign.id, publication.slug, zone, campaign.audience or 0, tuple(relays))


def tidy(session: Session, now: datetime) -> None:
    """Forget counters and troubles that nothing depends on any more; from the upkeep job."""
    session.execute(
        delete(LimitCounter).where(
            LimitCounter.updated_at < now - COUNTER_LIFETIME, LimitCounter.key != "lookup"
        )
    )
    session.execute(
        delete(GroupBreaker).where(
            GroupBreaker.updated_at < now - BREAKER_LIFETIME,
            func.coalesce(GroupBreaker.open_until, now) <= now,
        )
    )
