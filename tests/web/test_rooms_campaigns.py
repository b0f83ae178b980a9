"""The sending room: progress that adds up, pausing, resuming and cancelling, and the ledger."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from newsletter.accounts.models import AuditEntry
from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.delivery.models import Campaign, Delivery
from newsletter.delivery.states import CampaignState, DeliveryState
from newsletter.web.queries.deliveries import PER_PAGE
from tests.support.rooms import NOW, fill, join, make_campaign, make_issue, make_list, make_publication
from tests.support.signed_in import Browser

RUNNING = "/admin/campaigns/3"


@pytest.fixture
def editor(container: Container) -> Browser:
    """An editor in a filled installation of 60 readers; campaign 3 is on its way: 40 sent, 3 failed."""
    with unit_of_work(container.sessions) as session:
        fill(session)
    return Browser(container, "editor")


def state_of(parts: Container, campaign_id: int = 3) -> str:
    """Return the state of a campaign."""
    with parts.reading_sessions() as session:
        return session.get_one(Campaign, campaign_id).state


def test_the_page_shows_an_equation_that_adds_up(editor: Browser) -> None:
    page = editor.page(RUNNING)
    assert "No. 67 is on its way" in page
    assert "60 = 60" in page
    for term in ("<dd>40</dd>", "<dd>3</dd>", "<dd>1</dd>", "<dd>16</dd>"):
        assert term in page


def test_the_list_filters_by_state(editor: Browser) -> None:
    assert "The ferry that never turned" in editor.page("/admin/campaigns")
    filtered = editor.page("/admin/campaigns?state=sending")
    assert "What the winter tide brings in" in filtered
    assert "The ferry that never turned" not in filtered


def test_an_open_page_polls_a_fragment_that_announces_in_tens(editor: Browser) -> None:
    fragment = editor.page(f"{RUNNING}/live?seen=sending")
    assert "<html" not in fragment
    assert 'hx-trigger="every 2s"' in fragment
    assert 'data-tell="70 % of 60 people are done."' in fragment


def test_a_page_that_shows_another_state_is_loaded_anew(editor: Browser) -> None:
    assert "hx-refresh" not in editor.get(f"{RUNNING}/live?seen=sending").headers
    assert editor.get(f"{RUNNING}/live?seen=paused").headers["hx-refresh"] == "true"


def test_a_campaign_that_is_over_polls_no_more(editor: Browser) -> None:
    page = editor.page("/admin/campaigns/1")
    assert "every 2s" not in page
    assert "/cancel" not in page


def test_pausing_needs_a_reason_and_can_be_resumed(editor: Browser, container: Container) -> None:
    assert editor.send(f"{RUNNING}/pause", reason=" ").status_code == 422
    assert state_of(container) == "sending"
    assert editor.send(f"{RUNNING}/pause", reason="wrong picture").headers["location"] == RUNNING
    page = editor.page(RUNNING)
    assert "No. 67 is paused" in page
    assert "wrong picture" in page
    assert "Resume for 16 people" in page
    editor.send(f"{RUNNING}/resume")
    assert state_of(container) == "sending"


def test_a_second_pause_is_told_so(editor: Browser) -> None:
    editor.send(f"{RUNNING}/pause", reason="one")
    assert editor.send(f"{RUNNING}/pause", reason="two").status_code == 409


def test_cancelling_needs_the_number_typed(editor: Browser, container: Container) -> None:
    assert "Cancel for 16 people" in editor.page(RUNNING)
    wrong = editor.send(f"{RUNNING}/cancel", reason="wrong issue", people="16", typed="15")
    assert wrong.status_code == 422
    assert state_of(container) == "sending"
    editor.send(f"{RUNNING}/cancel", reason="wrong issue", people="16", typed=" 16 ")
    page = editor.page(RUNNING)
    assert "No. 67 was cancelled" in page
    assert "16 people will not get it" in page
    assert "60 = 60" in page


def test_what_editors_do_is_in_the_audit_log(editor: Browser, container: Container) -> None:
    editor.send(f"{RUNNING}/pause", reason="wrong picture")
    with container.reading_sessions() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "campaign.pause")).one()
    assert (entry.actor, entry.object, entry.details) == (
        "editor@example.com", "campaign 3", {"reason": "wrong picture"},
    )  # fmt: skip


def test_the_ledger_is_searched_and_filtered_by_url(editor: Browser) -> None:
    one = editor.page(f"{RUNNING}?search=READER000007")
    assert "reader000007@example.com" in one
    assert "reader000008@example.com" not in one
    failed = editor.page(f"{RUNNING}?state=failed")
    assert failed.count("550 5.1.1 User unknown") == 3
    assert "Nobody fits." in editor.page(f"{RUNNING}?search=nobody")
    assert "Nobody fits." in editor.page(f"{RUNNING}?search=%25")


def test_the_ledger_is_paged_without_gaps(editor: Browser) -> None:
    first = editor.page(RUNNING)
    last = f"reader{PER_PAGE:06}@example.com"
    assert last in first
    assert f"after=reader{PER_PAGE:06}%40example.com" in first
    second = editor.page(f"{RUNNING}?after={last}")
    assert f"reader{PER_PAGE + 1:06}@example.com" in second
    assert f">{last}<" not in second


def test_the_ledger_is_a_spreadsheet_without_formulas(editor: Browser, container: Container) -> None:
    with unit_of_work(container.sessions) as session:
        row = session.scalars(select(Delivery).where(Delivery.campaign_id == 3)).first()
        assert row is not None
        row.response = '=HYPERLINK("https://evil.example")'
    text = editor.page(f"{RUNNING}/deliveries.csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 60
    assert rows[0]["response"].startswith("'=HYPERLINK")
    failed = list(csv.DictReader(io.StringIO(editor.page(f"{RUNNING}/deliveries.csv?state=failed"))))
    assert {one["state"] for one in failed} == {"failed"}


def test_the_ledger_is_json_lines_of_what_the_fields_leave(editor: Browser) -> None:
    every = [json.loads(line) for line in editor.page(f"{RUNNING}/deliveries.jsonl").splitlines()]
    assert len(every) == 60
    begins = every[0]["address"][:3].upper()
    some = editor.page(f"{RUNNING}/deliveries.jsonl?state=sent&search={begins}").splitlines()
    expected = [one for one in every if one["state"] == "sent" and one["address"].startswith(begins.lower())]
    assert [json.loads(line) for line in some] == expected
    assert editor.get(f"{RUNNING}/deliveries.xlsx").status_code in (404, 422)
    assert f"{RUNNING}/deliveries.jsonl?state=sent&amp;search=r" in editor.page(
        f"{RUNNING}?state=sent&search=r"
    )


def test_a_scheduled_campaign_says_whom_it_would_reach(container: Container) -> None:
    with unit_of_work(container.sessions) as session:
        publication = make_publication(session)
        letter = make_list(session, publication, "letter", "Letter", "single")
        person = join(session, letter, "ada@example.com")
        issue = make_issue(session, publication, 1, "First")
        planned = make_campaign(session, issue, letter, [person], state=CampaignState.SCHEDULED)
        planned.audience, planned.scheduled_at = None, NOW + timedelta(days=1)
        session.query(Delivery).delete()
    page = Browser(container, "editor").page("/admin/campaigns/1")
    assert "No. 1 will go out" in page
    assert "1 person</b> would get it now" in page
    assert "Cancel for 1 person" in page


def test_pages_of_campaigns_follow_each_other(container: Container) -> None:
    with unit_of_work(container.sessions) as session:
        publication = make_publication(session)
        letter = make_list(session, publication, "letter", "Letter", "single")
        person = join(session, letter, "ada@example.com")
        for number in range(1, 31):
            issue = make_issue(session, publication, number, f"Title {number}.")
            make_campaign(
                session, issue, letter, [person], state=CampaignState.FINISHED, results=[DeliveryState.SENT]
            )
    editor = Browser(container, "editor")
    first, second = editor.page("/admin/campaigns"), editor.page("/admin/campaigns?before=6")
    assert "Title 30." in first
    assert "before=6" in first
    assert "Title 5." not in first
    assert "Title 5." in second
    assert "Title 6." not in second


def test_the_chart_is_drawn_apart_and_without_scripts_in_the_report(editor: Browser) -> None:
    page = editor.page(RUNNING)
    assert f'hx-get="{RUNNING}/speed" hx-trigger="load"' in page
    assert f'<a href="{RUNNING}/report">report</a>' in page
    assert 'data-table="table-speed"' in editor.page(f"{RUNNING}/speed")
