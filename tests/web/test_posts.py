"""Bringing posts in and looking after publications, through the pages."""

from __future__ import annotations

import pytest

from newsletter.bootstrap import Container
from newsletter.issues import service as issues
from newsletter.sample import FEED
from tests.support.signed_in import Browser

PUBLICATION = {"slug": "letter", "name": "The Letter", "from_address": "letter@example.com", "language": "en",
               "time_zone": "Europe/Berlin", "postal_address": "1 Hill Road"}  # fmt: skip


@pytest.fixture
def admin(container: Container) -> Browser:
    """An administrator of an empty installation."""
    return Browser(container, "admin")


def bring(browser: Browser, raw: bytes) -> str:
    answer = browser.send("/admin/posts/import", publication="letter", files={"file": ("feed.xml", raw)})
    assert answer.status_code == 200, answer.text[-800:]
    return answer.text


def test_from_nothing_to_a_draft_full_of_posts(admin: Browser) -> None:
    assert "No publication yet" in admin.page("/admin/")
    assert "No publication yet" in admin.page("/admin/posts")
    assert admin.send("/admin/publications", **PUBLICATION).status_code == 303
    assert "Bring posts in" in admin.page("/admin/")
    assert "6 new" in bring(admin, FEED.read_bytes())
    assert "Nothing is new" in bring(admin, FEED.read_bytes())
    assert "6 posts" in admin.page("/admin/posts")
    made = admin.send("/admin/publications/letter/issues", fill="tray")
    assert "6 items" in admin.page(made.headers["location"])
    assert "Every post is in an issue" in admin.page("/admin/posts")
    assert "letter/1" in admin.page("/admin/posts?show=all")


def test_a_publication_is_changed(admin: Browser, container: Container) -> None:
    admin.send("/admin/publications", **PUBLICATION)
    changed = {
        **PUBLICATION,
        "name": "The Night Letter",
        "from_name": 'Quay "Night", Ltd',
        "accent": "#8a3324",
    }
    assert "Saved." in admin.send("/admin/publications/letter", **changed).text
    with container.reading_sessions() as session:
        found = issues.get_publication(session, "letter")
    assert (found.name, found.from_address, found.accent) == (
        "The Night Letter",
        "letter@example.com",
        "#8a3324",
    )
    assert found.from_name == "Quay 'Night', Ltd"
    assert not found.shows_bylines


@pytest.mark.parametrize(
    "wrong",
    [{"slug": "admin"}, {"slug": "A b"}, {"name": ""}, {"from_address": "nobody"}, {"language": "??"},
     {"time_zone": "Moon"}, {"name": "x\r\nBcc: a@example.com"}, {"reply_to": "no"}, {"first_number": "-4", "name": ""}],
)  # fmt: skip
def test_what_does_not_fit_makes_nothing(admin: Browser, container: Container, wrong: dict[str, str]) -> None:
    answer = admin.send("/admin/publications", **{**PUBLICATION, **wrong})
    assert 400 <= answer.status_code < 500
    assert 'role="alert"' in answer.text
    with container.reading_sessions() as session:
        assert issues.list_publications(session) == []


@pytest.mark.parametrize(
    "address",
    [
        "",
        "feed",
        "file:///etc/passwd",
        "http://127.0.0.1:1/feed",
        "http://[::1]/",
        "http://169.254.1.1/x",
        "gopher://x",
    ],
)
def test_an_address_we_refuse_is_one_sentence(admin: Browser, address: str) -> None:
    admin.send("/admin/publications", **PUBLICATION)
    answer = admin.send("/admin/posts/import", publication="letter", address=address)
    assert answer.status_code in (422, 503)
    assert 'role="alert"' in answer.text


@pytest.mark.parametrize("raw", [b"", b"\x00\xff", b"no feed at all", b"<rss><channel>"])
def test_a_file_that_is_no_feed_is_one_sentence(admin: Browser, raw: bytes) -> None:
    admin.send("/admin/publications", **PUBLICATION)
    answer = admin.send("/admin/posts/import", publication="letter", files={"file": ("x.xml", raw)})
    assert 400 <= answer.status_code < 500
    assert 'role="alert"' in answer.text


def test_posts_of_an_unknown_publication_are_refused(admin: Browser) -> None:
    answer = admin.send(
        "/admin/posts/import", publication="none", files={"file": ("f.xml", FEED.read_bytes())}
    )
    assert answer.status_code == 404
