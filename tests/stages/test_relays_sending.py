"""A campaign over several relays: shares by weight, a dead relay costs nobody their mail, a stand-by takes over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from newsletter.bootstrap import Container, build_container
from newsletter.db.session import unit_of_work
from newsletter.delivery.control.freeze import freeze_campaign
from newsletter.delivery.models import Campaign
from newsletter.delivery.relays.service import add_relay
from newsletter.delivery.service import send_campaign
from newsletter.delivery.states import CampaignState
from newsletter.settings import Settings
from tests.conftest import RecordingQueue
from tests.servers import free_port
from tests.stages.test_delivery_sending import PEOPLE, address, start
from tests.support.relay import Relay, running_relay

EVERYBODY = sorted(address(number) for number in range(PEOPLE))


@pytest.fixture
def two() -> Iterator[tuple[Relay, Relay]]:
    with running_relay(Relay()) as one, running_relay(Relay()) as other:
        yield one, other


@pytest.fixture
def parts(settings: Settings, container: Container) -> Container:
    """An installation whose fallback relay must never be asked: nobody listens there."""
    told = settings.model_copy(update={"smtp_url": f"smtp://127.0.0.1:{free_port()}", "smtp_connections": 3})
    return build_container(told, engine=container.engine, queue=RecordingQueue())


def relay(parts: Container, name: str, port: int, **values: int) -> None:
    with unit_of_work(parts.sessions) as session:
        add_relay(session, parts.sealer, name, f"smtp://127.0.0.1:{port}", actor="ada", **values)


def send(parts: Container, turns: int) -> CampaignState:
    """Start a campaign and let a worker take so many turns; return how it stands."""
    with unit_of_work(parts.sessions) as session:
        campaign = start(parts, session)
        session.flush()
        campaign_id = campaign.id
    freeze_campaign(parts.sessions, parts.queue, campaign_id)
    for _ in range(turns):
        send_campaign(parts.sending, campaign_id)
    with parts.sessions() as session:
        return CampaignState(session.get_one(Campaign, campaign_id).state)


def test_two_relays_share_a_campaign(parts: Container, two: tuple[Relay, Relay]) -> None:
    relay(parts, "one", two[0].port, messages_per_connection=1)
    relay(parts, "two", two[1].port, messages_per_connection=1)
    assert send(parts, turns=1) == CampaignState.FINISHED
    assert sorted(two[0].accepted + two[1].accepted) == EVERYBODY
    assert 0 < len(two[0].accepted) < PEOPLE


def test_a_dead_relay_costs_nobody_their_mail(parts: Container, two: tuple[Relay, Relay]) -> None:
    relay(parts, "dead", free_port(), weight=5)
    relay(parts, "alive", two[0].port)
    assert send(parts, turns=3) == CampaignState.FINISHED
    assert sorted(two[0].accepted) == EVERYBODY


def test_a_stand_by_takes_over(parts: Container, two: tuple[Relay, Relay]) -> None:
    relay(parts, "dead", free_port())
    relay(parts, "spare", two[1].port, weight=0)
    assert send(parts, turns=3) == CampaignState.FINISHED
    assert sorted(two[1].accepted) == EVERYBODY


def test_a_relay_takes_no_more_connections_than_it_may(parts: Container, two: tuple[Relay, Relay]) -> None:
    relay(parts, "one", two[0].port, connections=1)
    assert send(parts, turns=2) == CampaignState.FINISHED
    assert sorted(two[0].accepted) == EVERYBODY
