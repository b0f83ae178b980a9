"""Reports: one campaign in a sentence, a chart with its table, and issues beside each other."""

from __future__ import annotations

import pytest

from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.web.views.charts import bar_chart, line_chart
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
    assert 'class="c-line"' in page


def test_domains_are_counted(viewer: Browser) -> None:
    page = viewer.page("/admin/campaigns/2/report")
    assert '<th scope="row" class="addr" dir="ltr">example.com</th>' in page


def test_reports_over_time_show_what_is_over_newest_first(viewer: Browser) -> None:
    page = viewer.page("/admin/reports")
    assert page.index("The ferry that never turned") < page.index("Rope, and who walks it")
    assert "What the winter tide brings in" not in page


def test_reports_are_sorted_by_url(viewer: Browser) -> None:
    page = viewer.page("/admin/reports?sort=soft_bounces")
    assert page.index("Rope, and who walks it") < page.index("The ferry that never turned")
    assert 'aria-sort="ascending"' in page
    assert viewer.page("/admin/reports?sort=__class__")


def test_a_line_stays_within_its_chart() -> None:
    chart = line_chart([0.0, 7.0, 3.0], ["a", "b"])
    heights = [float(point.split(",")[1]) for point in chart.line.split()]
    assert max(heights) == 190.0
    assert min(heights) >= 16.0
    assert [tick.label for tick in chart.ticks] == ["0", "4", "8", "12"] or len(chart.ticks) == 4


def test_bars_of_nothing_are_no_bars() -> None:
    assert bar_chart([], []).bars == []
    assert [bar.height for bar in bar_chart([0, 0], ["1", "2"]).bars] == [0.0, 0.0]
