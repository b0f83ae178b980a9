"""One post as an archive page shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, time
from typing import Any

from newsletter.content.addresses import absolute_url
from newsletter.content.dates import date_in, parse_date
from newsletter.content.text import one_line
from newsletter.content.values import ParsedAuthor, ParsedPost

HEADINGS = ("h1", "h2", "h3", "h4")
_TITLE_CLASS = re.compile(r"title|heading|headline|p-name", re.IGNORECASE)
_AUTHOR_CLASS = re.compile(r"\b(?:author|byline|vcard|fn|p-author)\b", re.IGNORECASE)
_MORE = re.compile(r"(?:read|continue|more|see)\b.{0,60}|→|»|…|permalink", re.IGNORECASE)
_BY = re.compile(r"^(?:posted\s+)?by\s+", re.IGNORECASE)
_LONGEST_NAME = 100
_SHORTEST_PARAGRAPH = 40
_LONGEST_EXCERPT = 2000


def read_entry(entry: Any, base: str) -> ParsedPost | None:
    """Return the post that an element shows, or None when it has no title or link."""
    heading = heading_of(entry)
    if heading is None:
        return None
    title = one_line(heading.text_content())
    url = absolute_url(_link(entry, heading), base)
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


def heading_of(entry: Any) -> Any | None:
    """Return the element with the title: a linked heading, any heading, or what is classed as a title."""
    headings = list(entry.iter(*HEADINGS))
    linked = (one for one in headings if one.find(".//a[@href]") is not None or one.getparent().tag == "a")
    titled = (one for one in _elements(entry) if _TITLE_CLASS.search(one.get("class") or ""))
    return next((one for group in (linked, headings, titled) for one in group), None)


def _elements(entry: Any) -> Iterator[Any]:
    return (one for one in entry.iter() if isinstance(one.tag, str))


def _link(entry: Any, heading: Any) -> str | None:
    around = heading.getparent()
    if around is not None and around.tag == "a":
        return str(around.get("href") or "")
    inside = heading.find(".//a[@href]")
    return str(inside.get("href")) if inside is not None else _read_more(entry)


def _read_more(entry: Any) -> str | None:
    links = entry.findall(".//a[@href]")
    more = [link for link in links if _MORE.match(one_line(link.text_content()))]
    return next((str(link.get("href")) for link in (*more, *links)), None)


def _published(entry: Any) -> datetime | None:
    for stamp in entry.iter("time"):
        moment = parse_date(stamp.get("datetime")) or parse_date(one_line(stamp.text_content()))
        if moment:
            return moment
    day = date_in(one_line(entry.text_content()))
    return datetime.combine(day, time(), UTC) if day else None


def _authors(entry: Any) -> tuple[ParsedAuthor, ...]:
    for one in _elements(entry):
        if one.get("rel") == "author" or _AUTHOR_CLASS.search(one.get("class") or ""):
            name = _BY.sub("", one_line(one.text_content()))
            if 0 < len(name) <= _LONGEST_NAME:
                return (ParsedAuthor(key=name, name=name),)
    return ()


def _excerpt(entry: Any, heading: Any) -> str:
    blocks = [one_line(one.text_content()) for one in entry.iter("p") if heading not in one.iterdescendants()]
    words = [block for block in blocks if len(block) > _SHORTEST_PARAGRAPH and not _MORE.match(block)]
    return " ".join(words)[:_LONGEST_EXCERPT]
