"""Feedback on PostgreSQL: many refusals at once, and the same mail applied by several workers at the same moment."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, update

from newsletter.audience.models import Suppression
from newsletter.db.session import Sessions, create_database_engine, create_sessions, unit_of_work
from newsletter.delivery.models import Delivery
from newsletter.delivery.states import DeliveryState
from newsletter.feedback.models import FeedbackEntry
from newsletter.feedback.service import apply_rejections, apply_returned_mail, store_returned_mail
from newsletter.rendering.tokens import Keyring
from newsletter.schema import metadata
from tests.support.ledger import NOW, sent_to
from tests.support.returned_mail import delivery_report

KEYRING = Keyring(b"a secret for tests, long enough")


@pytest.fixture
def database(postgres_url: str) -> Iterator[Sessions]:
    """An empty PostgreSQL with every table."""
    engine = create_database_engine(postgres_url.replace("postgresql://", "postgresql+psycopg://"))
    metadata.create_all(engine)
    yield create_sessions(engine)
    engine.dispose()


def test_refusals_are_taken_in_once_batch_by_batch(database: Sessions) -> None:
    with unit_of_work(database) as session:
        rows = sent_to(session, *(f"r{number}@example.com" for number in range(3100)))
        campaign_id, ids = rows[0].campaign_id, [row.id for row in rows]
        session.execute(
            update(Delivery)
            .where(Delivery.id % 3 > 0)
            .values(
                state=int(DeliveryState.FAILED),
                bounce="hard",
                reason="dead",
                response="550 5.1.1 No such mailbox",
            )
        )
    with ThreadPoolExecutor(2) as pool:
        taken = sum(pool.map(lambda _: _drain(database, campaign_id), range(2)))
    with database() as session:
        entries = session.scalar(select(func.count()).select_from(FeedbackEntry))
        suppressed = session.scalar(select(func.count()).select_from(Suppression))
    assert taken == entries == suppressed == sum(row_id % 3 > 0 for row_id in ids)


def _drain(database: Sessions, campaign_id: int) -> int:
    total = 0
    while True:
        with unit_of_work(database) as session:
            taken = apply_rejections(session, campaign_id, NOW)
        if not taken:
            return total
        total += taken


def test_one_mail_applied_by_many_at_once_counts_once(database: Sessions) -> None:
    with unit_of_work(database) as session:
        [delivery] = sent_to(session, "ada@example.com")
        recipient = f"b+{KEYRING.return_path.sign(delivery.id)}@bounces.example.com"
        report = delivery_report("ada@example.com", "5.1.1", "smtp; 550 5.1.1 User unknown")
        stored = store_returned_mail(session, report, recipient=recipient, sender="", now=NOW)
        assert stored is not None
        mail_id = stored.id

    def apply(_: int) -> str:
        with unit_of_work(database) as session:
            applied = apply_returned_mail(session, mail_id, keyring=KEYRING, now=NOW)
            assert applied is not None
            return applied.state

    with ThreadPoolExecutor(4) as pool:
        states = list(pool.map(apply, range(8)))
    assert states == ["applied"] * 8
    with database() as session:
        assert session.scalars(select(FeedbackEntry.key)).all() == [f"bounced:{delivery.id}:hard"]
        assert session.scalars(select(Suppression.address_key)).all() == ["ada@example.com"]
