"""An author's archive page: title, "Posted on" date, byline, excerpt and read-more link of each post. The last resort."""

from __future__ import annotations

import re
from typing import Any

from lxml import html as lxml_html

from newsletter.content.addresses import absolute_url
from newsletter.content.dates import date_in, parse_date
from newsletter.content.parse.common import MOST_POSTS
from newsletter.content.text import one_line
from newsletter.content.values import ParsedAuthor, ParsedFeed, ParsedPost
from newsletter.errors import InvalidInput

_HEADINGS = ("h1", "h2", "h3", "h4")
_ENTRY_CLASS = re.compile(r"\b(?:post|entry|hentry|article|type-post|blog-item|h-entry)\b", re.IGNORECASE)
_TITLE_CLASS = re.compile(r"title|heading|headline|p-name", re.IGNORECASE)
_AUTHOR_CLASS = re.compile(r"\b(?:author|byline|vcard|fn|p-author)\b", re.IGNORECASE)
_MORE = re.compile(r"^(?:read|continue|more|see)\b.{0,60}|^(?:→|»|…|permalink)", re.IGNORECASE)
_BY = re.compile(r"^(?:posted\s+)?by\s+", re.IGNORECASE)
_MOST_DEPTH = 250


def parse_archive(text: str, location: str) -> ParsedFeed:
    """Read an archive page.

    :raises InvalidInput: when no post can be found on it.
    """
    try:
        parser = lxml_html.HTMLParser(no_network=True, huge_tree=False, recover=True)
        page = lxml_html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except Exception:
        raise InvalidInput("The page cannot be read as HTML.") from None
    base = _base(page, location)
    posts = [post for entry in _entries(page)[:MOST_POSTS] if (post := _post(entry, base)) is not None]
    unique = {post.url or post.title: post for post in posts}
    if not unique:
        raise InvalidInput(
            "No posts were found on this page: give the address of a feed or of an author's archive."
        )
    title = one_line(page.findtext(".//title") or "")
    return ParsedFeed("archive", title, (base or location)[:700], page.get("lang"), tuple(unique.values()))


def _base(page: Any, location: str) -> str:
    declared = page.find(".//base")
    href = declared.get("href") if declared is not None else None
    canonical = page.find(".//link[@rel='canonical']")
    link = canonical.get("href") if canonical is not None else None
    fallback = location if "://" in location else ""
    return absolute_url(href or link, fallback) or fallback


def _entries(page: Any) -> list[Any]:
    articles = page.findall(".//article")
    if articles:
        return [one for one in articles if one.find(".//article") is None]
    marked = [one for one in page.iter("div", "li", "section") if _ENTRY_CLASS.search(one.get("class") or "")]
    inner = [one for one in marked if _heading(one) is not None and not _holds(one, marked)]
    return inner or [one.getparent() for one in page.iter(*_HEADINGS) if one.find(".//a[@href]") is not None]


def _holds(element: Any, others: list[Any]) -> bool:
    return any(
        other is not element and element in other.iterancestors() and _heading(other) is not None
        for other in others
    )


def _heading(entry: Any) -> Any | None:
    headings = list(entry.iter(*_HEADINGS))
    linked = [one for one in headings if one.find(".//a[@href]") is not None or one.getparent().tag == "a"]
    titled = [
        one
        for one in entry.iter()
        if isinstance(one.tag, str) and _TITLE_CLASS.search(one.get("class") or "")
    ]
    for one in (*linked, *headings, *titled):
        return one
    return None


def _post(entry: Any, base: str) -> ParsedPost | None:
    heading = _heading(entry)
    if heading is None:
        return None
    title = one_line(heading.text_content())
    link = heading.find(".//a[@href]")
    if link is None and heading.getparent().tag == "a":
        link = heading.getparent()
    url = absolute_url(link.get("href") if link is not None else _read_more(entry), base)
    if not title or url is None:
        return None
    return ParsedPost(
        guid=url,
        external_id=None,
        url=url,
        title=title,
        html="",
        excerpt=_excerpt(entry, heading),
        published_at=_published(entry),
        authors=_authors(entry),
    )


def _read_more(entry: Any) -> str | None:
    links = entry.findall(".//a[@href]")
    for link in links:
        if _MORE.match(one_line(link.text_content())):
            return str(link.get("href"))
    return str(links[0].get("href")) if links else None


def _published(entry: Any) -> Any:
    for stamp in entry.iter("time"):
        moment = parse_date(stamp.get("datetime")) or parse_date(one_line(stamp.text_content()))
        if moment:
            return moment
    found = date_in(one_line(entry.text_content()))
    return parse_date(found.isoformat()) if found else None


def _authors(entry: Any) -> tuple[ParsedAuthor, ...]:
    for one in entry.iter():
        if not isinstance(one.tag, str):
            continue
        if one.get("rel") == "author" or _AUTHOR_CLASS.search(one.get("class") or ""):
            name = _BY.sub("", one_line(one.text_content()))
            if name and len(name) <= 100:
                return (ParsedAuthor(key=name, name=name),)
    return ()


def _excerpt(entry: Any, heading: Any) -> str:
    blocks = [one_line(one.text_content()) for one in entry.iter("p") if heading not in one.iterdescendants()]
    words = [block for block in blocks if len(block) > 40 and not _MORE.match(block)]
    return " ".join(words)[:2000]
