"""A reader's life: subscribe, confirm, read, change their mind, leave with one click; opening a link changes nothing."""

from __future__ import annotations

import re
import urllib.error
import urllib.request

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.servers import wait_for
from tests.support.messages import parsed, part
from tests.support.site import Site


@pytest.fixture
def visitor(browser: Browser) -> Page:
    """A window that is signed in nowhere."""
    return browser.new_context().new_page()


def mails_to(site: Site, address: str) -> list[bytes]:
    return [each.message for each in site.sink.accepted() if each.recipient == address]


def state_on_list(site: Site, address: str) -> str:
    (row,) = site.place.json("subscribers", "show", address)["subscriptions"]
    return str(row["state"])


def token_of(site: Site, number: int) -> str:
    (mail,) = mails_to(site, f"reader{number}@example.com")
    found = re.search(r"/u/([\w.-]+)", part(parsed(mail), "plain"))
    assert found is not None
    return found[1]


def test_subscribing_takes_a_second_yes(visitor: Page, site: Site) -> None:
    address = "new.reader@example.com"
    visitor.goto(f"{site.url}/letter/")
    visitor.get_by_role("link", name="Subscribe").click()
    visitor.get_by_label("Your e-mail address").fill(address)
    visitor.wait_for_timeout(2500)  # a form that comes back faster was filled by a machine
    visitor.get_by_role("button", name=re.compile("Subscribe")).click()
    wait_for(lambda: len(mails_to(site, address)) == 1, "the confirmation mail")
    assert state_on_list(site, address) == "pending"
    body = part(parsed(mails_to(site, address)[0]), "plain")
    found = re.search(r"https?://\S+/confirm/\S+", body)
    assert found is not None
    visitor.goto(found[0])
    assert state_on_list(site, address) == "pending"
    button = visitor.get_by_role("button").first
    button.click()
    expect(button).not_to_be_visible()
    assert state_on_list(site, address) == "confirmed"


def test_leaving_by_the_link_in_the_mail_and_coming_back(visitor: Page, site: Site) -> None:
    visitor.goto(f"{site.url}/u/{token_of(site, 5)}")
    assert state_on_list(site, "reader5@example.com") == "confirmed"
    visitor.get_by_role("button", name="Leave", exact=True).click()
    undo = visitor.get_by_role("button", name=re.compile("undo|back|again", re.IGNORECASE)).first
    expect(undo).to_be_visible()
    assert state_on_list(site, "reader5@example.com") == "unsubscribed"
    undo.click()
    expect(undo).not_to_be_visible()
    assert state_on_list(site, "reader5@example.com") == "confirmed"


def test_one_click_as_mail_programs_do_it(site: Site) -> None:
    """RFC 8058 §3.1: a POST without cookies, with the one field, to the very address in the header."""
    (mail,) = mails_to(site, "reader6@example.com")
    header = re.search(r"<(https?://[^>]+)>", parsed(mail)["List-Unsubscribe"])
    assert header is not None
    request = urllib.request.Request(
        header[1], data=b"List-Unsubscribe=One-Click", headers={"Origin": "https://mail.example.net"}
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200
    assert state_on_list(site, "reader6@example.com") == "unsubscribed"


def test_a_token_that_is_not_ours_leaves_nobody(site: Site) -> None:
    forged = token_of(site, 7)[:-1] + ("a" if token_of(site, 7)[-1] != "a" else "b")
    request = urllib.request.Request(f"{site.url}/u/{forged}", data=b"List-Unsubscribe=One-Click")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 404
    refused.value.close()
    assert state_on_list(site, "reader7@example.com") == "confirmed"


def test_the_view_online_link_of_the_mail_opens_the_issue(visitor: Page, site: Site) -> None:
    (mail,) = mails_to(site, "reader8@example.com")
    found = re.search(r"https?://\S+/letter/n/1", part(parsed(mail), "plain"))
    assert found is not None
    visitor.goto(found[0])
    expect(visitor.locator("h1")).to_be_visible()
    visitor.goto(found[0] + "/mail")
    expect(visitor.locator("body")).to_contain_text("the stove is lit.")


def test_the_proof_of_a_readers_copy_is_the_mail_that_was_sent(site: Site) -> None:
    """Byte for byte, headers and links included, as the command writes it."""
    (mail,) = mails_to(site, "reader9@example.com")
    path = site.place.folder / "copy.eml"
    site.place.run("issue", "render", "letter/1", "--eml", str(path), "--as", "reader9@example.com")
    assert path.read_bytes() == mail
