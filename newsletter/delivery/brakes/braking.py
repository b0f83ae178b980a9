"""The brakes at work: read the counts, stop the campaign, keep the publication's next one back until a person has looked."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.delivery.brakes.folding import fold_tallies
from newsletter.delivery.brakes.thresholds import (
    DAY,
    GROUP_WINDOW,
    WINDOW,
    Counts,
    Level,
    Verdict,
    judge_counts,
)
from newsletter.delivery.events import note
from newsletter.delivery.models import AttemptTally, Campaign, CampaignEvent
from newsletter.delivery.states import CampaignState
from newsletter.errors import Conflict, InvalidInput
from newsletter.issues.models import Issue

#: How long counts are kept after a campaign's end: complaints come late.
KEPT = timedelta(days=2)
_HELD = (CampaignState.PAUSED.value, CampaignState.FINISHED.value)


def evaluate_brakes(session: Session, campaign_id: int, now: datetime) -> Verdict:
    """Stop (or warn about) a campaign whose counts ask for it. Cheap: the sweep and every sender call it.

    A campaign that has finished meanwhile cannot be paused; it is marked, and keeps the next one back.
    """
    campaign = session.get_one(Campaign, campaign_id)
    states = (CampaignState.SENDING, CampaignState.FINISHED)
    if campaign.state not in states or not campaign.has_brakes or campaign.braked_at is not None:
        return Verdict(Level.FREE)
    verdict = judge_counts(read_counts(session, campaign, now))
    if verdict.level is Level.STOP:
        _stop(session, campaign, verdict.why, now)
    elif verdict.level is Level.WARN:
        _warn(session, campaign, verdict.why, now)
    return verdict


def evaluate_finished(session: Session, now: datetime) -> None:
    """Look at what has ended within the day: returned mail and complaints about it still come."""
    lately = (Campaign.state == CampaignState.FINISHED.value, Campaign.ended_at > now - DAY)
    for campaign_id in session.scalars(
        select(Campaign.id).where(*lately, Campaign.braked_at.is_(None))
    ).all():
        evaluate_brakes(session, campaign_id, now)


def read_counts(session: Session, campaign: Campaign, now: datetime) -> Counts:
    """Add up the windows; what happened before a person resumed the campaign does not count."""
    since = max(now - DAY, campaign.brakes_from or campaign.created_at)
    row, lately = AttemptTally, AttemptTally.at > now - WINDOW
    sums = session.execute(
        select(
            func.coalesce(func.sum(row.attempts).filter(lately), 0),
            func.coalesce(func.sum(row.hard).filter(lately), 0),
            func.coalesce(func.sum(row.unwritable).filter(lately), 0),
            func.coalesce(func.sum(row.attempts), 0),
            func.coalesce(func.sum(row.hard), 0),
            func.coalesce(func.sum(row.complaints), 0),
        ).where(row.campaign_id == campaign.id, row.at > since, row.group_name == "")
    ).one()  # fmt: skip
    attempts, hard, unwritable, of_day, hard_of_day, complaints = (int(number) for number in sums)
    groups = _groups(session, campaign, since, now)
    return Counts(attempts, hard, unwritable, of_day, hard_of_day, complaints, groups)


def _groups(
    session: Session, campaign: Campaign, since: datetime, now: datetime
) -> dict[str, tuple[int, int]]:
    row = AttemptTally
    rows = session.execute(
        select(row.group_name, func.sum(row.attempts), func.sum(row.policy))
        .where(row.campaign_id == campaign.id, row.at > max(since, now - GROUP_WINDOW), row.group_name != "")
        .group_by(row.group_name)
        .having(func.sum(row.policy) > 0)
    )
    return {name: (int(attempts), int(refused)) for name, attempts, refused in rows}


def _stop(session: Session, campaign: Campaign, why: str, now: datetime) -> None:
    reason = f"Stopped by its brakes: {why}."
    stopped = session.scalar(
        update(Campaign)
        .where(Campaign.id == campaign.id, Campaign.state == CampaignState.SENDING.value)
        .values(state=CampaignState.PAUSED.value, paused_at=now, reason=reason, braked_at=now)
        .returning(Campaign.id)
        .execution_options(synchronize_session=False)
    )
    session.refresh(campaign)
    if stopped is None:
        if campaign.braked_at is not None or campaign.state not in _HELD:
            return  # another sender was faster, or a person has cancelled it
        campaign.braked_at, campaign.reason = now, reason
    note(session, campaign.id, reason, now=now)
    _record(session, campaign, "system", "campaign.brake", why)


def _warn(session: Session, campaign: Campaign, why: str, now: datetime) -> None:
    said = f"Warning of the brakes: {why}."
    known = (CampaignEvent.campaign_id == campaign.id, CampaignEvent.what == said)
    if not session.scalar(select(exists().where(*known))):
        note(session, campaign.id, said, now=now)


def release_brakes(session: Session, campaign: Campaign, *, actor: str, reason: str, now: datetime) -> None:
    """Note that a person has looked: the campaign may be resumed and the publication's next one may start.

    :raises Conflict: when the brakes did not stop it.
    :raises InvalidInput: without a reason.
    """
    if campaign.braked_at is None:
        raise Conflict("The brakes did not stop this campaign.")
    if not reason:
        raise InvalidInput("The brakes stopped this campaign: say why it may go on, with a reason.")
    campaign.braked_at, campaign.brakes_from, campaign.reason = None, now, ""
    note(session, campaign.id, f"Brakes released: {reason}", now=now, actor=actor)
    _record(session, campaign, actor, "campaign.release", reason)


def blocking_campaign(session: Session, publication_id: int, *, beside: int = 0) -> Campaign | None:
    """Return the campaign of the publication that its brakes stopped and nobody has looked at."""
    statement = select(Campaign).join(Issue).where(
        Issue.publication_id == publication_id, Campaign.braked_at.is_not(None), Campaign.state.in_(_HELD),
        Campaign.id != beside,
    )  # fmt: skip
    return session.scalars(statement.order_by(Campaign.id).limit(1)).first()


def must_not_be_blocked(session: Session, publication_id: int, *, beside: int = 0) -> None:
    """Refuse to start while nobody has looked at what the brakes stopped.

    :raises Conflict: with the campaign to look at.
    """
    blocking = blocking_campaign(session, publication_id, beside=beside)
    if blocking is not None:
        raise Conflict(
            f"Campaign {blocking.id} of this publication was stopped by its brakes: look at it first, "
            f"then resume or cancel it, or run 'newsletter campaign release {blocking.id} --reason …'."
        )


def forget_tallies(session: Session, now: datetime) -> None:
    """Drop the counts of campaigns that ended days ago, and keep those of long ones few."""
    fold_tallies(session, now)
    over = select(Campaign.id).where(Campaign.ended_at < now - KEPT)
    session.execute(delete(AttemptTally).where(AttemptTally.campaign_id.in_(over)))


def _record(session: Session, campaign: Campaign, actor: str, action: str, reason: str) -> None:
    details = {"reason": reason}
    audit.record(session, actor=actor, action=action, object=f"campaign {campaign.id}", details=details)
