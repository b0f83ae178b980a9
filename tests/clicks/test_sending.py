"""A real send with counting: everybody gets the mail of their choice, the preview is the sent mail, its links work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from newsletter.audience.consent import Evidence
from newsletter.audience.models import Subscriber
from newsletter.audience.tracking import Choices
from newsletter.bootstrap import Container, build_container
from newsletter.db.session import unit_of_work
from newsletter.delivery.control.freeze import freeze_campaign
from newsletter.delivery.control.links import keep_links_of
from newsletter.delivery.control.preflight import approve_checked
from newsletter.delivery.models import Campaign
from newsletter.delivery.rehearsing.copies import copy_of
from newsletter.delivery.rehearsing.rehearsal import rehearsal_of, rehearse
from newsletter.delivery.service import send_campaign
from newsletter.feedback.engagement import reading
from newsletter.feedback.engagement.choosing import choose
from newsletter.issues import service as issues
from newsletter.issues.publications import edit_publication
from newsletter.settings import Settings
from newsletter.web.app import create_app
from tests.conftest import RecordingQueue
from tests.support.counted import BROWSER, HandClock, counted_now
from tests.support.filling import fill_letter, start_letter
from tests.support.messages import parsed, part
from tests.support.relay import Relay, running_relay
from tests.support.signed_in import TestClient

UNDECIDED, AGREED, DECLINED = (f"{name}@example.com" for name in ("undecided", "agreed", "declined"))


@pytest.fixture
def relay() -> Iterator[Relay]:
    with running_relay(Relay()) as running:
        yield running


@pytest.fixture
def parts(settings: Settings, container: Container, relay: Relay, clock: HandClock) -> Container:
    told = settings.model_copy(update={"smtp_url": f"smtp://127.0.0.1:{relay.port}", "smtp_connections": 2})
    return build_container(told, engine=container.engine, queue=RecordingQueue(), clock=clock)


@pytest.fixture
def campaign_id(parts: Container, tmp_path: Path) -> int:
    """An approved issue whose clicks are counted of all, its opens of who agreed; frozen, not sent yet."""
    fill_letter(parts, [(each, "") for each in (UNDECIDED, AGREED, DECLINED)], folder=tmp_path)
    with unit_of_work(parts.sessions) as session:
        issue = issues.find_issue(session, "letter/1")
        rules = {"click_counting": "all", "open_counting": "asked"}
        edit_publication(session, issue.publication, rules)
        issues.edit_issue(session, issue, {"outro": "Fair winds."}, actor="t")
        approve_checked(session, issue, actor="t", base_url=parts.settings.base_url)
    says(parts, AGREED, Choices(clicks=True, opens=True))
    says(parts, DECLINED, Choices(clicks=False, opens=False))
    made = start_letter(parts)
    freeze_campaign(parts.sessions, parts.queue, made)
    return made


def says(parts: Container, email: str, wanted: Choices) -> None:
    with unit_of_work(parts.sessions) as session:
        person = session.scalars(select(Subscriber).where(Subscriber.email == email)).one()
        choose(session, person.id, wanted, evidence=Evidence("test"), now=parts.clock.now())


def shown(parts: Container, email: str) -> bytes:
    with parts.reading_sessions() as session:
        issue = issues.find_issue(session, "letter/1")
        copy = copy_of(session, issue, parts.sending.room, email, now=parts.clock.now())
        return copy.message.merge(copy.recipient)


def links_in(raw: bytes) -> list[str]:
    return re.findall(r"http://127\.0\.0\.1:8025(/[co]/[a-z0-9/]+)", part(parsed(raw), "html"))


def test_everybody_gets_the_mail_of_their_choice(parts: Container, campaign_id: int, relay: Relay) -> None:
    send_campaign(parts.sending, campaign_id)
    mails = relay.messages
    assert {each[:3] for each in links_in(mails[UNDECIDED])} == {"/c/"}
    assert {each[:3] for each in links_in(mails[AGREED])} == {"/c/", "/o/"}
    assert links_in(mails[DECLINED]) == []


def test_the_preview_is_the_sent_mail_whatever_is_chosen_later(
    parts: Container, campaign_id: int, relay: Relay, clock: HandClock
) -> None:
    send_campaign(parts.sending, campaign_id)
    mails = relay.messages
    assert {each: shown(parts, each) for each in mails} == mails
    clock.move(10 * 365 * 86_400)  # the database's clock wrote when it was sent
    says(parts, AGREED, Choices(clicks=False, opens=False))
    says(parts, DECLINED, Choices(clicks=True, opens=True))
    assert {each: shown(parts, each) for each in mails} == mails


def test_the_rehearsals_hash_is_the_campaigns(parts: Container, campaign_id: int) -> None:
    with parts.reading_sessions() as session:
        campaign = session.get_one(Campaign, campaign_id)
        rehearsed = rehearse(session, campaign.issue, list(campaign.lists), parts.sending.room).hash
    send_campaign(parts.sending, campaign_id)

    def hash_now() -> str:
        with parts.reading_sessions() as session:
            return rehearsal_of(session, session.get_one(Campaign, campaign_id), parts.sending.room).hash

    assert hash_now() == rehearsed
    says(parts, UNDECIDED, Choices(clicks=False))
    assert hash_now() != rehearsed


def test_every_link_of_a_sent_mail_leads_where_the_plain_mail_leads(
    parts: Container, campaign_id: int, relay: Relay, clock: HandClock
) -> None:
    send_campaign(parts.sending, campaign_id)
    mails = relay.messages
    visitor = TestClient(create_app(parts), headers=BROWSER, follow_redirects=False)
    plain = part(parsed(mails[DECLINED]), "html").replace("&amp;", "&")
    for kind in ("html", "plain"):
        counted = part(parsed(mails[UNDECIDED]), kind)
        for path in re.findall(r"http://127\.0\.0\.1:8025(/c/[a-z0-9/]+)", counted):
            answer = visitor.get(path)
            assert answer.status_code == 302
            assert answer.headers["location"] in plain
    clock.move(3600)
    counted_now(parts, clock)
    with parts.reading_sessions() as session:
        assert reading.click_numbers(session, campaign_id).machines == 1  # it followed them all
        assert reading.counts_clicks(session, session.get_one(Campaign, campaign_id).issue_id)


def test_links_of_a_test_mail_work_before_anything_is_sent(parts: Container, campaign_id: int) -> None:
    with unit_of_work(parts.sessions) as session:
        keep_links_of(session, issues.find_issue(session, "letter/1"), parts.sending.room)
    visitor = TestClient(create_app(parts), headers=BROWSER, follow_redirects=False)
    for path in links_in(shown(parts, "")):
        assert path.endswith("/sample")
        assert visitor.get(path).status_code == 302
