"""A backup restored elsewhere sends nothing, says so, and goes on once somebody adopts it (R16)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import select

from newsletter.accounts.models import AuditEntry
from newsletter.bootstrap import Container, build_container
from newsletter.cli.checkup import examine
from newsletter.clock import utcnow
from newsletter.db.session import unit_of_work
from newsletter.delivery.events import events_of
from newsletter.delivery.instance import STRAY, adopt, is_home, standing
from newsletter.delivery.models import Campaign, Delivery
from newsletter.delivery.oneoff import send_test
from newsletter.delivery.service import may_send, send_campaign
from newsletter.errors import Conflict
from newsletter.settings import Settings
from tests.conftest import RecordingQueue
from tests.stages.test_delivery_sending import campaign_id, parts, relay, states  # noqa: F401 - fixtures
from tests.support.relay import Relay
from tests.support.signed_in import Browser


@pytest.fixture
def restored(parts: Container, campaign_id: int, tmp_path: Path) -> Container:  # noqa: F811
    """The database of a sending campaign, copied to another data directory."""
    assert may_send(parts.sending)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(parts.settings.data_dir / "newsletter.db", elsewhere / "newsletter.db")
    wal = parts.settings.data_dir / "newsletter.db-wal"
    if wal.exists():
        shutil.copy(wal, elsewhere / wal.name)
    told = parts.settings.model_copy(update={"data_dir": elsewhere})
    told.__dict__.pop("instance_id", None)
    return build_container(told, queue=RecordingQueue())


def test_a_restored_backup_sends_nothing_until_adopted(
    restored: Container,
    campaign_id: int,  # noqa: F811
    relay: Relay,  # noqa: F811
) -> None:
    send_campaign(restored.sending, campaign_id)
    assert set(states(restored).values()) == {"queued"}
    with restored.reading_sessions() as session:
        assert STRAY in [event.what for event in events_of(session, campaign_id)]
    with unit_of_work(restored.sessions) as session:
        before = adopt(session, restored.settings.instance_id, actor="a@example.com", now=utcnow())
        assert not before.is_home
    send_campaign(restored.sending, campaign_id)
    assert set(states(restored).values()) == {"sent"}
    with restored.reading_sessions() as session:
        assert (
            session.scalars(select(AuditEntry.action).order_by(AuditEntry.id.desc())).first()
            == "instance.adopt"
        )


def test_no_test_mail_leaves_a_copy(restored: Container, campaign_id: int) -> None:  # noqa: F811
    room, target = restored.sending.room, restored.sending.target
    with restored.reading_sessions() as session:
        issue = session.get_one(Campaign, campaign_id).issue
        with pytest.raises(Conflict, match="another installation"):
            send_test(session, issue, to="a@example.com", room=room, target=target, now=utcnow())


def test_doctor_and_every_page_say_so(restored: Container) -> None:
    found = {each.what: each for each in examine(restored)}
    assert found["instance"].state == "bad"
    browser = Browser(restored, "editor")
    assert "Nothing is sent from here" in browser.page("/admin/campaigns")


def test_the_original_goes_on(restored: Container, parts: Container, campaign_id: int) -> None:  # noqa: F811
    assert not may_send(restored.sending)
    send_campaign(parts.sending, campaign_id)
    assert set(states(parts).values()) == {"sent"}
    with parts.reading_sessions() as session:
        assert "Nothing is sent" not in Browser(parts, "editor").page("/admin/campaigns")
        assert session.scalar(select(Delivery.owner).where(Delivery.owner.is_not(None))) is None


def test_a_fresh_database_belongs_to_whoever_starts_first(container: Container) -> None:
    with container.reading_sessions() as session:
        assert is_home(session, "anybody")
    assert may_send(container.sending)
    with container.reading_sessions() as session:
        found = standing(session, container.settings.instance_id)
        assert (found.is_home, found.adopted_by) == (True, "first start")


def test_every_machine_derives_the_same_id() -> None:
    def made(**options: str) -> str:
        told = {"broker_url": "redis://r", "secret_key": "a secret for tests, long enough"} | options
        return Settings(_env_file=None, **told).instance_id  # type: ignore[arg-type]

    assert made() == made(data_dir="/elsewhere")
    assert made() != made(base_url="https://other.example")
    assert made(instance="main") == "main"
