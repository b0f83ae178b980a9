"""The sweep, every few seconds: what a lost worker, a lost hint or a lost broker left behind is put right from the rows."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import ColumnElement, Select, and_, or_, select, update
from sqlalchemy.orm import Session

from newsletter.db.session import Sessions, enqueue_after_commit, unit_of_work
from newsletter.delivery import ledger
from newsletter.delivery.ambiguity import open_all_again
from newsletter.delivery.brakes import Level
from newsletter.delivery.braking import blocking_campaign, evaluate_brakes, forget_tallies
from newsletter.delivery.claim import CRASHES_BEFORE_ALONE
from newsletter.delivery.comparing import ask_for_comparisons
from newsletter.delivery.dbtime import database_now
from newsletter.delivery.events import note
from newsletter.delivery.journal import Abandoned, Result, abandoned
from newsletter.delivery.models import Campaign, Delivery, of_campaign
from newsletter.delivery.senders import SenderLease, expired_senders, find_sender, sign_off
from newsletter.delivery.staging import advance_stage
from newsletter.delivery.states import AmbiguousPolicy, CampaignState, DeliveryState
from newsletter.delivery.wall_time import instant_of
from newsletter.jobs import JobName, JobQueue

#: How long evidence may still arrive before a campaign's policy decides about ambiguous rows.
EVIDENCE = timedelta(minutes=30)
#: A schedule missed by more than this is held: somebody should look before it goes out late.
LATE = timedelta(minutes=60)
_UNSYNCED = {"synchronize_session": False}
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


def replay_journals(sessions: Sessions, folder: Path) -> int:
    """Record what dead senders on this host had heard and free their rows; return how many senders those were."""
    count = 0
    for left in abandoned(folder):
        with unit_of_work(sessions) as session:
            replay(session, left.results)
            release_dead(session, left)
        count += 1
    return count


def replay(session: Session, results: list[Result]) -> None:
    """Record replies of a sender that is gone, also over `ambiguous`; the fence keeps newer claims safe."""
    states = (DeliveryState.COMMITTING, DeliveryState.AMBIGUOUS)
    unknown = or_(*(Delivery.__table__.c.state == int(state) for state in states))
    ledger.record_where(session, unknown, results)


def release_dead(session: Session, left: Abandoned) -> None:
    """Free the rows of a sender that is known to be dead, without waiting for its lease."""
    sender = find_sender(session, left.owner)
    if sender is None:
        return
    if left.is_complete:
        session.execute(
            update(Delivery)
            .where(
                _held_by(sender), Delivery.state == int(DeliveryState.COMMITTING),
                Delivery.id.not_in(left.unanswered),
            )
            .values(state=int(DeliveryState.CLAIMED))
            .execution_options(**_UNSYNCED)
        )  # fmt: skip
    _blame(session, sender, left.poison)
    _release(session, sender, database_now(session))


def _blame(session: Session, sender: SenderLease, poison: int) -> None:
    """Count a crash against the row whose message was being made, and no other: most deaths have other reasons.

    Twice, and it goes alone; once more, and it ends as quarantined (R9).
    """
    session.execute(
        update(Delivery)
        .where(Delivery.id == poison, _held_by(sender))
        .values(crashes=Delivery.crashes + 1)
        .execution_options(**_UNSYNCED)
    )


def release_expired_leases(session: Session, now: datetime) -> None:
    """Free the rows of senders that have not been heard of: on another host, or behind a cut network."""
    for sender in expired_senders(session, now):
        _release(session, sender, now)


def _held_by(sender: SenderLease) -> ColumnElement[bool]:
    return and_(of_campaign(sender.campaign_id), Delivery.owner == sender.owner)


def _release(session: Session, sender: SenderLease, now: datetime) -> None:
    """Claimed rows of a lost worker go back (or end); those after the intent become ambiguous, never sent again blindly."""
    lost = _held_by(sender)
    claimed = and_(lost, Delivery.state == int(DeliveryState.CLAIMED))
    over = select(Campaign.id).where(Campaign.state == CampaignState.CANCELLED.value)
    cancelled = {"state": int(DeliveryState.SKIPPED), "reason": "cancelled"}
    quarantined = {"state": int(DeliveryState.FAILED), "reason": "quarantined"}
    steps: tuple[tuple[ColumnElement[bool], dict[str, object]], ...] = (
        (and_(claimed, Delivery.campaign_id.in_(over)), cancelled),
        (and_(claimed, Delivery.crashes > CRASHES_BEFORE_ALONE), quarantined),
        (claimed, {"state": int(DeliveryState.QUEUED)}),
        (
            and_(lost, Delivery.state == int(DeliveryState.COMMITTING)),
            {"state": int(DeliveryState.AMBIGUOUS), "sent_at": now},
        ),
    )
    for condition, values in steps:
        session.execute(
            update(Delivery).where(condition).values(**values, owner=None).execution_options(**_UNSYNCED)
        )
    sign_off(session, sender.owner)


def wake_deferred(session: Session, now: datetime) -> None:
    """Deferred rows whose time has come are queued again; what was tried until its campaign's expiry ends as expired.

    Rows that were never tried do not expire: a pause or a machine that was off is nobody's answer. What comes back
    deferred after a cancel is skipped.
    """
    waiting = Delivery.state.in_([int(DeliveryState.QUEUED), int(DeliveryState.DEFERRED)])
    due = or_(Delivery.next_attempt_at.is_(None), Delivery.next_attempt_at <= now)
    sending, paused = CampaignState.SENDING, CampaignState.PAUSED
    late = (_in_campaigns(sending, Campaign.expires_at < now), waiting, Delivery.attempts > 0)
    steps: tuple[tuple[tuple[ColumnElement[bool], ...], dict[str, object]], ...] = (
        (late, {"state": int(DeliveryState.EXPIRED), "reason": "expired"}),
        (
            (_in_campaigns(CampaignState.CANCELLED), waiting),
            {"state": int(DeliveryState.SKIPPED), "reason": "cancelled"},
        ),
        (
            (
                or_(_in_campaigns(sending), _in_campaigns(paused)),
                Delivery.state == int(DeliveryState.DEFERRED),
                due,
            ),
            {"state": int(DeliveryState.QUEUED), "next_attempt_at": None},
        ),
    )
    for conditions, values in steps:
        session.execute(update(Delivery).where(*conditions).values(**values).execution_options(**_UNSYNCED))


def _in_campaigns(state: CampaignState, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return Delivery.campaign_id.in_(select(Campaign.id).where(Campaign.state == state.value, *conditions))


def decide_ambiguous(session: Session, now: datetime) -> None:
    """Apply a campaign's policy to rows for which no evidence came in half an hour; `hold` leaves them.

    A campaign has usually ended by then. To send again opens it again: the same message-id, so that a reader who has
    it sees it once.
    """
    for policy, state in (
        (AmbiguousPolicy.COUNT_AS_SENT, DeliveryState.SENT),
        (AmbiguousPolicy.SEND_AGAIN, DeliveryState.QUEUED),
    ):
        decided = session.scalars(
            update(Delivery)
            .where(
                Delivery.campaign_id.in_(_campaigns_with(policy)), Delivery.state == int(DeliveryState.AMBIGUOUS),
                Delivery.sent_at < now - EVIDENCE,
            )
            .values(state=int(state), reason=policy.value)
            .returning(Delivery.campaign_id)
            .execution_options(**_UNSYNCED)
        ).all()  # fmt: skip
        if state is DeliveryState.QUEUED:
            open_all_again(session, set(decided), now)


def _campaigns_with(policy: AmbiguousPolicy) -> Select[int]:
    over = (CampaignState.SENDING.value, CampaignState.FINISHED.value)
    return select(Campaign.id).where(Campaign.ambiguous_policy == policy.value, Campaign.state.in_(over))


def advance(session: Session, queue: JobQueue, campaign: Campaign, now: datetime) -> None:
    """Take a campaign one step on: due schedules start, frozen ones send, done ones end."""
    if campaign.state == CampaignState.SCHEDULED:
        _start_due(session, queue, campaign, now)
    elif campaign.state == CampaignState.FREEZING:
        enqueue_after_commit(session, queue, JobName.FREEZE_CAMPAIGN, campaign_id=campaign.id)
    elif evaluate_brakes(session, campaign.id, now).level is Level.STOP:
        return
    elif not end_if_done(session, queue, campaign.id) and advance_stage(session, campaign, now):
        enqueue_after_commit(session, queue, JobName.SEND_CAMPAIGN, campaign_id=campaign.id)


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
