"""Staged send: seed addresses, then a part of the audience, then a hold in which the brakes judge, then the rest (T8).

At the freeze the rows of later stages are written as `deferred` with a time that never comes; the claim knows nothing
of stages. The sweep releases them, the rest in chunks, so that no transaction holds a million rows.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Select, false, func, select, update
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.audience.addresses import normalise
from newsletter.audience.selection import members
from newsletter.delivery.brakes.thresholds import ENOUGH
from newsletter.delivery.control.stage_plan import Stage, place
from newsletter.delivery.events import note
from newsletter.delivery.models import Campaign, Delivery, of_campaign
from newsletter.delivery.sending.retry import LIFETIME
from newsletter.delivery.states import IN_FLIGHT, CampaignState, DeliveryState
from newsletter.errors import Conflict, InvalidInput

STAGE = "stage"
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
RELEASED_AT_ONCE = 100_000


def set_stage(session: Session, campaign: Campaign, stage: Stage) -> None:
    """Write a first stage down, before the freeze.

    :raises InvalidInput: for a seed that is no address, or on none of the lists: everybody is in the ledger.
    """
    keys = dict.fromkeys(normalise(seed).key for seed in stage.seeds)
    audience = members([one.id for one in campaign.lists]).subquery()
    known = set(session.scalars(select(audience.c.address_key).where(audience.c.address_key.in_(keys))))
    unknown = [key for key in keys if key not in known]
    if unknown:
        raise InvalidInput(f"{unknown[0]} is on none of the lists: subscribe a seed before the send.")
    campaign.stage_percent, campaign.stage_seeds = stage.percent, " ".join(keys)
    campaign.stage_minutes = int(stage.hold.total_seconds() // 60)


def is_later(
    campaign: Campaign, subscriber_id: ColumnElement[int], address_key: ColumnElement[str]
) -> ColumnElement[bool]:
    """Return the condition for everybody who does not get it at once."""
    if campaign.stage_percent is None:
        return false()
    seeds = campaign.stage_seeds.split()
    if seeds:
        return address_key.not_in(seeds)
    later: ColumnElement[bool] = place(subscriber_id, campaign.id) >= campaign.stage_percent
    return later


def advance_stage(session: Session, campaign: Campaign, now: datetime) -> bool:
    """Let the next stage begin when this one is through; return whether senders have anything to do.

    The brakes have been asked. In a hold a sender would look through every row of the campaign for nothing.
    """
    if campaign.stage_percent is None:
        return True
    if campaign.stage_until is not None:
        return _advance_hold(session, campaign, campaign.stage_until, now)
    if not _is_open(session, campaign):
        if campaign.stage_seeds:
            _end_seeds(session, campaign, campaign.stage_percent, now)
        else:
            _begin_hold(session, campaign, now)
    return True


def _advance_hold(session: Session, campaign: Campaign, until: datetime, now: datetime) -> bool:
    if until > now:
        return _is_open(session, campaign)
    _release_rest(session, campaign, now)
    return True


def _is_open(session: Session, campaign: Campaign) -> bool:
    """Say whether somebody of this stage waits for a first try; who is deferred has had it."""
    active = Delivery.state.in_([int(DeliveryState.QUEUED), *IN_FLIGHT])
    return session.scalar(select(Delivery.id).where(of_campaign(campaign.id), active).limit(1)) is not None


def _end_seeds(session: Session, campaign: Campaign, percent: int, now: datetime) -> None:
    """Release the first part; when a seed did not take it, a person looks first."""
    refused = session.scalars(
        select(Delivery.address)
        .where(
            of_campaign(campaign.id), Delivery.address_key.in_(campaign.stage_seeds.split()),
            Delivery.state != int(DeliveryState.SENT),
        )
    ).all()  # fmt: skip
    campaign.stage_seeds = ""
    part = place(Delivery.subscriber_id, campaign.id) < percent
    _release(session, select(Delivery.id).where(_waits(campaign), part))
    note(session, campaign.id, f"The seeds are through; {percent} % follow.", now=now)
    if refused:
        _pause(session, campaign, f"the seed {refused[0]} did not take it", now)


def _pause(session: Session, campaign: Campaign, why: str, now: datetime) -> None:
    paused = session.scalar(
        update(Campaign)
        .where(Campaign.id == campaign.id, Campaign.state == CampaignState.SENDING.value)
        .values(state=CampaignState.PAUSED.value, paused_at=now, reason=why)
        .returning(Campaign.id)
        .execution_options(synchronize_session=False)
    )
    session.refresh(campaign, ["state", "paused_at", "reason"])
    if paused is not None:
        note(session, campaign.id, f"Paused: {why}. Resume it when all is well.", now=now)


def _begin_hold(session: Session, campaign: Campaign, now: datetime) -> None:
    campaign.stage_until = now + timedelta(minutes=campaign.stage_minutes or 0)
    waiting = session.scalar(select(func.count()).select_from(Delivery).where(_waits(campaign))) or 0
    said = f"The first part is through; {waiting:,} wait until {campaign.stage_until:%Y-%m-%d %H:%M} UTC."
    if (campaign.audience or 0) - waiting < ENOUGH:
        said += f" It is fewer than {ENOUGH} people, too few for the brakes: look yourself."
    note(session, campaign.id, said, now=now)


def _waits(campaign: Campaign) -> ColumnElement[bool]:
    held = (Delivery.state == int(DeliveryState.DEFERRED)) & (Delivery.reason == STAGE)
    return of_campaign(campaign.id) & held


def _release(session: Session, ids: Select[int]) -> int:
    """Queue rows that wait; return how many."""
    released = session.scalars(
        update(Delivery)
        .where(Delivery.id.in_(ids))
        .values(state=int(DeliveryState.QUEUED), reason=None, next_attempt_at=None)
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    ).all()
    return len(released)


def _release_rest(session: Session, campaign: Campaign, now: datetime) -> None:
    chunk = select(Delivery.id).where(_waits(campaign)).order_by(Delivery.id).limit(RELEASED_AT_ONCE)
    if _release(session, chunk) < RELEASED_AT_ONCE:
        campaign.stage_percent, campaign.expires_at = None, now + LIFETIME
        note(session, campaign.id, "The rest is released.", now=now)


def go_on(session: Session, campaign: Campaign, *, actor: str, now: datetime) -> None:
    """Release the rest with the next sweep, without waiting for the hold.

    :raises Conflict: when it is not sending, or nobody waits for a later stage.
    """
    if campaign.state != CampaignState.SENDING or campaign.stage_percent is None:
        raise Conflict(f"Nothing to go on with: this campaign is {campaign.state}, and no stage is held.")
    campaign.stage_seeds, campaign.stage_until = "", now
    note(session, campaign.id, "The rest goes now, without waiting.", now=now, actor=actor)
    audit.record(session, actor=actor, action="campaign.go_on", object=f"campaign {campaign.id}")
