"""Suppressions and leavings: searched, added, lifted with a reason, exported."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from sqlalchemy import select

from newsletter.accounts.models import AuditEntry
from newsletter.audience.models import MailingList, Suppression
from newsletter.audience.service import unsubscribe
from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.web.queries.left import leavings
from tests.support.rooms import NOW, fill, join
from tests.support.signed_in import Browser

ROOM = "/admin/suppressions"


@pytest.fixture
def admin(container: Container) -> Browser:
    """An administrator in a filled installation; readers 1 and 2 are suppressed."""
    with unit_of_work(container.sessions) as session:
        fill(session)
    return Browser(container, "admin")


def found(page: str) -> str:
    """Return what the search found."""
    return page.partition('id="found"')[2].partition('id="add"')[0]


def test_they_are_searched_and_filtered_by_url(admin: Browser) -> None:
    assert "reader000001@" in found(admin.page(f"{ROOM}?reason=hard_bounce"))
    assert "reader000002@" not in found(admin.page(f"{ROOM}?reason=hard_bounce"))
    assert "reader000002@" in found(admin.page(f"{ROOM}?search=reader000002"))
    assert "Nothing fits." in admin.page(f"{ROOM}?search=nobody")


def test_an_address_is_suppressed_by_hand(admin: Browser) -> None:
    assert admin.send(ROOM, email="none").status_code == 422
    done = admin.send(ROOM, email="Ada@Example.com", detail="asked by letter")
    page = admin.page(done.headers["location"])
    assert "ada@example.com" in found(page)
    assert "asked by letter" in found(page)


def test_it_can_hold_for_one_publication(admin: Browser) -> None:
    admin.send(ROOM, email="ada@example.com", publication="1", detail="x")
    assert "The Harbour Letter" in found(admin.page(f"{ROOM}?search=ada"))


def test_lifting_needs_a_reason_and_keeps_the_row(admin: Browser, container: Container) -> None:
    assert admin.send(f"{ROOM}/1/lift", reason=" ").status_code == 422
    done = admin.send(f"{ROOM}/1/lift", reason="the mailbox is back")
    assert "reader000001@" not in found(admin.page(done.headers["location"]))
    lifted = found(admin.page(f"{ROOM}?lifted=true&search=reader000001"))
    assert "the mailbox is back" in lifted
    with container.reading_sessions() as session:
        assert session.get_one(Suppression, 1).lifted_by == "admin@example.com"
        assert session.scalars(select(AuditEntry).where(AuditEntry.action == "suppression.lift")).one()
    assert admin.send(f"{ROOM}/1/lift", reason="again").status_code == 404


def test_the_export_is_what_the_search_shows(admin: Browser) -> None:
    rows = list(csv.DictReader(io.StringIO(admin.page(f"{ROOM}/export.csv?reason=complaint"))))
    assert [row["email"] for row in rows] == ["reader000002@example.com"]
    assert len(list(csv.DictReader(io.StringIO(admin.page(f"{ROOM}/export.csv"))))) == 2


def test_people_who_left_are_shown_with_what_they_said(admin: Browser, container: Container) -> None:
    with unit_of_work(container.sessions) as session:
        later = NOW + timedelta(days=1)
        unsubscribe(session, 7, reason="=too many", source="one_click", campaign_id=3, now=later)
    page = found(admin.page(f"{ROOM}/left"))
    assert page.index("reader000007@") < page.index("left@example.com")
    assert "=too many" in page
    assert 'href="/admin/campaigns/3"' in page
    rows = list(csv.DictReader(io.StringIO(admin.page(f"{ROOM}/left.csv"))))
    assert [row["reason"] for row in rows] == ["'=too many", ""]


def test_leavings_are_paged_without_gaps_even_at_one_instant(admin: Browser, container: Container) -> None:
    with unit_of_work(container.sessions) as session:
        letter = session.scalars(select(MailingList).where(MailingList.slug == "letter")).one()
        for number in range(7):
            join(session, letter, f"gone{number}@example.com", state="unsubscribed")
    with container.reading_sessions() as session:
        whole = [row.id for row in leavings(session)]
        walked: list[int] = []
        while page := leavings(session, before=walked[-1] if walked else None, limit=3):
            walked += [row.id for row in page]
    assert walked == whole
    assert len(whole) == 8
