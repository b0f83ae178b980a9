"""Brakes on PostgreSQL with a relay that refuses as told: at, below and above each threshold; in time; and at what price."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from newsletter.bootstrap import Container, build_container
from newsletter.db import migrate
from newsletter.db.session import unit_of_work
from newsletter.delivery.brakes.braking import evaluate_brakes, evaluate_finished, forget_tallies, read_counts
from newsletter.delivery.control.freeze import freeze_campaign
from newsletter.delivery.control.stage_plan import Stage
from newsletter.delivery.control.staging import set_stage
from newsletter.delivery.dbtime import database_now
from newsletter.delivery.events import events_of
from newsletter.delivery.models import AttemptTally, Campaign, Delivery
from newsletter.delivery.relays.routes import Relay as Route
from newsletter.delivery.relays.routes import Routes
from newsletter.delivery.sending.claim import Claimed
from newsletter.delivery.sending.engine import Sender
from newsletter.delivery.sending.outgoing import campaign_mail
from newsletter.delivery.sending.tally import write_tally
from newsletter.delivery.sending.writing import Mail
from newsletter.delivery.service import send_campaign
from newsletter.delivery.smtp.conversation import Envelope
from newsletter.delivery.states import DeliveryState
from newsletter.delivery.upkeep.sweep import sweep
from newsletter.errors import InvalidInput
from newsletter.feedback.service import apply_returned_mail, store_returned_mail
from newsletter.settings import Settings
from tests.conftest import RecordingQueue
from tests.support.filling import fill_letter, start_letter
from tests.support.relay import Relay, running_relay
from tests.support.returned_mail import complaint, delivery_report

PEOPLE = 400
DEAD, POLICY = "550 5.1.1 No such user", "550 5.7.1 Rejected by policy"


@pytest.fixture
def relay() -> Iterator[Relay]:
    with running_relay(Relay()) as running:
        yield running


@pytest.fixture
def parts(postgres_url: str, settings: Settings, relay: Relay) -> Iterator[Container]:
    told = {
        "database_url": postgres_url, "smtp_url": f"smtp://127.0.0.1:{relay.port}", "smtp_connections": 5,
    }  # fmt: skip
    made = build_container(settings.model_copy(update=told), queue=RecordingQueue())
    migrate.upgrade(made.engine)
    yield made
    made.dispose()


def frozen(parts: Container, folder: Path, people: int = PEOPLE, stage: Stage | None = None) -> int:
    fill_letter(parts, [(f"reader{n}@example.com", "") for n in range(people)], folder=folder)
    campaign_id = start_letter(parts)
    if stage is not None:
        with unit_of_work(parts.sessions) as session:
            set_stage(session, session.get_one(Campaign, campaign_id), stage)
    freeze_campaign(parts.sessions, parts.queue, campaign_id)
    return campaign_id


def refusing(count: int, reply: str) -> Callable[[str], str | None]:
    """Refuse the first `count` readers, whenever they come."""
    return lambda address: reply if int(address.partition("@")[0].removeprefix("reader")) < count else None


def look(parts: Container, campaign_id: int) -> Campaign:
    with parts.reading_sessions() as session:
        return session.get_one(Campaign, campaign_id)


@pytest.mark.parametrize(
    ("reply", "count", "stops"),
    [(DEAD, 19, False), (DEAD, 20, True), (DEAD, 60, True), (POLICY, 39, False), (POLICY, 40, True), (POLICY, 80, True)],
)  # fmt: skip
def test_refusals_at_below_and_above_the_threshold(
    parts: Container, relay: Relay, tmp_path: Path, reply: str, count: int, stops: bool
) -> None:
    campaign_id = frozen(parts, tmp_path)
    relay.at_rcpt = refusing(count, reply)
    send_campaign(parts.sending, campaign_id)
    campaign = look(parts, campaign_id)
    assert (campaign.braked_at is not None) is stops
    assert campaign.state == ("paused" if stops else "finished")


@pytest.mark.parametrize(("count", "stops"), [(3, False), (4, True), (12, True)])
def test_messages_that_cannot_be_written_at_below_and_above(
    parts: Container, relay: Relay, tmp_path: Path, count: int, stops: bool
) -> None:
    campaign_id = frozen(parts, tmp_path)
    with parts.sessions() as session:
        campaign = session.get_one(Campaign, campaign_id)
        mail, first_row = campaign_mail(parts.sending.room, campaign), campaign.first_row

    def prepare(row: Claimed) -> Envelope:
        if row.id <= first_row + count:
            raise InvalidInput("the name is longer than a line may be")
        return mail.prepare(row)

    routes = Routes([Route("default", parts.sending.target)], parts.clock.monotonic)
    Sender(
        sessions=parts.sessions, clock=parts.clock, routes=routes, scope=mail.scope, mail=Mail(prepare),
        journal_folder=parts.sending.journal_folder, connections=5, cursor=first_row, first_row=first_row,
    ).run()  # fmt: skip
    sweep(parts.sessions, parts.queue, parts.sending.journal_folder)
    assert len(relay.accepted) == PEOPLE - count
    assert look(parts, campaign_id).state == ("paused" if stops else "finished")


def test_it_stops_within_ten_seconds_of_crossing(parts: Container, relay: Relay, tmp_path: Path) -> None:
    """From the 400th reader on every address is dead; a sender sends, the sweep comes every five seconds."""
    campaign_id = frozen(parts, tmp_path, 6_000)
    refused: list[float] = []

    def answer(address: str) -> str | None:
        time.sleep(0.002)  # about 500 a second
        if int(address.partition("@")[0].removeprefix("reader")) < 400:
            return None
        refused.append(time.monotonic())
        return DEAD

    relay.at_rcpt = answer
    sender = threading.Thread(target=send_campaign, args=(parts.sending, campaign_id))
    sender.start()
    while sender.is_alive() and look(parts, campaign_id).state == "sending":
        sender.join(5.0)
        sweep(parts.sessions, parts.queue, parts.sending.journal_folder)
    sender.join(30.0)
    crossed, last = refused[22], refused[-1]  # 22 of 422 are 5.2 %
    assert look(parts, campaign_id).braked_at is not None
    assert last - crossed <= 10.0
    with parts.reading_sessions() as session:
        left = select(func.count()).where(Delivery.state == int(DeliveryState.QUEUED))
        assert (session.scalar(left) or 0) > 0


@pytest.mark.parametrize(("dead", "goes_on"), [(18, True), (60, False)])
def test_a_hold_ends_by_the_verdict_of_the_brakes(
    parts: Container, relay: Relay, tmp_path: Path, dead: int, goes_on: bool
) -> None:
    """Half of 400 people are the first part; about nine of those are dead, or thirty."""
    campaign_id = frozen(parts, tmp_path, stage=Stage(50, timedelta(0)))
    relay.at_rcpt = refusing(dead, DEAD)
    for _ in range(3):
        send_campaign(parts.sending, campaign_id)
        sweep(parts.sessions, parts.queue, parts.sending.journal_folder)
    assert look(parts, campaign_id).state == ("finished" if goes_on else "paused")
    assert (len(relay.accepted) == PEOPLE - dead) is goes_on
    assert goes_on or len(relay.accepted) < PEOPLE // 2


def test_of_many_that_notice_at_once_one_stops_it(parts: Container, tmp_path: Path) -> None:
    campaign_id = frozen(parts, tmp_path, 1)
    with unit_of_work(parts.sessions) as session:
        counts = {"attempts": 400, "hard": 40, "policy": 0, "unwritable": 0, "complaints": 0}
        write_tally(session, campaign_id, [{"group_name": "", **counts}], database_now(session))

    def look_once(_: int) -> None:
        with unit_of_work(parts.sessions) as session:
            evaluate_brakes(session, campaign_id, database_now(session))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(look_once, range(8)))
    with parts.reading_sessions() as session:
        said = [event.what for event in events_of(session, campaign_id)]
        assert sum("Stopped by its brakes" in what for what in said) == 1


def bring(parts: Container, campaign_id: int, numbers: range, *, complains: bool) -> None:
    """Return mail from the first people it was sent to."""
    now = parts.clock.now()
    with unit_of_work(parts.sessions) as session:
        rows = session.scalars(
            select(Delivery).where(Delivery.campaign_id == campaign_id).order_by(Delivery.id)
        )
        for row in list(rows)[numbers.start : numbers.stop]:
            raw = complaint(row.address) if complains else delivery_report(row.address, "5.1.1", DEAD)
            token = parts.keyring.return_path.sign(row.id)
            stored = store_returned_mail(
                session, raw + f"\r\n{row.id}".encode(), recipient=f"b+{token}@bounces.example.com", sender="", now=now
            )  # fmt: skip
            assert stored is not None
            apply_returned_mail(session, stored.id, keyring=parts.keyring, now=now)
        evaluate_finished(session, now)


@pytest.mark.parametrize(("complains", "below", "stopping"), [(True, 2, 3), (False, 19, 20)])
def test_returned_mail_marks_a_campaign_that_is_over(
    parts: Container, tmp_path: Path, complains: bool, below: int, stopping: int
) -> None:
    campaign_id = frozen(parts, tmp_path)
    send_campaign(parts.sending, campaign_id)
    bring(parts, campaign_id, range(below), complains=complains)
    assert look(parts, campaign_id).braked_at is None
    bring(parts, campaign_id, range(below, stopping), complains=complains)
    assert look(parts, campaign_id).braked_at is not None
    assert look(parts, campaign_id).state == "finished"


FILL = """
INSERT INTO attempt_tallies (campaign_id, at, group_name, attempts, hard, policy, unwritable, complaints)
SELECT :campaign, now() - make_interval(secs => n % 86400), CASE WHEN n % 4 = 0 THEN '' ELSE 'group' || n % 4 END, 1, 0, 0, 0, 0
FROM generate_series(0, :rows) AS n
"""


def seconds_of(session: Session, campaign_id: int, now: datetime) -> float:
    began = time.perf_counter()
    evaluate_brakes(session, campaign_id, now)
    return time.perf_counter() - began


def test_a_long_day_of_counts_stays_cheap(parts: Container, tmp_path: Path) -> None:
    """Folding keeps what the brakes read small, and the sums the same."""
    campaign_id = frozen(parts, tmp_path, 1)
    with unit_of_work(parts.sessions) as session:
        now = database_now(session)
        session.get_one(Campaign, campaign_id).created_at = now - timedelta(days=2)
        session.execute(text(FILL), {"campaign": campaign_id, "rows": 200_000})
    with unit_of_work(parts.sessions) as session:
        before = read_counts(session, session.get_one(Campaign, campaign_id), now)
        forget_tallies(session, now)
    with unit_of_work(parts.sessions) as session:
        assert (session.scalar(select(func.count()).select_from(AttemptTally)) or 0) < 4_000
        after = read_counts(session, session.get_one(Campaign, campaign_id), now)
        assert after.attempts_of_day == pytest.approx(before.attempts_of_day, abs=100)
        assert min(seconds_of(session, campaign_id, now) for _ in range(5)) < 0.02
