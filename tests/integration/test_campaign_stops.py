"""Pause, resume and cancel with a real worker (R14): the last message is accepted within seconds, and nobody is lost or doubled.

The campaign was rehearsed before, so its log also says whether it is what was rehearsed.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from sqlalchemy.orm import Session

from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.delivery.control import campaigns
from newsletter.delivery.events import events_of
from newsletter.delivery.models import Campaign
from newsletter.reporting.campaigns import CampaignReport, campaign_report
from tests.servers import RedisServer, wait_for
from tests.support.filling import fill_letter, parts_of, start_letter
from tests.support.installation import Installation
from tests.support.sink import Sink, index_of, running_sink

RECIPIENTS = 6_000
CONNECTIONS = 10
PROCESSES = 2
#: Each answer of the relay takes so long: 200 messages a second, half a minute for everybody.
DELAY = 0.05
#: What R14 allows between the decision and the last accepted message.
SECONDS = 5.0
Decision = Callable[[Session, Campaign], object]


@dataclass(frozen=True)
class Running:
    """A campaign on its way."""

    parts: Container
    sink: Sink
    campaign_id: int

    def decide(self, decision: Decision) -> float:
        """Do what a button does; return the time at which it is in the database."""
        with unit_of_work(self.parts.sessions) as session:
            decision(session, session.get_one(Campaign, self.campaign_id))
        return time.time()

    def stopped_after(self, decided: float) -> float:
        """Watch twice as long as allowed; return the seconds until the last message was accepted."""
        time.sleep(2 * SECONDS)
        return index_of(self.sink.store).stat().st_mtime - decided

    def report(self) -> CampaignReport:
        with self.parts.reading_sessions() as session:
            return campaign_report(session, session.get_one(Campaign, self.campaign_id))

    def log(self) -> list[str]:
        with self.parts.reading_sessions() as session:
            return [event.what for event in events_of(session, self.campaign_id)]


@pytest.fixture
def running(
    tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer, postgres_database: str
) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("stops")
    with ExitStack() as stack:
        sink = stack.enter_context(running_sink(folder, delay=DELAY))
        place = Installation.at(
            folder, database_url=postgres_database, broker_url=redis_server.url,
            smtp_url=f"smtp://127.0.0.1:{sink.port}", smtp_connections=str(CONNECTIONS),
        )  # fmt: skip
        parts = parts_of(place)
        people = ((f"reader{number}@example.com", f"Reader {number}") for number in range(RECIPIENTS))
        fill_letter(parts, people, folder=folder)
        place.run("issue", "rehearse", "letter/1", "--list", "readers")
        stack.enter_context(place.running("worker", "--concurrency", str(PROCESSES)))
        stack.enter_context(place.running("beat"))
        yield Running(parts, sink, start_letter(parts))
        parts.dispose()


def test_it_stops_within_seconds_goes_on_and_ends(running: Running) -> None:
    now, queue = running.parts.clock.now, running.parts.queue
    _stops(running, 400, lambda session, campaign: campaigns.pause(session, campaign, actor="t", now=now()))
    paused = running.report()
    assert (paused.sent, paused.in_flight) == (running.sink.count(), 0)
    running.decide(lambda session, campaign: campaigns.resume(session, queue, campaign, actor="t", now=now()))
    _stops(
        running, paused.sent + 400,
        lambda session, campaign: campaigns.cancel(session, campaign, actor="t", now=now()),
    )  # fmt: skip
    _adds_up(running)
    assert any(line.startswith("Matches the rehearsal of") for line in running.log())


def _stops(running: Running, when: int, decision: Decision) -> None:
    """After so many messages decide, and hold that no more follow than were in flight, within seconds."""
    wait_for(lambda: running.sink.count() >= when, f"{when} messages", 60)
    decided = running.decide(decision)
    accepted = running.sink.count()
    assert running.stopped_after(decided) <= SECONDS
    assert running.sink.count() - accepted <= CONNECTIONS * PROCESSES


def _adds_up(running: Running) -> None:
    """Everybody got it once or is counted as skipped."""
    report = running.report()
    assert (report.state, report.sent) == ("cancelled", running.sink.count())
    assert report.sent + report.skipped == report.audience == RECIPIENTS
    counted = Counter(accepted.recipient for accepted in running.sink.accepted())
    assert set(counted.values()) == {1}
