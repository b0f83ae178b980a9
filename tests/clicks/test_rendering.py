"""Links of a counted mail: one word each until compiling, ours and personal ones left alone, the same in both parts."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from newsletter.rendering.links import is_own, is_web_address, says_address
from newsletter.rendering.message import CompiledMessage
from newsletter.rendering.pipeline import compiled_issue, render_issue
from newsletter.rendering.tokens import Keyring
from newsletter.rendering.values import UNTRACKED, RenderedIssue, Tracking
from tests.support.messages import BASE_URL, parsed, part, recipient
from tests.support.snapshots import item, snapshot

KEYS = Keyring(b"a secret for tests, long enough").links
CLICKS, BOTH, OPENS = Tracking(True, False), Tracking(True, True), Tracking(False, True)
ARTICLE = '<p>The <a href="https://harbour.example/log?a=1&amp;b=2">log</a> and <a href="mailto:a@example.com">us</a>.</p>'
INTRO = (
    "Read [the log](https://harbour.example/log), <https://harbour.example/said>, "
    "[who you are](https://harbour.example/?e={{email}}), [the archive](https://letters.example.org/letter/n/3) "
    "and [harbour.example](https://harbour.example/)."
)


def counted(**changes: str) -> CompiledMessage:
    rules = {"publication_click_counting": "all", "publication_open_counting": "asked"} | changes
    issue = snapshot(item(1, display="full", html=ARTICLE), item(2), intro=INTRO, issue_id=7, **rules)
    return compiled_issue(issue, BASE_URL, "readers", "", None, KEYS)


def counted_links(text: str) -> list[str]:
    return re.findall(rf"{BASE_URL}/c/([a-z2-7]{{26}})/tokenofada(?![a-z0-9])", text)


def test_a_reader_who_is_not_counted_gets_the_mail_of_a_publication_that_counts_nobody() -> None:
    off = counted(publication_click_counting="off", publication_open_counting="off")
    assert counted().html_for(recipient()) == off.html_for(recipient())
    assert counted().text_for(recipient()) == off.text_for(recipient())
    assert "/c/" not in off.html_for(recipient(tracking=BOTH))


def test_without_consent_no_picture_and_no_address_of_the_readers_own() -> None:
    raw = counted().merge(recipient())
    message = parsed(raw)
    assert "/o/" not in part(message, "html")
    assert counted_links(part(message, "html")) == counted_links(part(message, "plain")) == []


def test_both_parts_lead_through_us() -> None:
    message = parsed(counted().merge(recipient(tracking=CLICKS)))
    markup, text = part(message, "html"), part(message, "plain")
    places = {each.key: each.link for each in counted().links}
    assert {places[key].place for key in counted_links(markup)} == {"intro", "item", "canary"}
    assert set(counted_links(text)) == set(counted_links(markup)) - {_trap(counted())}
    assert "https://harbour.example/1" not in markup + text


def _trap(message: CompiledMessage) -> str:
    (key,) = (each.key for each in message.links if each.link.place == "canary")
    return key


def test_what_is_left_alone() -> None:
    markup = counted().html_for(recipient(tracking=BOTH))
    for plain in (
        'href="https://harbour.example/said"',
        'href="https://harbour.example/?e=ada@example.com"',
        'href="https://letters.example.org/letter/n/3"',
        'href="https://harbour.example/"',
        'href="mailto:a@example.com"',
        f'href="{BASE_URL}/u/tokenofada"',
        f'href="{BASE_URL}/p/tokenofada"',
        f'href="{BASE_URL}/letter/n/67"',
    ):
        assert plain in markup


def test_one_link_of_an_item_has_one_key_whatever_words_it_has() -> None:
    links = [each.link for each in counted().links if each.link.target == "https://harbour.example/2"]
    assert [link.item_id for link in links] == [2]


def test_the_picture_stands_alone_when_clicks_are_not_counted() -> None:
    markup = counted().html_for(recipient(tracking=OPENS))
    assert f'<img src="{BASE_URL}/o/tokenofada"' in markup
    assert "/c/" not in markup


def test_a_way_of_counting_that_the_publication_does_not_have_is_plain() -> None:
    message = counted(publication_open_counting="off")
    assert "/o/" not in message.html_for(recipient(tracking=BOTH))
    assert message.html_for(recipient(tracking=BOTH)) == message.html_for(recipient())


def test_without_keys_nothing_is_counted() -> None:
    issue = snapshot(item(1), publication_click_counting="all")
    message = compiled_issue(issue, BASE_URL, "readers", "")
    assert list(message.variants) == [UNTRACKED]
    assert message.links == ()


def test_no_word_survives_and_lines_stay_short() -> None:
    for tracking in (UNTRACKED, CLICKS, OPENS, BOTH):
        raw = counted().merge(recipient(tracking=tracking))
        assert not re.search(rb"merge(?:link|trap|picture|token)", raw.replace(b"=\r\n", b""))
        assert max(len(line) for line in raw.split(b"\r\n")) <= 78
        assert raw.isascii()


def test_keys_differ_by_issue_place_and_target_and_are_the_same_every_time() -> None:
    made = {KEYS.key_of(*named) for named in ((7, "item", 1, "https://a.example/"), (8, "item", 1, "https://a.example/"),
            (7, "item", 2, "https://a.example/"), (7, "intro", None, "https://a.example/"), (7, "item", 1, "https://a.example"))}  # fmt: skip
    assert len(made) == 5
    assert {len(key) for key in made} == {26}
    assert KEYS.key_of(7, "item", 1, "https://a.example/") in made
    assert (
        Keyring(b"another secret, long enough").links.key_of(7, "item", 1, "https://a.example/") not in made
    )


def test_a_rendition_comes_back_as_it_was_stored() -> None:
    issue = snapshot(item(1), publication_click_counting="all")
    rendered = render_issue(issue, BASE_URL)
    stored = rendered.to_document(BASE_URL)
    assert (
        RenderedIssue.from_document(stored | {"links": [list(each) for each in rendered.links]}, BASE_URL)
        == rendered
    )
    older = {name: value for name, value in stored.items() if name != "links"}
    assert RenderedIssue.from_document(older, BASE_URL) == replace(rendered, links=())


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)", "//evil.example/", "data:text/html,x", "ftp://a.example/", "https://", "https:///x",
        "https://a.example/\r\nSet-Cookie: x", "https://a.example/\x00", "https://good.example@evil.example/",
        "https://a.example\\@evil.example/", " https://a.example/", "https://[::1", "https://a.example/" + "x" * 5000, "",
    ],
)  # fmt: skip
def test_what_is_no_web_address(target: str) -> None:
    assert not is_web_address(target)


def test_our_own_pages() -> None:
    for own in ("", "/", "/letter", "/letter/n/3", "/u/x", "/p/x?y", "/c/x/y", "/subscribe/readers"):
        assert is_own(BASE_URL + own, BASE_URL, "letter")
    for foreign in ("https://harbour.example/letter", BASE_URL + "/blog/1", BASE_URL + ".evil.example/u/"):
        assert not is_own(foreign, BASE_URL, "letter")


def test_words_that_are_an_address() -> None:
    assert says_address(" https://a.example/x ", "https://b.example/")
    assert says_address("harbour.example/log", "https://www.harbour.example/log")
    assert not says_address("Node.js", "https://harbour.example/")
    assert not says_address("", "https://harbour.example/")
