"""Every page, as people with different eyes, hands and screens meet it: axe-core finds nothing, nothing is cut off."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page

from tests.support.site import Site

PAGES = [
    "/sign-in",
    "/letter/",
    "/letter/n/1",
    "/khabar/",
    "/letter/authors/mira-lindqvist",
    "/subscribe/readers",
    "/u/sample",
    "/nothing/here",
    "/admin/",
    "/admin/issues/1",
    "/admin/issues/2",
    "/admin/issues/2/checks",
    "/admin/issues/1/send",
    "/admin/issues/3",
    "/admin/posts",
    "/admin/campaigns",
    "/admin/campaigns/1",
    "/admin/campaigns/1/unknown",
    "/admin/campaigns/1/report",
    "/admin/reports",
    "/admin/reports/lists",
    "/admin/reports/lists/readers?step=day",
    "/admin/reports/address",
    "/admin/reports/address?address=reader1@example.com",
    "/admin/sending",
    "/admin/sending/relays/post",
    "/admin/sending/signing",
    "/admin/sending/limits",
    "/admin/lists",
    "/admin/subscribers",
    "/admin/subscribers/1",
    "/admin/subscribers/imports",
    "/admin/suppressions",
    "/admin/returned",
    "/admin/returned/1",
    "/admin/returned/rules",
    "/admin/users",
    "/admin/publications/letter",
]
LOOKS: list[dict[str, Any]] = [
    {"viewport": {"width": 1440, "height": 1000}, "color_scheme": "light"},
    {"viewport": {"width": 360, "height": 760}, "color_scheme": "dark"},
]


@pytest.fixture(scope="module", params=LOOKS, ids=["wide, light", "narrow, dark"])
def seen(request: pytest.FixtureRequest, browser: Browser, signed_in: dict[str, Any]) -> Any:
    """A page of a signed-in window with one of the looks."""
    context = browser.new_context(storage_state=signed_in, **request.param)  # type: ignore[arg-type]
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("address", PAGES)
def test_axe_finds_nothing_and_nothing_is_cut_off(seen: Page, site: Site, address: str) -> None:
    answer = seen.goto(site.url + address)
    assert answer is not None
    assert answer.status == (404 if address == "/nothing/here" else 200)
    found = Axe().run(seen, options={"resultTypes": ["violations"]}).response["violations"]
    assert [(each["id"], [node["target"] for node in each["nodes"]][:3]) for each in found] == []
    wide = seen.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{wide} px stick out"


def test_the_page_asks_nobody_else_for_anything(page: Page, site: Site) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for address in ("/admin/", "/admin/issues/2", "/admin/campaigns/1", "/letter/n/1", "/sign-in"):
        page.goto(site.url + address)
    strangers = [url for url in asked if not url.startswith((site.url, "data:"))]
    assert strangers == []
