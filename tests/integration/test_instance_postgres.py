"""A PostgreSQL database that is copied sends nothing until it is adopted; of two machines that start at once one owns it (R16)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import func, select

from newsletter.bootstrap import Container, build_container
from newsletter.clock import utcnow
from newsletter.db import migrate
from newsletter.db.session import unit_of_work
from newsletter.delivery.control.freeze import freeze_campaign
from newsletter.delivery.instance import adopt, adopt_fresh, standing
from newsletter.delivery.models import Delivery
from newsletter.delivery.service import may_send, send_campaign
from newsletter.delivery.states import DeliveryState
from newsletter.settings import Settings
from tests.conftest import RecordingQueue
from tests.support.filling import fill_letter, start_letter
from tests.support.relay import Relay, running_relay

PEOPLE = 20


def installation(settings: Settings, **options: object) -> Container:
    made = build_container(settings.model_copy(update=options), queue=RecordingQueue())
    migrate.upgrade(made.engine)
    return made


def sent(parts: Container) -> int:
    with parts.reading_sessions() as session:
        statement = select(func.count()).select_from(Delivery)
        return session.scalar(statement.where(Delivery.state == int(DeliveryState.SENT))) or 0


def copied(url: str) -> str:
    """Copy a database that nobody is connected to, and return the copy's URL."""
    server, _, name = url.rpartition("/")
    with closing(psycopg.connect(f"{server}/postgres", autocommit=True)) as connection:
        connection.execute(f"CREATE DATABASE {name}_copy TEMPLATE {name}")
    return f"{url}_copy"


@pytest.fixture
def relay_url() -> Iterator[str]:
    with running_relay(Relay()) as relay:
        yield f"smtp://127.0.0.1:{relay.port}"


def test_a_copy_sends_nothing_until_it_is_adopted(
    postgres_url: str, settings: Settings, relay_url: str, tmp_path: Path
) -> None:
    told = {"smtp_url": relay_url, "smtp_connections": 3}
    original = installation(settings, database_url=postgres_url, instance="original", **told)
    fill_letter(original, [(f"reader{n}@example.com", "") for n in range(PEOPLE)], folder=tmp_path)
    campaign_id = start_letter(original)
    freeze_campaign(original.sessions, original.queue, campaign_id)
    assert may_send(original.sending)
    original.dispose()
    elsewhere = {
        "database_url": copied(postgres_url),
        "data_dir": tmp_path / "elsewhere",
        "instance": "other",
    }
    restored = installation(settings, **elsewhere, **told)
    send_campaign(restored.sending, campaign_id)
    assert sent(restored) == 0
    send_campaign(original.sending, campaign_id)
    assert sent(original) == PEOPLE
    with unit_of_work(restored.sessions) as session:
        adopt(session, restored.settings.instance_id, actor="a", now=utcnow())
    send_campaign(restored.sending, campaign_id)
    assert sent(restored) == PEOPLE
    original.dispose()
    restored.dispose()


def test_of_two_that_start_at_once_one_owns_it(postgres_url: str, settings: Settings) -> None:
    parts = installation(settings, database_url=postgres_url)

    def start(name: str) -> bool:
        with unit_of_work(parts.sessions) as session:
            return adopt_fresh(session, name, now=utcnow())

    names = [f"machine{n}" for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        owns = list(pool.map(start, names))
    assert owns.count(True) == 1
    with parts.reading_sessions() as session:
        assert standing(session, "").database == names[owns.index(True)]
    parts.dispose()
