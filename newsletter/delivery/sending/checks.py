"""What is checked right before each final dot: the campaign sends, the address is not suppressed, the person is still a member (R4).

Each EXISTS ends in OFFSET 0, which keeps PostgreSQL from turning it into a join that begins with a whole list: without
fresh statistics that made each round read 10,000 rows (29 ms instead of 0.3).
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, select

from newsletter.audience.models import Subscription, Suppression
from newsletter.audience.suppressions import applies_to
from newsletter.delivery.models import Campaign, Delivery
from newsletter.delivery.states import CampaignState


@dataclass(frozen=True, slots=True)
class Scope:
    """What a campaign's rows are checked against; none of it changes after the freeze."""

    campaign_id: int
    publication_id: int
    list_ids: tuple[int, ...]


def campaign_is_sending(scope: Scope) -> ColumnElement[bool]:
    """Return the condition that the campaign is sending."""
    return exists(
        select(Campaign.id).where(
            Campaign.id == scope.campaign_id, Campaign.state == CampaignState.SENDING.value
        )
    )


def is_suppressed(scope: Scope) -> ColumnElement[bool]:
    """Return the condition that a row's address must not be mailed, everywhere or by this publication."""
    return exists(
        select(Suppression.id)
        .where(Suppression.address_key == Delivery.address_key, applies_to(scope.publication_id))
        .offset(0)
    )


def is_member(scope: Scope) -> ColumnElement[bool]:
    """Return the condition that the person is still confirmed on one of the campaign's lists."""
    return exists(
        select(Subscription.id)
        .where(
            Subscription.list_id.in_(scope.list_ids),
            Subscription.subscriber_id == Delivery.subscriber_id,
            Subscription.state == "confirmed",
        )
        .offset(0)
    )
