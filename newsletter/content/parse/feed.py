"""RSS 0.9x, 1.0, 2.0 and Atom, read by feedparser; what it loses or decides wrongly is mended here."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import feedparser
from lxml import etree

from newsletter.content.dates import parse_date
from newsletter.content.parse.common import MOST_POSTS, int_of
from newsletter.content.text import absolute_url, clean, one_line, plain_title
from newsletter.content.values import ParsedAuthor, ParsedFeed, ParsedPost, Picture
from newsletter.errors import InvalidInput

_ENTITY_DECLARATION = re.compile(rb"<!ENTITY", re.IGNORECASE)
_DOCTYPE = re.compile(rb"<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>", re.IGNORECASE | re.DOTALL)
_PERMALINK = re.compile(r"https?://\S+$")
_MOST_DEPTH = 200


def parse_feed(raw: bytes, location: str) -> ParsedFeed:
    """Read RSS or Atom.

    :raises InvalidInput: when it is no feed, declares entities, or breaks off before its end.
    """
    raw = _guarded(raw)
    parsed = feedparser.parse(BytesIO(raw), sanitize_html=False, resolve_relative_uris=True)
    if not parsed.get("version") and not parsed.entries:
        raise InvalidInput("This is no feed: neither RSS nor Atom.")
    feed = parsed.feed
    base = absolute_url(feed.get("link"), location) or (location if "://" in location else "")
    posts = tuple(_post(entry, base, feed) for entry in parsed.entries[:MOST_POSTS])
    return ParsedFeed(
        format="atom" if str(parsed.version).startswith("atom") else "rss",
        title=plain_title(feed.get("title", "")),
        key=_key(feed, location),
        language=one_line(feed.get("language", "")) or None,
        posts=tuple(post for post in posts if post.title or post.url or post.html or post.excerpt),
    )


def _guarded(raw: bytes) -> bytes:
    """Refuse declared entities and absurd depth, drop the doctype, and refuse what was cut off."""
    if _ENTITY_DECLARATION.search(raw[:65536]):
        raise InvalidInput(
            "The feed declares its own entities, which is refused: they can hide files and bombs."
        )
    raw = _DOCTYPE.sub(b"", raw, count=1)
    _check_shape(raw)
    return raw


def _check_shape(raw: bytes) -> None:
    depth, root = 0, ""
    parser = etree.XMLPullParser(
        ("start", "end"), recover=True, resolve_entities=False, no_network=True, huge_tree=False
    )
    try:
        parser.feed(raw.lstrip())
        for event, element in parser.read_events():
            depth += 1 if event == "start" else -1
            root = root or etree.QName(element).localname.lower()
            if depth > _MOST_DEPTH:
                raise InvalidInput("The feed is nested too deeply to be one.")
            if event == "end" and depth > 3:
                element.clear()
    except etree.XMLSyntaxError:
        return
    if root in ("rss", "feed", "rdf") and not re.search(
        rb"</\s*(?:[\w-]+:)?(?:rss|feed|rdf)\s*>", raw[-4096:], re.IGNORECASE
    ):
        raise InvalidInput("The feed breaks off before its end; nothing was stored. Fetch it again.")


def _key(feed: Any, location: str) -> str:
    for link in feed.get("links", []):
        if link.get("rel") == "self" and link.get("href"):
            return str(link["href"])[:700]
    return str(feed.get("id") or feed.get("link") or location)[:700]


def _post(entry: Any, base: str, feed: Any) -> ParsedPost:
    guid = one_line(entry.get("id", "")) or None
    url = _url(entry, guid, base)
    content = _content(entry)
    summary = str(entry.get("summary", ""))
    return ParsedPost(
        guid=guid,
        external_id=_wordpress_id(guid),
        url=url,
        title=plain_title(entry.get("title", "")),
        html=clean(content or summary),
        excerpt=clean(summary),
        published_at=_moment(entry, "published") or _moment(entry, "updated") or _moment(entry, "created"),
        modified_at=_moment(entry, "updated"),
        authors=_authors(entry),
        categories=tuple(one_line(tag.get("term") or "") for tag in entry.get("tags", []) if tag.get("term")),
        picture=_picture(entry, base),
        language=_language(entry) or one_line(feed.get("language", "")) or None,
    )


def _url(entry: Any, guid: str | None, base: str) -> str | None:
    links = entry.get("links", [])
    alternate = [
        link.get("href") for link in links if link.get("rel", "alternate") == "alternate" and link.get("href")
    ]
    candidates = [entry.get("feedburner_origlink"), entry.get("link"), *alternate]
    if guid and _PERMALINK.match(guid) and entry.get("guidislink", False):
        candidates.append(guid)
    candidates += [link.get("href") for link in links if link.get("rel") == "enclosure"]
    for candidate in candidates:
        found = absolute_url(candidate, base)
        if found:
            return found
    return None


def _content(entry: Any) -> str:
    parts = entry.get("content") or []
    markup = [part for part in parts if "html" in part.get("type", "")] or parts
    return max((str(part.get("value", "")) for part in markup), key=len, default="")


def _moment(entry: Any, name: str) -> datetime | None:
    written = entry.get(name)
    structured = entry.get(f"{name}_parsed")
    if structured:
        try:
            return datetime.fromtimestamp(calendar.timegm(structured), UTC)
        except (ValueError, OverflowError):
            return None
    return parse_date(str(written)) if written else None


def _authors(entry: Any) -> tuple[ParsedAuthor, ...]:
    found: dict[str, ParsedAuthor] = {}
    for detail in entry.get("authors", []):
        name = one_line(detail.get("name", "")) or one_line(detail.get("email", ""))
        if name:
            found.setdefault(
                name, ParsedAuthor(key=name, name=name, email=detail.get("email"), url=detail.get("href"))
            )
    if not found and entry.get("author"):
        name = one_line(str(entry["author"]))
        found[name] = ParsedAuthor(key=name, name=name)
    return tuple(found.values())


def _picture(entry: Any, base: str) -> Picture | None:
    candidates = [link for link in entry.get("links", []) if str(link.get("type", "")).startswith("image/")]
    candidates += [one for one in entry.get("media_content", []) if _is_picture(one)] + list(
        entry.get("media_thumbnail", [])
    )
    for one in candidates:
        url = absolute_url(one.get("href") or one.get("url"), base)
        if url:
            return Picture(url=url, width=int_of(one.get("width")), height=int_of(one.get("height")))
    return None


def _is_picture(media: Any) -> bool:
    return media.get("medium") == "image" or str(media.get("type", "")).startswith("image/")


def _language(entry: Any) -> str | None:
    detail = entry.get("title_detail") or {}
    language = detail.get("language")
    return one_line(language) if language else None


def _wordpress_id(guid: str | None) -> str | None:
    match = re.search(r"[?&]p(?:age_id)?=(\d{1,12})\b", guid or "")
    return match[1] if match else None
