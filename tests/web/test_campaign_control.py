"""Decisions about a campaign, on the pages: unknown messages, trying again, another time; forms without script."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.delivery.control.wall_time import schedule_at
from newsletter.delivery.models import Campaign, Delivery
from newsletter.delivery.rehearsing.comparing import compare_campaign
from newsletter.delivery.states import CampaignState, DeliveryState
from tests.stages.test_campaign_control import new_campaign, swept
from tests.stages.test_delivery_sending import (
    address,
    campaign_id,  # noqa: F401 - fixture
    parts,  # noqa: F401 - fixture
    relay,  # noqa: F401 - fixture
    states,
)
from tests.stages.test_rehearsal import rehearsed
from tests.support.signed_in import Browser


@pytest.fixture
def editor(parts: Container, campaign_id: int) -> Browser:  # noqa: F811
    """An editor of a finished campaign with two unknown messages and one that failed softly."""
    with unit_of_work(parts.sessions) as session:
        now = parts.clock.now()
        session.execute(update(Delivery).values(state=int(DeliveryState.SENT), sent_at=now))
        first = Delivery.address.in_([address(1), address(2)])
        session.execute(update(Delivery).where(first).values(state=int(DeliveryState.AMBIGUOUS)))
        soft = {"state": int(DeliveryState.FAILED), "bounce": "soft"}
        session.execute(update(Delivery).where(Delivery.address == address(3)).values(**soft))
        campaign = session.get_one(Campaign, campaign_id)
        campaign.state, campaign.ended_at = CampaignState.FINISHED.value, now
    return Browser(parts, "editor")


def test_unknown_messages_are_listed_and_decided(editor: Browser, parts: Container, campaign_id: int) -> None:  # noqa: F811
    base = f"/admin/campaigns/{campaign_id}"
    assert f"{base}/unknown" in editor.page(base)
    page = editor.page(f"{base}/unknown")
    assert address(1) in page
    assert "@example.com&gt;</code>" in page
    assert editor.send(f"{base}/unknown/resolve", **{"as": "sent", "address": address(1)}).status_code == 303
    assert states(parts)[address(1)] == "sent"
    assert "Undo: 1 message" in editor.page(f"{base}/unknown")
    editor.send(f"{base}/unknown/resolve", **{"as": "unknown", "all": "1"})
    assert states(parts)[address(1)] == "ambiguous"
    assert editor.send(f"{base}/unknown/resolve", **{"as": "send-again", "all": "1"}).status_code == 409
    editor.send(f"{base}/unknown/resolve", **{"as": "send-again", "all": "2"})
    assert list(states(parts).values()).count("queued") == 2
    assert "Nothing is unknown" in editor.page(f"{base}/unknown")


def test_a_decision_names_what_it_is_about(editor: Browser, campaign_id: int) -> None:  # noqa: F811
    base = f"/admin/campaigns/{campaign_id}/unknown"
    assert editor.send(f"{base}/resolve", **{"as": "sent"}).status_code == 422
    assert editor.send(f"{base}/resolve", **{"as": "lost", "all": "2"}).status_code == 422
    assert editor.send(f"{base}/policy", policy="guess").status_code == 422


def test_the_policy_is_chosen_later(editor: Browser, parts: Container, campaign_id: int) -> None:  # noqa: F811
    editor.send(f"/admin/campaigns/{campaign_id}/unknown/policy", policy="count_as_sent")
    with parts.reading_sessions() as session:
        assert session.get_one(Campaign, campaign_id).ambiguous_policy == "count_as_sent"


def test_the_failed_are_tried_again(editor: Browser, campaign_id: int) -> None:  # noqa: F811
    base = f"/admin/campaigns/{campaign_id}"
    assert "Send to 1 person again" in editor.page(base)
    made = editor.send(f"{base}/retry", reason="their server is back")
    assert made.headers["location"] == f"/admin/campaigns/{campaign_id + 1}"
    assert editor.send(f"{base}/retry").status_code == 409


def test_a_schedule_is_shown_by_three_clocks_and_taken_back(parts: Container, campaign_id: int) -> None:  # noqa: F811
    with unit_of_work(parts.sessions) as session:
        made = new_campaign(session, parts, schedule=schedule_at("2036-03-30 02:30", "Europe/Berlin")).id
    editor, base = Browser(parts, "editor"), f"/admin/campaigns/{made}"
    page = editor.page(base)
    assert "Sunday, 30 March 2036, 03:00" in page
    assert "Sunday, 30 March 2036, 01:00" in page
    assert "02:30 does not exist that day" in page
    assert editor.get(f"{base}/unschedule").status_code == 405
    assert editor.send(f"{base}/unschedule").status_code == 303
    assert editor.send(f"{base}/unschedule").status_code == 409
    with parts.reading_sessions() as session:
        assert session.get_one(Campaign, made).state == "cancelled"


def test_the_page_says_whether_it_is_what_was_rehearsed(parts: Container, campaign_id: int) -> None:  # noqa: F811
    rehearsed(parts, campaign_id)
    swept(parts)
    editor, base = Browser(parts, "editor"), f"/admin/campaigns/{campaign_id}"
    assert "Held against the rehearsal of" in editor.page(base)
    compare_campaign(parts.sessions, parts.queue, parts.sending.room, campaign_id)
    page = editor.page(base)
    assert "Matches the rehearsal</span>" in page
    assert "the same messages to the same people" in page


def test_two_people_who_decide_do_no_harm(editor: Browser, parts: Container, campaign_id: int) -> None:  # noqa: F811
    base = f"/admin/campaigns/{campaign_id}/unknown"
    assert editor.send(f"{base}/resolve", **{"as": "sent", "address": address(1)}).status_code == 303
    late = editor.send(f"{base}/resolve", **{"as": "send-again", "address": address(1)})
    assert late.status_code == 404
    assert states(parts)[address(1)] == "sent"


def test_another_time_by_the_publications_clock(parts: Container, campaign_id: int) -> None:  # noqa: F811
    with unit_of_work(parts.sessions) as session:
        made = new_campaign(session, parts, at=parts.clock.now() + timedelta(days=1)).id
    editor = Browser(parts, "editor")
    assert "Another time" in editor.page(f"/admin/campaigns/{made}")
    assert editor.send(f"/admin/campaigns/{made}/schedule", at="2036-03-30T02:30").status_code == 303
    assert editor.send(f"/admin/campaigns/{made}/schedule", at="soon").status_code == 422
    with parts.reading_sessions() as session:
        assert session.get_one(Campaign, made).wall_time == "2036-03-30T02:30:00"
