"""The sweep, every few seconds: what a lost worker, a lost hint or a lost broker left behind is put right from the rows."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.db.session import Sessions, enqueue_after_commit, unit_of_work
from newsletter.delivery.brakes.braking import blocking_campaign, evaluate_brakes, forget_tallies
from newsletter.delivery.brakes.thresholds import Level
from newsletter.delivery.control.staging import advance_stage
from newsletter.delivery.control.wall_time import instant_of
from newsletter.delivery.dbtime import database_now
from newsletter.delivery.events import note
from newsletter.delivery.models import Campaign, Delivery, of_campaign
from newsletter.delivery.rehearsing.comparing import ask_for_comparisons
from newsletter.delivery.sending import ledger
from newsletter.delivery.states import CampaignState, DeliveryState
from newsletter.delivery.upkeep.releasing import release_expired_leases, replay_journals
from newsletter.delivery.upkeep.waking import decide_ambiguous, wake_deferred
from newsletter.jobs import JobName, JobQueue

#: A schedule missed by more than this is held: somebody should look before it goes out late.
LATE = timedelta(minutes=60)
_LIVE = (CampaignState.SCHEDULED.value, CampaignState.FREEZING.value, CampaignState.SENDING.value)


def sweep(sessions: Sessions, queue: JobQueue, journal_folder: Path) -> None:
    """Do one sweep. Two at once are harmless: every step is a conditional UPDATE."""
    replay_journals(sessions, journal_folder)
    with unit_of_work(sessions) as session:
        now = database_now(session)
        release_expired_leases(session, now)
        wake_deferred(session, now)
        decide_ambiguous(session, now)
        forget_tallies(session, now)
        ask_for_comparisons(session, queue, now)
        for campaign in session.scalars(select(Campaign).where(Campaign.state.in_(_LIVE))):
            advance(session, queue, campaign, now)


def advance(session: Session, queue: JobQueue, campaign: Campaign, now: datetime) -> None:
    """Take a campaign one step on: due schedules start, frozen ones send, done ones end."""
    if campaign.state == CampaignState.SCHEDULED:
        _start_due(session, queue, campaign, now)
    elif campaign.state == CampaignState.FREEZING:
        enqueue_after_commit(session, queue, JobName.FREEZE_CAMPAIGN, campaign_id=campaign.id)
    elif evaluate_brakes(session, campaign.id, now).level is Level.STOP:
        return
    elif (
        not _ends(session, queue, campaign.id)
        and advance_stage(session, campaign, now)
        and has_queued(session, campaign.id)
    ):
        enqueue_after_commit(session, queue, JobName.SEND_CAMPAIGN, campaign_id=campaign.id)


def _ends(session: Session, queue: JobQueue, campaign_id: int) -> bool:
    """End a campaign that is done; what waits for its time is found by an index, so that its rows need not be walked."""
    waits = select(Delivery.id).where(
        Delivery.campaign_id == campaign_id, Delivery.next_attempt_at.is_not(None)
    )
    return session.scalar(waits.limit(1)) is None and end_if_done(session, queue, campaign_id)


def has_queued(session: Session, campaign_id: int) -> bool:
    """Say whether a sender would find something. From the end: queued rows are there while a campaign is under way."""
    queued = (of_campaign(campaign_id), Delivery.state == int(DeliveryState.QUEUED))
    last = select(Delivery.id).where(*queued).order_by(Delivery.id.desc()).limit(1)
    return session.scalar(last) is not None


def _start_due(session: Session, queue: JobQueue, campaign: Campaign, now: datetime) -> None:
    due = campaign.scheduled_at = _due(campaign)
    if due is None or due > now:
        return
    if now - due > LATE:
        said = f"Held: it was due at {due:%Y-%m-%d %H:%M} UTC. Resume it to send it late."
        _hold(session, campaign, f"due at {due:%H:%M} UTC, missed", said, now)
        return
    blocking = blocking_campaign(session, campaign.issue.publication_id, beside=campaign.id)
    if blocking is not None:
        why = f"campaign {blocking.id} was stopped by its brakes"
        _hold(session, campaign, why, f"Held: {why}. Look at that one, then resume this one.", now)
        return
    campaign.state = CampaignState.FREEZING.value
    note(session, campaign.id, "The time has come.", now=now)
    enqueue_after_commit(session, queue, JobName.FREEZE_CAMPAIGN, campaign_id=campaign.id)


def _due(campaign: Campaign) -> datetime | None:
    """Return the instant as the zone's rules are now: they may have changed since it was scheduled."""
    if campaign.wall_time and campaign.wall_zone:
        return instant_of(datetime.fromisoformat(campaign.wall_time), campaign.wall_zone)
    return campaign.scheduled_at


def _hold(session: Session, campaign: Campaign, reason: str, said: str, now: datetime) -> None:
    campaign.state, campaign.reason, campaign.paused_at = CampaignState.PAUSED.value, reason, now
    note(session, campaign.id, said, now=now)


def end_if_done(session: Session, queue: JobQueue, campaign_id: int) -> bool:
    """End the campaign when its last row is final; asks feedback to read the refusals."""
    if not ledger.finish_if_done(session, campaign_id):
        return False
    note(session, campaign_id, "Finished.", now=database_now(session))
    enqueue_after_commit(session, queue, JobName.APPLY_REJECTIONS, campaign_id=campaign_id)
    return True
