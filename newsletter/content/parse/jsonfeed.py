"""JSON Feed 1.0 and 1.1 (jsonfeed.org)."""

from __future__ import annotations

import html
from typing import Any

from newsletter.content.dates import parse_date
from newsletter.content.parse.common import MOST_POSTS, text_of
from newsletter.content.text import absolute_url, clean, one_line, plain_text, plain_title
from newsletter.content.values import ParsedAuthor, ParsedFeed, ParsedPost, Picture


def parse_json_feed(document: dict[str, Any], location: str) -> ParsedFeed:
    """Read a JSON Feed that `json` has loaded."""
    base = absolute_url(text_of(document.get("home_page_url")), location) or (
        location if "://" in location else ""
    )
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
    url = absolute_url(text_of(item.get("url")), base) or absolute_url(
        text_of(item.get("external_url")), base
    )
    if url is None and guid and guid.startswith(("http://", "https://")):
        url = guid
    markup = clean(text_of(item.get("content_html"))) or _paragraphs(text_of(item.get("content_text")))
    summary = text_of(item.get("summary"))
    return ParsedPost(
        guid=guid,
        external_id=None,
        url=url,
        title=plain_title(text_of(item.get("title"))) or _first_words(markup or summary),
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


def _paragraphs(text: str) -> str:
    blocks = [block.strip() for block in clean(text).split("\n\n") if block.strip()]
    return "".join(f"<p>{html.escape(block)}</p>" for block in blocks)


def _first_words(markup: str) -> str:
    """A post without title (a note) is known by its first words."""
    words = plain_text(markup).split()
    return " ".join(words[:10]) + ("…" if len(words) > 10 else "")


def _authors(item: dict[str, Any]) -> tuple[ParsedAuthor, ...]:
    listed = item.get("authors")
    raw = listed if isinstance(listed, list) and listed else [item.get("author")]
    authors = []
    for one in raw:
        name = one_line(text_of(one.get("name"))) if isinstance(one, dict) else one_line(text_of(one))
        if name:
            url = text_of(one.get("url")) if isinstance(one, dict) else ""
            authors.append(ParsedAuthor(key=name, name=name, url=absolute_url(url, "")))
    return tuple(authors)


def _picture(item: dict[str, Any], base: str) -> Picture | None:
    url = absolute_url(text_of(item.get("image")) or text_of(item.get("banner_image")), base)
    return Picture(url) if url else None
