"""Lists and subscribers: made, found, shown whole, taken off and erased."""

from __future__ import annotations

import csv
import io

import pytest
from sqlalchemy import select

from newsletter.audience.models import Consent, MailingList, Subscriber, Subscription, Suppression
from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from tests.support.rooms import fill, join
from tests.support.signed_in import Browser


@pytest.fixture
def admin(container: Container) -> Browser:
    """An administrator in a filled installation of 60 readers."""
    with unit_of_work(container.sessions) as session:
        fill(session)
    return Browser(container, "admin")


LIST = {"name": "Night letter", "publication": "1", "optin": "single", "visibility": "private"}


def test_a_list_is_made_and_edited(admin: Browser, container: Container) -> None:
    made = admin.send("/admin/lists", slug="night", description="After dark", **LIST)
    assert made.headers["location"] == "/admin/lists/night"
    assert "After dark" in admin.page("/admin/lists/night")
    changed = {**LIST, "name": "Late letter", "optin": "double", "description": "Later"}
    assert admin.send("/admin/lists/night", **changed).status_code == 303
    page = admin.page("/admin/lists/night?saved=1")
    assert "Late letter" in page
    assert "Saved." in page
    with container.reading_sessions() as session:
        found = session.scalars(select(MailingList).where(MailingList.slug == "night")).one()
    assert (found.optin, found.visibility, found.description) == ("double", "private", "Later")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"slug": "../etc"}, 422),
        ({"slug": "letter"}, 409),
        ({"slug": "ok", "name": ""}, 422),
        ({"slug": "ok", "optin": "triple"}, 422),
        ({"slug": "ok", "publication": "77"}, 404),
        ({"slug": "ok", "publication": "1; drop"}, 422),
    ],
)
def test_a_list_that_does_not_fit_is_refused(admin: Browser, fields: dict[str, str], status: int) -> None:
    assert admin.send("/admin/lists", **(LIST | fields)).status_code == status


def test_a_list_with_people_stays_with_its_publication(admin: Browser) -> None:
    assert admin.send("/admin/lists/letter", **(LIST | {"publication": ""})).status_code == 409
    assert admin.send("/admin/lists/events", **(LIST | {"publication": ""})).status_code == 303


def test_lists_show_how_many_are_on_them(admin: Browser) -> None:
    page = admin.page("/admin/lists")
    assert 'data-l="Members">61<' in page
    assert 'data-l="Waiting">1<' in page
    assert 'data-l="Left">1<' in page


def test_search_finds_by_the_beginning_of_an_address(admin: Browser) -> None:
    page = admin.page("/admin/subscribers?q=Reader00001")
    assert "reader000010@example.com" in page
    assert "reader000020@example.com" not in page
    assert "reader000020" not in admin.page("/admin/subscribers?q=hostile&list=letter")


def test_search_works_with_and_without_scripts(admin: Browser) -> None:
    page = admin.page("/admin/subscribers")
    assert 'role="search" method="get"' in page
    assert 'hx-select="#found"' in page
    assert 'id="found" data-tell="' in page


def test_people_are_paged_and_filtered_by_url(admin: Browser) -> None:
    assert "Waiting to confirm" in admin.page("/admin/subscribers?state=pending")
    first = admin.page("/admin/subscribers?list=letter&state=confirmed")
    assert "after=reader000049%40example.com" in first
    second = admin.page("/admin/subscribers?list=letter&state=confirmed&after=reader000049@example.com")
    assert "reader000050@example.com" in second
    assert "reader000049@example.com" not in second.partition('id="found"')[2]


def test_each_row_says_why_somebody_gets_nothing(admin: Browser) -> None:
    page = admin.page("/admin/subscribers?q=reader00000")
    assert "Suppressed: hard bounce" in page
    assert "Suppressed: complaint" in page


def test_one_page_tells_the_whole_story(admin: Browser) -> None:
    page = admin.page("/admin/subscribers/3")
    for said in ("Confirmed Letter", "No. 67 sent", "No. 66 sent", "Mail came back", "5.2.2", "192.0.2.7"):
        assert said in page
    assert "Gets nothing: hard bounce" in admin.page("/admin/subscribers/1")
    assert "Norrhaven" in admin.page("/admin/subscribers/62")


def test_one_person_is_added_after_their_own_confirmation(admin: Browser, container: Container) -> None:
    person = {"email": "new@example.com", "name": "Nia New", "list": "letter", "language": "en"}
    assert admin.send("/admin/subscribers", **person).status_code == 422
    added = admin.send("/admin/subscribers", consent="Form 17", **person)
    assert "Waiting to confirm" in admin.page("/admin/subscribers?q=new@")
    assert "Form 17" in admin.page(added.headers["location"])
    assert container.queue.jobs[-1][0] == "delivery.send_confirmation"  # type: ignore[attr-defined]


def test_a_single_opt_in_list_takes_a_person_at_once(admin: Browser) -> None:
    admin.send("/admin/subscribers", email="new@example.com", list="events", consent="At the counter")
    assert "Subscribed" in admin.page("/admin/subscribers?q=new@")


def test_a_suppressed_address_is_not_added(admin: Browser) -> None:
    answer = admin.send("/admin/subscribers", email="reader000001@example.com", list="events", consent="x")
    assert answer.status_code == 422
    assert "suppressed" in answer.text


def test_taking_off_lists_ends_only_the_chosen(admin: Browser, container: Container) -> None:
    with unit_of_work(container.sessions) as session:
        events = session.scalars(select(MailingList).where(MailingList.slug == "events")).one()
        session.add(Subscription(list_id=events.id, subscriber_id=5, state="confirmed"))
    assert admin.send("/admin/subscribers/5/unsubscribe").status_code == 422
    admin.send("/admin/subscribers/5/unsubscribe", list=["1"], reason="by telephone")
    with container.reading_sessions() as session:
        rows = session.scalars(select(Subscription).where(Subscription.subscriber_id == 5)).all()
    assert {(row.list_id, row.state, row.unsubscribe_reason) for row in rows} == {
        (1, "unsubscribed", "by telephone"), (2, "confirmed", ""),
    }  # fmt: skip


def test_erasing_needs_the_address_typed(admin: Browser, container: Container) -> None:
    assert admin.send("/admin/subscribers/5/erase", typed="other@example.com").status_code == 422
    assert admin.send("/admin/subscribers/5/erase", typed="").status_code == 422
    done = admin.send("/admin/subscribers/5/erase", typed="READER000005@example.com ")
    assert "Erased." in admin.page(done.headers["location"])
    assert admin.get("/admin/subscribers/5").status_code == 404
    with container.reading_sessions() as session:
        assert session.get(Subscriber, 5) is None
        kept = session.scalars(select(Suppression).where(Suppression.reason == "erased")).one()
    assert kept.address_key.startswith("h:")


def test_the_export_guards_formulas(admin: Browser, container: Container) -> None:
    with unit_of_work(container.sessions) as session:
        events = session.scalars(select(MailingList).where(MailingList.slug == "events")).one()
        join(session, events, "evil@example.com", "=cmd|' /C calc'!A0")
    answer = admin.get("/admin/subscribers/export.csv?list=events")
    assert answer.headers["content-disposition"] == 'attachment; filename="events.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["name"] for row in rows] == ["'=cmd|' /C calc'!A0"]


def test_a_person_gets_a_copy_of_their_data(admin: Browser) -> None:
    known = admin.get("/admin/subscribers/3/data.json").json()
    assert known["email"] == "reader000003@example.com"
    assert known["subscriptions"][0]["list"] == "letter"


def test_adding_keeps_the_proof(admin: Browser, container: Container) -> None:
    admin.send("/admin/subscribers", email="new@example.com", list="events", consent="At the counter")
    with container.reading_sessions() as session:
        proof = session.scalars(select(Consent).where(Consent.wording == "At the counter")).one()
    assert proof.source == "added by admin@example.com"
