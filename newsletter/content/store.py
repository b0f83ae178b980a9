"""Store a parsed feed: nothing twice, nothing half, and never over an editor's words."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, defer

from newsletter.content.authors import AuthorBook
from newsletter.content.decide import FOLLOWED, StoredValues, content_hash, followed_document, stored_values
from newsletter.content.identity import KnownPosts, with_names
from newsletter.content.models import Post, Source
from newsletter.content.values import ImportReport, ParsedFeed, ParsedPost, Skipped

_KEYS_PER_QUERY = 500
_IDENTIFYING = ("guid", "external_id", "url_key", "title_key", "published_at")


def store_feed(session: Session, source: Source, feed: ParsedFeed, base: str, now: datetime) -> ImportReport:
    """Create, update or leave each post of a feed; what the document has twice is stored once."""
    report = ImportReport(feed.format, found=len(feed.posts), skipped=list(feed.skipped), source_id=source.id)
    entries = [(entry, stored_values(entry, feed.language, base)) for entry in with_names(feed.posts)]
    known = _known_posts(session, source.id, [values for _, values in entries])
    writer = _Writer(session, source, now, report)
    for entry, values in entries:
        post, met = known.find(values.columns)
        if met:
            report.skipped.append(Skipped("twice in this document", entry.url or entry.guid or entry.title))
            continue
        post = writer.create(entry, values) if post is None else writer.update(post, entry, values)
        known.meet(post, values.columns)
    writer.finish()
    return report


def _known_posts(session: Session, source_id: int, entries: list[StoredValues]) -> KnownPosts[Post]:
    """Load the source's posts and those of other sources at the same addresses."""
    known: KnownPosts[Post] = KnownPosts(source_id)
    conditions: list[ColumnElement[bool]] = [Post.source_id == source_id]
    addresses = iter({values.columns["url_key"] for values in entries} - {None})
    while chunk := list(islice(addresses, _KEYS_PER_QUERY)):
        conditions.append(Post.url_key.in_(chunk))
    for condition in conditions:
        _load(session, known, condition)
    known.reserve(values.columns for values in entries)
    return known


def _load(session: Session, known: KnownPosts[Post], condition: ColumnElement[bool]) -> None:
    statement = select(Post).where(condition).order_by(Post.id)
    for post in session.scalars(statement.options(defer(Post.content_html))):
        known.add(post, post.source_id, {name: getattr(post, name) for name in _IDENTIFYING})


class _Writer:
    """Writes the posts of one import and counts."""

    def __init__(self, session: Session, source: Source, now: datetime, report: ImportReport) -> None:
        self._session, self._source, self._now, self._report = session, source, now, report
        self._authors = AuthorBook(session, source.id)
        self._new: list[tuple[Post, ParsedPost]] = []

    def create(self, entry: ParsedPost, values: StoredValues) -> Post:
        """Store a post that was not there."""
        post = Post(
            source_id=self._source.id,
            content_hash=values.content_hash,
            source_values=followed_document(values.columns),
            created_at=self._now,
            updated_at=self._now,
            **values.columns,
        )
        self._session.add(post)
        self._new.append((post, entry))
        self._report.created += 1
        return post

    def finish(self) -> None:
        """Write what is new in one go, then who wrote it."""
        self._session.flush()
        for post, entry in self._new:
            self._authors.sign(post, entry.authors)
        self._session.flush()

    def update(self, post: Post, entry: ParsedPost, values: StoredValues) -> Post:
        """Follow the source, except in the fields an editor owns. Another source's post is left alone."""
        said = followed_document(values.columns)
        if post.source_id != self._source.id:
            self._report.unchanged += 1
            return post
        _rename(post, values.columns)
        if said == post.source_values:
            self._report.unchanged += 1
            return post
        self._follow(post, values.columns)
        post.source_values = said
        if "byline" not in post.edited_fields:
            self._authors.sign_again(post, entry.authors)
        self._report.updated += 1
        return post

    def _follow(self, post: Post, columns: dict[str, Any]) -> None:
        for name, value in columns.items():
            if name not in post.edited_fields:
                setattr(post, name, value)
        post.content_hash = content_hash({name: getattr(post, name) for name in FOLLOWED})
        post.source_changed_at = post.updated_at = self._now


def _rename(post: Post, columns: dict[str, Any]) -> None:
    """Take over the names that the source uses now; that alone is no change of the post."""
    post.guid = columns["guid"]
    post.external_id = columns["external_id"] or post.external_id
    post.modified_at = columns["modified_at"] or post.modified_at
