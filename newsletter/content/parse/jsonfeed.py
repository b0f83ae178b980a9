"""JSON Feed 1.0 and 1.1 (jsonfeed.org)."""

from __future__ import annotations

import html
from typing import Any

from newsletter.content.addresses import absolute_url, web_base
from newsletter.content.dates import parse_date
from newsletter.content.parse.common import MOST_POSTS, text_of
from newsletter.content.text import clean, one_line, plain_title
from newsletter.content.values import ParsedAuthor, ParsedFeed, ParsedPost, Picture


def parse_json_feed(document: dict[str, Any], location: str) -> ParsedFeed:
    """Read a JSON Feed that `json` has loaded."""
    base = web_base(text_of(document.get("home_page_url")), location)
    items = [item for item in document.get("items") or [] if isinstance(item, dict)]
    language = one_line(text_of(document.get("language"))) or None
    everyone = _authors(document)
    posts = tuple(_post(item, base, language, everyone) for item in items[:MOST_POSTS])
    key = text_of(document.get("feed_url")) or text_of(document.get("home_page_url")) or location
    return ParsedFeed("json", plain_title(text_of(document.get("title"))), key[:700], language, posts)


def _post(
    item: dict[str, Any], base: str, language: str | None, everyone: tuple[ParsedAuthor, ...]
) -> ParsedPost:
    guid = one_line(text_of(item.get("id"))) or None
    markup = clean(text_of(item.get("content_html"))) or _paragraphs(text_of(item.get("content_text")))
    summary = text_of(item.get("summary"))
    return ParsedPost(
        guid=guid,
        external_id=None,
        url=_url(item, guid, base),
        title=plain_title(text_of(item.get("title"))),
        html=markup,
        excerpt=clean(summary),
        published_at=parse_date(text_of(item.get("date_published")))
        or parse_date(text_of(item.get("date_modified"))),
        modified_at=parse_date(text_of(item.get("date_modified"))),
        authors=_authors(item) or everyone,
        categories=tuple(one_line(tag) for tag in item.get("tags") or [] if isinstance(tag, str)),
        picture=_picture(item, base),
        language=one_line(text_of(item.get("language"))) or language,
    )


def _url(item: dict[str, Any], guid: str | None, base: str) -> str | None:
    for name in ("url", "external_url"):
        found = absolute_url(text_of(item.get(name)), base)
        if found:
            return found
    return guid if guid and guid.startswith(("http://", "https://")) else None


def _paragraphs(text: str) -> str:
    blocks = [block.strip() for block in clean(text).split("\n\n") if block.strip()]
    return "".join(f"<p>{html.escape(block)}</p>" for block in blocks)


def _authors(item: dict[str, Any]) -> tuple[ParsedAuthor, ...]:
    listed = item.get("authors")
    raw = listed if isinstance(listed, list) and listed else [item.get("author")]
    return tuple(author for author in map(_author, raw) if author is not None)


def _author(raw: Any) -> ParsedAuthor | None:
    detail = raw if isinstance(raw, dict) else {"name": raw}
    name = one_line(text_of(detail.get("name")))
    return (
        ParsedAuthor(key=name, name=name, url=absolute_url(text_of(detail.get("url")), "")) if name else None
    )


def _picture(item: dict[str, Any], base: str) -> Picture | None:
    url = absolute_url(text_of(item.get("image")) or text_of(item.get("banner_image")), base)
    return Picture(url) if url else None
