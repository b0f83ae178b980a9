"""Staged send: a part of the audience first, then a wait in which the brakes judge, then the rest (T8).

At the freeze the rows of the later stage are written as `deferred` with a time that never comes; the claim knows nothing
of stages. The sweep releases them in chunks, so that no transaction holds a million rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, and_, false, func, select, update
from sqlalchemy.orm import Session

from newsletter.audience.addresses import normalise
from newsletter.delivery.events import note
from newsletter.delivery.models import Campaign, Delivery, of_campaign
from newsletter.delivery.retry import LIFETIME
from newsletter.delivery.states import IN_FLIGHT, DeliveryState
from newsletter.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Stage:
    """The first stage: a share in per cent, addresses that belong to it, and how long the rest then waits."""

    percent: int
    hold: timedelta
    seeds: tuple[str, ...] = ()


STAGE = "stage"
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
RELEASED_AT_ONCE = 100_000
LONGEST_HOLD = timedelta(days=2)
_SPAN = re.compile(r"(\d{1,5})\s*(m|min|h|d)?", re.ASCII)
_MINUTES = {"m": 1, "min": 1, "h": 60, "d": 1440, None: 1}


def parse_percent(text: str) -> int:
    """Return the whole per cent of "5%".

    :raises InvalidInput: when it is no number from 1 to 99.
    """
    digits = text.strip().removesuffix("%").strip()
    if not (digits.isascii() and digits.isdigit() and 1 <= int(digits[:4]) <= 99):
        raise InvalidInput(f"{text!r} is no first stage: write a whole per cent from 1% to 99%.")
    return int(digits)


def parse_hold(text: str) -> timedelta:
    """Return the span of "30m", "2h" or "1d"; minutes without a unit.

    :raises InvalidInput: when it is none, or longer than two days.
    """
    match = _SPAN.fullmatch(text.strip().lower())
    span = timedelta(minutes=int(match[1]) * _MINUTES[match[2]]) if match else None
    if span is None or span > LONGEST_HOLD:
        raise InvalidInput(f"{text!r} is no time to hold: write it like 30m or 2h, at most 2d.")
    return span


def set_stage(campaign: Campaign, stage: Stage) -> None:
    """Write a first stage down, before the freeze.

    :raises InvalidInput: for a seed address that is none.
    """
    campaign.stage_percent = stage.percent
    campaign.stage_minutes = int(stage.hold.total_seconds() // 60)
    campaign.stage_seeds = " ".join(normalise(seed).key for seed in stage.seeds)


def is_later(
    campaign: Campaign, subscriber_id: ColumnElement[int], address_key: ColumnElement[str]
) -> ColumnElement[bool]:
    """Return the condition for the later stage: all but a fixed share of every part of the list, and the seed addresses."""
    if campaign.stage_percent is None:
        return false()
    later = subscriber_id % 100 >= campaign.stage_percent
    seeds = campaign.stage_seeds.split()
    return and_(later, address_key.not_in(seeds)) if seeds else later


def advance_stage(session: Session, campaign: Campaign, now: datetime) -> None:
    """Begin the wait when the first stage is through, and release the rest when it is over. The brakes have been asked."""
    if campaign.stage_percent is None:
        return
    if campaign.stage_until is None:
        if not _first_stage_is_open(session, campaign):
            _begin_hold(session, campaign, now)
    elif campaign.stage_until <= now:
        _release(session, campaign, now)


def _first_stage_is_open(session: Session, campaign: Campaign) -> bool:
    """Say whether somebody of the first stage waits for a first try; who is deferred has had it."""
    active = Delivery.state.in_([int(DeliveryState.QUEUED), *IN_FLIGHT])
    return session.scalar(select(Delivery.id).where(of_campaign(campaign.id), active).limit(1)) is not None


def _begin_hold(session: Session, campaign: Campaign, now: datetime) -> None:
    campaign.stage_until = now + timedelta(minutes=campaign.stage_minutes or 0)
    waiting = session.scalar(select(func.count()).select_from(Delivery).where(_waits(campaign))) or 0
    said = f"The first stage is through; {waiting:,} wait until {campaign.stage_until:%Y-%m-%d %H:%M} UTC."
    note(session, campaign.id, said, now=now)


def _waits(campaign: Campaign) -> ColumnElement[bool]:
    held = (Delivery.state == int(DeliveryState.DEFERRED)) & (Delivery.reason == STAGE)
    return of_campaign(campaign.id) & held


def _release(session: Session, campaign: Campaign, now: datetime) -> None:
    chunk = select(Delivery.id).where(_waits(campaign)).order_by(Delivery.id).limit(RELEASED_AT_ONCE)
    released = session.scalars(
        update(Delivery)
        .where(Delivery.id.in_(chunk))
        .values(state=int(DeliveryState.QUEUED), reason=None, next_attempt_at=None)
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    ).all()
    if len(released) < RELEASED_AT_ONCE:
        campaign.stage_percent, campaign.expires_at = None, now + LIFETIME
        note(session, campaign.id, "The rest is released.", now=now)
