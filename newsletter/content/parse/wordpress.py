"""Posts of the WordPress REST API (`wp/v2/posts`, with `_embed`)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from newsletter.content.addresses import absolute_url
from newsletter.content.dates import parse_date
from newsletter.content.parse.common import MOST_POSTS, int_of, text_of
from newsletter.content.text import clean, one_line, plain_title
from newsletter.content.values import ParsedAuthor, ParsedFeed, ParsedPost, Picture, Skipped


def is_post(value: Any) -> bool:
    """Say whether a JSON value looks like a post of the REST API."""
    return (
        isinstance(value, dict)
        and "id" in value
        and ("date" in value or "date_gmt" in value)
        and "title" in value
    )


def parse_wordpress(entries: list[dict[str, Any]], location: str) -> ParsedFeed:
    """Read a list of REST posts; only published posts are taken."""
    taken, skipped = [], []
    for entry in entries[:MOST_POSTS]:
        status = text_of(entry.get("status")) or "publish"
        kind = text_of(entry.get("type")) or "post"
        ref = text_of(entry.get("link")) or text_of(entry.get("id"))
        if status != "publish":
            skipped.append(Skipped(f"status {one_line(status)}", ref))
        elif kind in ("page", "attachment", "nav_menu_item"):
            skipped.append(Skipped(f"type {kind}", ref))
        else:
            taken.append(_post(entry))
    return ParsedFeed("wordpress", "", _key(entries, location), None, tuple(taken), tuple(skipped))


def _key(entries: list[dict[str, Any]], location: str) -> str:
    for entry in entries:
        parts = urlsplit(text_of(entry.get("link")))
        if parts.netloc:
            return f"wordpress:{parts.netloc.lower()}"
    return location[:700]


def _rendered(value: Any) -> str:
    return text_of(value.get("rendered")) if isinstance(value, dict) else text_of(value)


def _post(entry: dict[str, Any]) -> ParsedPost:
    embedded = entry.get("_embedded") if isinstance(entry.get("_embedded"), dict) else {}
    date = text_of(entry.get("date_gmt")) or text_of(entry.get("date"))
    modified = text_of(entry.get("modified_gmt")) or text_of(entry.get("modified"))
    url = absolute_url(text_of(entry.get("link")), "")
    return ParsedPost(
        guid=one_line(_rendered(entry.get("guid"))) or url,
        external_id=one_line(text_of(entry.get("id"))) or None,
        url=url,
        title=plain_title(_rendered(entry.get("title"))),
        html=clean(_rendered(entry.get("content"))),
        excerpt=clean(_rendered(entry.get("excerpt"))),
        published_at=parse_date(date),
        modified_at=parse_date(modified),
        authors=_authors(embedded or {}),
        categories=_terms(embedded or {}),
        picture=_picture(entry, embedded or {}),
    )


def _embedded_list(embedded: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = embedded.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _authors(embedded: dict[str, Any]) -> tuple[ParsedAuthor, ...]:
    co_authors = [
        term
        for terms in embedded.get("wp:term") or []
        if isinstance(terms, list)
        for term in terms
        if isinstance(term, dict) and term.get("taxonomy") == "author"
    ]
    found = []
    for one in co_authors or _embedded_list(embedded, "author"):
        name = one_line(text_of(one.get("name")))
        if name:
            url = absolute_url(text_of(one.get("link")), "")
            bio = clean(text_of(one.get("description")))
            found.append(ParsedAuthor(key=text_of(one.get("slug")) or name, name=name, url=url, bio=bio))
    return tuple(found)


def _terms(embedded: dict[str, Any]) -> tuple[str, ...]:
    return tuple(
        one_line(text_of(term.get("name")))
        for terms in embedded.get("wp:term") or []
        if isinstance(terms, list)
        for term in terms
        if isinstance(term, dict) and term.get("taxonomy") in ("category", "post_tag")
    )


def _picture(entry: dict[str, Any], embedded: dict[str, Any]) -> Picture | None:
    for media in _embedded_list(embedded, "wp:featuredmedia"):
        url = absolute_url(text_of(media.get("source_url")), "")
        if url:
            details = media.get("media_details") if isinstance(media.get("media_details"), dict) else {}
            width, height = (int_of((details or {}).get(side)) for side in ("width", "height"))
            return Picture(url, one_line(text_of(media.get("alt_text"))) or None, width, height)
    url = absolute_url(text_of(entry.get("jetpack_featured_media_url")), "")
    return Picture(url) if url else None
