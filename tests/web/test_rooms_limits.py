"""The page of limits: what is set and left, set and removed by administrators, seen by all."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from newsletter.accounts.models import AuditEntry
from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.delivery.limits.models import GroupBreaker, Limit, SendingHours, WarmUp
from newsletter.delivery.models import Delivery
from newsletter.delivery.states import DeliveryState
from tests.support.rooms import HOSTILE, fill
from tests.support.signed_in import Browser

ROOM = "/admin/sending/limits"
WARM_UP = {
    "scope": "relay",
    "name": "default",
    "first_day": "2026-03-01",
    "days": "50, 75",
    "growth": "25",
    "most": "9000",
}


@pytest.fixture
def admin(container: Container) -> Browser:
    """An administrator in a filled installation."""
    with unit_of_work(container.sessions) as session:
        fill(session)
    return Browser(container, "admin")


def text(page: str) -> str:
    """Return what a page says, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split()).replace(" ,", ",")


def test_shipped_limits_are_shown_as_such_and_can_be_switched_off_and_back(admin: Browser) -> None:
    assert "group google 5 at once – shipped" in text(admin.page(ROOM))
    admin.send(f"{ROOM}/off", name="google")
    assert "group google any number – switched off" in text(admin.page(ROOM))
    admin.send(f"{ROOM}/remove", scope="group", name="google", per="at_once")
    assert "group google 5 at once – shipped" in text(admin.page(ROOM))


def test_a_limit_is_set_changed_and_removed(admin: Browser, container: Container) -> None:
    done = admin.send(ROOM, scope="publication", name="letter", count="100", per="hour")
    page = text(admin.page(done.headers["location"]))
    assert "publication letter 100 an hour 100 set" in page
    assert "holds within seconds" in page
    admin.send(ROOM, scope="publication", name="letter", count="200", per="hour")
    with container.reading_sessions() as session:
        assert [row.count for row in session.scalars(select(Limit))] == [200]
        actions = session.scalars(select(AuditEntry.action).where(AuditEntry.action.like("limit%"))).all()
    assert actions == ["limit.set", "limit.set"]
    admin.send(f"{ROOM}/remove", scope="publication", name="letter", per="hour")
    assert "an hour" not in text(admin.page(ROOM))
    assert admin.send(f"{ROOM}/remove", scope="publication", name="letter", per="hour").status_code == 404


def test_a_warm_up_is_set_shown_and_removed(admin: Browser, container: Container) -> None:
    done = admin.send(f"{ROOM}/warm-up", **WARM_UP, per_group="40", time_zone="Europe/Berlin")
    page = text(admin.page(done.headers["location"]))
    assert (
        "relay default 50, 75 a day from 1 Mar 2026, then 25 % more each day up to 9,000; at most 40 to each group"
        in page
    )
    admin.send(f"{ROOM}/warm-up/remove", scope="relay", name="default")
    with container.reading_sessions() as session:
        assert session.scalars(select(WarmUp)).all() == []


def test_hours_are_set_shown_and_removed(admin: Browser, container: Container) -> None:
    admin.send(
        f"{ROOM}/hours", scope="publication", name="letter", opens_at="08:00", closes_at="20:00", spread="180"
    )
    assert "Sends between 08:00 and 20:00. Spread over 180 minutes." in text(admin.page(ROOM))
    admin.send(f"{ROOM}/hours/remove", scope="publication", name="letter")
    with container.reading_sessions() as session:
        assert session.scalars(select(SendingHours)).all() == []


def test_a_group_that_rests_says_why_and_can_be_tried_again(admin: Browser, container: Container) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    with unit_of_work(container.sessions) as session:
        session.add_all(
            [
                GroupBreaker(destination_group="pit.example", open_until=later, why=f"421 {HOSTILE}"),
                GroupBreaker(destination_group="outlook", slow_until=later, why="451 reputation"),
                GroupBreaker(destination_group="old.example", open_until=later - timedelta(hours=2)),
            ]
        )
    page = admin.page(ROOM)
    assert "<script>alert" not in page
    assert "pit.example rests until" in text(page)
    assert "outlook one a minute until" in text(page)
    assert "old.example one message tries it" in text(page)
    assert admin.send(f"{ROOM}/close", name="pit.example").status_code == 303
    assert "pit.example" not in text(admin.page(ROOM))
    assert admin.send(f"{ROOM}/close", name="pit.example").status_code == 404


def test_waiting_messages_are_counted_by_what_holds_them(admin: Browser, container: Container) -> None:
    with unit_of_work(container.sessions) as session:
        rows = session.scalars(select(Delivery).where(Delivery.campaign_id == 3).limit(3)).all()
        for row, reason in zip(rows, ("limit", "limit", "resting"), strict=True):
            row.state, row.reason = int(DeliveryState.DEFERRED), reason
    assert "2 messages for a limit, 1 message for a group that rests." in text(admin.page(ROOM))


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("", {"scope": "moon", "name": "x", "count": "1", "per": "hour"}),
        ("", {"scope": "group", "name": HOSTILE, "count": "1", "per": "hour"}),
        ("", {"scope": "group", "name": "x", "count": "0", "per": "hour"}),
        ("", {"scope": "group", "name": "x", "count": "1e9", "per": "hour"}),
        ("", {"scope": "group", "name": "x", "count": "9" * 12, "per": "hour"}),
        ("", {"scope": "group", "name": "x", "count": "١", "per": "hour"}),
        ("", {"scope": "group", "name": "x", "count": "1", "per": "year"}),
        ("", {"scope": "relay", "name": "default", "count": "1", "per": "at_once"}),
        ("", {}),
        ("/warm-up", WARM_UP | {"days": ""}),
        ("/warm-up", WARM_UP | {"days": "1,,2"}),
        ("/warm-up", WARM_UP | {"first_day": "soon"}),
        ("/warm-up", WARM_UP | {"growth": "-1"}),
        ("/warm-up", WARM_UP | {"growth": "101"}),
        ("/warm-up", WARM_UP | {"time_zone": "Moon/Base"}),
        ("/warm-up", WARM_UP | {"scope": "group"}),
        ("/hours", {"scope": "publication", "name": "letter"}),
        ("/hours", {"scope": "publication", "name": "letter", "opens_at": "25:00", "closes_at": "20:00"}),
        ("/hours", {"scope": "publication", "name": "letter", "opens_at": "08:00"}),
        ("/hours", {"scope": "publication", "name": "letter", "spread": "99999"}),
    ],
)
def test_what_does_not_fit_is_refused(admin: Browser, path: str, fields: dict[str, str]) -> None:
    answer = admin.send(ROOM + path, **fields)
    assert answer.status_code == 422
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("", {"scope": "publication", "name": "nobody", "count": "1", "per": "hour"}),
        ("/hours", {"scope": "campaign", "name": "999999999999999999", "spread": "5"}),
        ("/hours", {"scope": "campaign", "name": "²", "spread": "5"}),
        ("/off", {"name": "tiny.example"}),
        ("/moon/remove", {"scope": "relay", "name": "x"}),
        ("/hours/remove", {"scope": "relay", "name": "x"}),
    ],
)
def test_what_is_not_there_is_not_found(admin: Browser, path: str, fields: dict[str, str]) -> None:
    assert admin.send(ROOM + path, **fields).status_code == 404


def test_others_look_and_change_nothing(admin: Browser, container: Container) -> None:
    editor = Browser(container, "editor")
    page = editor.page(ROOM)
    assert page.count('method="post"') <= 1
    for path in ("", "/remove", "/off", "/close", "/warm-up", "/hours", "/hours/remove"):
        assert editor.send(ROOM + path).status_code == 403
        assert editor.get(ROOM + path).status_code in (200, 405)
