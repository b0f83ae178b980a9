"""Clicks in reports: by item and link, people apart from machines, in the address's line of time and the public summary."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from newsletter.db.session import create_database_engine, create_sessions
from newsletter.delivery.control.link_models import Link
from newsletter.delivery.models import Campaign, Delivery
from newsletter.feedback.engagement.judging import Verdict
from newsletter.feedback.engagement.models import CampaignTotal, Click, LinkTotal
from newsletter.reporting.campaign_tables import CampaignTables, campaign_tables
from newsletter.reporting.campaigns import campaign_report
from newsletter.reporting.sharing import public_summary, share_summary
from newsletter.reporting.timeline import story_of
from newsletter.schema import metadata
from tests.support.rooms import NOW, fill

CAMPAIGN = 2
TITLE = "How to hear a foghorn"


@pytest.fixture(params=["sqlite:///{}/test.db", "postgresql"])
def session(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Session]:
    """A filled database of each kind, with an item of two links that were followed."""
    is_postgres = request.param == "postgresql"
    url = request.getfixturevalue("postgres_url") if is_postgres else request.param.format(tmp_path)
    engine = create_database_engine(url)
    metadata.create_all(engine)
    with create_sessions(engine)() as opened:
        fill(opened)
        _follow(opened)
        yield opened
    engine.dispose()


def _follow(session: Session) -> None:
    campaign = session.get_one(Campaign, CAMPAIGN)
    campaign.snapshot.document = _with_item(campaign.snapshot.document, item_id=7)
    places: list[dict[str, Any]] = [
        {"place": "item", "item_id": 7},
        {"place": "item", "item_id": 7},
        {"place": "outro"},
    ]
    links = [
        Link(
            issue_id=campaign.issue_id, key=f"k{number}", position=number, words=f"Words {number}",
            original=f"https://example.com/{number}", target=f"https://example.com/{number}", **place,
        )
        for number, place in enumerate(places)
    ]  # fmt: skip
    session.add_all(links)
    session.flush()
    for link, people in zip(links, (12, 3, 1), strict=True):
        session.add(LinkTotal(campaign_id=CAMPAIGN, link_id=link.id, people=people, uncertain=2, machines=5))
    session.add(CampaignTotal(campaign_id=CAMPAIGN, is_opens=False, people=14, uncertain=4, machines=9))
    _clicks(session, links[0])
    session.flush()


def _with_item(document: dict[str, Any], *, item_id: int) -> dict[str, Any]:
    item = {"item_id": item_id, "title": TITLE}
    return document | {"sections": [{"title": "", "items": [item]}]}


def _clicks(session: Session, link: Link) -> None:
    deliveries = session.query(Delivery).filter_by(campaign_id=CAMPAIGN).order_by(Delivery.id).limit(3)
    for place, (delivery, verdict) in enumerate(zip(deliveries, Verdict, strict=True)):
        at = NOW + timedelta(hours=place)
        session.add(
            Click(
                campaign_id=CAMPAIGN, delivery_id=delivery.id, link_id=link.id, subscriber_id=delivery.subscriber_id,
                first_at=at, last_at=at, verdict=int(verdict), hits=2,
            )
        )  # fmt: skip


def tables(session: Session) -> CampaignTables:
    """Return the tables of the campaign whose links were followed."""
    return campaign_tables(session, session.get_one(Campaign, CAMPAIGN))


def test_items_add_up_their_links(session: Session) -> None:
    assert list(tables(session).items.rows) == [(TITLE, 15, 4, 10), ("Closing words", 1, 2, 5)]
    assert [row[:3] for row in tables(session).links.rows] == [
        ("Words 0", "https://example.com/0", TITLE),
        ("Words 1", "https://example.com/1", TITLE),
        ("Words 2", "https://example.com/2", "Closing words"),
    ]
    assert tables(session).links.total("people") == tables(session).items.total("people")


def test_only_people_count_elsewhere(session: Session) -> None:
    assert campaign_report(session, session.get_one(Campaign, CAMPAIGN)).clicked == 14
    assert list(tables(session).engagement.rows) == [("clicked", 14, 4, 9)]
    assert list(tables(session).clicks_by_hour.rows) == [(NOW + timedelta(hours=2), 1)]


def test_a_machine_is_told_as_one_in_the_line_of_time(session: Session) -> None:
    by = {}
    for number in (1, 2, 3):
        story = story_of(session, f"reader{number:06}@example.com", secret=b"a secret for tests, long enough")
        (click,) = [one for one in story.happenings if one.room == "click"]
        by[number] = click.through
        assert (click.about, click.detail) == ("Words 0", "https://example.com/0, 2 times")
    assert by == {1: "a machine", 2: "nobody can say", 3: "a person"}


def test_a_public_summary_names_items_that_many_followed_only(session: Session) -> None:
    shared = share_summary(session, session.get_one(Campaign, CAMPAIGN), actor="t", now=NOW)
    summary = public_summary(session, shared.token)
    assert summary.clicked == "about 10"
    assert summary.items == ((TITLE, "about 20"),)
