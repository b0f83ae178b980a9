"""Posts of the WordPress REST API (`wp/v2/posts`, with `_embed`)."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from newsletter.content.addresses import absolute_url
from newsletter.content.dates import parse_date
from newsletter.content.parse.common import MOST_POSTS, int_of, text_of
from newsletter.content.text import clean, one_line, plain_title
from newsletter.content.values import ParsedAuthor, ParsedFeed, ParsedPost, Picture, Skipped

_NO_POSTS = ("page", "attachment", "nav_menu_item")
#: Parameters that say how to answer, not which posts.
_HOW = frozenset(
    {"_embed", "_fields", "context", "modified_after", "order", "orderby", "page", "per_page", "rest_route"}
)


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
        why = _why_left_out(entry)
        if why:
            skipped.append(Skipped(why, text_of(entry.get("link")) or text_of(entry.get("id"))))
        else:
            taken.append(_post(entry))
    return ParsedFeed("wordpress", "", _key(entries, location), None, tuple(taken), tuple(skipped))


def _why_left_out(entry: dict[str, Any]) -> str:
    status = one_line(text_of(entry.get("status"))) or "publish"
    kind = one_line(text_of(entry.get("type"))) or "post"
    if status != "publish":
        return f"status {status}"
    if _protected(entry):
        return "has a password"
    return f"type {kind}" if kind in _NO_POSTS else ""


def _protected(entry: dict[str, Any]) -> bool:
    content = entry.get("content")
    return isinstance(content, dict) and content.get("protected") is True


def _key(entries: list[dict[str, Any]], location: str) -> str:
    """Name the source by its site and what was asked of it: one author's posts are another source than all."""
    sites = (_site(entry) for entry in entries)
    site = next((site for site in sites if site), None)
    return f"wordpress:{site}{_asked(location)}"[:700] if site else location[:700]


def _site(entry: dict[str, Any]) -> str:
    """Return host and folder of the site, from "https://example.com/blog/?p=7"."""
    guid = urlsplit(_rendered(entry.get("guid")).partition("?p=")[0])
    folder = guid.path.rstrip("/") if "?p=" in _rendered(entry.get("guid")) else ""
    return f"{(guid.netloc or urlsplit(text_of(entry.get('link'))).netloc).lower()}{folder}"


def _asked(location: str) -> str:
    query = parse_qsl(urlsplit(location).query) if "://" in location else []
    asked = urlencode(sorted((name, value) for name, value in query if name not in _HOW))
    return f"?{asked}" if asked else ""


def _rendered(value: Any) -> str:
    return text_of(value.get("rendered")) if isinstance(value, dict) else text_of(value)


def _post(entry: dict[str, Any]) -> ParsedPost:
    embedded = _dict_of(entry.get("_embedded"))
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
        authors=_authors(embedded),
        categories=_categories(embedded),
        picture=_picture(entry, embedded),
    )


def _dict_of(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _embedded_list(embedded: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = embedded.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _terms(embedded: dict[str, Any], *taxonomies: str) -> list[dict[str, Any]]:
    groups = embedded.get("wp:term")
    terms = (
        [term for group in groups if isinstance(group, list) for term in group]
        if isinstance(groups, list)
        else []
    )
    return [term for term in terms if isinstance(term, dict) and term.get("taxonomy") in taxonomies]


def _categories(embedded: dict[str, Any]) -> tuple[str, ...]:
    names = (one_line(text_of(term.get("name"))) for term in _terms(embedded, "category", "post_tag"))
    return tuple(name for name in names if name)


def _authors(embedded: dict[str, Any]) -> tuple[ParsedAuthor, ...]:
    """Return the authors; plug-ins for several of them keep those as terms."""
    listed = _terms(embedded, "author") or _embedded_list(embedded, "author")
    return tuple(author for author in map(_author, listed) if author.name)


def _author(one: dict[str, Any]) -> ParsedAuthor:
    name = plain_title(text_of(one.get("name")))
    return ParsedAuthor(
        key=text_of(one.get("slug")) or name,
        name=name,
        url=absolute_url(text_of(one.get("link")), ""),
        bio=clean(text_of(one.get("description"))),
    )


def _picture(entry: dict[str, Any], embedded: dict[str, Any]) -> Picture | None:
    for media in _embedded_list(embedded, "wp:featuredmedia"):
        url = absolute_url(text_of(media.get("source_url")), "")
        if url:
            details = _dict_of(media.get("media_details"))
            width, height = (int_of(details.get(side)) for side in ("width", "height"))
            return Picture(url, one_line(text_of(media.get("alt_text"))) or None, width, height)
    url = absolute_url(text_of(entry.get("jetpack_featured_media_url")), "")
    return Picture(url) if url else None
