"""Holding a campaign against its rehearsal: after the freeze its rows' messages are written once more, in turns, and compared.

It begins by itself when the same issue was rehearsed with the same lists before. A turn is short, and goes on where the last
one that was stored ended; of two at once one stores, so that each row counts once.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from newsletter.audience.models import Subscription
from newsletter.db.session import Sessions, enqueue_after_commit, unit_of_work
from newsletter.delivery.dbtime import database_now
from newsletter.delivery.events import note
from newsletter.delivery.models import Campaign, Delivery, of_campaign
from newsletter.delivery.rehearsing.book import rehearsal_before
from newsletter.delivery.rehearsing.models import Comparison, KeptRehearsal
from newsletter.delivery.rehearsing.multiset import MultisetHash
from newsletter.delivery.rehearsing.rehearsal import BATCH, rows_beyond, stage_of
from newsletter.delivery.rehearsing.stage import Reader, Rehearsal
from newsletter.delivery.sending.outgoing import MailRoom
from newsletter.delivery.states import CampaignState
from newsletter.jobs import JobName, JobQueue

#: A task compares for so long at most, then asks for another (R7).
TURN_SECONDS = 15.0
#: Nobody is at a comparison that has not moved for so long.
FORGOTTEN = timedelta(seconds=60)


def ask_for_comparisons(session: Session, queue: JobQueue, now: datetime) -> None:
    """Begin what a freeze made possible, and ask again for what nobody works at."""
    for campaign in session.scalars(_uncompared()):
        rehearsal = rehearsal_before(session, campaign)
        if rehearsal is not None:
            session.add(Comparison(campaign_id=campaign.id, rehearsal_id=rehearsal.id, worked_at=now))
            enqueue_after_commit(session, queue, JobName.COMPARE_CAMPAIGN, campaign_id=campaign.id)
    forgotten = (Comparison.ended_at.is_(None), Comparison.worked_at < now - FORGOTTEN)
    again = update(Comparison).where(*forgotten).values(worked_at=now).returning(Comparison.campaign_id)
    for campaign_id in session.scalars(again.execution_options(synchronize_session=False)).all():
        enqueue_after_commit(session, queue, JobName.COMPARE_CAMPAIGN, campaign_id=campaign_id)


def _uncompared() -> Select[Campaign]:
    states = (CampaignState.SENDING.value, CampaignState.PAUSED.value, CampaignState.FINISHED.value)
    begun = select(Comparison.campaign_id)
    rehearsed = select(KeptRehearsal.issue_id)
    return select(Campaign).where(
        Campaign.issue_id.in_(rehearsed), Campaign.state.in_(states), Campaign.id.not_in(begun)
    )


def compare_campaign(sessions: Sessions, queue: JobQueue, room: MailRoom, campaign_id: int) -> None:
    """Compare for at most one task's time; ask for another while rows remain."""
    until = time.monotonic() + TURN_SECONDS
    while time.monotonic() < until:
        with unit_of_work(sessions) as session:
            if not _compare_some(session, room, campaign_id):
                return
    with unit_of_work(sessions) as session:
        enqueue_after_commit(session, queue, JobName.COMPARE_CAMPAIGN, campaign_id=campaign_id)


def _compare_some(session: Session, room: MailRoom, campaign_id: int) -> bool:
    """Take the next rows in; False when nothing is left to do here."""
    comparison = session.get(Comparison, campaign_id)
    if comparison is None or comparison.ended_at is not None:
        return False
    campaign = session.get_one(Campaign, campaign_id)
    rows = session.execute(rows_beyond(campaign)(comparison.last_row).limit(BATCH)).all()
    now = database_now(session)
    if not rows:
        _end(session, campaign, comparison, now)
        return False
    readers = [Reader._make(row) for row in rows]
    return _store(
        session, comparison, readers[-1].position, _performed(comparison, campaign, room, readers), now
    )


def _performed(
    comparison: Comparison, campaign: Campaign, room: MailRoom, readers: list[Reader]
) -> Rehearsal:
    found = Rehearsal(
        "", "", people=comparison.people, messages=MultisetHash.from_state(comparison.message_sum),
        readers=MultisetHash.from_state(comparison.people_sum),
    )  # fmt: skip
    stage = stage_of(campaign, room)
    for reader in readers:
        stage.perform(found, reader)
    return found


def _store(session: Session, comparison: Comparison, row: int, found: Rehearsal, now: datetime) -> bool:
    """Write the sums down unless somebody else was quicker, who then goes on alone."""
    mine = (Comparison.campaign_id == comparison.campaign_id, Comparison.last_row == comparison.last_row)
    values = {
        "last_row": row, "people": found.people, "message_sum": found.messages.state, "people_sum": found.readers.state,
        "worked_at": now,
    }  # fmt: skip
    stored = update(Comparison).where(*mine, Comparison.ended_at.is_(None)).values(values)
    stored = stored.returning(Comparison.campaign_id).execution_options(synchronize_session=False)
    return session.scalar(stored) is not None


def _end(session: Session, campaign: Campaign, comparison: Comparison, now: datetime) -> None:
    rehearsal = session.get_one(KeptRehearsal, comparison.rehearsal_id)
    is_same = MultisetHash.from_state(comparison.message_sum).hex == rehearsal.hash
    verdict = (
        "the same messages to the same people"
        if is_same
        else _difference(session, campaign, comparison, rehearsal)
    )
    ended = update(Comparison).where(Comparison.campaign_id == campaign.id, Comparison.ended_at.is_(None))
    ended = ended.values(ended_at=now, is_same=is_same, verdict=verdict).returning(Comparison.campaign_id)
    if session.scalar(ended.execution_options(synchronize_session=False)) is not None:
        said = f"{'Matches' if is_same else 'Differs from'} the rehearsal of {rehearsal.at:%Y-%m-%d %H:%M} UTC: {verdict}."
        note(session, campaign.id, said, now=now)


def _difference(
    session: Session, campaign: Campaign, comparison: Comparison, rehearsal: KeptRehearsal
) -> str:
    """Return what is other than it was rehearsed, as far as it can be known."""
    said = []
    if MultisetHash.from_state(comparison.people_sum).hex != rehearsal.people_hash:
        joined = _joined(session, campaign, rehearsal.at)
        left = max(0, rehearsal.people + joined - comparison.people)
        said.append(f"{joined:,} joined, {left:,} left")
    if campaign.snapshot.content_hash != rehearsal.content_hash:
        said.append("the issue was changed")
    return "; ".join(said) or "the people are the same, but names or dates of subscription are others"


def _joined(session: Session, campaign: Campaign, since: datetime) -> int:
    """Count the campaign's people who were on none of its lists at that time."""
    were_there = select(Subscription.id).where(
        Subscription.list_id.in_([each.id for each in campaign.lists]),
        Subscription.subscriber_id == Delivery.subscriber_id, Subscription.created_at <= since,
        func.coalesce(Subscription.confirmed_at, Subscription.created_at) <= since,
    )  # fmt: skip
    query = select(func.count()).select_from(Delivery).where(of_campaign(campaign.id), ~were_there.exists())
    return session.scalar(query) or 0
