"""Lists are counted every so often; only those that are very large are read from these counts."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.audience.models import MailingList
from newsletter.audience.upsert import insert_if_new
from newsletter.db.session import Sessions, unit_of_work
from newsletter.reporting.growth import count_membership
from newsletter.reporting.models import ListSummary

#: A count waits so long, or so many times what it cost.
AT_LEAST: Final = timedelta(minutes=5)
_IDLE_FACTOR: Final = 300


def fold_lists(sessions: Sessions, reading: Sessions, now: datetime) -> int:
    """Count the lists whose counts are old; return how many. Two at once are harmless: both find the same."""
    with reading() as session:
        due = _due(session, now)
    for list_id in due:
        started = time.perf_counter()
        with reading() as session:
            document = count_membership(session, list_id, now).to_document()
        took_ms = round((time.perf_counter() - started) * 1000)
        with unit_of_work(sessions) as session:
            _keep(session, list_id, {"counted_at": now, "took_ms": took_ms, "document": document})
    return len(due)


def _due(session: Session, now: datetime) -> list[int]:
    rows = session.execute(
        select(MailingList.id, ListSummary).outerjoin(ListSummary, ListSummary.list_id == MailingList.id)
    )
    return [
        list_id for list_id, stored in rows if stored is None or now - stored.counted_at >= _pause(stored)
    ]


def _pause(stored: ListSummary) -> timedelta:
    return max(AT_LEAST, timedelta(milliseconds=stored.took_ms * _IDLE_FACTOR))


def _keep(session: Session, list_id: int, values: dict[str, Any]) -> None:
    its = update(ListSummary).where(ListSummary.list_id == list_id).values(**values)
    if session.scalar(its.returning(ListSummary.list_id)) is None:
        session.execute(insert_if_new(session, ListSummary).values(list_id=list_id, **values))
