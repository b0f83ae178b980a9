"""Which entry is which post: by guid, then the source's id, then the address, then title and date.

A guid or an id is sure. Address and title are weak: they find a post whose guid changed (the site moved, a feed
after an export), but two entries of one document with guids of their own are two posts, however alike.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Generic, TypeVar

from newsletter.content.values import ParsedPost

Key = tuple[str, Any]
P = TypeVar("P")


def sure_keys(source_id: int | None, columns: Mapping[str, Any]) -> list[Key]:
    """Return what names a post within its source; it means nothing in another."""
    keys: list[Key] = []
    if columns["guid"]:
        keys.append(("guid", (source_id, columns["guid"])))
    if columns["external_id"]:
        keys.append(("id", (source_id, columns["external_id"])))
    return keys


def weak_keys(source_id: int | None, columns: Mapping[str, Any]) -> list[Key]:
    """Return what a post is recognised by when its names are new."""
    keys: list[Key] = []
    if columns["url_key"]:
        keys.append(("url", (columns["url_key"], columns["title_key"])))
    if columns["title_key"] and columns["published_at"]:
        keys.append(("title", (columns["title_key"], columns["published_at"], source_id)))
    return keys


def with_names(posts: Iterable[ParsedPost]) -> tuple[ParsedPost, ...]:
    """Give entries without guid a name that stays the same: the address, or a digest where that is shared or missing."""
    entries = tuple(posts)
    shared = Counter(post.url for post in entries if not post.guid)
    return tuple(
        post if post.guid else replace(post, guid=_name(post, shared[post.url] == 1)) for post in entries
    )


def _name(post: ParsedPost, address_is_enough: bool) -> str:
    if post.url and address_is_enough:
        return post.url
    words = post.title or post.html or post.excerpt
    digest = hashlib.sha256(f"{words}|{post.published_at}".encode("utf-8", "replace")).hexdigest()[:20]
    return f"{post.url or ''}#{digest}"


class KnownPosts(Generic[P]):
    """The posts that were there before, and those met in this document."""

    def __init__(self, source_id: int) -> None:
        self._source_id = source_id
        self._by: dict[Key, P] = {}
        self._met: set[int] = set()
        self._reserved: set[int] = set()

    def add(self, post: P, source_id: int | None, columns: Mapping[str, Any]) -> None:
        """Make a post known; what was known first under a key stays."""
        for key in (*sure_keys(source_id, columns), *weak_keys(source_id, columns)):
            self._by.setdefault(key, post)

    def reserve(self, entries: Iterable[Mapping[str, Any]]) -> None:
        """Keep posts that an entry of the document names surely from being taken by a weak likeness."""
        for columns in entries:
            post = self._surely(columns)
            if post is not None:
                self._reserved.add(id(post))

    def find(self, columns: Mapping[str, Any]) -> tuple[P | None, bool]:
        """Return (the post or None, whether this document had it already)."""
        post = self._surely(columns)
        if post is None:
            post = self._probably(columns)
        return post, id(post) in self._met

    def _surely(self, columns: Mapping[str, Any]) -> P | None:
        return next((self._by[key] for key in sure_keys(self._source_id, columns) if key in self._by), None)

    def _probably(self, columns: Mapping[str, Any]) -> P | None:
        alike = (self._by.get(key) for key in weak_keys(self._source_id, columns))
        taken = self._met | self._reserved
        return next((post for post in alike if post is not None and id(post) not in taken), None)

    def meet(self, post: P, columns: Mapping[str, Any]) -> None:
        """Note that the document has the post."""
        self._met.add(id(post))
        self.add(post, self._source_id, columns)
