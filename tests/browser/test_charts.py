"""Charts: drawn from their tables under the strict policy, read by keyboard, redrawn for other screens and themes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.support.site import PEOPLE, Site

REPORT = "/admin/campaigns/1/report"
GROWTH = "/admin/reports/lists/readers?step=day"
INK = """() => {
  const canvas = document.querySelector(".plot canvas");
  const found = new Set();
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 250) found.add(data.slice(at, at + 3).join());
  return [...found];
}"""


@pytest.fixture
def quiet(page: Page) -> Iterator[Page]:
    """A page on which nothing may go wrong: no script error, nothing refused by the policy."""
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda told: wrong.append(told.text) if told.type == "error" else None)
    yield page
    assert wrong == []


def test_a_chart_is_a_slider_that_reads_its_table(quiet: Page, site: Site) -> None:
    quiet.goto(site.url + GROWTH)
    chart = quiet.get_by_role("slider", name="Members at the end of each day")
    chart.focus()
    assert f"Members {PEOPLE}" in (chart.get_attribute("aria-valuetext") or "")
    chart.press("Home")
    assert chart.get_attribute("aria-valuenow") == "0"
    assert chart.get_attribute("aria-valuetext") == quiet.locator(".plot-told").first.inner_text()


def test_arrow_keys_walk_along_and_stop_at_the_ends(quiet: Page, site: Site) -> None:
    quiet.goto(site.url + REPORT)
    quiet.evaluate(
        """() => {
        const body = document.querySelector("#table-providers tbody");
        for (const name of ["one", "two"]) {
          const row = body.rows[0].cloneNode(true);
          row.cells[0].textContent = name;
          body.append(row);
        }
        }"""
    )
    quiet.set_viewport_size({"width": 1000, "height": 900})  # drawn anew, now with three rows
    chart = quiet.get_by_role("slider", name="Hard and soft bounces by provider")
    quiet.wait_for_function("() => document.querySelector('.plot-area').ariaValueMax === '2'")
    said = []
    for key in ("Home", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft", "End"):
        chart.press(key)
        said.append(chart.get_attribute("aria-valuenow"))
    assert said == ["0", "1", "2", "2", "1", "2"]
    assert (chart.get_attribute("aria-valuetext") or "").startswith("two: Hard 0, Soft 0")


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_a_chart_fits_a_narrow_page_in_both_directions(quiet: Page, site: Site, direction: str) -> None:
    quiet.set_viewport_size({"width": 360, "height": 760})
    quiet.goto(site.url + GROWTH)
    quiet.evaluate("wanted => { document.documentElement.dir = wanted }", direction)
    quiet.locator(".plot canvas").first.wait_for()
    assert quiet.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_a_chart_is_drawn_anew_when_the_theme_changes(quiet: Page, site: Site) -> None:
    quiet.goto(site.url + GROWTH)
    quiet.locator(".plot canvas").first.wait_for()
    light = quiet.evaluate(INK)
    quiet.emulate_media(color_scheme="dark")
    quiet.wait_for_timeout(200)
    assert set(quiet.evaluate(INK)) != set(light)


def test_without_scripts_the_tables_speak(browser: Browser, site: Site, signed_in: dict[str, object]) -> None:
    context = browser.new_context(storage_state=signed_in, java_script_enabled=False)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(site.url + GROWTH)
    assert page.locator(".plot").first.is_hidden()
    page.locator("summary").click()
    assert page.get_by_role("row").count() >= 2
    context.close()
