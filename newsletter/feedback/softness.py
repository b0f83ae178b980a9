"""When passing failures have lasted too long: five over two weeks without a success suppress an address (M21)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from newsletter.audience.suppressions import suppress
from newsletter.delivery.models import Delivery
from newsletter.delivery.states import DeliveryState
from newsletter.feedback.models import FeedbackEntry
from newsletter.reasons import NOT_THEIR_FAULT

MOST_SOFT: Final = 5
OVER: Final = timedelta(days=14)
#: A message counts as a success when no bounce has come for this long: servers try for five days.
BOUNCES_WITHIN: Final = timedelta(days=5)


def has_lasted_too_long(times: Sequence[datetime], last_success: datetime | None) -> bool:
    """Say whether soft bounces at these times are enough, looking only at those after the last success."""
    counted = sorted(time for time in times if last_success is None or time > last_success)
    return len(counted) >= MOST_SOFT and counted[-1] - counted[0] >= OVER


def suppress_if_lasting(
    session: Session, address_key: str, *, campaign_id: int | None, now: datetime
) -> bool:
    """Suppress an address whose soft bounces have lasted too long; say whether they have."""
    times = list(
        session.scalars(
            select(FeedbackEntry.at).where(
                FeedbackEntry.address_key == address_key,
                FeedbackEntry.kind == "soft",
                FeedbackEntry.reason.not_in([reason.value for reason in NOT_THEIR_FAULT]),
            )
        )
    )
    if len(times) < MOST_SOFT or not has_lasted_too_long(times, _last_success(session, address_key, now)):
        return False
    suppress(
        session,
        address_key,
        reason="soft_bounce",
        source="bounce",
        detail=f"{len(times)} temporary failures without a success in between",
        campaign_id=campaign_id,
        now=now,
    )
    return True


def _last_success(session: Session, address_key: str, now: datetime) -> datetime | None:
    """Return when a message last went out to the address of which nothing came back."""
    came_back = exists().where(FeedbackEntry.delivery_id == Delivery.id, FeedbackEntry.kind.is_not(None))
    subscriber_ids = select(FeedbackEntry.subscriber_id).where(FeedbackEntry.address_key == address_key)
    return session.scalar(
        select(func.max(Delivery.sent_at)).where(
            Delivery.subscriber_id.in_(subscriber_ids),
            Delivery.address_key == address_key,
            Delivery.state == int(DeliveryState.SENT),
            Delivery.sent_at < now - BOUNCES_WITHIN,
            ~came_back,
        )
    )
