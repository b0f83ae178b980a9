"""Staged send: seeds, a part, a hold in which the brakes judge, the rest (T8)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from newsletter.accounts.models import AuditEntry
from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.delivery.control import campaigns, staging
from newsletter.delivery.control.freeze import freeze_campaign
from newsletter.delivery.control.stage_plan import Stage, parse_hold, parse_percent, place
from newsletter.delivery.events import events_of
from newsletter.delivery.models import Campaign, Delivery
from newsletter.delivery.sending.tally import write_tally
from newsletter.delivery.service import send_campaign
from newsletter.delivery.states import CampaignState, DeliveryState
from newsletter.errors import Conflict, InvalidInput
from newsletter.jobs import JobName
from tests.stages.test_brakes import ROW
from tests.stages.test_campaign_control import change, new_campaign, swept
from tests.stages.test_delivery_sending import (
    PEOPLE,
    address,
    campaign_id,  # noqa: F401 - fixture
    only,
    parts,  # noqa: F401 - fixture
    relay,  # noqa: F401 - fixture
    report,
)
from tests.support.relay import Relay
from tests.support.signed_in import Browser

HOLD = timedelta(minutes=30)
SEEDS = {11, 12}
ALL = set(range(1, PEOPLE + 1))


@pytest.fixture
def staged(parts: Container, campaign_id: int) -> int:  # noqa: F811
    """A frozen campaign with two seeds, then 35 %, then half an hour."""
    seeds = (address(10), address(11).upper())
    with unit_of_work(parts.sessions) as session:
        made = new_campaign(session, parts, stage=Stage(35, HOLD, seeds)).id
    freeze_campaign(parts.sessions, parts.queue, made)
    return made


def turn(parts: Container, campaign_id: int) -> set[int]:  # noqa: F811
    """Sweep, send, and return whom it was sent to."""
    swept(parts)
    send_campaign(parts.sending, campaign_id)
    return those(parts, campaign_id, DeliveryState.SENT)


def those(parts: Container, campaign_id: int, state: DeliveryState) -> set[int]:  # noqa: F811
    of = (Delivery.campaign_id == campaign_id, Delivery.state == int(state))
    with parts.reading_sessions() as session:
        return set(session.scalars(select(Delivery.subscriber_id).where(*of)))


def told(parts: Container, campaign_id: int) -> str:  # noqa: F811
    with parts.reading_sessions() as session:
        return "\n".join(event.what for event in events_of(session, campaign_id))


def hold_is_over(parts: Container, campaign_id: int) -> None:  # noqa: F811
    change(parts, campaign_id, stage_until=parts.clock.now() - timedelta(seconds=1))


def test_seeds_then_a_part_then_after_the_hold_the_rest(parts: Container, staged: int) -> None:  # noqa: F811
    send_campaign(parts.sending, staged)
    assert those(parts, staged, DeliveryState.SENT) == SEEDS
    first = turn(parts, staged)
    assert SEEDS < first < ALL
    for _ in range(2):  # the hold begins, and lasts
        assert turn(parts, staged) == first
    assert "too few for the brakes" in told(parts, staged)
    hold_is_over(parts, staged)
    assert turn(parts, staged) == ALL
    assert report(parts, staged).state == "finished"


def test_nobody_is_called_to_work_in_a_hold(parts: Container, staged: int) -> None:  # noqa: F811
    for _ in range(3):
        turn(parts, staged)
    hints = parts.queue.jobs  # type: ignore[attr-defined]
    hints.clear()
    swept(parts)
    hint = (JobName.SEND_CAMPAIGN.value, {"campaign_id": staged})
    assert hint not in hints
    hold_is_over(parts, staged)
    swept(parts)
    assert hint in hints


def test_every_stretch_of_a_list_has_its_share_and_other_people_each_time() -> None:
    for percent in (1, 5, 50):
        assert sum(place(number, 1) < percent for number in range(1000)) == 10 * percent
    fifth, next_time = ({n for n in range(1000) if place(n, campaign) < 5} for campaign in (1, 2))
    assert all(fifth & set(range(start, start + 50)) for start in range(0, 1000, 50))
    assert not fifth & next_time


def test_a_seed_that_does_not_take_it_stops_the_send(
    parts: Container,  # noqa: F811
    staged: int,
    relay: Relay,  # noqa: F811
) -> None:
    relay.at_rcpt = only(11, "550 5.7.1 Blocked")
    send_campaign(parts.sending, staged)
    assert turn(parts, staged) == {11}
    assert report(parts, staged).state == "paused"
    assert f"the seed {address(11)} did not take it" in told(parts, staged)
    with unit_of_work(parts.sessions) as session:
        campaign = session.get_one(Campaign, staged)
        campaigns.resume(session, parts.queue, campaign, actor="a", now=parts.clock.now())
    assert len(turn(parts, staged)) > 1


def test_brakes_in_the_hold_keep_the_rest_back(parts: Container, staged: int) -> None:  # noqa: F811
    send_campaign(parts.sending, staged)
    first = turn(parts, staged)
    with unit_of_work(parts.sessions) as session:
        write_tally(session, staged, [ROW | {"attempts": 400, "complaints": 9}], parts.clock.now())
    hold_is_over(parts, staged)
    assert turn(parts, staged) == first
    assert those(parts, staged, DeliveryState.DEFERRED) == ALL - first
    assert report(parts, staged).state == CampaignState.PAUSED


def test_a_person_goes_on_at_once(parts: Container, staged: int) -> None:  # noqa: F811
    with unit_of_work(parts.sessions) as session:
        campaign = session.get_one(Campaign, staged)
        staging.go_on(session, campaign, actor="a", now=parts.clock.now())
    assert turn(parts, staged) == ALL
    with unit_of_work(parts.sessions) as session:
        assert "campaign.go_on" in session.scalars(select(AuditEntry.action)).all()
        with pytest.raises(Conflict, match="no stage"):
            staging.go_on(session, session.get_one(Campaign, staged), actor="a", now=parts.clock.now())


def test_the_rest_is_released_in_chunks(
    parts: Container,  # noqa: F811
    staged: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(staging, "RELEASED_AT_ONCE", 4)
    with unit_of_work(parts.sessions) as session:
        staging.go_on(session, session.get_one(Campaign, staged), actor="a", now=parts.clock.now())
    assert len(turn(parts, staged)) == 6
    assert len(turn(parts, staged)) == 10
    assert turn(parts, staged) == ALL


def test_a_cancel_ends_the_rest(parts: Container, staged: int) -> None:  # noqa: F811
    with unit_of_work(parts.sessions) as session:
        campaign = session.get_one(Campaign, staged)
        assert campaigns.cancel(session, campaign, actor="a", now=parts.clock.now()) == PEOPLE


def test_a_seed_is_on_a_list(parts: Container, campaign_id: int) -> None:  # noqa: F811
    with unit_of_work(parts.sessions) as session, pytest.raises(InvalidInput, match="on none of the lists"):
        new_campaign(session, parts, stage=Stage(5, HOLD, ("stranger@example.com",)))


def test_words_of_a_stage() -> None:
    assert (parse_percent("5%"), parse_percent("99")) == (5, 99)
    assert (parse_hold("30m"), parse_hold("2h"), parse_hold("15")) == (
        timedelta(minutes=30), timedelta(hours=2), timedelta(minutes=15),
    )  # fmt: skip
    for wrong in ("", "0%", "100%", "x", "5.5"):
        with pytest.raises(InvalidInput):
            parse_percent(wrong)
    for wrong in ("", "3w", "49h", "-1m"):
        with pytest.raises(InvalidInput):
            parse_hold(wrong)


def test_the_page_says_where_it_is_and_goes_on(parts: Container, staged: int) -> None:  # noqa: F811
    browser, page = Browser(parts, "editor"), f"/admin/campaigns/{staged}"
    assert "The seed addresses come first; then 35 %, a hold of 30 minutes, and the rest." in browser.page(
        page
    )
    send_campaign(parts.sending, staged)
    swept(parts)
    assert "The first 35 % are on their way. Then the rest waits for 30 minutes." in browser.page(page)
    turn(parts, staged)
    swept(parts)
    assert "The first 35 % have it. The rest follows at" in browser.page(page)
    assert browser.send(f"{page}/go-on").status_code == 303
    assert turn(parts, staged) == ALL
    assert "Go on now" not in browser.page(page)
    assert browser.send(f"{page}/go-on").status_code == 409
