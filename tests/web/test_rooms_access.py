"""Who may see and change what in the rooms for sending and audience."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.schema import metadata
from newsletter.web.app import create_app
from newsletter.web.routers.admin import (
    addresses,
    bounce_rules,
    campaigns,
    catcher,
    imports,
    lists,
    report_lists,
    reports,
    returned,
    subscribers,
    suppressions,
    users,
)
from tests.support.rooms import HOSTILE, fill
from tests.support.signed_in import Browser, TestClient

PAGES = (
    "/admin/campaigns", "/admin/campaigns?state=sending", "/admin/campaigns/3", "/admin/campaigns/3/live",
    "/admin/campaigns/3?state=failed&search=reader", "/admin/campaigns/1/report", "/admin/reports?sort=-sent",
    "/admin/campaigns/1/report.csv", "/admin/reports.json", "/admin/reports/lists", "/admin/reports/lists/letter",
    "/admin/reports/lists/letter/growth.csv", "/admin/reports/lists.csv",
    "/admin/reports/address?address=reader000001@example.com",
    "/admin/campaigns/3/deliveries.csv", "/admin/lists", "/admin/lists/letter", "/admin/subscribers",
    "/admin/subscribers?q=hostile&list=letter&state=confirmed", "/admin/subscribers/1", "/admin/suppressions",
    "/admin/suppressions?lifted=true&reason=complaint", "/admin/suppressions/left", "/admin/catcher", "/admin/sending/limits",
    "/admin/sending", "/admin/sending/signing", "/admin/sending/providers", "/admin/returned", "/admin/returned/1",
    "/admin/returned?pile=handled", "/admin/returned/rules",
)  # fmt: skip
ADMIN_PAGES = (
    "/admin/users", "/admin/subscribers/imports", "/admin/subscribers/export.csv", "/admin/subscribers/1/data.json",
    "/admin/suppressions/export.csv", "/admin/suppressions/left.csv",
    "/admin/reports/address.json?address=reader000001@example.com", "/admin/returned/1/message.eml",
)  # fmt: skip
CHANGES = (
    "/admin/lists", "/admin/lists/letter", "/admin/subscribers", "/admin/subscribers/1/unsubscribe",
    "/admin/subscribers/1/erase", "/admin/suppressions", "/admin/suppressions/1/lift", "/admin/subscribers/imports",
    "/admin/users", "/admin/users/1/role", "/admin/users/1/disable", "/admin/campaigns/3/pause",
    "/admin/campaigns/3/cancel", "/admin/campaigns/3/resume", "/admin/sending/limits", "/admin/sending/limits/off",
    "/admin/sending/relays", "/admin/sending/relays/post", "/admin/sending/relays/post/remove",
    "/admin/sending/relays/post/test", "/admin/sending/signing", "/admin/sending/signing/check",
    "/admin/sending/signing/1/rotate", "/admin/sending/signing/1/activate", "/admin/sending/providers",
    "/admin/sending/providers/main/rotate", "/admin/sending/providers/main/remove", "/admin/returned/1/assign",
    "/admin/returned/1/dismiss", "/admin/returned/1/undo", "/admin/returned/rules/letter",
    "/admin/returned/rules/letter/drop",
)  # fmt: skip
ROUTERS = (
    addresses, bounce_rules, campaigns, catcher, imports, lists, report_lists, reports, returned, subscribers,
    suppressions, users,
)  # fmt: skip


@pytest.fixture
def filled(container: Container) -> Container:
    """An installation with something in every room."""
    with unit_of_work(container.sessions) as session:
        fill(session)
    return container


def rows(parts: Container) -> dict[str, int]:
    """Count every table."""
    with parts.reading_sessions() as session:
        return {
            table.name: session.scalar(select(func.count()).select_from(table)) or 0
            for table in metadata.sorted_tables
        }


def test_viewers_read_everything_but_what_is_for_admins(filled: Container) -> None:
    viewer = Browser(filled, "viewer")
    assert {path: viewer.get(path).status_code for path in PAGES} == dict.fromkeys(PAGES, 200)
    assert {path: viewer.get(path).status_code for path in ADMIN_PAGES} == dict.fromkeys(ADMIN_PAGES, 403)


def test_viewers_change_nothing(filled: Container) -> None:
    viewer = Browser(filled, "viewer")
    before = rows(filled)
    assert {path: viewer.send(path).status_code for path in CHANGES} == dict.fromkeys(CHANGES, 403)
    assert rows(filled) == before


def test_viewers_see_no_forms_that_change(filled: Container) -> None:
    viewer = Browser(filled, "viewer")
    for path in PAGES:
        forms = viewer.get(path).text.count('method="post"')
        assert forms <= 1, path  # signing out


def test_opening_pages_changes_nothing(filled: Container) -> None:
    admin = Browser(filled, "admin")
    before = rows(filled)
    for path in (*PAGES, *ADMIN_PAGES):
        assert admin.get(path).status_code == 200, path
    assert rows(filled) == before


def test_strangers_are_sent_to_the_door(filled: Container) -> None:
    stranger = TestClient(create_app(filled), follow_redirects=False)
    for path in (*PAGES, *ADMIN_PAGES):
        assert stranger.get(path).headers["location"].startswith("/sign-in"), path
    for path in CHANGES:
        assert stranger.post(path).status_code in (303, 401, 403), path


def test_a_form_without_its_token_is_refused(filled: Container) -> None:
    admin = Browser(filled, "admin")
    before = rows(filled)
    for path in CHANGES:
        assert admin.client.post(path, data={"reason": "x"}).status_code == 403, path
    assert rows(filled) == before


def test_hostile_words_are_only_words(filled: Container) -> None:
    admin = Browser(filled, "admin")
    for path in (*PAGES, *ADMIN_PAGES[:2]):
        if path.endswith(".csv"):
            continue
        page = admin.page(path)
        assert "<script>alert" not in page, path
        assert " style=" not in page, path
        assert " onclick=" not in page, path
    assert HOSTILE.replace('"', "&#34;")[:5] in admin.page("/admin/subscribers?q=hostile")


def test_rooms_use_only_get_and_post() -> None:
    methods = {method for one in ROUTERS for route in one.router.routes for method in route.methods}  # type: ignore[attr-defined]
    assert methods == {"GET", "POST"}


def test_empty_rooms_teach(container: Container) -> None:
    admin = Browser(container, "admin")
    for path, said in {
        "/admin/campaigns": "Nothing was sent yet.",
        "/admin/reports": "No issue has gone out yet.",
        "/admin/lists": "No list yet.",
        "/admin/subscribers": "Nobody yet.",
        "/admin/subscribers/imports": "No list yet.",
        "/admin/suppressions": "Nobody is suppressed.",
        "/admin/suppressions/left": "Nobody has left.",
        "/admin/catcher": "Nothing was caught yet.",
    }.items():
        assert said in admin.page(path)


@pytest.mark.parametrize(
    "path",
    [
        "/admin/campaigns/99", "/admin/campaigns/99999999999999999999", "/admin/lists/none", "/admin/subscribers/999",
        "/admin/subscribers/99999999999999999999999", "/admin/catcher/nothing", "/admin/catcher/999999999",
        "/admin/catcher/%2e%2e", "/admin/subscribers/imports/aaaaaaaaaaaaaaaaaaaaaa", "/admin/campaigns/99/report",
        "/admin/campaigns/99/deliveries.csv", "/admin/subscribers?list=none",
    ],
)  # fmt: skip
def test_what_is_not_there_says_so(container: Container, path: str) -> None:
    assert Browser(container, "admin").get(path).status_code == 404


@pytest.mark.parametrize("path", ["/admin/campaigns?before=x", "/admin/campaigns/3?state=nonsense"])
def test_what_cannot_be_read_says_so(filled: Container, path: str) -> None:
    assert Browser(filled, "admin").get(path).status_code == 422
