"""Webhooks on PostgreSQL: one request at several doors and workers at once, and the flood in any order (X14)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from newsletter.adapters.sns_certificates import SnsCertificates
from newsletter.db.session import Sessions, create_database_engine, create_sessions, unit_of_work
from newsletter.delivery.models import AttemptTally
from newsletter.feedback.models import FeedbackEntry
from newsletter.feedback.webhooks import accounts
from newsletter.feedback.webhooks.models import ProviderEvent, ProviderRequest
from newsletter.feedback.webhooks.processing import apply_request
from newsletter.feedback.webhooks.receiving import Doorkeeper, take_request
from newsletter.rendering.tokens import Keyring
from newsletter.schema import metadata
from newsletter.sealing import Sealer
from tests.conftest import RecordingQueue
from tests.support import sns_messages as sns
from tests.support.ledger import NOW, sent_to
from tests.support.webhook_flood import (
    add_flood_account,
    flooded,
    in_order,
    keep,
    make_events,
    pour,
    state_of,
)

SECRET = b"a secret for tests, long enough"
KEYRING, SEALER = Keyring(SECRET), Sealer(SECRET)


@pytest.fixture
def database(postgres_url: str) -> Iterator[Sessions]:
    """An empty PostgreSQL with every table."""
    engine = create_database_engine(postgres_url.replace("postgresql://", "postgresql+psycopg://"))
    metadata.create_all(engine)
    yield create_sessions(engine)
    engine.dispose()


def test_one_request_at_eight_doors_is_kept_once(database: Sessions) -> None:
    certificates = SnsCertificates(sns.web().fetch, [sns.root().certificate])
    keeper = Doorkeeper(SEALER, RecordingQueue(), "https://news.example.com", certificates)
    with unit_of_work(database) as session:
        sent_to(session, "ada@example.com")
        accounts.add_account(session, SEALER, "ses", "amazon_ses", topics=[sns.TOPIC], actor="admin", now=NOW)
    request = sns.request(sns.signed(sns.message(sns.bounce(KEYRING.message_id.sign(1)))))

    def knock(_: int) -> bool:
        with unit_of_work(database) as session:
            return take_request(session, keeper, accounts.get_account(session, "ses"), request, NOW)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(knock, range(24))) == 1
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: apply_all(database), range(4)))
    with database() as session:
        assert session.scalar(select(func.count()).select_from(ProviderEvent)) == 1
        assert session.scalar(select(func.count()).select_from(FeedbackEntry)) == 1
        assert session.scalar(select(func.sum(AttemptTally.hard))) == 1


def apply_all(database: Sessions) -> None:
    """Work as a worker does until nothing waits."""
    with database() as session:
        waiting = session.scalars(select(ProviderRequest.id).where(ProviderRequest.state == "new")).all()
    for request_id in waiting:
        has_more = True
        while has_more:
            with unit_of_work(database) as session:
                has_more = apply_request(session, request_id, keyring=KEYRING, now=NOW)


def test_a_flood_to_four_workers_leaves_what_sorted_events_leave(database: Sessions) -> None:
    people = [f"p{number}@example.com" for number in range(60)]
    with unit_of_work(database) as session:
        numbers = [
            row.id for week in range(3) for row in sent_to(session, *people, at=NOW - timedelta(weeks=week))
        ]
        account_id = add_flood_account(session, NOW)
    events = make_events(numbers, 1500, KEYRING, NOW - timedelta(hours=2), seed=3)
    for number, batch in enumerate(flooded(events, 5)):
        keep(database, account_id, number, json.dumps(batch).encode(), NOW)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: apply_all(database), range(4)))
    with database() as session:
        flood = state_of(session)
    assert flood == _sorted(database, events)


def _sorted(database: Sessions, events: list[dict[str, object]]) -> object:
    """Pour the sorted events into the same database, emptied."""
    engine = database.kw["bind"]
    metadata.drop_all(engine)
    metadata.create_all(engine)
    people = [f"p{number}@example.com" for number in range(60)]
    with unit_of_work(database) as session:
        for week in range(3):
            sent_to(session, *people, at=NOW - timedelta(weeks=week))
        account_id = add_flood_account(session, NOW)
    pour(database, account_id, in_order(events), KEYRING, NOW)
    with database() as session:
        return state_of(session)
