"""Policy, tray, turns and retention on PostgreSQL, and what happens when two do the same at the same moment."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from newsletter.audience.models import Subscription, Suppression
from newsletter.audience.suppressions import active_suppression
from newsletter.db.session import Sessions, create_database_engine, create_sessions, unit_of_work
from newsletter.errors import Conflict
from newsletter.feedback import tray
from newsletter.feedback.explaining import explain
from newsletter.feedback.mailboxes.fetching import Visit
from newsletter.feedback.mailboxes.turns import claim_turn, record_visit
from newsletter.feedback.models import ReturnedMail
from newsletter.feedback.policy import SoftRule
from newsletter.feedback.retention import empty_old_mail
from newsletter.feedback.rules import set_rule
from newsletter.feedback.service import Event, apply_event, store_returned_mail
from newsletter.schema import metadata
from tests.support.ledger import NOW, sent_to

ADA = "ada@example.com"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def database(postgres_url: str) -> Iterator[Sessions]:
    """An empty PostgreSQL with every table."""
    engine = create_database_engine(postgres_url.replace("postgresql://", "postgresql+psycopg://"))
    metadata.create_all(engine)
    yield create_sessions(engine)
    engine.dispose()


def test_soft_bounces_are_counted_by_rule(database: Sessions) -> None:
    for week in range(5):
        with unit_of_work(database) as session:
            at = NOW + timedelta(weeks=week)
            [delivery] = sent_to(session, ADA, at=at)
            event = Event(
                "bounced", at, "mail", kind="soft", reason="full", status="5.2.2", said_by="mx.example.com"
            )
            apply_event(session, delivery, event, at)
            if week == 1:
                set_rule(session, 1, SoftRule(2, 7, 60), actor="admin@example.com", now=at)
            row = active_suppression(session, ADA, 1)
            assert (row is not None) == (week >= 2)
    with database() as session:
        row = session.scalars(select(Suppression)).one()
        why = explain(session, row)
    assert (row.publication_id, why.said_by) == (1, "mx.example.com")
    assert why.because.startswith("mail to it kept failing: 3 temporary failures over 14 days")


def test_of_many_visitors_one_gets_the_turn(database: Sessions) -> None:
    def claim(_: int) -> bool:
        with unit_of_work(database) as session:
            return claim_turn(session, "a mailbox", NOW)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, range(8))) == 1
    with unit_of_work(database) as session:
        record_visit(session, "a mailbox", Visit(taken=3, more=True), MINUTE, NOW)
        assert claim_turn(session, "a mailbox", NOW)
        record_visit(session, "a mailbox", Visit(trouble="Gone."), MINUTE, NOW)
        assert not claim_turn(session, "a mailbox", NOW + MINUTE)
        assert claim_turn(session, "a mailbox", NOW + 2 * MINUTE)


def stored(database: Sessions) -> int:
    with unit_of_work(database) as session:
        sent_to(session, ADA)
        mail = store_returned_mail(session, b"Subject: back\r\n\r\nx", now=NOW)
        assert mail is not None
        mail.state = "unmatched"
        return mail.id


def test_two_people_at_one_mail(database: Sessions) -> None:
    mail_id = stored(database)

    def assign(_: int) -> bool:
        try:
            with unit_of_work(database) as session:
                tray.assign(session, mail_id, ADA, "complaint", actor="admin@example.com", now=NOW)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(assign, range(2))) == [False, True]
    with unit_of_work(database) as session:
        tray.undo(session, mail_id, actor="admin@example.com", now=NOW + MINUTE)
    with database() as session:
        assert active_suppression(session, ADA) is None
        assert session.scalars(select(Subscription.state)).all() == ["confirmed"]


def test_old_mail_is_emptied(database: Sessions) -> None:
    mail_id = stored(database)
    with unit_of_work(database) as session:
        assert empty_old_mail(session, days=90, now=NOW + timedelta(days=91)) == 1
    with database() as session:
        assert session.scalar(select(func.length(ReturnedMail.raw)).where(ReturnedMail.id == mail_id)) == 0
