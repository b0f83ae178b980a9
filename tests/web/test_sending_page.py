"""From the desk to a campaign: checks, approval, the page that sends."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from newsletter.audience.models import MailingList, Subscriber, Subscription
from newsletter.audience.service import find_list
from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.delivery.models import Campaign
from newsletter.issues import service as issues
from newsletter.issues.models import Publication
from tests.support.composed import compose
from tests.support.rooms import join
from tests.support.signed_in import Browser

DESK = "/admin/issues/1"


@pytest.fixture
def editor(container: Container) -> Browser:
    """An editor with a draft that nothing stands in the way of, and three readers."""
    with unit_of_work(container.sessions) as session:
        compose(session)
        readers = find_list(session, "readers")
        for number in range(3):
            join(session, readers, f"reader{number}@example.com")
    return Browser(container, "editor")


def campaigns(parts: Container) -> list[Campaign]:
    with parts.reading_sessions() as session:
        return list(session.scalars(select(Campaign)))


def test_an_issue_is_approved_and_sent(editor: Browser, container: Container) -> None:
    approved = editor.send(f"{DESK}/approve")
    assert approved.headers["location"] == f"{DESK}/send"
    page = editor.page(f"{DESK}/send")
    assert "3 people" in page
    sent = editor.send(f"{DESK}/send", list="readers", request_key="once")
    assert sent.headers["location"] == "/admin/campaigns/1"
    assert editor.send(f"{DESK}/send", list="readers", request_key="once").status_code == 303
    assert len(campaigns(container)) == 1
    editor.page("/admin/campaigns/1")


def test_what_blocks_refuses_the_approval(editor: Browser, container: Container) -> None:
    editor.send(f"{DESK}/words", subject="")
    assert "stands in the way" in editor.page(f"{DESK}/checks")
    refused = editor.send(f"{DESK}/approve")
    assert 400 <= refused.status_code < 500
    with container.reading_sessions() as session:
        assert issues.find_issue(session, "letter/1").state == "draft"


def test_an_edit_drops_the_approval(editor: Browser) -> None:
    editor.send(f"{DESK}/approve")
    editor.send(f"{DESK}/items/1", title="Another title")
    assert "not approved" in editor.page(f"{DESK}/send")
    assert 400 <= editor.send(f"{DESK}/send", list="readers").status_code < 500


def test_a_review_is_asked_for(editor: Browser, container: Container) -> None:
    assert editor.send(f"{DESK}/review").status_code == 303
    with container.reading_sessions() as session:
        assert issues.find_issue(session, "letter/1").state == "review"
    assert editor.send(f"{DESK}/approve").status_code == 303


def test_the_count_is_of_people_not_of_subscriptions(editor: Browser, container: Container) -> None:
    with unit_of_work(container.sessions) as session:
        publication = issues.get_publication(session, "letter")
        second = MailingList(slug="second", name="Second", publication_id=publication.id, optin="single")
        session.add(second)
        session.flush()
        first = session.scalars(select(Subscriber).order_by(Subscriber.id)).first()
        assert first is not None
        session.add(Subscription(list_id=second.id, subscriber_id=first.id, state="confirmed"))
    editor.send(f"{DESK}/approve")
    assert "to 3 people" in editor.page(f"{DESK}/send?list=readers&list=second")
    assert "to 1 person" in editor.page(f"{DESK}/send?list=second")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"list": "nobody"},
        {"list": "readers", "at": "soon"},
        {"list": "readers", "at": "0001-01-01T00:00"},
    ],
)
def test_a_send_that_does_not_fit_starts_nothing(
    editor: Browser, container: Container, fields: dict[str, str]
) -> None:
    editor.send(f"{DESK}/approve")
    answer = editor.send(f"{DESK}/send", **fields)
    assert 400 <= answer.status_code < 500
    assert campaigns(container) == []


def test_a_night_whose_hour_is_skipped_is_told(editor: Browser, container: Container) -> None:
    with unit_of_work(container.sessions) as session:
        session.get_one(Publication, 1).time_zone = "Europe/Berlin"
    editor.send(f"{DESK}/approve")
    assert "does not exist" in editor.page(f"{DESK}/send?list=readers&at=2036-03-30T02:30")


def test_stage_and_policy_come_from_the_form(editor: Browser, container: Container) -> None:
    editor.send(f"{DESK}/approve")
    wrong = editor.send(f"{DESK}/send", list="readers", stage="all of them")
    assert wrong.status_code == 422
    alone = editor.send(f"{DESK}/send", list="readers", seeds="reader1@example.com")
    assert "Seeds belong to a first stage" in alone.text
    seeds = "reader1@example.com, Reader2@example.com"
    editor.send(f"{DESK}/send", list="readers", stage="5", hold="2h", seeds=seeds, ambiguous="send_again")
    [made] = campaigns(container)
    assert (made.stage_percent, made.stage_minutes, made.ambiguous_policy) == (5, 120, "send_again")
    assert made.stage_seeds == "reader1@example.com reader2@example.com"
    assert made.has_brakes


def test_only_administrators_send_without_brakes(editor: Browser, container: Container) -> None:
    editor.send(f"{DESK}/approve")
    assert "Without brakes" not in editor.page(f"{DESK}/send")
    assert editor.send(f"{DESK}/send", list="readers", no_brakes="yes").status_code == 403
    admin = Browser(container, "admin")
    assert "Without brakes" in admin.page(f"{DESK}/send")
    assert admin.send(f"{DESK}/send", list="readers", no_brakes="yes").status_code == 303
    assert not campaigns(container)[0].has_brakes


def test_a_rehearsal_writes_everybody_and_sends_nobody(editor: Browser, container: Container) -> None:
    editor.send(f"{DESK}/approve")
    assert "Rehearse" in editor.page(f"{DESK}/send")
    page = editor.send(f"{DESK}/rehearse", list="readers")
    assert page.status_code == 200
    assert "3 messages written, none sent" in page.text
    assert not campaigns(container)
    assert editor.send(f"{DESK}/rehearse").status_code == 422
