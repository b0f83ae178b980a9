"""From hits to numbers: an episode that is over is judged, its hits go, clicks and totals stay.

Each delivery counts once for a link and once for its campaign, under the best verdict it ever got.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session

from newsletter.audience.models import Subscriber
from newsletter.audience.tracking_models import TrackingChoice
from newsletter.audience.upsert import among
from newsletter.delivery.control.link_models import Link
from newsletter.delivery.models import Campaign, Delivery
from newsletter.feedback.engagement.judging import QUIET, Seen, Verdict, episodes, judge
from newsletter.feedback.engagement.models import Hit
from newsletter.feedback.engagement.signals import Signal
from newsletter.feedback.engagement.tallying import Judged, add_judged
from newsletter.feedback.engagement.turns import take_turn
from newsletter.rendering.links import TRAP

#: Hits looked at in one transaction, at least.
BATCH: Final = 2000
#: Somebody who goes on and on is judged in pieces of this length.
LONGEST: Final = timedelta(minutes=5)


class _Sent(NamedTuple):
    """What judging needs of a delivery; `links` is how many its mail has, the choices are those of this moment."""

    id: int
    campaign_id: int
    subscriber_id: int
    sent_at: datetime | None
    links: int
    clicks: bool | None
    opens: bool | None

    def declined(self, hit: Seen) -> bool:
        """Say whether the person took their consent back after the hit was written down."""
        return (self.opens if hit.link_id is None else self.clicks) is False


@dataclass(frozen=True, slots=True)
class _Taken:
    """The hits that one transaction has taken out of the queue, by delivery."""

    hits: dict[int, list[Seen]]
    sent: dict[int, _Sent]


def count_hits(session: Session, now: datetime) -> int:
    """Judge what is over; return how many hits that were. When somebody else is at it, there is nothing to do."""
    if not take_turn(session):
        return 0
    taken = _take(session, now)
    judged = [each for sent in taken.sent.values() for each in _judged(sent, taken.hits[sent.id])]
    if judged:
        add_judged(session, judged)
    return sum(len(hits) for hits in taken.hits.values())


def _take(session: Session, now: datetime) -> _Taken:
    """Take the hits of deliveries whose episode is over out of the queue."""
    over = list(session.scalars(_over(now)))
    gone = delete(Hit).where(among(session, Hit.delivery_id, over))
    rows = session.execute(gone.returning(Hit.delivery_id, Hit.link_id, Hit.at, Hit.signals)).all()
    hits: dict[int, list[Seen]] = defaultdict(list)
    for delivery_id, link_id, at, signals in sorted(rows, key=lambda row: row.at):
        hits[delivery_id].append(Seen(link_id, at, Signal(signals)))
    return _Taken(hits, {sent.id: sent for sent in _sent(session, hits)})


def _over(now: datetime) -> Select[int]:
    oldest = select(Hit.delivery_id).where(Hit.at <= now - QUIET).order_by(Hit.id).limit(BATCH)
    return (
        select(Hit.delivery_id)
        .where(Hit.delivery_id.in_(oldest))
        .group_by(Hit.delivery_id)
        .having((func.max(Hit.at) <= now - QUIET) | (func.min(Hit.at) <= now - LONGEST))
    )


def _sent(session: Session, delivery_ids: Iterable[int]) -> list[_Sent]:
    links = (
        select(func.count()).where(Link.issue_id == Campaign.issue_id, Link.place != TRAP).scalar_subquery()
    )
    columns: tuple[Any, ...] = (
        Delivery.id,
        Delivery.campaign_id,
        Delivery.subscriber_id,
        Delivery.sent_at,
        links,
        TrackingChoice.clicks,
        TrackingChoice.opens,
    )
    query = select(*columns).join(Campaign, Campaign.id == Delivery.campaign_id)
    query = query.join(Subscriber, Subscriber.id == Delivery.subscriber_id)
    query = query.outerjoin(TrackingChoice, TrackingChoice.subscriber_id == Subscriber.id)
    return [_Sent(*row) for row in session.execute(query.where(among(session, Delivery.id, [*delivery_ids])))]


def _judged(sent: _Sent, hits: list[Seen]) -> list[Judged]:
    """Return one verdict for each link that was followed, the best; the invisible one is evidence, not a click."""
    found: dict[int | None, Judged] = {}
    for episode in episodes(hits):
        for hit, verdict in zip(episode, judge(episode, links=sent.links, sent_at=sent.sent_at), strict=True):
            if Signal.TRAP not in hit.signals and not sent.declined(hit):
                known = found.get(hit.link_id)
                found[hit.link_id] = _better(known, _single(sent, hit, verdict))
    return list(found.values())


def _single(sent: _Sent, hit: Seen, verdict: Verdict) -> Judged:
    return Judged(sent.campaign_id, sent.id, sent.subscriber_id, hit.link_id, hit.at, hit.at, 1, verdict)


def _better(known: Judged | None, other: Judged) -> Judged:
    if known is None:
        return other
    return known._replace(
        last_at=other.last_at, hits=known.hits + 1, verdict=max(known.verdict, other.verdict)
    )
