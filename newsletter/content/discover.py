"""What a web page says about the feeds and the WordPress API behind it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from lxml import etree
from lxml import html as lxml_html

from newsletter.content.addresses import absolute_url
from newsletter.content.parse.common import decode
from newsletter.content.values import Document

_HEAD = 512 * 1024
_API = "https://api.w.org/"
_API_HEADER = re.compile(r"<([^<>]{1,1000})>\s*;\s*rel=[\"']?https://api\.w\.org/", re.IGNORECASE)
_SUBJECT = re.compile(r"/wp/v2/(users|categories|tags)/(\d{1,12})\b")
_FILTERS = {"users": "author", "categories": "categories", "tags": "tags"}
_FEED_TYPES = {"application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml"}


@dataclass(frozen=True, slots=True)
class Behind:
    """Addresses that give the posts of a page better than the page: the REST API's posts, or a feed."""

    posts: str | None = None
    feed: str | None = None


@dataclass(frozen=True, slots=True)
class _Link:
    rel: str
    type: str
    href: str


def is_page(document: Document) -> bool:
    """Say whether a document is a web page rather than a feed."""
    start = document.raw[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html")) or (
        "text/html" in document.content_type
        and not start.startswith((b"<?xml", b"<rss", b"<feed", b"{", b"["))
    )


def look_behind(document: Document) -> Behind:
    """Find what gives the same posts as the page: those of its author or term, or of the whole site on its front page."""
    links = _links(document)
    api = _api(links, document)
    return Behind(_posts(api, links, document.location) if api else None, _feed(links, document.location))


def _links(document: Document) -> list[_Link]:
    try:
        page = lxml_html.document_fromstring(decode(document.raw[:_HEAD]).encode("utf-8", "replace"))
    except (etree.LxmlError, ValueError):
        return []
    found = []
    for element in page.iter("link"):
        href = absolute_url(element.get("href"), document.location)
        if href:
            found.append(_Link((element.get("rel") or "").lower(), (element.get("type") or "").lower(), href))
    return found


def _api(links: Iterable[_Link], document: Document) -> str | None:
    header = _API_HEADER.search(document.links)
    if header:
        return absolute_url(header[1], document.location)
    return next((link.href for link in links if link.rel == _API), None)


def _posts(api: str, links: Iterable[_Link], location: str) -> str | None:
    for link in links:
        subject = _SUBJECT.search(link.href)
        if subject and link.rel == "alternate":
            return add_query(f"{api}wp/v2/posts", f"{_FILTERS[subject[1]]}={subject[2]}")
    return f"{api}wp/v2/posts" if _is_front(api, location) else None


def _is_front(api: str, location: str) -> bool:
    home = urlsplit(api).path.partition("wp-json")[0].removesuffix("index.php")
    return urlsplit(location).path.rstrip("/") == home.rstrip("/")


def _feed(links: Iterable[_Link], location: str) -> str | None:
    """Return the feed nearest to the page: an author's page names the site's feed first and the author's after it."""
    feeds = [link.href for link in links if "alternate" in link.rel.split() and link.type in _FEED_TYPES]
    feeds = [feed for feed in feeds if "/comments/" not in feed]
    path = urlsplit(location).path.rstrip("/")
    near = [feed for feed in feeds if path and urlsplit(feed).path.startswith(path + "/")]
    return next(iter(near or ([] if path else feeds)), None)


def add_query(address: str, query: str) -> str:
    """Return the address with more parameters; `?rest_route=/…` addresses have some already."""
    return f"{address}{'&' if '?' in address else '?'}{query}"
