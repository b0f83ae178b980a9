"""WordPress export files (WXR 1.0 to 1.2), read item by item; the namespace varies, so names are matched without it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from lxml import etree

from newsletter.content.dates import parse_date
from newsletter.content.parse.common import MOST_POSTS
from newsletter.content.shortcodes import render_shortcodes
from newsletter.content.text import absolute_url, clean, one_line, plain_title
from newsletter.content.values import ParsedAuthor, ParsedFeed, ParsedPost, Picture, Skipped
from newsletter.errors import InvalidInput

_ENTITY_DECLARATION = re.compile(rb"<!ENTITY", re.IGNORECASE)


def parse_wxr(raw: bytes, location: str) -> ParsedFeed:
    """Read a WordPress export: published posts, with display names of their authors and feature pictures.

    :raises InvalidInput: when the file is damaged or declares entities.
    """
    if _ENTITY_DECLARATION.search(raw[:65536]):
        raise InvalidInput("The export declares its own entities, which is refused.")
    channel = _Channel()
    try:
        for name, values in _elements(raw):
            channel.take(name, values)
    except etree.XMLSyntaxError as error:
        raise InvalidInput(
            f"The export is damaged at line {error.lineno}; nothing was stored. Export it again."
        ) from None
    return channel.feed(location)


def _local(tag: Any) -> str:
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _elements(raw: bytes) -> Iterator[tuple[str, Any]]:
    """Yield the children of the channel as they end, and forget them: memory stays flat."""
    events = etree.iterparse(
        BytesIO(raw.lstrip()),
        events=("end",),
        resolve_entities=False,
        no_network=True,
        huge_tree=False,
        load_dtd=False,
    )
    for _, element in events:
        parent = element.getparent()
        if parent is not None and _local(parent.tag) == "channel":
            yield _local(element.tag), element
            element.clear()
            while element.getprevious() is not None:
                del parent[0]


class _Channel:
    """What was seen so far: authors come first, pictures anywhere, so they are joined at the end."""

    def __init__(self) -> None:
        self.title, self.link, self.language = "", "", ""
        self.names: dict[str, ParsedAuthor] = {}
        self.pictures: dict[str, Picture] = {}
        self.items: list[dict[str, Any]] = []
        self.skipped: dict[str, int] = {}

    def take(self, name: str, element: Any) -> None:
        """Note one child of the channel."""
        if name in ("title", "link", "language"):
            setattr(self, name, (element.text or "").strip())
        elif name == "author":
            self._author(element)
        elif name == "item":
            self._item(_fields(element))

    def _author(self, element: Any) -> None:
        values = {_local(child.tag): (child.text or "").strip() for child in element}
        login = values.get("author_login", "")
        full = f"{values.get('author_first_name', '')} {values.get('author_last_name', '')}".strip()
        name = one_line(values.get("author_display_name", "") or full or login)
        if login:
            self.names[login] = ParsedAuthor(key=login, name=name, email=values.get("author_email") or None)

    def _item(self, item: dict[str, Any]) -> None:
        kind, status = item.get("post_type", "post"), item.get("status", "publish")
        if kind == "attachment" and item.get("post_id"):
            url = absolute_url(item.get("attachment_url"), "")
            if url:
                alt = item["meta"].get("_wp_attachment_image_alt")
                self.pictures[item["post_id"]] = Picture(url, one_line(alt) if alt else None)
        if kind != "post" or status != "publish" or item.get("post_password"):
            why = (
                f"type {kind}"
                if kind != "post"
                else f"status {status}"
                if status != "publish"
                else "has a password"
            )
            self.skipped[why] = self.skipped.get(why, 0) + 1
        elif len(self.items) < MOST_POSTS:
            self.items.append(item)

    def feed(self, location: str) -> ParsedFeed:
        """Return everything joined."""
        posts = tuple(self._post(item) for item in self.items)
        skipped = tuple(Skipped(why, f"{count} entries") for why, count in sorted(self.skipped.items()))
        key = f"wxr:{self.link}" if self.link else location
        return ParsedFeed("wxr", plain_title(self.title), key[:700], self.language or None, posts, skipped)

    def _post(self, item: dict[str, Any]) -> ParsedPost:
        url = absolute_url(item.get("link"), "")
        date = item.get("post_date_gmt", "")
        if not date or date.startswith("0000"):
            date = item.get("pubDate") or item.get("post_date", "")
        return ParsedPost(
            guid=item.get("guid") or url,
            external_id=item.get("post_id") or None,
            url=url,
            title=plain_title(item.get("title", "")),
            html=clean(render_shortcodes(item.get("content", ""))),
            excerpt=clean(item.get("excerpt", "")),
            published_at=parse_date(date),
            modified_at=parse_date(item.get("post_modified_gmt", "")),
            authors=self._authors(item),
            categories=tuple(item["categories"]),
            picture=self.pictures.get(item["meta"].get("_thumbnail_id", "")),
            language=self.language or None,
        )

    def _authors(self, item: dict[str, Any]) -> tuple[ParsedAuthor, ...]:
        if item["co_authors"]:
            return tuple(ParsedAuthor(key=slug, name=name) for slug, name in item["co_authors"])
        login = item.get("creator", "")
        known = self.names.get(login)
        return (known,) if known else (ParsedAuthor(key=login, name=login),) if login else ()


def _fields(element: Any) -> dict[str, Any]:
    """Flatten an item; `encoded` is content or excerpt by its namespace."""
    item: dict[str, Any] = {"meta": {}, "categories": [], "co_authors": []}
    for child in element:
        name, text = _local(child.tag), child.text or ""
        if name == "encoded":
            item["excerpt" if "excerpt" in child.tag else "content"] = text
        elif name == "postmeta":
            meta = {_local(one.tag): one.text or "" for one in child}
            item["meta"][meta.get("meta_key", "")] = meta.get("meta_value", "")
        elif name == "category":
            _category(item, child)
        else:
            item.setdefault(name, text.strip())
    return item


def _category(item: dict[str, Any], child: Any) -> None:
    label = one_line(child.text or "")
    if child.get("domain") == "author":
        item["co_authors"].append((child.get("nicename") or label, label))
    elif label:
        item["categories"].append(label)
