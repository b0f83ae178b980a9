"""One round of the group commit: results of answered messages and intents of those that wait at their final dot (R4, R5).

Everything is guarded by owner and fence. An intent is granted only to a row that is still ours, whose campaign is still
sending, whose address is not suppressed and whose person is still on one of the lists. What is refused is given back or
ended with its reason, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, bindparam, exists, or_, select, update
from sqlalchemy.orm import Session

from newsletter.audience.models import Subscription, Suppression
from newsletter.audience.suppressions import applies_to
from newsletter.delivery.claim import LEASE
from newsletter.delivery.dbtime import database_now
from newsletter.delivery.journal import Result
from newsletter.delivery.models import Campaign, Delivery
from newsletter.delivery.states import CampaignState, DeliveryState

_UNSYNCED = {"synchronize_session": False}
IN_FLIGHT = (int(DeliveryState.CLAIMED), int(DeliveryState.COMMITTING))


@dataclass(frozen=True, slots=True)
class Scope:
    """What a campaign's rows are checked against; none of it changes after the freeze."""

    campaign_id: int
    publication_id: int
    list_ids: tuple[int, ...]


def record_results(session: Session, owner: str, results: Iterable[Result]) -> None:
    """Record results of rows that are ours; a row that somebody claimed since is left to them.

    A row that was called ambiguous meanwhile (the machine slept through its lease) is ours by its fence: we heard.
    """
    table = Delivery.__table__
    # IN would not go through executemany.
    ours = and_(table.c.owner == owner, or_(*(table.c.state == state for state in IN_FLIGHT)))
    unknown = table.c.state == int(DeliveryState.AMBIGUOUS)
    statement = (
        update(Delivery)
        .where(
            table.c.id == bindparam("row_id"), table.c.fence == bindparam("row_fence"), or_(ours, unknown)
        )
        .values(
            state=bindparam("new_state"), smtp_code=bindparam("new_code"), response=bindparam("new_response"),
            reason=bindparam("new_reason"), bounce=bindparam("new_bounce"), sent_at=bindparam("new_sent_at"),
            next_attempt_at=bindparam("new_next"), attempts=table.c.attempts + 1, owner=None, lease_until=None,
        )
    )  # fmt: skip
    parameters = [parameters_of(result) for result in results]
    if parameters:
        session.connection().execute(statement, parameters)


def parameters_of(result: Result) -> dict[str, object]:
    """Return a result as the parameters of the recording statement."""
    return {
        "row_id": result.id,
        "row_fence": result.fence,
        "new_state": int(result.state),
        "new_code": result.code,
        "new_response": result.response or None,
        "new_reason": result.reason,
        "new_bounce": result.bounce,
        "new_sent_at": result.at if result.state in (DeliveryState.SENT, DeliveryState.AMBIGUOUS) else None,
        "new_next": result.next_attempt_at,
    }


def grant_intents(session: Session, owner: str, ids: list[int], scope: Scope) -> set[int]:
    """Commit `committing` for the rows that may be sent now; return their ids. Ends or gives back the others."""
    if not ids:
        return set()
    suppressed, member = is_suppressed(scope), is_member(scope)
    granted = set(
        session.scalars(
            update(Delivery)
            .where(*_mine(owner, ids), campaign_is_sending(scope), ~suppressed, member)
            .values(state=int(DeliveryState.COMMITTING))
            .returning(Delivery.id)
            .execution_options(**_UNSYNCED)
        )
    )
    if len(granted) < len(ids):
        refused = [row_id for row_id in ids if row_id not in granted]
        _end_refused(session, owner, refused, suppressed, DeliveryState.SUPPRESSED, "suppressed")
        _end_refused(session, owner, refused, ~member, DeliveryState.SKIPPED, "unsubscribed")
        give_back(session, refused, owner)
    return granted


def _mine(owner: str, ids: list[int]) -> tuple[ColumnElement[bool], ...]:
    return Delivery.id.in_(ids), Delivery.owner == owner, Delivery.state == int(DeliveryState.CLAIMED)


def _end_refused(
    session: Session,
    owner: str,
    ids: list[int],
    condition: ColumnElement[bool],
    state: DeliveryState,
    reason: str,
) -> None:
    session.execute(
        update(Delivery)
        .where(*_mine(owner, ids), condition)
        .values(state=int(state), reason=reason, owner=None, lease_until=None)
        .execution_options(**_UNSYNCED)
    )


def give_back(session: Session, ids: Iterable[int], owner: str) -> None:
    """Put rows back whose final dot we know was never written; those of a cancelled campaign end."""
    mine = (Delivery.id.in_(list(ids)), Delivery.owner == owner, Delivery.state.in_(IN_FLIGHT))
    cancelled = exists(
        select(Campaign.id).where(
            Campaign.id == Delivery.campaign_id, Campaign.state == CampaignState.CANCELLED.value
        )
    )
    free = {"owner": None, "lease_until": None}
    session.execute(
        update(Delivery)
        .where(*mine, cancelled)
        .values(state=int(DeliveryState.SKIPPED), reason="cancelled", **free)
        .execution_options(**_UNSYNCED)
    )
    session.execute(
        update(Delivery)
        .where(*mine)
        .values(state=int(DeliveryState.QUEUED), **free)
        .execution_options(**_UNSYNCED)
    )


def renew_lease(session: Session, owner: str) -> None:
    """Extend the lease of everything this owner holds."""
    until = database_now(session) + LEASE
    session.execute(
        update(Delivery)
        .where(Delivery.owner == owner)
        .values(lease_until=until)
        .execution_options(**_UNSYNCED)
    )


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
        select(Suppression.id).where(
            Suppression.address_key == Delivery.address_key, applies_to(scope.publication_id)
        )
    )


def is_member(scope: Scope) -> ColumnElement[bool]:
    """Return the condition that the person is still confirmed on one of the campaign's lists."""
    return exists(
        select(Subscription.id).where(
            Subscription.list_id.in_(scope.list_ids),
            Subscription.subscriber_id == Delivery.subscriber_id,
            Subscription.state == "confirmed",
        )
    )


def finish_if_done(session: Session, campaign_id: int) -> bool:
    """End a sending campaign whose rows are all final; only one caller gets True."""
    now = database_now(session)
    some_open = exists(
        select(Delivery.id).where(
            Delivery.campaign_id == campaign_id, Delivery.state < int(DeliveryState.SENT)
        )
    )
    ended = session.scalar(
        update(Campaign)
        .where(
            Campaign.id == campaign_id,
            Campaign.state == CampaignState.SENDING.value,
            Campaign.frozen_at.is_not(None),
            ~some_open,
        )
        .values(state=CampaignState.FINISHED.value, ended_at=now)
        .returning(Campaign.id)
        .execution_options(**_UNSYNCED)
    )
    return ended is not None
