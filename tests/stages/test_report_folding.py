"""When counts are made anew, how seldom, and that pages of a very large campaign say how old their numbers are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from newsletter.db.session import (
    Sessions,
    create_database_engine,
    create_reading_sessions,
    create_sessions,
    unit_of_work,
)
from newsletter.delivery.events import note
from newsletter.delivery.models import Campaign, Delivery
from newsletter.delivery.states import DeliveryState
from newsletter.feedback.models import FeedbackEntry
from newsletter.reporting import marks
from newsletter.reporting.campaigns import campaign_report
from newsletter.reporting.due import DETAIL_FACTOR, TOTALS_FACTOR
from newsletter.reporting.folding import fold_campaigns
from newsletter.reporting.growth import LIVE_MEMBERSHIPS, membership_of
from newsletter.reporting.list_folding import fold_lists
from newsletter.reporting.models import CampaignSummary, ListSummary
from newsletter.reporting.reading import LIVE_ROWS
from newsletter.schema import metadata
from tests.support.rooms import NOW, fill

FINISHED, RUNNING = 2, 3


@pytest.fixture(params=["sqlite:///{}/test.db", "postgresql"])
def filled(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sessions]:
    """A filled database of each kind."""
    is_postgres = request.param == "postgresql"
    url = request.getfixturevalue("postgres_url") if is_postgres else request.param.format(tmp_path)
    engine = create_database_engine(url)
    metadata.create_all(engine)
    sessions = create_sessions(engine)
    with unit_of_work(sessions) as session:
        fill(session)
    yield sessions
    engine.dispose()


def fold(sessions: Sessions, at: datetime) -> int:
    """Let the job run."""
    return fold_campaigns(sessions, create_reading_sessions(sessions.kw["bind"]), at)


def summary(sessions: Sessions, campaign_id: int) -> CampaignSummary:
    """Return the stored counts of a campaign."""
    with sessions() as session:
        return session.get_one(CampaignSummary, campaign_id)


def test_what_is_settled_is_counted_once(filled: Sessions) -> None:
    assert fold(filled, NOW) == 3
    assert summary(filled, FINISHED).is_settled
    assert not summary(filled, RUNNING).is_settled
    assert fold(filled, NOW + timedelta(minutes=1)) == 1
    assert summary(filled, RUNNING).counted_at == NOW + timedelta(minutes=1)
    assert summary(filled, FINISHED).counted_at == NOW


def test_an_event_makes_a_settled_count_old_at_once(filled: Sessions) -> None:
    fold(filled, NOW)
    with unit_of_work(filled) as session:
        one = session.query(Delivery).filter_by(campaign_id=FINISHED, state=int(DeliveryState.SENT)).first()
        assert one is not None
        one.state = int(DeliveryState.AMBIGUOUS)
        note(session, FINISHED, "1 unknown: unknown.", now=NOW)
    with filled() as session:
        report = campaign_report(session, session.get_one(Campaign, FINISHED))
        assert (report.sent, report.ambiguous, report.adds_up) == (49, 1, True)
    fold(filled, NOW + timedelta(minutes=1))
    assert not summary(filled, FINISHED).is_settled


def test_costly_counts_are_made_seldom(filled: Sessions) -> None:
    fold(filled, NOW)
    with unit_of_work(filled) as session:
        session.execute(update(CampaignSummary).values(took_ms=3_000, detail_ms=9_000))
    assert fold(filled, NOW + timedelta(milliseconds=3_000 * TOTALS_FACTOR - 1)) == 0
    assert fold(filled, NOW + timedelta(milliseconds=3_000 * TOTALS_FACTOR)) == 1
    assert summary(filled, RUNNING).detail_at == NOW
    with unit_of_work(filled) as session:
        session.execute(update(CampaignSummary).values(took_ms=0, detail_ms=9_000))
    later = NOW + timedelta(milliseconds=9_000 * DETAIL_FACTOR)
    fold(filled, later)
    assert summary(filled, RUNNING).detail_at == later


def test_a_very_large_campaign_shows_its_last_count_and_says_so(filled: Sessions) -> None:
    with unit_of_work(filled) as session:
        session.get_one(Campaign, RUNNING).audience = LIVE_ROWS + 1
    fold(filled, NOW)
    with unit_of_work(filled) as session:
        session.execute(
            update(Delivery)
            .where(Delivery.campaign_id == RUNNING, Delivery.state == int(DeliveryState.QUEUED))
            .values(state=int(DeliveryState.SENT))
        )
    with filled() as session:
        campaign = session.get_one(Campaign, RUNNING)
        shown, exact = campaign_report(session, campaign, is_exact=False), campaign_report(session, campaign)
    assert (shown.sent, shown.counted_at) == (40, NOW)
    assert (exact.sent, exact.counted_at) == (55, None)


def test_what_comes_back_is_seen_at_once_and_folded_later(filled: Sessions) -> None:
    for minute in range(4):
        fold(filled, NOW + timedelta(minutes=minute))
    with filled() as session:
        assert marks.touched_campaigns(session) == set()
    with unit_of_work(filled) as session:
        one = session.query(Delivery).filter_by(campaign_id=FINISHED, state=int(DeliveryState.SENT)).first()
        assert one is not None
        session.add(
            FeedbackEntry(
                key="new", word="bounced", kind="hard", at=NOW, campaign_id=FINISHED, delivery_id=one.id,
                address_key=one.address_key, reason="dead", source="mail",
            )
        )  # fmt: skip
    with filled() as session:
        assert marks.touched_campaigns(session) == {FINISHED}
        assert campaign_report(session, session.get_one(Campaign, FINISHED)).hard_bounces == 11
    assert summary(filled, FINISHED).returned_hard == 0
    fold(filled, NOW + timedelta(minutes=5))
    assert summary(filled, FINISHED).returned_hard == 1


def test_what_was_drawn_before_and_committed_later_is_not_missed(filled: Sessions) -> None:
    for minute in range(4):
        fold(filled, NOW + timedelta(minutes=minute))
    with unit_of_work(filled) as session:
        session.add(_bounce(1_000))
    fold(filled, NOW + timedelta(minutes=5))
    with unit_of_work(filled) as session:
        session.add(_bounce(999))
    with filled() as session:
        assert campaign_report(session, session.get_one(Campaign, FINISHED)).soft_bounces == 3
    fold(filled, NOW + timedelta(minutes=7))
    assert summary(filled, FINISHED).returned_soft == 3


def _bounce(number: int) -> FeedbackEntry:
    return FeedbackEntry(
        id=number, key=f"late {number}", word="bounced", kind="soft", at=NOW, campaign_id=FINISHED, delivery_id=number,
        address_key="a@example.com", reason="full", source="mail",
    )  # fmt: skip


def test_only_one_counts_at_a_time_and_the_dead_are_not_waited_for_long(filled: Sessions) -> None:
    with unit_of_work(filled) as session:
        assert marks.take_turn(session, NOW)
    assert fold(filled, NOW + timedelta(seconds=30)) == 0
    assert fold(filled, NOW + timedelta(minutes=3)) == 3


def test_a_round_ends_when_its_time_is_up(filled: Sessions) -> None:
    reading = create_reading_sessions(filled.kw["bind"])
    assert fold_campaigns(filled, reading, NOW, budget=0) == 0
    assert fold(filled, NOW) == 3


def test_a_very_large_list_is_read_from_its_count(filled: Sessions) -> None:
    reading = create_reading_sessions(filled.kw["bind"])
    assert fold_lists(filled, reading, NOW) == 2
    assert fold_lists(filled, reading, NOW + timedelta(minutes=1)) == 0
    with unit_of_work(filled) as session:
        stored = session.get_one(ListSummary, 1)
        stored.document = stored.document | {"confirmed": LIVE_MEMBERSHIPS + 1}
    with filled() as session:
        mailing_list = session.get_one(Campaign, FINISHED).lists[0]
        found = membership_of(session, mailing_list, NOW + timedelta(minutes=1))
    assert (found.confirmed, found.counted_at) == (LIVE_MEMBERSHIPS + 1, NOW)
