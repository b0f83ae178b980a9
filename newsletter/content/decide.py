"""Pure decisions about posts: what is stored of an entry, and what an import changes of a known post."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from newsletter.content.byline import issue_number, parse_dateline
from newsletter.content.sanitise import sanitise
from newsletter.content.text import excerpt_of, plain_text, slugify, title_key, url_key
from newsletter.content.values import ParsedPost

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
RTL_SHARE = 0.4


@dataclass(frozen=True)
class StoredValues:
    """An entry ready to be stored: column names to values, and its content hash."""

    columns: dict[str, Any]
    content_hash: str


def stored_values(post: ParsedPost, language: str | None, base: str) -> StoredValues:
    """Return what is stored of an entry: HTML sanitised, excerpt, byline, direction, keys, hash."""
    content = sanitise(post.html, post.url or base)
    excerpt, made_by_us = excerpt_of(post.excerpt, content)
    dateline = parse_dateline(plain_text(content)[:400] or excerpt)
    columns: dict[str, Any] = {
        "guid": (post.guid or post.url or post.title)[:1000] or None,
        "external_id": post.external_id,
        "url": post.url,
        "url_key": url_key(post.url),
        "title": post.title,
        "title_key": title_key(post.title),
        "slug": slugify(post.title),
        "raw_html": post.html,
        "content_html": content,
        "excerpt": excerpt,
        "excerpt_is_auto": made_by_us,
        "published_at": post.published_at,
        "modified_at": post.modified_at,
        "language": (post.language or language or "")[:35] or None,
        "direction": direction_of_text(f"{post.title} {excerpt}"),
        "status": post.status,
        "byline": ", ".join(author.name for author in post.authors),
        "dateline": _dateline_document(dateline),
        "categories": list(dict.fromkeys(post.categories)),
        "image_url": post.picture.url if post.picture else None,
        "image_alt": post.picture.alt if post.picture else None,
        "image_width": post.picture.width if post.picture else None,
        "image_height": post.picture.height if post.picture else None,
        "issue_number": issue_number(post.title),
    }
    return StoredValues(columns, content_hash(columns))


def _dateline_document(dateline: Any) -> dict[str, str] | None:
    if dateline is None:
        return None
    return {
        "organisation": dateline.organisation,
        "person": dateline.person,
        "place": dateline.place,
        "day": dateline.day.isoformat(),
    }


def followed_document(columns: dict[str, Any]) -> dict[str, Any]:
    """Return the followed fields as JSON, for keeping what the source last said."""
    values = {name: columns.get(name) for name in FOLLOWED}
    moment = values["published_at"]
    values["published_at"] = moment.isoformat() if moment is not None else None
    return values


def content_hash(columns: dict[str, Any]) -> str:
    """Return the hash by which a change at the source is noticed."""
    document = json.dumps(followed_document(columns), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(document.encode("utf-8", "replace")).hexdigest()


def direction_of_text(text: str) -> str:
    """Return rtl when a good part of the letters belongs to a right-to-left script."""
    letters = [character for character in text if character.isalpha()]
    rtl = sum(
        1 for character in letters if "\u0590" <= character <= "\u08ff" or "\ufb1d" <= character <= "\ufefc"
    )
    return "rtl" if letters and rtl / len(letters) > RTL_SHARE else "ltr"
