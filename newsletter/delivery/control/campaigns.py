"""Campaigns: start, schedule, pause, resume, cancel, find."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.audience.models import MailingList
from newsletter.db.session import enqueue_after_commit
from newsletter.delivery.brakes.braking import must_not_be_blocked, release_brakes
from newsletter.delivery.control.stage_plan import Stage
from newsletter.delivery.control.staging import set_stage
from newsletter.delivery.control.wall_time import Schedule
from newsletter.delivery.events import note
from newsletter.delivery.models import Campaign, Delivery, of_campaign
from newsletter.delivery.sending.retry import LIFETIME
from newsletter.delivery.states import AmbiguousPolicy, CampaignState, DeliveryState
from newsletter.errors import Conflict, InvalidInput, NotFound
from newsletter.issues.models import Issue, Publication
from newsletter.issues.states import IssueState
from newsletter.jobs import JobName, JobQueue


def start_campaign(
    session: Session,
    queue: JobQueue,
    issue: Issue,
    lists: Sequence[MailingList],
    *,
    actor: str,
    at: datetime | None = None,
    schedule: Schedule | None = None,
    stage: Stage | None = None,
    request_key: str | None = None,
    policy: AmbiguousPolicy = AmbiguousPolicy.HOLD,
    has_brakes: bool = True,
    now: datetime,
) -> Campaign:
    """Start (or schedule) the sending of an approved issue. The same `request_key` twice gives the same campaign.

    :raises Conflict: when the issue is not approved, or already goes to one of the lists, or when the brakes stopped
        another campaign of the publication and nobody has looked.
    :raises InvalidInput: without lists, or for a time that has passed.
    """
    known = _by_request(session, request_key)
    if known is not None:
        return known
    snapshot_id = _checked(session, issue, lists)
    must_not_be_blocked(session, issue.publication_id)
    if schedule is None and at is not None:
        schedule = Schedule(at)
    at = None if schedule is None else _coming(schedule, now).at
    state = CampaignState.SCHEDULED if at is not None else CampaignState.FREEZING
    campaign = Campaign(
        issue_id=issue.id, snapshot_id=snapshot_id, state=state.value, request_key=request_key, scheduled_at=at,
        created_at=now, created_by=actor, expires_at=(at or now) + LIFETIME, ambiguous_policy=policy.value, lists=list(lists),
        has_brakes=has_brakes,
    )  # fmt: skip
    _set_wall_time(campaign, schedule)
    if stage is not None:
        set_stage(session, campaign, stage)
    session.add(campaign)
    session.flush()
    names = ", ".join(one.name for one in lists)
    note(
        session,
        campaign.id,
        f"Scheduled for {at:%Y-%m-%d %H:%M} UTC to {names}." if at else f"Started to {names}.",
        now=now,
        actor=actor,
    )
    if not has_brakes:
        _note_without_brakes(session, campaign, actor, now)
    if at is None:
        enqueue_after_commit(session, queue, JobName.FREEZE_CAMPAIGN, campaign_id=campaign.id)
    return campaign


def _coming(schedule: Schedule, now: datetime) -> Schedule:
    if schedule.at < now:
        raise InvalidInput("That time has passed: leave it out to send now.")
    return schedule


def _set_wall_time(campaign: Campaign, schedule: Schedule | None) -> None:
    wall = schedule.wall if schedule else None
    campaign.wall_time = wall.isoformat() if wall else None
    campaign.wall_zone = schedule.zone if schedule and wall else None


def reschedule(
    session: Session, campaign: Campaign, schedule: Schedule, *, actor: str, now: datetime
) -> None:
    """Move a scheduled campaign, or one that was held because its time was missed, to another time.

    :raises Conflict: when its audience stands already.
    :raises InvalidInput: for a time that has passed.
    """
    _must_not_have_begun(campaign)
    _coming(schedule, now)
    _move(session, campaign, CampaignState.SCHEDULED, [CampaignState.SCHEDULED, CampaignState.PAUSED])
    campaign.scheduled_at, campaign.expires_at, campaign.reason = schedule.at, schedule.at + LIFETIME, ""
    campaign.paused_at = None
    _set_wall_time(campaign, schedule)
    note(session, campaign.id, f"Scheduled for {schedule.at:%Y-%m-%d %H:%M} UTC.", now=now, actor=actor)
    details = {"at": schedule.at, "zone": schedule.zone}
    audit.record(
        session, actor=actor, action="campaign.schedule", object=f"campaign {campaign.id}", details=details
    )


def unschedule(session: Session, campaign: Campaign, *, actor: str, now: datetime) -> None:
    """Take a schedule back before anything has begun: the issue stays approved and may be sent anew.

    :raises Conflict: when its audience stands already.
    """
    _must_not_have_begun(campaign)
    _move(session, campaign, CampaignState.CANCELLED, [CampaignState.SCHEDULED, CampaignState.PAUSED])
    campaign.ended_at, campaign.reason = now, "taken back before it began"
    note(session, campaign.id, "Taken back before it began.", now=now, actor=actor)
    audit.record(session, actor=actor, action="campaign.unschedule", object=f"campaign {campaign.id}")


def _must_not_have_begun(campaign: Campaign) -> None:
    if campaign.frozen_at is not None or campaign.freeze_cursor:
        raise Conflict(f"This campaign is {campaign.state}: it has begun and cannot be scheduled.")


def _note_without_brakes(session: Session, campaign: Campaign, actor: str, now: datetime) -> None:
    note(session, campaign.id, "Its brakes are off.", now=now, actor=actor)
    audit.record(session, actor=actor, action="campaign.no_brakes", object=f"campaign {campaign.id}")


def _by_request(session: Session, request_key: str | None) -> Campaign | None:
    if request_key is None:
        return None
    return session.scalar(select(Campaign).where(Campaign.request_key == request_key))


def _checked(session: Session, issue: Issue, lists: Sequence[MailingList]) -> int:
    """Return the snapshot to send, or say why not. The issue's row is locked: two clicks make one campaign."""
    session.execute(select(Issue.id).where(Issue.id == issue.id).with_for_update())
    session.refresh(issue, ["state", "snapshot_id"])
    if issue.state not in (IssueState.APPROVED, IssueState.SENT) or issue.snapshot_id is None:
        raise Conflict(f"This issue is {issue.state}; approve it before it is sent.")
    if not lists:
        raise InvalidInput("Choose at least one list.")
    for campaign in session.scalars(select(Campaign).where(Campaign.issue_id == issue.id)):
        twice = {one.id for one in campaign.lists} & {one.id for one in lists}
        if twice and campaign.state not in (CampaignState.CANCELLED, CampaignState.FAILED):
            name = next(one.name for one in lists if one.id in twice)
            raise Conflict(f"This issue already goes to {name!r} (campaign {campaign.id}, {campaign.state}).")
    return issue.snapshot_id


def find_campaign(session: Session, ref: str) -> Campaign:
    """Return the campaign that REF names: its id, or `P/67` for the newest of that issue.

    :raises NotFound: when there is none.
    """
    slug, slash, number = ref.rpartition("/")
    campaign: Campaign | None = None
    if slash and number.isdecimal() and len(number) < 10:
        statement = select(Campaign).join(Issue).join(Publication)
        statement = statement.where(Publication.slug == slug, Issue.number == int(number)).order_by(
            Campaign.id.desc()
        )
        campaign = session.scalars(statement.limit(1)).first()
    elif ref.isdecimal() and len(ref) < 18:
        campaign = session.get(Campaign, int(ref))
    if campaign is None:
        raise NotFound(f"There is no campaign {ref}: see 'newsletter campaign list'.")
    return campaign


def list_campaigns(session: Session, *, limit: int | None = None, offset: int = 0) -> list[Campaign]:
    """Return campaigns, newest first."""
    return list(session.scalars(select(Campaign).order_by(Campaign.id.desc()).limit(limit).offset(offset)))


def _move(
    session: Session, campaign: Campaign, wanted: CampaignState, allowed: Sequence[CampaignState]
) -> None:
    """Change the state by one conditional UPDATE: of two clicks one wins, the other is told."""
    moved = session.scalar(
        update(Campaign)
        .where(Campaign.id == campaign.id, Campaign.state.in_([state.value for state in allowed]))
        .values(state=wanted.value)
        .returning(Campaign.id)
    )
    session.refresh(campaign)
    if moved is None:
        raise Conflict(f"This campaign is {campaign.state}; it cannot become {wanted.value}.")


def pause(session: Session, campaign: Campaign, *, actor: str, reason: str = "", now: datetime) -> None:
    """Stop before the next final dot; nothing is lost.

    :raises Conflict: when it is not sending.
    """
    _move(session, campaign, CampaignState.PAUSED, [CampaignState.SENDING])
    campaign.paused_at, campaign.reason = now, reason
    note(session, campaign.id, f"Paused: {reason}" if reason else "Paused.", now=now, actor=actor)


def resume(
    session: Session, queue: JobQueue, campaign: Campaign, *, actor: str, reason: str = "", now: datetime
) -> None:
    """Go on exactly where it stopped.

    :raises Conflict: when it is not paused, or another campaign of the publication waits to be looked at.
    :raises InvalidInput: without a reason when the brakes stopped it.
    """
    must_not_be_blocked(session, campaign.issue.publication_id, beside=campaign.id)
    if campaign.braked_at is not None and campaign.state == CampaignState.PAUSED:
        release_brakes(session, campaign, actor=actor, reason=reason, now=now)
    # A schedule that was missed was held before its audience was written down.
    frozen = campaign.frozen_at is not None
    _move(
        session, campaign, CampaignState.SENDING if frozen else CampaignState.FREEZING, [CampaignState.PAUSED]
    )
    campaign.reason, campaign.expires_at = "", now + LIFETIME
    note(session, campaign.id, "Resumed.", now=now, actor=actor)
    job = JobName.SEND_CAMPAIGN if frozen else JobName.FREEZE_CAMPAIGN
    enqueue_after_commit(session, queue, job, campaign_id=campaign.id)


def cancel(session: Session, campaign: Campaign, *, actor: str, reason: str = "", now: datetime) -> int:
    """End for good: who has the issue keeps it, who is still queued will not get it. Returns how many those are.

    Rows in flight at this instant end with their real result; one that has not written its dot is refused there.

    :raises Conflict: when it is over already.
    """
    states = (CampaignState.SCHEDULED, CampaignState.FREEZING, CampaignState.SENDING, CampaignState.PAUSED)
    _move(session, campaign, CampaignState.CANCELLED, states)
    skipped = session.scalars(
        update(Delivery)
        .where(
            of_campaign(campaign.id),
            Delivery.state.in_([int(DeliveryState.QUEUED), int(DeliveryState.DEFERRED)]),
        )
        .values(state=int(DeliveryState.SKIPPED), reason="cancelled")
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    ).all()
    campaign.ended_at, campaign.reason = now, reason
    note(
        session,
        campaign.id,
        f"Cancelled; {len(skipped):,} {'person' if len(skipped) == 1 else 'people'} will not get it.",
        now=now,
        actor=actor,
    )
    return len(skipped)


def state_counts(session: Session, campaign_id: int) -> dict[DeliveryState, int]:
    """Return the number of rows in each state, zeros included, in one snapshot."""
    rows = session.execute(
        select(Delivery.state, func.count()).where(of_campaign(campaign_id)).group_by(Delivery.state)
    )
    found = {DeliveryState(state): count for state, count in rows}
    return {state: found.get(state, 0) for state in DeliveryState}
