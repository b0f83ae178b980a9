"""An author's archive page: title, "Posted on" date, byline, excerpt and read-more link of each post. The last resort."""

from __future__ import annotations

import re
from typing import Any

from lxml import etree
from lxml import html as lxml_html

from newsletter.content.addresses import absolute_url, web_base
from newsletter.content.nesting import deepest
from newsletter.content.parse.archive_entry import HEADINGS, heading_of, read_entry
from newsletter.content.parse.common import MOST_POSTS, decode
from newsletter.content.text import one_line
from newsletter.content.values import ParsedFeed
from newsletter.errors import InvalidInput

_ENTRY_CLASS = re.compile(r"\b(?:post|entry|hentry|article|type-post|blog-item|h-entry)\b", re.IGNORECASE)

LONGEST_PAGE = 5_000_000
MOST_DEPTH = 250


def parse_archive(raw: bytes, location: str) -> ParsedFeed:
    """Read an archive page.

    :raises InvalidInput: when no post can be found on it.
    """
    page = _page(decode(raw))
    base = _base(page, location)
    found = (read_entry(entry, base) for entry in _entries(page)[:MOST_POSTS])
    posts = {post.url: post for post in found if post is not None}
    if not posts:
        raise InvalidInput(
            "No posts were found on this page: give the address of a feed or of an author's archive."
        )
    title = one_line(page.findtext(".//title") or "")
    return ParsedFeed("archive", title, (base or location)[:700], page.get("lang"), tuple(posts.values()))


def _page(text: str) -> Any:
    if len(text) > LONGEST_PAGE or deepest(text) > MOST_DEPTH:
        raise InvalidInput("The page is too large to look for posts on it: give the address of a feed.")
    parser = lxml_html.HTMLParser(encoding="utf-8", no_network=True, huge_tree=False, recover=True)
    try:
        return lxml_html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except (etree.LxmlError, ValueError, AssertionError):
        raise InvalidInput("The page cannot be read as HTML.") from None


def _base(page: Any, location: str) -> str:
    declared, canonical = page.find(".//base[@href]"), page.find(".//link[@rel='canonical'][@href]")
    for element in (declared, canonical):
        found = absolute_url(element.get("href"), web_base(None, location)) if element is not None else None
        if found:
            return found
    return web_base(None, location)


def _entries(page: Any) -> list[Any]:
    """Return the elements that hold a post each: articles, else what is classed so, else what has a linked heading."""
    articles = [one for one in page.iter("article") if one.find(".//article") is None]
    if articles:
        return articles
    marked = [one for one in page.iter("div", "li", "section") if _ENTRY_CLASS.search(one.get("class") or "")]
    linked = (one for one in page.iter(*HEADINGS) if one.find(".//a[@href]") is not None)
    return _innermost([one for one in marked if heading_of(one) is not None]) or list(
        dict.fromkeys(one.getparent() for one in linked)
    )


def _innermost(elements: list[Any]) -> list[Any]:
    around = {ancestor for element in elements for ancestor in element.iterancestors()}
    return [element for element in elements if element not in around]
