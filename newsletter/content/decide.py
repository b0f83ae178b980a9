"""Pure decisions about one entry: what is stored of it, and by which hash a change at the source is noticed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from newsletter.content.addresses import url_key
from newsletter.content.byline import parse_dateline
from newsletter.content.old_issues import issue_number
from newsletter.content.sanitise import sanitise
from newsletter.content.text import (
    TITLE_WORDS,
    direction_of,
    excerpt_of,
    first_words,
    plain_text,
    slugify,
    title_key,
)
from newsletter.content.values import ParsedPost, Picture

#: Fields that follow the source until an editor changes them.
FOLLOWED = (
    "title",
    "url",
    "content_html",
    "excerpt",
    "published_at",
    "byline",
    "language",
    "image_url",
    "image_alt",
)
DATELINE_WITHIN = 400


@dataclass(frozen=True)
class StoredValues:
    """An entry ready to be stored: column names to values, and its content hash."""

    columns: dict[str, Any]
    content_hash: str


def stored_values(post: ParsedPost, language: str | None, base: str) -> StoredValues:
    """Return what is stored of an entry: HTML sanitised, excerpt, byline, direction, keys, hash."""
    content = sanitise(post.html, post.base or post.url or base)
    words = plain_text(content)
    summary = words if post.excerpt == post.html else plain_text(sanitise(post.excerpt))
    excerpt, made_by_us = excerpt_of(summary, words)
    title = post.title or first_words(words or excerpt, TITLE_WORDS)
    dateline = parse_dateline(words[:DATELINE_WITHIN] or excerpt)
    columns = {
        **_identity(post, title),
        **_picture(post.picture),
        "title": title,
        "slug": slugify(title),
        "raw_html": post.original if post.original is not None else post.html,
        "content_html": content,
        "excerpt": excerpt,
        "excerpt_is_auto": made_by_us,
        "published_at": post.published_at,
        "modified_at": post.modified_at,
        "language": (post.language or language or "")[:35] or None,
        "direction": direction_of(f"{title} {excerpt}"),
        "status": post.status,
        "byline": ", ".join(author.name for author in post.authors),
        "dateline": dateline.to_json() if dateline else None,
        "categories": list(dict.fromkeys(post.categories)),
        "issue_number": issue_number(title),
    }
    return StoredValues(columns, content_hash(columns))


def _identity(post: ParsedPost, title: str) -> dict[str, Any]:
    return {
        "guid": post.guid[:1000] if post.guid else None,
        "external_id": post.external_id[:200] if post.external_id else None,
        "url": post.url,
        "url_key": url_key(post.url),
        "title_key": title_key(title),
    }


def _picture(picture: Picture | None) -> dict[str, Any]:
    names = ("url", "alt", "width", "height")
    return {f"image_{name}": getattr(picture, name) if picture else None for name in names}


def followed_document(columns: dict[str, Any]) -> dict[str, Any]:
    """Return the followed fields as JSON, for keeping what the source last said."""
    values = {name: columns.get(name) for name in FOLLOWED}
    moment: datetime | None = values["published_at"]
    return values | {"published_at": moment.isoformat() if moment is not None else None}


def content_hash(columns: dict[str, Any]) -> str:
    """Return the hash by which a change at the source is noticed."""
    document = json.dumps(followed_document(columns), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(document.encode("utf-8", "replace")).hexdigest()
