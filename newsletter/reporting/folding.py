"""The job that keeps summaries. Rows are counted in sessions that only read, so that no sender waits for the count."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from newsletter.audience.upsert import insert_if_new
from newsletter.db.session import Sessions, unit_of_work
from newsletter.delivery.models import Campaign
from newsletter.delivery.states import CampaignState
from newsletter.reporting import marks
from newsletter.reporting.cells import Totals
from newsletter.reporting.counting import count_detail, count_returned, count_totals
from newsletter.reporting.due import due_campaigns, is_detail_due
from newsletter.reporting.models import CampaignSummary, ListSummary
from newsletter.reporting.reading import hard_and_soft, last_event_id

#: So many seconds of counting in one round; what is left over comes in the next one.
BUDGET_SECONDS: Final = 15.0


def fold_campaigns(
    sessions: Sessions, reading: Sessions, now: datetime, *, budget: float = BUDGET_SECONDS
) -> int:
    """Count what is due, each campaign in a transaction of its own; return how many, 0 while another one counts."""
    with unit_of_work(sessions) as session:
        if not marks.take_turn(session, now):
            return 0
    try:
        return _round(sessions, reading, now, time.monotonic() + budget)
    finally:
        with unit_of_work(sessions) as session:
            marks.end_turn(session)


def _round(sessions: Sessions, reading: Sessions, now: datetime, end: float) -> int:
    with reading() as session:
        last_id, touched = marks.last_feedback_id(session), marks.touched_campaigns(session)
        due = due_campaigns(session, touched, now)
        moves = marks.is_time_to_move(session, now)
    for place, campaign_id in enumerate(due):
        if time.monotonic() > end:
            return place
        fold_campaign(sessions, reading, campaign_id, now)
    if moves:
        _fold_returned(sessions, reading, touched)
        with unit_of_work(sessions) as session:
            marks.move_on(session, last_id, now)
    return len(due)


def fold_campaign(sessions: Sessions, reading: Sessions, campaign_id: int, now: datetime) -> None:
    """Count one campaign and keep the result."""
    with reading() as session:
        values = _counted(session, session.get_one(Campaign, campaign_id), now)
    with unit_of_work(sessions) as session:
        _keep(session, campaign_id, values)


def _counted(session: Session, campaign: Campaign, now: datetime) -> dict[str, Any]:
    # The event is read first: what happens while rows are counted makes the count old, never the other way round.
    event_id, started = last_event_id(session, campaign.id), time.perf_counter()
    totals = count_totals(session, campaign.id)
    is_settled = CampaignState(campaign.state).is_over and totals.is_final
    values = {
        "counted_at": now,
        "took_ms": _milliseconds_since(started),
        "event_id": event_id,
        "is_settled": is_settled,
        "totals": totals.to_document(),
    }
    if is_settled or is_detail_due(session.get(CampaignSummary, campaign.id), now):
        values |= _detail(session, campaign.id, totals, now)
    return values


def _detail(session: Session, campaign_id: int, totals: Totals, now: datetime) -> dict[str, Any]:
    started = time.perf_counter()
    detail, returned = count_detail(session, campaign_id, totals), _returned(session, campaign_id)
    spent = {"detail_at": now, "detail_ms": _milliseconds_since(started)}
    return {"detail": detail.to_document(), **spent, **returned}


def _milliseconds_since(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)


def _returned(session: Session, campaign_id: int) -> dict[str, Any]:
    cells = count_returned(session, campaign_id)
    hard, soft = hard_and_soft(cells)
    return {"returned": [list(cell) for cell in cells], "returned_hard": hard, "returned_soft": soft}


def _keep(session: Session, campaign_id: int, values: dict[str, Any]) -> None:
    its = update(CampaignSummary).where(CampaignSummary.campaign_id == campaign_id).values(**values)
    if session.scalar(its.returning(CampaignSummary.campaign_id)) is None:
        session.execute(insert_if_new(session, CampaignSummary).values(campaign_id=campaign_id, **values))


def _fold_returned(sessions: Sessions, reading: Sessions, campaign_ids: Iterable[int]) -> None:
    """Count again what came back of campaigns whose ledger stands."""
    for campaign_id in sorted(campaign_ids):
        with reading() as session:
            values = _returned(session, campaign_id)
        with unit_of_work(sessions) as session:
            its = update(CampaignSummary).where(CampaignSummary.campaign_id == campaign_id)
            session.execute(its.values(**values))


def forget_counts(session: Session) -> None:
    """Throw every count away; the next rounds make them anew from the rows."""
    session.execute(delete(CampaignSummary))
    session.execute(delete(ListSummary))
