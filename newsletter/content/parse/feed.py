"""RSS 0.9x, 1.0, 2.0 and Atom, read by feedparser from bytes that were checked before."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import feedparser

from newsletter.content.addresses import web_base
from newsletter.content.parse.common import MOST_POSTS
from newsletter.content.parse.feed_entry import read_entry
from newsletter.content.parse.markup import check_shape, guarded
from newsletter.content.text import one_line, plain_title
from newsletter.content.values import ParsedFeed, ParsedPost, Skipped
from newsletter.errors import InvalidInput


def parse_feed(raw: bytes, location: str) -> ParsedFeed:
    """Read RSS or Atom.

    :raises InvalidInput: when it is no feed, declares entities, or breaks off before its end.
    """
    raw = guarded(raw)
    check_shape(raw)
    parsed = feedparser.parse(BytesIO(raw), sanitize_html=False, resolve_relative_uris=False)
    if not parsed.get("version") and not parsed.entries:
        raise InvalidInput("This is no feed: neither RSS nor Atom.")
    base = web_base(parsed.feed.get("link"), location if "://" in location else _own_address(parsed.feed))
    entries = [read_entry(entry, base, parsed.feed) for entry in parsed.entries[:MOST_POSTS]]
    return ParsedFeed(
        format="atom" if str(parsed.version).startswith("atom") else "rss",
        title=plain_title(parsed.feed.get("title", "")),
        key=_key(parsed.feed, location),
        language=one_line(parsed.feed.get("language", "")) or None,
        posts=tuple(entry for entry in entries if _says_something(entry)),
        skipped=tuple(
            Skipped("empty: no title, link or text", entry.guid or "")
            for entry in entries
            if not _says_something(entry)
        ),
    )


def _says_something(entry: ParsedPost) -> bool:
    return bool(entry.title or entry.url or entry.html or entry.excerpt)


def _own_address(feed: Any) -> str:
    return next(
        (str(link.get("href", "")) for link in feed.get("links", []) if link.get("rel") == "self"), ""
    )


def _key(feed: Any, location: str) -> str:
    return str(_own_address(feed) or feed.get("id") or feed.get("link") or location)[:700]
