"""Fetch what an address gives: a feed, an export, the posts behind a page, or all pages of a WordPress API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit

from newsletter.content.discover import add_query, is_page, look_behind
from newsletter.content.parse import check_format, parse
from newsletter.content.values import Document, ParsedFeed
from newsletter.errors import InvalidInput, NewsletterError

PER_PAGE = 100
MOST_PAGES = 200
#: A site's clock may be in any zone; asking for a day too much costs nothing, unchanged posts stay unchanged.
OVERLAP = timedelta(days=1)


class Fetcher(Protocol):
    """Gets documents over HTTP."""

    def fetch(
        self, url: str, *, etag: str | None = None, last_modified: str | None = None
    ) -> Document | None:
        """Return the document, or None when it has not changed."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """What an earlier import from the same address left."""

    source_id: int
    format: str
    etag: str | None = None
    last_modified: str | None = None
    newest_change: datetime | None = None


@dataclass(frozen=True, slots=True)
class Gathered:
    """The posts of an address, and the document that says where they came from."""

    feed: ParsedFeed
    document: Document


def gather(
    fetcher: Fetcher, url: str, *, format: str = "auto", earlier: Earlier | None = None
) -> Gathered | None:
    """Fetch and read an address; None when nothing changed since the earlier import.

    :raises InvalidInput: when what is there has no posts, or the address is refused.
    :raises Unavailable: when the site does not answer.
    """
    check_format(format)
    if earlier is not None and format not in ("auto", earlier.format):
        earlier = None
    if _is_api(url):
        return _from_api(fetcher, url, url, earlier)
    document = _ask(fetcher, url, earlier)
    if document is None:
        return None
    if is_page(document) and format != "archive":
        return _behind_page(fetcher, document, format, earlier)
    return Gathered(parse(document.raw, format=format, location=document.location), document)


def _is_api(url: str) -> bool:
    return "/wp/v2/posts" in url.replace("%2F", "/")


def _ask(fetcher: Fetcher, url: str, earlier: Earlier | None) -> Document | None:
    if earlier is None:
        return fetcher.fetch(url)
    return fetcher.fetch(url, etag=earlier.etag, last_modified=earlier.last_modified)


def _behind_page(fetcher: Fetcher, page: Document, format: str, earlier: Earlier | None) -> Gathered | None:
    """Prefer the API, then the feed, then the page itself; the page is there when the others are closed."""
    behind = look_behind(page)
    posts = behind.posts or (
        f"{page.location.rstrip('/')}/wp-json/wp/v2/posts" if format == "wordpress" else None
    )
    if posts and format in ("auto", "wordpress"):
        try:
            return _from_api(fetcher, page.asked, posts, earlier)
        except NewsletterError:
            if format == "wordpress":
                raise
    if behind.feed and format != "wordpress":
        document = fetcher.fetch(behind.feed)
        if document is not None:
            return Gathered(
                parse(document.raw, format=format, location=document.location), _of(document, page.asked)
            )
    return Gathered(parse(page.raw, format=format, location=page.location), page)


def _of(document: Document, asked: str) -> Document:
    """Note the address that was asked for; the tags of another address than that mean nothing next time."""
    return replace(document, asked=asked, etag=None, last_modified=None)


def _from_api(fetcher: Fetcher, asked: str, address: str, earlier: Earlier | None) -> Gathered | None:
    """Read every page of the API; after an earlier import only what was changed since."""
    since = earlier.newest_change if earlier and earlier.format == "wordpress" else None
    pages = list(_pages(fetcher, address, since))
    feeds = [
        parse(page.raw, format="wordpress", location=address) for page in pages if page.raw.strip() != b"[]"
    ]
    if not feeds:
        if since is None:
            raise InvalidInput("The site has no published posts.")
        return None
    whole = feeds[0].with_posts(
        tuple(post for feed in feeds for post in feed.posts),
        tuple(one for feed in feeds for one in feed.skipped),
    )
    return Gathered(whole, _of(pages[0], asked))


def _pages(fetcher: Fetcher, address: str, since: datetime | None) -> Iterator[Document]:
    given = dict(parse_qsl(urlsplit(address).query))
    number = count = 1
    while number <= min(count, MOST_PAGES):
        wanted = _query(number, since)
        query = urlencode({name: value for name, value in wanted.items() if name not in given})
        page = fetcher.fetch(add_query(address, query))
        if page is None:
            return
        yield page
        number, count = number + 1, 1 if "page" in given else page.pages


def _query(number: int, since: datetime | None) -> dict[str, str]:
    """Ask for the oldest first: what is published meanwhile comes on the last page and moves nothing."""
    wanted = {
        "_embed": "1",
        "per_page": str(PER_PAGE),
        "orderby": "date",
        "order": "asc",
        "page": str(number),
    }
    if since is not None:
        wanted["modified_after"] = (since - OVERLAP).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return wanted
