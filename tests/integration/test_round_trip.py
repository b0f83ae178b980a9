"""A campaign through a real Postfix and back: report, suppressions and everybody's history agree with what the servers did.

To the last address; with worker and receiver killed while they apply what came back; and all of it replayed three times changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select

from newsletter.audience.models import Subscriber, Suppression
from newsletter.feedback.models import FeedbackEntry
from tests.servers import RedisServer, wait_for
from tests.support.round_trip import RoundTrip, kind_of, people, round_trip, wait_for_all, working

READERS = 200
TO_BE_BRAKED = 400
EXPECTED = {
    "dead": [("bounced", "hard", "dead")],
    "full": [("bounced", "soft", "full")],
    "cross": [("complained", None, "unknown")],
    "reader": [],
}
SUPPRESSED = {"dead": "hard_bounce", "cross": "complaint"}


@dataclass(frozen=True)
class Done:
    """The trip when all was applied, and what the database held then."""

    trip: RoundTrip
    campaign_id: int
    after: dict[str, Any]


@pytest.fixture(scope="module")
def done(
    tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer, postgres_database: str
) -> Iterator[Done]:
    """One campaign without brakes; worker and receiver are killed when a part of what came back is applied."""
    folder = tmp_path_factory.mktemp("trip")
    folder.chmod(0o755)
    with ExitStack() as stack:
        trip = stack.enter_context(
            round_trip(folder, readers=READERS, database_url=postgres_database, broker_url=redis_server.url)
        )
        crash = stack.enter_context(working(trip, killed_after=8))
        campaign_id = trip.start(has_brakes=False)
        crash()
        wait_for(lambda: trip.state(campaign_id) == "finished", "the end of the campaign", 120)
        bounced = sum(kind_of(address) in ("dead", "full") for address, _ in people(READERS))
        wait_for_all(trip, bounced)
        wait_for_all(trip, bounced + trip.complain())
        yield Done(trip, campaign_id, trip.snapshot(campaign_id))


def of_kind(*kinds: str) -> set[str]:
    return {address for address, _ in people(READERS) if kind_of(address) in kinds}


def test_the_servers_did_what_the_names_say(done: Done) -> None:
    """The oracle itself: each reader was refused or accepted, once."""
    accepted = done.trip.exchanger.accepted()
    assert set(done.trip.exchanger.refused) == of_kind("dead", "full")
    assert set(accepted) == of_kind("cross", "reader")
    assert set(accepted.values()) == {1}


def test_the_report_agrees(done: Done) -> None:
    report = done.trip.place.json("campaign", "report", str(done.campaign_id))
    assert report["audience"] == report["sent"] + report["ambiguous"] == READERS
    assert report["hard_bounces"] == len(of_kind("dead"))
    assert report["soft_bounces"] == len(of_kind("full"))
    assert report["complaints"] == len(of_kind("cross"))


def test_the_suppressions_agree(done: Done) -> None:
    with done.trip.parts.reading_sessions() as session:
        active = session.execute(
            select(Suppression.address_key, Suppression.reason).where(Suppression.lifted_at.is_(None))
        )
        found = {row.address_key: row.reason for row in active}
    assert found == {
        address: SUPPRESSED[kind_of(address)]
        for address, _ in people(READERS)
        if kind_of(address) in SUPPRESSED
    }


def test_everybodys_history_agrees(done: Done) -> None:
    history: dict[str, list[tuple[str, str | None, str]]] = {}
    with done.trip.parts.reading_sessions() as session:
        for person in session.scalars(select(Subscriber)):
            entries = session.scalars(select(FeedbackEntry).where(FeedbackEntry.subscriber_id == person.id))
            history[person.email] = [(entry.word, entry.kind, entry.reason) for entry in entries]
    assert history == {address: EXPECTED[kind_of(address)] for address, _ in people(READERS)}


def test_all_of_it_replayed_three_times_changes_nothing(done: Done) -> None:
    for _ in range(3):
        assert done.trip.replay() == len(of_kind("dead", "full", "cross"))
        wait_for(lambda: done.trip.count("new") == 0, "the applying")
    assert done.trip.snapshot(done.campaign_id) == done.after


def test_the_brakes_pause_it(
    tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer, postgres_url: str
) -> None:
    """The same with brakes, slow enough for the bounces to come back meanwhile: it stops by itself and says why."""
    folder = tmp_path_factory.mktemp("braked")
    folder.chmod(0o755)
    with ExitStack() as stack:
        trip = stack.enter_context(
            round_trip(folder, readers=TO_BE_BRAKED, database_url=postgres_url, broker_url=redis_server.url)
        )
        trip.place.run("limits", "set", "relay", "default", "40/second")
        stack.enter_context(working(trip))
        campaign_id = trip.start(has_brakes=True)
        wait_for(lambda: trip.state(campaign_id) == "paused", "the brakes", 240)
        shown = trip.place.json("campaign", "show", str(campaign_id))
        report = trip.place.json("campaign", "report", str(campaign_id))
    assert shown["brakes"]["stopped_at"] is not None
    assert "addresses are dead" in shown["reason"]
    assert 0 < report["sent"] < TO_BE_BRAKED
