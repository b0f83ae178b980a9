"""What the rooms count, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from newsletter.audience.search import search_subscribers
from newsletter.db.session import create_database_engine, create_sessions
from newsletter.delivery.models import Campaign
from newsletter.delivery.states import DeliveryState
from newsletter.reporting.campaign_tables import campaign_tables, failed_table
from newsletter.reporting.counting import count_paces, count_totals
from newsletter.reporting.issues import issue_reports
from newsletter.schema import metadata
from newsletter.web.queries.campaigns import campaign_page, percent_done
from newsletter.web.queries.deliveries import ledger_page
from newsletter.web.queries.left import leavings, suppression_page
from newsletter.web.queries.people import standings
from tests.support.rooms import fill


@pytest.fixture(params=["sqlite:///{}/test.db", "postgresql"])
def session(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Session]:
    """A filled database of each kind."""
    is_postgres = request.param == "postgresql"
    url = request.getfixturevalue("postgres_url") if is_postgres else request.param.format(tmp_path)
    engine = create_database_engine(url)
    metadata.create_all(engine)
    with create_sessions(engine)() as opened:
        fill(opened)
        yield opened
    engine.dispose()


def test_the_steps_of_the_speed_add_up(session: Session) -> None:
    campaign = session.get_one(Campaign, 2)
    steps = count_paces(session, campaign.id, count_totals(session, campaign.id))
    assert sum(step.accepted for step in steps) == 50
    assert steps[0].at == campaign.started_at
    assert all(earlier.at < later.at for earlier, later in pairwise(steps))
    assert {round(step.per_second) for step in steps} <= {4, 5, 6}


def test_providers_failures_and_percent_add_up(session: Session) -> None:
    tables = campaign_tables(session, session.get_one(Campaign, 2))
    provider = tables.providers.records()[0]
    assert [provider[key] for key in ("provider", "people", "sent", "refused")] == ["example.com", 60, 50, 10]
    assert [row[:3] for row in tables.bounces.rows] == [
        ("no_mailbox", "hard", 10),
        ("mailbox_full", "soft", 0),
    ]
    assert list(failed_table(session, session.get_one(Campaign, 2)).rows) == [("no_mailbox", "hard", 10)]
    assert percent_done(session, session.get_one(Campaign, 3)) == 73


def test_pages_walk_their_index(session: Session) -> None:
    assert [one.id for one in campaign_page(session).campaigns] == [3, 2, 1]
    found = ledger_page(session, 3, search="READER00001", state=DeliveryState.SENT).deliveries
    assert [row.address for row in found] == [f"reader{number:06}@example.com" for number in range(10, 20)]
    assert ledger_page(session, 3, search="reader_").deliveries == []


def test_standings_leavings_and_suppressions(session: Session) -> None:
    rows = suppression_page(session, search="READER", reason="", active=True, before=None)
    assert [row.reason for row in rows] == ["complaint", "hard_bounce"]
    assert [row.email for row in leavings(session, search="LEFT")] == ["left@example.com"]
    people = search_subscribers(session, "reader").subscribers
    words = [standings(session, people)[one.id].word for one in people[:3]]
    assert words == ["suppressed", "suppressed", "confirmed"]


def test_reports_are_sorted_by_their_numbers(session: Session) -> None:
    page = issue_reports(session)
    assert [row.label for row in page.rows] == ["66", "65"]
    assert [row.label for row in page.sorted_by("soft_bounces")] == ["65", "66"]
