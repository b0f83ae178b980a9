"""Whole imports from a site: conditional, page by page, only what changed, and what is behind a web page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from newsletter.adapters.http_client import SafeHttpClient
from newsletter.bootstrap import Container, build_container
from newsletter.content.models import Post, Source
from newsletter.content.service import find_posts
from newsletter.errors import InvalidInput, NewsletterError, Unavailable
from newsletter.schema import metadata
from newsletter.settings import Settings
from tests.conftest import RecordingQueue
from tests.support.feeds import feed, item
from tests.support.other_site import Answer, Asked, OtherSite, running_site
from workers.factory import use_container
from workers.tasks.content import import_again, import_source

PER_PAGE = 100


@pytest.fixture
def site() -> Iterator[OtherSite]:
    with running_site() as running:
        yield running


@pytest.fixture
def parts(settings: Settings) -> Iterator[Container]:
    """An installation that may fetch from this machine."""
    made = build_container(
        settings.model_copy(update={"fetch_private_addresses": True}), queue=RecordingQueue()
    )
    metadata.create_all(made.engine)
    yield made
    made.dispose()


def titles(parts: Container) -> list[str]:
    with parts.reading_sessions() as session:
        return [post.title for post in find_posts(session)]


def source(parts: Container) -> Source:
    with parts.reading_sessions() as session:
        return session.scalars(select(Source)).one()


class WordPress:
    """A WordPress site with a REST API: 250 posts of two authors."""

    def __init__(self, site: OtherSite) -> None:
        self.address = site.address
        self.posts = [self._post(number) for number in range(1, 251)]
        self.closed = False
        site.pages["/wp-json/wp/v2/posts"] = self.answer

    def _post(self, number: int) -> dict[str, Any]:
        author = {"id": 7 + number % 2, "name": f"Author {number % 2}", "slug": f"a{number % 2}"}
        return {
            "id": number,
            "type": "post",
            "status": "publish",
            "link": f"{self.address}/post-{number}",
            "guid": {"rendered": f"{self.address}/?p={number}"},
            "title": {"rendered": f"Post {number}"},
            "content": {"rendered": f"<p>Text {number}</p>"},
            "excerpt": {"rendered": ""},
            "date_gmt": f"2025-{1 + number % 12:02}-01T00:00:00",
            "modified_gmt": "2026-01-01T00:00:00" if number == 250 else "2025-01-01T00:00:00",
            "_embedded": {"author": [author]},
        }

    def change(self, number: int, title: str) -> None:
        self.posts[number - 1] |= {"title": {"rendered": title}, "modified_gmt": "2026-02-01T00:00:00"}

    def answer(self, asked: Asked) -> Answer:
        if self.closed:
            return Answer(b'{"code": "rest_forbidden", "message": "No."}', 401)
        if "_embed" not in asked.query:
            return Answer(b"[]")
        found = [post for post in self.posts if self._wanted(post, asked.query)]
        size, page = int(asked.query["per_page"]), int(asked.query["page"])
        shown = found[(page - 1) * size : page * size]
        pages = {"X-WP-TotalPages": str(-(-len(found) // size)), "X-WP-Total": str(len(found))}
        return Answer(json.dumps(shown).encode(), headers=pages)

    def _wanted(self, post: dict[str, Any], query: dict[str, str]) -> bool:
        since = query.get("modified_after", "")
        author = query.get("author")
        by_author = author is None or post["_embedded"]["author"][0]["id"] == int(author)
        return by_author and str(post["modified_gmt"]) > since.rstrip("Z")


@pytest.fixture
def wordpress(site: OtherSite) -> WordPress:
    return WordPress(site)


def page(*links: str, body: str = "") -> Answer:
    head = "".join(f"<link {link}>" for link in links)
    html = f"<!DOCTYPE html><html><head><title>Site</title>{head}</head><body>{body}</body></html>"
    return Answer(html.encode(), headers={"Content-Type": "text/html"})


def tagged(tag: str, body: bytes) -> Callable[[Asked], Answer]:
    """Answer 304 to whoever has this version."""

    def answer(asked: Asked) -> Answer:
        known = asked.headers["If-None-Match"] == tag
        return Answer(status=304) if known else Answer(body, headers={"ETag": tag})

    return answer


API = 'rel="https://api.w.org/" href="/wp-json/"'


def test_a_feed_is_asked_for_once_until_it_changes(site: OtherSite, parts: Container) -> None:
    site.pages["/feed"] = tagged('"1"', feed(item()).raw)
    address = f"{site.address}/feed"
    import_again(parts, address)
    import_again(parts, address)
    assert titles(parts) == ["The pier"]
    assert (source(parts).etag, source(parts).location) == ('"1"', address)
    site.pages["/feed"] = tagged('"2"', feed(item("The new pier")).raw)
    import_again(parts, address)
    assert titles(parts) == ["The new pier"]
    assert [asked.headers["If-None-Match"] for asked in site.asked] == [None, '"1"', '"1"']


def test_every_page_of_a_wordpress_site_then_only_what_changed(
    site: OtherSite, parts: Container, wordpress: WordPress
) -> None:
    site.pages["/"] = page(API)
    import_again(parts, f"{site.address}/")
    assert len(titles(parts)) == 250
    assert [asked.query.get("page") for asked in site.asked] == [None, "1", "2", "3"]
    site.asked.clear()
    wordpress.change(3, "Post 3, mended")
    import_again(parts, f"{site.address}/")
    assert (len(titles(parts)), "Post 3, mended" in titles(parts)) == (250, True)
    (_, asked) = site.asked
    assert asked.query["modified_after"] == "2025-12-31T00:00:00Z"


def test_nothing_new_on_a_wordpress_site(site: OtherSite, parts: Container, wordpress: WordPress) -> None:
    address = f"{site.address}/wp-json/wp/v2/posts"
    import_again(parts, address)
    before = source(parts).fetched_at
    wordpress.posts.clear()
    import_again(parts, address)
    assert len(titles(parts)) == 250
    assert before is not None
    assert source(parts).fetched_at != before


def test_an_authors_page_gives_that_authors_posts(
    site: OtherSite, parts: Container, wordpress: WordPress
) -> None:
    user = 'rel="alternate" type="application/json" href="/wp-json/wp/v2/users/7"'
    site.pages["/author/ada/"] = page(API, user)
    import_again(parts, f"{site.address}/author/ada/")
    with parts.reading_sessions() as session:
        assert {post.byline for post in session.scalars(select(Post))} == {"Author 0"}
    assert len(titles(parts)) == 125
    assert source(parts).key.endswith("?author=7")


def test_a_closed_api_leaves_the_feed(site: OtherSite, parts: Container, wordpress: WordPress) -> None:
    wordpress.closed = True
    site.pages["/"] = page(API, 'rel="alternate" type="application/rss+xml" href="/feed"')
    site.pages["/feed"] = Answer(feed(item()).raw, headers={"ETag": '"1"'})
    import_again(parts, site.address)
    assert (titles(parts), source(parts).format) == (["The pier"], "rss")
    assert source(parts).etag is None  # it is the feed's, and the page is asked next time


def test_an_author_page_without_feed_is_read_itself(site: OtherSite, parts: Container) -> None:
    posted = '<article><h2><a href="/pier">The pier</a></h2><p>Posted on: 2026/03/04</p></article>'
    other = 'rel="alternate" type="application/rss+xml" href="/feed"'
    site.pages["/author/ada"] = page(other, body=posted)
    import_again(parts, f"{site.address}/author/ada")
    with parts.reading_sessions() as session:
        (post,) = find_posts(session)
    assert (post.title, post.url, post.published_at) == (
        "The pier",
        f"{site.address}/pier",
        datetime(2026, 3, 4, tzinfo=UTC),
    )


@pytest.mark.parametrize("path", ["/", "/nowhere"])
def test_a_page_without_posts_or_no_page_stores_nothing(path: str, site: OtherSite, parts: Container) -> None:
    site.pages["/"] = page(body="<h1>Welcome</h1>")
    with pytest.raises((InvalidInput, Unavailable)) as refusal:
        import_again(parts, site.address + path)
    assert len(str(refusal.value).splitlines()) == 1
    assert titles(parts) == []


def test_a_page_lost_half_way_stores_nothing(site: OtherSite, parts: Container, wordpress: WordPress) -> None:
    def broken(asked: Asked) -> Answer:
        return Answer(status=500) if asked.query["page"] == "2" else wordpress.answer(asked)

    site.pages["/wp-json/wp/v2/posts"] = broken
    with pytest.raises(NewsletterError, match="500"):
        import_again(parts, f"{site.address}/wp-json/wp/v2/posts")
    assert titles(parts) == []


def test_the_task_keeps_a_failure_on_the_source_until_it_is_over(site: OtherSite, parts: Container) -> None:
    site.pages["/feed"] = Answer(feed(item()).raw)
    import_again(parts, f"{site.address}/feed")
    use_container(parts)
    site.pages["/feed"] = Answer(status=404)
    import_source(source(parts).id)
    assert "404" in (source(parts).last_error or "")
    site.pages["/feed"] = Answer(feed(item("Back")).raw)
    import_source(source(parts).id)
    assert (source(parts).last_error, titles(parts)) == (None, ["Back"])


def test_without_permission_this_machine_is_never_asked(site: OtherSite) -> None:
    with pytest.raises(InvalidInput):
        SafeHttpClient().fetch(site.address)
    assert site.asked == []
