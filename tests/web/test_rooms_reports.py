"""Reports: one campaign in a sentence, a chart with its table, and issues beside each other."""

from __future__ import annotations

import pytest

from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from tests.support.rooms import fill
from tests.support.signed_in import Browser


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
