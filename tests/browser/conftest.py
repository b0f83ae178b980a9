"""A real Chromium, and a running site to look at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.servers import find_binary
from tests.support.site import Site, running_site

ADMIN = "ada@example.com"


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site for all browser tests."""
    with running_site(tmp_path_factory.mktemp("site")) as made:
        yield made


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, driven by Playwright; nothing is downloaded.

    It ends with this folder's tests: Playwright keeps an event loop running in the main thread while it lives.
    """
    with sync_playwright() as player:
        chromium = player.chromium.launch(
            executable_path=find_binary("chromium", package="chromium"),
            args=["--no-sandbox", "--disable-gpu"],
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def signed_in(browser: Browser, site: Site) -> dict[str, object]:
    """The cookies of an administrator who came in by a one-time link."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(site.sign_in_link(ADMIN))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/admin/")
    state = context.storage_state()
    context.close()
    return dict(state)


@pytest.fixture
def context(browser: Browser, signed_in: dict[str, object]) -> Iterator[BrowserContext]:
    """A signed-in browser window of the test's own."""
    made = browser.new_context(storage_state=signed_in, viewport={"width": 1440, "height": 1000})  # type: ignore[arg-type]
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page on which any script error or refused resource of our own fails the test."""
    opened = context.new_page()
    troubles: list[str] = []
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    opened.on("console", lambda said: troubles.append(said.text) if "Content Security" in said.text else None)
    yield opened
    assert troubles == []
