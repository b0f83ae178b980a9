"""How long reports take on a large installation: `python -m benchmarks.reports postgresql://… --fill --json reports.json`.

Fill an empty database once (some minutes, 8 GB for 20 million deliveries), measure as often as you like.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from benchmarks.filled import Size, fill
from newsletter.audience.lists import list_lists
from newsletter.audience.models import Subscriber
from newsletter.clock import utcnow
from newsletter.db.session import create_database_engine, create_reading_sessions, create_sessions
from newsletter.delivery.control.campaigns import find_campaign
from newsletter.delivery.models import Campaign, Delivery
from newsletter.reporting.campaign_tables import campaign_tables
from newsletter.reporting.campaigns import campaign_report
from newsletter.reporting.counting import count_totals
from newsletter.reporting.due import due_campaigns
from newsletter.reporting.folding import fold_campaign, fold_campaigns
from newsletter.reporting.growth import count_membership, membership_of
from newsletter.reporting.issues import issue_reports
from newsletter.reporting.list_folding import fold_lists
from newsletter.reporting.list_tables import Step, growth_table, list_table
from newsletter.reporting.reading import LIVE_ROWS
from newsletter.reporting.sharing import public_summary, share_summary
from newsletter.reporting.timeline import story_of
from newsletter.reporting.trends import bounce_trends
from newsletter.settings import Settings

REPEAT: Final = 15
STORM_SIZE: Final = 10_000
#: Never committed.
STORM: Final = f"""INSERT INTO feedback_entries (key, word, at, campaign_id, delivery_id, subscriber_id, address_key, kind, status,
 reason, diagnostic, source, said_by) SELECT 'storm:' || id, 'bounced', now(), campaign_id, id, subscriber_id, address_key,
 'soft', '4.2.2', 'full', '', 'mail', '' FROM deliveries WHERE campaign_id + 0 = :campaign
 AND id > (SELECT first_row FROM campaigns WHERE id = :campaign) ORDER BY id LIMIT {STORM_SIZE}"""
SECRET: Final = b"a secret for benchmarks, long enough"
Query = Callable[[Session], Any]


def main() -> None:
    """Fill when asked to, count, measure, print or write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="an empty PostgreSQL database with --fill, else one that was filled")
    parser.add_argument("--fill", action="store_true")
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--campaigns", type=int, default=20)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    settings = Settings(_env_file=None, database_url=given.url)
    engine = create_database_engine(settings.sqlalchemy_url)
    document: dict[str, Any] = {"machine": {"cpus": os.cpu_count(), "python": platform.python_version()}}
    if given.fill:
        started = time.perf_counter()
        fill(engine, Size(given.people, given.campaigns))
        document["fill_seconds"] = round(time.perf_counter() - started, 1)
    sessions, reading = create_sessions(engine), create_reading_sessions(engine)
    document |= measured(sessions, reading)
    written = json.dumps(document, indent=1)
    print(written) if given.json is None else given.json.write_text(written, encoding="utf-8")


def measured(sessions: Any, reading: Any) -> dict[str, Any]:
    """Return the sizes, what the job costs, and the median and slowest of each query in milliseconds."""
    now = utcnow()
    with reading() as session:
        sizes = {
            "subscribers": session.scalar(select(func.count()).select_from(Subscriber)),
            "deliveries": session.scalar(select(func.max(Delivery.id))),
        }
        running = session.scalars(select(Campaign.id).order_by(Campaign.id.desc()).limit(1)).one()
    ended = running - 1
    costs = {
        f"count the totals of {_rows(reading, running):,} rows anew, as the command line does": _once(
            lambda: _count_totals(reading, running)
        ),
        f"count {_rows(reading, ended):,} rows by provider and reason too": _once(
            lambda: fold_campaign(sessions, reading, ended, now)
        ),
        "count every list anew": _once(lambda: _count_lists(reading, now)),
    }
    for minutes in (0, 2, 4):  # the mark of what came back lags behind
        fold_campaigns(sessions, reading, now + timedelta(minutes=minutes), budget=float("inf"))
    fold_lists(sessions, reading, now)
    with sessions() as session:
        token = share_summary(session, session.get_one(Campaign, ended), actor="benchmark", now=now).token
        session.commit()
    queries = {title: _timed(reading, query) for title, query in _queries(ended, running, token, now).items()}
    with sessions() as session:
        session.execute(text(STORM), {"campaign": ended})
        queries[f"report within a minute of {STORM_SIZE:,} more bounces"] = _timed(
            lambda: nullcontext(session), lambda s: campaign_report(s, find_campaign(s, str(ended)))
        )
    return {"sizes": sizes, "job_ms": costs, "queries_ms": queries, "live_rows": LIVE_ROWS}


def _queries(ended: int, running: int, token: str, now: datetime) -> dict[str, Query]:
    return {
        "report of a campaign that has ended": lambda s: campaign_report(s, find_campaign(s, str(ended))),
        "all its tables, clicks too": lambda s: campaign_tables(s, find_campaign(s, str(ended))).all,
        "report of a campaign that is half way": lambda s: campaign_report(
            s, find_campaign(s, str(running)), is_exact=False
        ),
        "all its tables": lambda s: campaign_tables(s, find_campaign(s, str(running))).all,
        "12 issues beside each other": issue_reports,
        "52 issues beside each other": lambda s: issue_reports(s, limit=52),
        "their bounces by reason and provider": lambda s: bounce_trends(s, issue_reports(s, limit=52).rows),
        "every list": lambda s: list_table([(one, membership_of(s, one, now)) for one in list_lists(s)]),
        "growth of the largest list, by week": lambda s: growth_table(
            membership_of(s, list_lists(s)[0], now), Step.WEEK
        ),
        "what happened to one address": lambda s: story_of(s, _some_address(s), secret=SECRET),
        "public summary": lambda s: public_summary(s, token),
        "which campaigns are to be counted": lambda s: due_campaigns(s, set(), now),
    }


def _some_address(session: Session) -> str:
    return session.scalars(select(Subscriber.email).where(Subscriber.id == 150)).one()


def _rows(reading: Any, campaign_id: int) -> int:
    with reading() as session:
        return session.get_one(Campaign, campaign_id).audience or 0


def _count_totals(reading: Any, campaign_id: int) -> None:
    with reading() as session:
        count_totals(session, campaign_id)


def _count_lists(reading: Any, now: datetime) -> None:
    with reading() as session:
        for one in list_lists(session):
            count_membership(session, one.id, now)


def _once(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return round((time.perf_counter() - started) * 1000, 1)


def _timed(reading: Any, query: Query) -> dict[str, float]:
    """Run a query in a session of its own each time, the first one too."""
    times = []
    for _ in range(REPEAT):
        with reading() as session:
            times.append(_once(lambda session=session: query(session)))  # type: ignore[misc]
    return {"median": statistics.median(times), "slowest": max(times)}


if __name__ == "__main__":
    main()
