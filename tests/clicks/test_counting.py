"""From hits to numbers: once per delivery, under the best verdict, nothing without consent; SQLite and PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple

import pytest
from sqlalchemy import func, select

from newsletter.audience.consent import Evidence
from newsletter.audience.models import Consent, Subscriber
from newsletter.audience.tracking import Choices, choices_at, choices_of
from newsletter.bootstrap import Container, build_container
from newsletter.db.session import unit_of_work
from newsletter.delivery.models import Delivery
from newsletter.delivery.states import DeliveryState
from newsletter.feedback.engagement import reading
from newsletter.feedback.engagement.choosing import choose
from newsletter.feedback.engagement.counting import count_hits
from newsletter.feedback.engagement.models import Click, Hit, Open
from newsletter.feedback.erasure import erase_person
from newsletter.issues.models import Publication
from newsletter.schema import metadata
from newsletter.settings import Settings
from tests.conftest import RecordingQueue
from tests.support.counted import HandClock, SentIssue, counted_now, send_counted
from tests.support.signed_in import TestClient

YES, NO = Choices(opens=True), Choices(clicks=False, opens=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def parts(request: pytest.FixtureRequest, settings: Settings, clock: HandClock) -> Iterator[Container]:
    """The parts of an installation on either database."""
    if request.param == "postgresql":
        settings.database_url = request.getfixturevalue("postgres_url")
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    made = build_container(settings, queue=RecordingQueue(), clock=clock)
    metadata.create_all(made.engine)
    yield made
    made.clicks.close()
    made.dispose()


@pytest.fixture
def sent(parts: Container) -> SentIssue:
    return send_counted(parts, "ada@example.com", "bo@example.com", "cy@example.com")


def numbers(parts: Container, sent: SentIssue) -> tuple[int, ...]:
    """Return people, uncertain, machines of the campaign."""
    with parts.reading_sessions() as session:
        return astuple(reading.click_numbers(session, sent.campaign_id))


def opened(parts: Container, sent: SentIssue) -> tuple[int, ...]:
    with parts.reading_sessions() as session:
        return astuple(reading.open_numbers(session, sent.campaign_id))


def by_link(parts: Container, sent: SentIssue) -> list[tuple[int, ...]]:
    with parts.reading_sessions() as session:
        found = reading.link_numbers(session, sent.campaign_id, sent.issue_id)
        return [astuple(each.numbers) for each in found]


def rows(parts: Container, model: type) -> int:
    with parts.reading_sessions() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def says(parts: Container, clock: HandClock, email: str, wanted: Choices) -> None:
    with unit_of_work(parts.sessions) as session:
        person = session.scalars(select(Subscriber).where(Subscriber.email == email)).one()
        choose(session, person.id, wanted, evidence=Evidence("test", wording="so"), now=clock.now())


def test_a_reader_counts_once_whatever_they_follow(
    visitor: TestClient, parts: Container, sent: SentIssue, clock: HandClock
) -> None:
    for link in (0, 3, 0, 3):
        visitor.get(sent.path(link))
        parts.clicks.buffer.flush()
        clock.move(20)
    counted_now(parts, clock)
    assert numbers(parts, sent) == (1, 0, 0)
    assert by_link(parts, sent) == [(1, 0, 0), (0, 0, 0), (0, 0, 0), (1, 0, 0), (0, 0, 0), (0, 0, 0)]
    assert rows(parts, Hit) == 0
    visitor.get(sent.path(0))
    counted_now(parts, clock)
    assert numbers(parts, sent) == (1, 0, 0)
    with parts.reading_sessions() as session:
        first = session.scalars(select(Click).order_by(Click.link_id)).first()
        assert first is not None
        assert first.hits == 3


def test_nothing_is_judged_before_its_surroundings_are_known(
    visitor: TestClient, parts: Container, sent: SentIssue, clock: HandClock
) -> None:
    visitor.get(sent.path(0))
    parts.clicks.buffer.flush()
    clock.move(29)
    with unit_of_work(parts.sessions) as session:
        assert count_hits(session, clock.now()) == 0
    clock.move(2)
    with unit_of_work(parts.sessions) as session:
        assert count_hits(session, clock.now()) == 1
        assert count_hits(session, clock.now()) == 0


def test_a_machine_is_a_machine_until_a_person_comes(
    visitor: TestClient, parts: Container, sent: SentIssue, clock: HandClock
) -> None:
    for link in range(7):
        visitor.get(sent.path(link))
    counted_now(parts, clock)
    assert numbers(parts, sent) == (0, 0, 1)
    assert by_link(parts, sent) == [(0, 0, 1)] * 6
    clock.move(600)
    visitor.get(sent.path(2))
    counted_now(parts, clock)
    assert numbers(parts, sent) == (1, 0, 0)
    assert by_link(parts, sent) == [(0, 0, 1), (0, 0, 1), (1, 0, 0), *[(0, 0, 1)] * 3]


def test_somebody_who_goes_on_and_on_is_judged_in_pieces(
    visitor: TestClient, parts: Container, sent: SentIssue, clock: HandClock
) -> None:
    for _ in range(20):
        visitor.get(sent.path(1))
        parts.clicks.buffer.flush()
        clock.move(25)
    with unit_of_work(parts.sessions) as session:
        assert count_hits(session, clock.now()) == 20


def test_who_declined_is_led_on_and_leaves_no_trace(
    visitor: TestClient, parts: Container, sent: SentIssue, clock: HandClock
) -> None:
    says(parts, clock, "ada@example.com", NO)
    assert visitor.get(sent.path(0)).headers["location"] == "https://harbour.example/1"
    assert visitor.get(f"/o/{sent.tokens[0]}").status_code == 200
    counted_now(parts, clock)
    assert (rows(parts, Hit), rows(parts, Click), rows(parts, Open)) == (0, 0, 0)
    assert numbers(parts, sent) == (0, 0, 0)


def test_declining_takes_back_what_was_kept_of_the_person_and_leaves_the_numbers(
    visitor: TestClient, parts: Container, sent: SentIssue, clock: HandClock
) -> None:
    says(parts, clock, "ada@example.com", YES)
    visitor.get(sent.path(0))
    visitor.get(f"/o/{sent.tokens[0]}")
    visitor.get(sent.path(0, 1))
    counted_now(parts, clock)
    visitor.get(sent.path(1))
    parts.clicks.buffer.flush()  # waits to be judged
    says(parts, clock, "ada@example.com", NO)
    counted_now(parts, clock)
    assert (rows(parts, Hit), rows(parts, Click), rows(parts, Open)) == (0, 1, 0)
    assert numbers(parts, sent) == (2, 0, 0)
    assert opened(parts, sent) == (1, 0, 0)


@pytest.mark.parametrize(("rule", "choice", "counted"), [
    ("off", True, 0), ("off", None, 0), ("asked", None, 0), ("asked", True, 1), ("asked", False, 0), ("all", None, 1),
    ("all", False, 0), ("unheard of", True, 0),
])  # fmt: skip
def test_the_rule_of_the_publication_and_the_word_of_the_person(
    visitor: TestClient, parts: Container, sent: SentIssue, clock: HandClock, rule: str, choice: bool | None, counted: int
) -> None:  # fmt: skip
    with unit_of_work(parts.sessions) as session:
        session.scalars(select(Publication)).one().click_counting = rule[:5]
    says(parts, clock, "ada@example.com", Choices(clicks=choice))
    visitor.get(sent.path(0))
    counted_now(parts, clock)
    assert numbers(parts, sent) == (counted, 0, 0)


def test_opens_of_who_agreed(
    visitor: TestClient, parts: Container, sent: SentIssue, clock: HandClock
) -> None:
    says(parts, clock, "bo@example.com", YES)
    for token in sent.tokens:
        visitor.get(f"/o/{token}")
    counted_now(parts, clock)
    assert opened(parts, sent) == (1, 0, 0)
    assert numbers(parts, sent) == (0, 0, 0)


def test_a_followed_link_proves_that_an_ambiguous_mail_arrived(
    visitor: TestClient, parts: Container, sent: SentIssue
) -> None:
    with unit_of_work(parts.sessions) as session:
        session.get_one(Delivery, sent.deliveries[0]).state = int(DeliveryState.AMBIGUOUS)
    visitor.get(sent.path(0))
    parts.clicks.buffer.flush()
    with parts.reading_sessions() as session:
        assert session.get_one(Delivery, sent.deliveries[0]).state == DeliveryState.SENT


def test_whoever_is_erased_is_forgotten_here_too(
    visitor: TestClient, parts: Container, sent: SentIssue, clock: HandClock
) -> None:
    says(parts, clock, "ada@example.com", YES)
    visitor.get(sent.path(0))
    visitor.get(f"/o/{sent.tokens[0]}")
    counted_now(parts, clock)
    visitor.get(sent.path(1))
    parts.clicks.buffer.flush()
    with unit_of_work(parts.sessions) as session:
        erase_person(session, "ada@example.com", secret=b"s" * 16, actor="t", now=clock.now())
    assert (rows(parts, Hit), rows(parts, Click), rows(parts, Open)) == (0, 0, 0)
    visitor.get(sent.path(0))
    counted_now(parts, clock)
    assert rows(parts, Click) == 0
    assert numbers(parts, sent) == (1, 0, 0)


def test_a_hit_that_was_being_written_when_the_person_declined_is_not_counted(
    visitor: TestClient, parts: Container, sent: SentIssue, clock: HandClock
) -> None:
    says(parts, clock, "ada@example.com", NO)
    with unit_of_work(parts.sessions) as session:  # as if it had been let in a moment before
        session.add(Hit(delivery_id=sent.deliveries[0], link_id=1, at=clock.now(), signals=0))
        session.add(Hit(delivery_id=sent.deliveries[0], link_id=None, at=clock.now(), signals=0))
    counted_now(parts, clock)
    assert (rows(parts, Hit), rows(parts, Click), rows(parts, Open)) == (0, 0, 0)
    assert numbers(parts, sent) == (0, 0, 0)


def test_choices_are_recorded_and_known_for_any_time(
    parts: Container, sent: SentIssue, clock: HandClock
) -> None:
    with parts.reading_sessions() as session:
        person = session.scalars(select(Subscriber).where(Subscriber.email == "ada@example.com")).one()
    before = clock.now()
    clock.move(60)
    says(parts, clock, "ada@example.com", YES)
    says(parts, clock, "ada@example.com", YES)  # nothing new, nothing recorded
    agreed = clock.now()
    clock.move(60)
    says(parts, clock, "ada@example.com", NO)
    with parts.reading_sessions() as session:
        assert choices_of(session, person.id) == NO
        said = session.execute(select(Consent.action, Consent.wording).order_by(Consent.id)).all()
        assert [tuple(row) for row in said] == [("opens_yes", "so"), ("clicks_no", "so"), ("opens_no", "so")]
        moments = (before, agreed, clock.now())
        asked = [choices_at(session, person.id, moment) for moment in moments]
        assert asked == [(None, None), (None, True), (False, False)]


def test_what_reports_read(visitor: TestClient, parts: Container, sent: SentIssue, clock: HandClock) -> None:
    for reader in (0, 1):
        visitor.get(sent.path(2, reader))
    clock.move(3600)
    visitor.get(sent.path(4, 1))
    visitor.get(sent.path(4, 2), headers={"user-agent": "curl/8"})
    counted_now(parts, clock)
    with parts.reading_sessions() as session:
        hours = reading.clicks_by_hour(session, sent.campaign_id)
        assert [count for _, count in hours] == [2]
        assert hours[0][0] == int(clock.now().timestamp()) // 3600 - 1
        person = session.get_one(Delivery, sent.deliveries[1]).subscriber_id
        clicks = reading.clicks_of_person(session, person)
        assert [each.target for each in clicks] == ["https://harbour.example/5", "https://harbour.example/3"]
        assert reading.opens_by_hour(session, sent.campaign_id) == []
    assert numbers(parts, sent) == (2, 0, 1)
