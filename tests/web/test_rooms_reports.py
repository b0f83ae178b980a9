"""Reports: one campaign in a sentence, a chart with its table, and issues beside each other."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from newsletter.audience.models import Subscriber
from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.feedback.models import FeedbackEntry
from newsletter.reporting.models import SharedSummary
from newsletter.web.app import create_app
from tests.support.rooms import NOW, fill
from tests.support.signed_in import Browser, TestClient


@pytest.fixture
def viewer(container: Container) -> Browser:
    """A viewer in a filled installation of 60 readers; campaigns 1 and 2 are out: 50 sent, 10 failed."""
    with unit_of_work(container.sessions) as session:
        fill(session)
    return Browser(container, "viewer")


def test_one_report_says_it_in_a_sentence_and_an_equation(viewer: Browser) -> None:
    page = viewer.page("/admin/campaigns/2/report")
    assert "reached <b>50 people</b>" in page
    assert "60 = 50 sent + 10 failed + 0 suppressed + 0 skipped + 0 expired + 0 ambiguous" in page
    assert "10 addresses turned out dead" in page


def test_the_chart_has_its_table(viewer: Browser) -> None:
    page = viewer.page("/admin/campaigns/2/report")
    assert "The same as a table" in page
    assert 'data-table="table-speed"' in page
    assert 'id="table-speed"' in page


def test_providers_are_counted(viewer: Browser) -> None:
    page = viewer.page("/admin/campaigns/2/report")
    assert '<th scope="row" dir="auto">example.com</th>' in page


def test_reports_over_time_show_what_is_over_newest_first(viewer: Browser) -> None:
    page = viewer.page("/admin/reports")
    assert page.index("The ferry that never turned") < page.index("Rope, and who walks it")
    assert "What the winter tide brings in" not in page


def test_reports_are_sorted_by_url(viewer: Browser) -> None:
    page = viewer.page("/admin/reports?sort=soft_bounces")
    assert page.index("Rope, and who walks it") < page.index("The ferry that never turned")
    assert 'aria-sort="ascending"' in page
    assert viewer.page("/admin/reports?sort=__class__")


def test_every_table_of_a_report_is_a_file(viewer: Browser) -> None:
    document = viewer.get("/admin/campaigns/2/report.json").json()
    assert sum(row["mails"] for row in document["states"]) == 60
    for name, records in document.items():
        sheet = viewer.get(f"/admin/campaigns/2/report.csv?table={name}")
        assert sheet.headers["content-disposition"] == f'attachment; filename="campaign-2-{name}.csv"'
        assert len(list(csv.reader(io.StringIO(sheet.text)))) == len(records) + 1
    assert viewer.get("/admin/campaigns/2/report.csv?table=nothing").status_code == 404


def test_all_issues_are_a_file_too(viewer: Browser) -> None:
    rows = viewer.get("/admin/reports.json").json()
    assert [row["issue"] for row in rows] == ["letter/66", "letter/65"]
    assert viewer.get("/admin/reports.json?publication=other").json() == []


def test_bounces_over_time_by_reason_and_provider(viewer: Browser) -> None:
    page = viewer.page("/admin/reports")
    assert 'data-table="table-reasons"' in page
    assert 'id="table-providers"' in page
    rows = viewer.get("/admin/reports.json?table=reasons").json()
    assert rows == [
        {"issue": "66", "no_mailbox": 10, "mailbox_full": 1, "others": 0},
        {"issue": "65", "no_mailbox": 10, "mailbox_full": 0, "others": 0},
    ]
    assert viewer.get("/admin/reports.csv?table=providers").text.splitlines()[1] == '"66","11","0"'
    assert viewer.get("/admin/reports.csv?table=nothing").status_code == 404


def test_lists_and_their_growth(viewer: Browser) -> None:
    assert '<td class="n" data-v="59" data-l="Mailed">59</td>' in viewer.page("/admin/reports/lists")
    page = viewer.page("/admin/reports/lists/letter?step=month")
    assert "61 members" in page
    assert "2 are suppressed and get nothing" in page
    growth = viewer.get("/admin/reports/lists/letter/growth.csv?step=day").text
    assert growth.splitlines()[1] == '"2026-11-25","61","0","2","61"'
    assert viewer.get("/admin/reports/lists/nowhere").status_code == 404


def test_one_address_on_one_page(viewer: Browser) -> None:
    page = viewer.page("/admin/reports/address?address=Reader000001@example.com")
    assert "Suppressed since" in page
    assert page.index("No. 67 sent") < page.index("No. 66 sent") < page.index("No. 65 sent")
    assert "Nothing is known about" in viewer.page("/admin/reports/address?address=who@example.com")
    assert "One address, one line of time" in viewer.page("/admin/reports/address")
    assert viewer.get("/admin/reports/address?address=nobody").status_code == 422
    assert viewer.get("/admin/reports/address.json?address=who@example.com").status_code == 403


def test_what_happened_is_paged(viewer: Browser, container: Container) -> None:
    with unit_of_work(container.sessions) as session:
        for number in range(120):
            session.add(
                FeedbackEntry(
                    key=f"k{number}", word="deferred", at=NOW - timedelta(days=number), reason="delayed",
                    address_key="reader000001@example.com", diagnostic=f"<b>try {number}</b>",
                )
            )  # fmt: skip
    address = "/admin/reports/address?address=reader000001@example.com"
    pages = [viewer.page(f"{address}&page={number}") for number in (1, 2, 3)]
    assert [sum(f"try {number}&lt;" in page for page in pages) for number in range(120)] == [1] * 120
    assert "Page 2 of 3" in pages[1]
    assert "past the end" in viewer.page(f"{address}&page=99")


def test_a_public_summary_is_opened_shown_and_closed(viewer: Browser, container: Container) -> None:
    assert viewer.send("/admin/campaigns/2/share").status_code == 403
    editor = Browser(container, "editor")
    assert editor.send("/admin/campaigns/2/share").status_code == 303
    shared = re.search(
        r'value="http://127.0.0.1:8025(/s/[\w-]{32})"', editor.page("/admin/campaigns/2/report")
    )
    assert shared is not None
    stranger = TestClient(create_app(container), base_url="http://127.0.0.1:8025")
    answer = stranger.get(shared[1])
    assert "about 50" in answer.text
    assert "fewer than 10" in answer.text
    assert answer.headers["x-robots-tag"] == "noindex, nofollow"
    assert answer.headers["cache-control"] == "no-store"
    assert editor.send("/admin/campaigns/2/unshare").status_code == 303
    assert stranger.get(shared[1]).status_code == 404


def test_a_public_summary_names_nobody(viewer: Browser, container: Container) -> None:
    editor = Browser(container, "editor")
    editor.send("/admin/campaigns/2/share")
    with container.reading_sessions() as session:
        shared = session.scalars(select(SharedSummary)).one()
        words = [
            one
            for person in session.scalars(select(Subscriber))
            for one in (person.email, person.name)
            if one
        ]
    page = TestClient(create_app(container), base_url="http://127.0.0.1:8025").get(f"/s/{shared.token}").text
    assert [one for one in words if one in page] == []
    assert "@" not in page


def test_a_campaign_that_goes_on_is_not_shared(viewer: Browser, container: Container) -> None:
    assert Browser(container, "editor").send("/admin/campaigns/3/share").status_code == 409
    assert "Once the campaign has ended" in viewer.page("/admin/campaigns/3/report")
