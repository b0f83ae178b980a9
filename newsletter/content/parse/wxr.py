"""WordPress export files (WXR 1.0 to 1.2), read item by item; the namespace varies, so names are matched without it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from lxml import etree

from newsletter.content.addresses import absolute_url, web_base
from newsletter.content.dates import parse_date
from newsletter.content.parse.common import MOST_POSTS
from newsletter.content.parse.markup import guarded, is_complete, local_name, mended, pieces
from newsletter.content.parse.wxr_item import WxrItem, read_item
from newsletter.content.shortcodes import render_shortcodes
from newsletter.content.text import clean, one_line, plain_title
from newsletter.content.values import ParsedAuthor, ParsedFeed, ParsedPost, Picture, Skipped
from newsletter.errors import InvalidInput


def parse_wxr(raw: bytes, location: str) -> ParsedFeed:
    """Read a WordPress export: published posts, with display names of their authors and feature pictures.

    :raises InvalidInput: when the file breaks off or declares entities.
    """
    raw = guarded(raw)
    try:
        return _read(raw).feed(location)
    except etree.XMLSyntaxError as error:
        if not is_complete(raw):
            raise InvalidInput(
                f"The export is damaged at line {error.lineno}; nothing was stored. Export it again."
            ) from None
    return _read_damaged(raw).feed(location)


def _read(raw: bytes) -> _Channel:
    channel = _Channel()
    for element in _elements(raw):
        channel.take(local_name(element.tag), element)
    return channel


def _elements(raw: bytes) -> Iterator[Any]:
    """Yield the children of the channel as they end, and forget them: memory stays flat."""
    events = etree.iterparse(
        BytesIO(raw),
        events=("end",),
        resolve_entities=False,
        no_network=True,
        huge_tree=False,
        load_dtd=False,
    )
    for _, element in events:
        parent = element.getparent()
        if parent is not None and local_name(parent.tag) == "channel":
            yield element
            element.clear()
            while element.getprevious() is not None:
                del parent[0]


def _read_damaged(raw: bytes) -> _Channel:
    """Read a whole but ill-formed export piece by piece: ampersands are mended, and what is still lost is told."""
    channel = _Channel()
    for document in pieces(mended(raw.decode())):
        try:
            for element in _elements(document.encode()):
                channel.take(local_name(element.tag), element)
        except etree.XMLSyntaxError:
            channel.skipped["damaged in the file"] += 1
    return channel


class _Channel:
    """What was seen so far: authors come first, pictures anywhere, so they are joined at the end."""

    def __init__(self) -> None:
        self.title = self.link = self.language = ""
        self.names: dict[str, ParsedAuthor] = {}
        self.pictures: dict[str, Picture] = {}
        self.items: list[WxrItem] = []
        self.skipped: Counter[str] = Counter()

    def take(self, name: str, element: Any) -> None:
        """Note one child of the channel."""
        if name in ("title", "link", "language"):
            setattr(self, name, (element.text or "").strip())
        elif name == "author":
            self._author(element)
        elif name == "item":
            self._item(read_item(element))

    def _author(self, element: Any) -> None:
        values = {local_name(child.tag): (child.text or "").strip() for child in element}
        login = values.get("author_login", "")
        full = f"{values.get('author_first_name', '')} {values.get('author_last_name', '')}".strip()
        name = one_line(values.get("author_display_name", "") or full or login)
        if login:
            self.names[login] = ParsedAuthor(key=login, name=name, email=values.get("author_email") or None)

    def _item(self, item: WxrItem) -> None:
        picture = item.picture()
        if picture is not None:
            self.pictures[item.get("post_id")] = picture
        why = item.why_left_out()
        if why:
            self.skipped[why] += 1
        elif len(self.items) < MOST_POSTS:
            self.items.append(item)

    def feed(self, location: str) -> ParsedFeed:
        """Return everything joined."""
        posts = tuple(self._post(item) for item in self.items)
        skipped = tuple(Skipped(why, f"{count} entries") for why, count in sorted(self.skipped.items()))
        key = f"wxr:{self.link}" if self.link else location
        return ParsedFeed("wxr", plain_title(self.title), key[:700], self.language or None, posts, skipped)

    def _post(self, item: WxrItem) -> ParsedPost:
        url = absolute_url(item.get("link"), web_base(self.link, ""))
        return ParsedPost(
            guid=item.get("guid") or url,
            external_id=item.get("post_id") or None,
            url=url,
            title=plain_title(item.get("title")),
            html=clean(render_shortcodes(item.get("content"))),
            original=clean(item.get("content")),
            excerpt=clean(item.get("excerpt")),
            published_at=parse_date(item.published()),
            modified_at=parse_date(item.get("post_modified_gmt")),
            authors=self._authors(item),
            categories=tuple(item.categories),
            picture=self.pictures.get(item.meta.get("_thumbnail_id", "")),
            language=self.language or None,
        )

    def _authors(self, item: WxrItem) -> tuple[ParsedAuthor, ...]:
        if item.co_authors:
            return tuple(ParsedAuthor(key=slug, name=name) for slug, name in item.co_authors)
        login = item.get("creator")
        return (self.names.get(login, ParsedAuthor(key=login, name=login)),) if login else ()
