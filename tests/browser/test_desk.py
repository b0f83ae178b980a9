"""The desk as an editor uses it: by mouse, by keyboard, without scripts, and two at once."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.support.site import Site


@pytest.fixture
def draft(page: Page, site: Site) -> Page:
    """A fresh draft with everything that waits in the tray, opened on the desk."""
    page.goto(f"{site.url}/admin/")
    page.get_by_role("button", name=re.compile("Start an empty issue")).first.click()
    page.wait_for_url(re.compile(r"/admin/issues/\d+$"))
    return page


def titles(page: Page) -> list[str]:
    return page.locator(".items > li h3").all_text_contents()


def write_note(page: Page, title: str) -> None:
    page.get_by_text("Note", exact=True).click()
    page.locator("#nt").fill(title)
    page.get_by_label("Text, in Markdown").fill("Soup and bread.")
    page.get_by_role("button", name="Add the note").click()
    expect(page.locator(".items > li h3", has_text=title)).to_have_count(1)


def test_words_are_saved_while_one_types(draft: Page) -> None:
    draft.get_by_label("Subject").fill("The Letter: fresh bread")
    expect(draft.locator("#c-subject")).to_contain_text("23")
    with draft.expect_response(re.compile("/words$")):
        draft.get_by_label("Preheader").fill("A preheader that says what is in it, in one line.")
    expect(draft.locator("#saved")).to_contain_text("Saved")
    draft.reload()
    expect(draft.get_by_label("Preheader")).to_have_value("A preheader that says what is in it, in one line.")


def test_the_proof_follows_every_word(draft: Page) -> None:
    with draft.expect_response(re.compile("/proof")):
        draft.get_by_label("Intro").fill("Dear {{first_name|reader}}, hello.")
    expect(draft.frame_locator("#proof").locator("body")).to_contain_text("Dear Sam, hello.")


def test_buttons_move_an_item_and_keep_the_focus(draft: Page) -> None:
    write_note(draft, "Supper")
    write_note(draft, "Breakfast")
    draft.get_by_role("button", name="Move “Breakfast” up").focus()
    draft.keyboard.press("Enter")
    expect(draft.locator(".items > li h3").first).to_have_text("Breakfast")
    assert titles(draft) == ["Breakfast", "Supper"]
    expect(draft.locator("#told")).to_have_text("Breakfast, now 1 of 2")
    expect(draft.get_by_role("button", name="Move “Breakfast” down")).to_be_focused()
    draft.get_by_role("button", name="Undo").click()
    expect(draft.locator(".items > li h3").first).to_have_text("Supper")


def test_dragging_does_what_the_buttons_do(draft: Page) -> None:
    write_note(draft, "Supper")
    write_note(draft, "Breakfast")
    with draft.expect_response(re.compile("/move$")):
        draft.locator(".items > li .grip").last.drag_to(draft.locator(".items > li").first)
    draft.reload()
    assert titles(draft) == ["Breakfast", "Supper"]


def test_a_post_goes_from_the_tray_and_back(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/admin/")
    page.get_by_role("link", name="No. 2").click()
    page.get_by_role("button", name=re.compile("^Add “")).first.click()
    expect(page.locator(".items > li")).to_have_count(3)
    with page.expect_response(re.compile(r"/items/\d+$")):
        page.locator(".items .seg label", has_text="Title").last.click()
    page.reload()
    expect(page.locator(".items .seg input[value=title]").last).to_be_checked()
    page.get_by_role("button", name=re.compile("^Take out")).last.click()
    expect(page.locator(".items > li")).to_have_count(2)
    expect(page.get_by_role("button", name=re.compile("^Add “"))).to_have_count(1)


def test_two_editors_at_once_lose_nothing(draft: Page, context: BrowserContext) -> None:
    other = context.new_page()
    other.goto(draft.url)
    with draft.expect_response(re.compile("/words$")):
        draft.get_by_label("Subject").fill("What the first one wrote")
    with other.expect_response(re.compile("/words$")) as refused:
        other.get_by_label("Subject").fill("What the second one wrote")
    assert refused.value.status == 409
    expect(other.locator("#saved")).to_contain_text("Not saved")
    expect(other.get_by_label("Subject")).to_have_value("What the second one wrote")
    draft.reload()
    expect(draft.get_by_label("Subject")).to_have_value("What the first one wrote")
    with other.expect_response(re.compile("/words$")):
        other.get_by_role("button", name="Keep mine").click()
    expect(other.locator("#saved")).to_contain_text("Saved")
    draft.reload()
    expect(draft.get_by_label("Subject")).to_have_value("What the second one wrote")


def test_a_check_opens_and_closes_the_approval_while_one_types(draft: Page) -> None:
    write_note(draft, "Supper")
    approve = draft.get_by_role("button", name="Approve and go to sending")
    draft.get_by_label("Subject").fill("")
    expect(approve).to_be_disabled()
    draft.get_by_label("Subject").fill("The Letter: supper")
    expect(approve).to_be_enabled()


def test_everything_works_without_scripts(browser: Browser, site: Site, signed_in: dict[str, object]) -> None:
    plain = browser.new_context(storage_state=signed_in, java_script_enabled=False)  # type: ignore[arg-type]
    page = plain.new_page()
    page.goto(f"{site.url}/admin/")
    page.get_by_role("button", name=re.compile("Start an empty issue")).first.click()
    page.get_by_label("Subject").fill("Written without scripts")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_label("Subject")).to_have_value("Written without scripts")
    plain.close()
