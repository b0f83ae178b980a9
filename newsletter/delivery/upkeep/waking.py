"""Rows whose time has come: deferred ones are queued again or expire, unknown ones follow their campaign's policy.

A sweep runs every few seconds and must cost nothing while there is nothing to do: what is due is found by a partial index,
and only campaigns that may have something are walked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from newsletter.delivery.control.ambiguity import open_all_again
from newsletter.delivery.models import Campaign, Delivery, of_campaign
from newsletter.delivery.states import AmbiguousPolicy, CampaignState, DeliveryState

#: How long evidence may still arrive before a campaign's policy decides about ambiguous rows.
EVIDENCE = timedelta(minutes=30)
#: How long after its end a campaign is looked at: its last senders, and its unknown messages, are settled by then.
SETTLED = timedelta(days=2)
_UNSYNCED = {"synchronize_session": False}
_WAITING = Delivery.state.in_([int(DeliveryState.QUEUED), int(DeliveryState.DEFERRED)])


def wake_deferred(session: Session, now: datetime) -> None:
    """Deferred rows whose time has come are queued again; what was tried until its campaign's expiry ends as expired.

    Rows that were never tried do not expire: a pause or a machine that was off is nobody's answer. What comes back
    deferred after a cancel is skipped.
    """
    _expire(session, now)
    _skip_cancelled(session, now)
    living = (CampaignState.SENDING.value, CampaignState.PAUSED.value)
    session.execute(
        update(Delivery)
        .where(
            Delivery.next_attempt_at <= now, Delivery.state == int(DeliveryState.DEFERRED),
            Delivery.campaign_id.in_(select(Campaign.id).where(Campaign.state.in_(living))),
        )
        .values(state=int(DeliveryState.QUEUED), next_attempt_at=None)
        .execution_options(**_UNSYNCED)
    )  # fmt: skip


def _expire(session: Session, now: datetime) -> None:
    late = (Campaign.state == CampaignState.SENDING.value, Campaign.expires_at < now)
    for campaign_id in _campaigns(session, *late):
        tried = (of_campaign(campaign_id), _WAITING, Delivery.attempts > 0)
        _end(session, tried, DeliveryState.EXPIRED, "expired")


def _skip_cancelled(session: Session, now: datetime) -> None:
    """A row was in a sender's hands when its campaign was cancelled, and came back."""
    lately = (Campaign.state == CampaignState.CANCELLED.value, Campaign.ended_at > now - SETTLED)
    for campaign_id in _campaigns(session, *lately):
        left = select(Delivery.id).where(of_campaign(campaign_id), _WAITING).limit(1)
        if session.scalar(left) is not None:
            _end(session, (of_campaign(campaign_id), _WAITING), DeliveryState.SKIPPED, "cancelled")


def _campaigns(session: Session, *conditions: ColumnElement[bool]) -> Sequence[int]:
    return session.scalars(select(Campaign.id).where(*conditions)).all()


def _end(
    session: Session, conditions: Sequence[ColumnElement[bool]], state: DeliveryState, reason: str
) -> None:
    session.execute(
        update(Delivery)
        .where(*conditions)
        .values(state=int(state), reason=reason, next_attempt_at=None)
        .execution_options(**_UNSYNCED)
    )


def decide_ambiguous(session: Session, now: datetime) -> None:
    """Apply a campaign's policy to rows for which no evidence came in half an hour; `hold` leaves them.

    A campaign has usually ended by then. To send again opens it again: the same message-id, so that a reader who has
    it sees it once.
    """
    for policy, state in (
        (AmbiguousPolicy.COUNT_AS_SENT, DeliveryState.SENT),
        (AmbiguousPolicy.SEND_AGAIN, DeliveryState.QUEUED),
    ):
        opened = [each for each in _with_policy(session, policy, now) if _decide(session, each, state, now)]
        if state is DeliveryState.QUEUED:
            open_all_again(session, set(opened), now)


def _with_policy(session: Session, policy: AmbiguousPolicy, now: datetime) -> Sequence[int]:
    sending = Campaign.state == CampaignState.SENDING.value
    ended = (Campaign.state == CampaignState.FINISHED.value) & (Campaign.ended_at > now - SETTLED)
    return _campaigns(session, Campaign.ambiguous_policy == policy.value, or_(sending, ended))


def _decide(session: Session, campaign_id: int, state: DeliveryState, now: datetime) -> bool:
    """Decide about a campaign's unknown rows; return whether there were any."""
    unknown = (of_campaign(campaign_id), Delivery.state == int(DeliveryState.AMBIGUOUS))
    policy = select(Campaign.ambiguous_policy).where(Campaign.id == campaign_id).scalar_subquery()
    decided = session.scalars(
        update(Delivery)
        .where(*unknown, Delivery.sent_at < now - EVIDENCE)
        .values(state=int(state), reason=policy)
        .returning(Delivery.id)
        .execution_options(**_UNSYNCED)
    )
    return bool(decided.all())
