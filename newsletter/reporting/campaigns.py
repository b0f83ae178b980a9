"""What became of a campaign: one report, the same for the command line, the web and scripts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.audience.models import Subscription
from newsletter.delivery.campaigns import state_counts
from newsletter.delivery.models import Campaign, Delivery, of_campaign
from newsletter.delivery.states import DeliveryState
from newsletter.feedback.models import FeedbackEntry

#: The right side of the equation; a campaign that goes on has `open` rows besides.
TERMS = ("sent", "failed", "suppressed", "skipped", "expired", "ambiguous")


@dataclass(frozen=True, slots=True)
class CampaignReport:
    """Numbers of one campaign. `audience` was counted at the freeze, the terms are counted from the ledger now."""

    campaign: int
    issue: str
    state: str
    audience: int
    sent: int
    failed: int
    deferred: int
    suppressed: int
    skipped: int
    expired: int
    ambiguous: int
    queued: int
    in_flight: int
    hard_bounces: int
    soft_bounces: int
    complaints: int
    unsubscribes: int
    messages_per_second: float | None
    started_at: datetime | None
    ended_at: datetime | None
    reason: str

    @property
    def open(self) -> int:
        """Return how many rows have no final state yet."""
        return self.queued + self.in_flight + self.deferred

    @property
    def done(self) -> int:
        """Return how many rows have their final state."""
        return sum(getattr(self, term) for term in TERMS)

    @property
    def adds_up(self) -> bool:
        """Return whether everyone selected at the freeze is somewhere in the ledger, once."""
        return self.audience == self.done + self.open

    @property
    def equation(self) -> str:
        """Return the equation in words: `1,000 = 970 sent + 25 failed + …`."""
        terms = [f"{getattr(self, term):,} {term}" for term in TERMS]
        if self.open:
            terms.append(f"{self.open:,} open")
        sign = "=" if self.adds_up else "≠"
        return f"{self.audience:,} {sign} {' + '.join(terms)}"

    def to_json(self) -> dict[str, Any]:
        """Return the fields, with the equation."""
        return asdict(self) | {"equation": self.equation, "adds_up": self.adds_up}


def campaign_report(session: Session, campaign: Campaign) -> CampaignReport:
    """Return the report of a campaign as it is now."""
    counts = state_counts(session, campaign.id)
    rejected, returned = _rejections(session, campaign.id), _returned(session, campaign.id)
    terms = {term: counts[DeliveryState[term.upper()]] for term in (*TERMS, "deferred", "queued")}
    return CampaignReport(
        campaign=campaign.id,
        issue=f"{campaign.issue.publication.slug}/{campaign.issue.number}",
        state=campaign.state,
        audience=sum(counts.values()) if campaign.audience is None else campaign.audience,
        in_flight=counts[DeliveryState.CLAIMED] + counts[DeliveryState.COMMITTING],
        hard_bounces=rejected.get("hard", 0) + returned.get("hard", 0),
        soft_bounces=rejected.get("soft", 0) + returned.get("soft", 0),
        complaints=_complaints(session, campaign.id),
        unsubscribes=_unsubscribes(session, campaign.id),
        messages_per_second=_speed(session, campaign, terms["sent"]),
        started_at=campaign.started_at,
        ended_at=campaign.ended_at,
        reason=campaign.reason,
        **terms,
    )


def _rejections(session: Session, campaign_id: int) -> dict[str, int]:
    """Count the 5xx at send time, by kind, from the ledger itself."""
    rows = session.execute(
        select(Delivery.bounce, func.count())
        .where(Delivery.campaign_id == campaign_id, Delivery.bounce.is_not(None))
        .group_by(Delivery.bounce)
    )
    return {kind: count for kind, count in rows if kind is not None}


def _returned(session: Session, campaign_id: int) -> dict[str, int]:
    """Count the people whose mail came back later, by the worst kind that came."""
    worst = (
        select(func.min(FeedbackEntry.kind).label("kind"))
        .where(FeedbackEntry.campaign_id == campaign_id, FeedbackEntry.word == "bounced")
        .group_by(FeedbackEntry.delivery_id)
        .subquery()
    )
    rows = session.execute(select(worst.c.kind, func.count()).group_by(worst.c.kind))
    return {kind: count for kind, count in rows if kind is not None}


def _complaints(session: Session, campaign_id: int) -> int:
    people = func.count(func.distinct(FeedbackEntry.address_key))
    statement = select(people).where(
        FeedbackEntry.campaign_id == campaign_id, FeedbackEntry.word == "complained"
    )
    return session.scalar(statement) or 0


def _unsubscribes(session: Session, campaign_id: int) -> int:
    people = func.count(func.distinct(Subscription.subscriber_id))
    return session.scalar(select(people).where(Subscription.campaign_id == campaign_id)) or 0


def _speed(session: Session, campaign: Campaign, sent: int) -> float | None:
    """Return messages accepted per second between the first claim and the last acceptance; None below two."""
    last = session.scalar(
        select(func.max(Delivery.sent_at)).where(
            of_campaign(campaign.id), Delivery.state == int(DeliveryState.SENT)
        )
    )
    if campaign.started_at is None or last is None or sent < 2:
        return None
    seconds = (last - campaign.started_at).total_seconds()
    return round(sent / seconds, 1) if seconds > 0 else None
