"""Writes to the ledger beside the rounds: answers that are not "taken", rows given back, held or refused.

Everything is guarded by owner and fence. What a round refused is given back or ended with its reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, and_, bindparam, exists, or_, select, update
from sqlalchemy.orm import Session

from newsletter.delivery.dbtime import database_now
from newsletter.delivery.models import Campaign, Delivery, of_campaign
from newsletter.delivery.sending.checks import Scope, campaign_is_sending, is_member, is_suppressed
from newsletter.delivery.sending.gate import Held
from newsletter.delivery.sending.journal import Result
from newsletter.delivery.states import IN_FLIGHT, CampaignState, DeliveryState

_UNSYNCED = {"synchronize_session": False}
_table = Delivery.__table__.c
#: IN would not go through executemany.
_in_flight = or_(*(_table.state == state for state in IN_FLIGHT))


def record_results(session: Session, owner: str, results: Sequence[Result]) -> None:
    """Record answers to rows that are ours, or were until they were called ambiguous (see `rounds.taken_update`)."""
    ours = and_(_table.owner == owner, _in_flight)
    record_where(session, or_(ours, _table.state == int(DeliveryState.AMBIGUOUS)), results)


def record_where(session: Session, condition: ColumnElement[bool], results: Sequence[Result]) -> None:
    """Record answers to rows of the same fence for which the condition holds."""
    if not results:
        return
    statement = (
        update(Delivery)
        .where(_table.id == bindparam("row_id"), _table.fence == bindparam("row_fence"), condition)
        .values(
            state=bindparam("new_state"), smtp_code=bindparam("new_code"), response=bindparam("new_response"),
            reason=bindparam("new_reason"), bounce=bindparam("new_bounce"), sent_at=bindparam("new_sent_at"),
            next_attempt_at=bindparam("new_next"), attempts=_table.attempts + 1, owner=None,
        )
    )  # fmt: skip
    session.connection().execute(statement, [_parameters_of(result) for result in results])


def _parameters_of(result: Result) -> dict[str, object]:
    known = result.state in (DeliveryState.SENT, DeliveryState.AMBIGUOUS)
    return {
        "row_id": result.id,
        "row_fence": result.fence,
        "new_state": int(result.state),
        "new_code": result.code,
        "new_response": result.response or None,
        "new_reason": result.reason,
        "new_bounce": result.bounce,
        "new_sent_at": result.at if known else None,
        "new_next": result.next_attempt_at,
    }


def refuse(session: Session, owner: str, ids: Sequence[int], scope: Scope) -> bool:
    """End or give back the rows that a round did not grant; return whether the campaign still sends."""
    _end(session, owner, ids, is_suppressed(scope), DeliveryState.SUPPRESSED, "suppressed")
    _end(session, owner, ids, ~is_member(scope), DeliveryState.SKIPPED, "unsubscribed")
    give_back(session, owner, ids)
    return bool(session.scalar(select(campaign_is_sending(scope))))


def _end(
    session: Session,
    owner: str,
    ids: Sequence[int],
    condition: ColumnElement[bool],
    state: DeliveryState,
    reason: str,
) -> None:
    claimed = (Delivery.id.in_(ids), Delivery.owner == owner, Delivery.state == int(DeliveryState.CLAIMED))
    session.execute(
        update(Delivery)
        .where(*claimed, condition)
        .values(state=int(state), reason=reason, owner=None)
        .execution_options(**_UNSYNCED)
    )


def give_back(session: Session, owner: str, ids: Iterable[int]) -> None:
    """Put rows back whose final dot we know was never written; those of a cancelled campaign end."""
    mine = (Delivery.id.in_(list(ids)), Delivery.owner == owner, Delivery.state.in_(IN_FLIGHT))
    cancelled = exists(
        select(Campaign.id).where(
            Campaign.id == Delivery.campaign_id, Campaign.state == CampaignState.CANCELLED.value
        )
    )
    session.execute(
        update(Delivery)
        .where(*mine, cancelled)
        .values(state=int(DeliveryState.SKIPPED), reason="cancelled", owner=None)
        .execution_options(**_UNSYNCED)
    )
    session.execute(
        update(Delivery)
        .where(*mine)
        .values(state=int(DeliveryState.QUEUED), owner=None)
        .execution_options(**_UNSYNCED)
    )


def hold(session: Session, owner: str, held: Sequence[Held]) -> None:
    """Let rows wait until a time, without an attempt: a limit is nobody's answer."""
    if not held:
        return
    statement = (
        update(Delivery)
        .where(_table.id == bindparam("row_id"), _table.owner == owner, _in_flight)
        .values(
            state=int(DeliveryState.DEFERRED), reason=bindparam("why"), next_attempt_at=bindparam("until"), owner=None
        )
    )  # fmt: skip
    parameters = [{"row_id": one.row_id, "why": one.why, "until": one.until} for one in held]
    session.connection().execute(statement, parameters)


def finish_if_done(session: Session, campaign_id: int) -> bool:
    """End a sending campaign whose rows are all final; only one caller gets True."""
    now = database_now(session)
    some_open = exists(
        select(Delivery.id).where(of_campaign(campaign_id), Delivery.state < int(DeliveryState.SENT))
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
