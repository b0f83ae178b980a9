"""One entry of a feed as feedparser gives it; what that loses or decides wrongly is mended here."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from newsletter.content.addresses import absolute_url, web_base
from newsletter.content.dates import parse_date
from newsletter.content.parse.common import int_of
from newsletter.content.text import clean, one_line, plain_title
from newsletter.content.values import ParsedAuthor, ParsedPost, Picture

_PERMALINK = re.compile(r"https?://\S+$")
_WORDPRESS_GUID = re.compile(r"[?&]p(?:age_id)?=(\d{1,12})\b")


def read_entry(entry: Any, base: str, feed: Any) -> ParsedPost:
    """Return an entry as plain values."""
    guid = one_line(entry.get("id", "")) or None
    content, summary = _content(entry), clean(str(entry.get("summary", "")))
    return ParsedPost(
        guid=guid,
        external_id=_wordpress_id(guid, base),
        url=_url(entry, guid, base),
        title=plain_title(entry.get("title", "")),
        html=clean(str(content.get("value", ""))) or summary,
        base=web_base(content.get("base"), ""),
        excerpt=summary,
        published_at=_moment(entry, "published") or _moment(entry, "updated") or _moment(entry, "created"),
        modified_at=_moment(entry, "updated"),
        authors=_authors(entry),
        categories=tuple(one_line(tag.get("term") or "") for tag in entry.get("tags", []) if tag.get("term")),
        picture=_picture(entry, base),
        language=_language(entry, feed),
    )


def _url(entry: Any, guid: str | None, base: str) -> str | None:
    found = (absolute_url(candidate, base) for candidate in _addresses(entry, guid))
    return next((url for url in found if url), None)


def _addresses(entry: Any, guid: str | None) -> Iterator[str | None]:
    """Give the places an address may stand, the best first."""
    links = entry.get("links", [])
    yield entry.get("feedburner_origlink")
    yield entry.get("link")
    yield from (link.get("href") for link in links if link.get("rel", "alternate") == "alternate")
    if guid and _PERMALINK.match(guid) and entry.get("guidislink", False):
        yield guid
    yield from (link.get("href") for link in links if link.get("rel") == "enclosure")


def _content(entry: Any) -> Any:
    """Return the fullest content, HTML rather than text; the summary when there is none."""
    parts = entry.get("content") or [entry.get("summary_detail") or {}]
    markup = [part for part in parts if "html" in part.get("type", "")] or parts
    return max(markup, key=lambda part: len(str(part.get("value", ""))))


def _moment(entry: Any, name: str) -> datetime | None:
    structured = dict.get(entry, f"{name}_parsed")  # not entry.get: it would give `published` for `updated`
    if not structured:
        return parse_date(str(dict.get(entry, name) or ""))
    try:
        return datetime.fromtimestamp(calendar.timegm(structured), UTC)
    except (ValueError, OverflowError):
        return None


def _authors(entry: Any) -> tuple[ParsedAuthor, ...]:
    details = [one for one in entry.get("authors", []) if one] or [{"name": str(entry.get("author", ""))}]
    found: dict[str, ParsedAuthor] = {}
    for detail in details:
        email, url = detail.get("email"), absolute_url(detail.get("href"), "")
        name = one_line(detail.get("name", "")) or one_line(email or "")
        if name:
            found.setdefault(name, ParsedAuthor(key=name, name=name, email=email, url=url))
    return tuple(found.values())


def _picture(entry: Any, base: str) -> Picture | None:
    candidates = [link for link in entry.get("links", []) if str(link.get("type", "")).startswith("image/")]
    candidates += [one for one in entry.get("media_content", []) if _is_picture(one)]
    candidates += entry.get("media_thumbnail", [])
    for one in candidates:
        url = absolute_url(one.get("href") or one.get("url"), base)
        if url:
            return Picture(url=url, width=int_of(one.get("width")), height=int_of(one.get("height")))
    return None


def _is_picture(media: Any) -> bool:
    return media.get("medium") == "image" or str(media.get("type", "")).startswith("image/")


def _language(entry: Any, feed: Any) -> str | None:
    own = (entry.get("title_detail") or {}).get("language")
    return one_line(own or feed.get("language", "") or "") or None


def _wordpress_id(guid: str | None, base: str) -> str | None:
    """Return N of "https://example.com/?p=N" of the feed's own site; a planet's feed has many sites' numbers."""
    match = _WORDPRESS_GUID.search(guid or "")
    own = match and _site(guid or "") == _site(base)
    return match[1] if match and own else None


def _site(address: str) -> str:
    try:
        return urlsplit(address).netloc.lower().removeprefix("www.")
    except ValueError:
        return ""
