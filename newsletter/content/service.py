"""Store what was parsed: nothing twice, nothing half, and never over an editor's words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from newsletter.content.byline import kind_of_author
from newsletter.content.decide import FOLLOWED, StoredValues, content_hash, followed_document, stored_values
from newsletter.content.models import Author, ImportedAuthor, Post, PostAuthor, Source
from newsletter.content.parse import parse
from newsletter.content.text import slugify
from newsletter.content.values import Document, ImportReport, ParsedAuthor, ParsedFeed, ParsedPost, Skipped
from newsletter.errors import InvalidInput, NotFound

__all__ = [
    "Document",
    "ImportReport",
    "edit_post",
    "find_post",
    "find_posts",
    "import_document",
    "store_feed",
]


def import_document(
    session: Session, document: Document, *, format: str = "auto", now: datetime
) -> ImportReport:
    """Parse a document and store its posts.

    :raises InvalidInput: when the document cannot be read; nothing is stored then.
    """
    feed = parse(document.raw, format=format, location=document.location)
    source = _source(session, feed, document, now)
    return store_feed(session, source, feed, document.location, now=now)


def _source(session: Session, feed: ParsedFeed, document: Document, now: datetime) -> Source:
    key = feed.key or document.location or "unknown"
    source = session.scalars(select(Source).where(Source.key == key)).first()
    if source is None:
        source = Source(key=key, location=document.location, format=feed.format)
        session.add(source)
    source.title, source.language, source.fetched_at = feed.title, (feed.language or "")[:35] or None, now
    source.etag, source.last_modified, source.last_error = document.etag, document.last_modified, None
    session.flush()
    return source


def store_feed(
    session: Session, source: Source, feed: ParsedFeed, location: str, *, now: datetime
) -> ImportReport:
    """Create, update or leave each post of a feed; duplicates inside the feed count once."""
    report = ImportReport(feed.format, found=len(feed.posts), skipped=list(feed.skipped), source_id=source.id)
    known = _Known(session, source.id)
    base = location if "://" in location else ""
    for entry in feed.posts:
        values = stored_values(entry, feed.language, base)
        post, seen = known.find(values)
        if seen:
            report.skipped.append(Skipped("twice in this document", entry.url or entry.guid or entry.title))
        elif post is None:
            known.remember(values, _create(session, source, entry, values, now))
            report.created += 1
        else:
            known.remember(values, post)
            _update(session, source, post, entry, values, now, report)
    session.flush()
    return report


class _Known:
    """Posts by the things that identify them: guid, id at the source, address, title and day."""

    def __init__(self, session: Session, source_id: int) -> None:
        self._source_id = source_id
        self._by: dict[tuple[str, Any], Post] = {}
        self._seen: set[int] = set()
        for post in session.scalars(select(Post).where(Post.status == "published").order_by(Post.id)):
            for key in self._keys(post.source_id, _columns(post)):
                self._by.setdefault(key, post)

    def _keys(self, source_id: int | None, columns: dict[str, Any]) -> Iterable[tuple[str, Any]]:
        """Give the keys from the surest to the weakest; a guid or id of one source means nothing in another."""
        if columns["guid"]:
            yield "guid", (source_id, columns["guid"])
        if columns["external_id"]:
            yield "id", (source_id, columns["external_id"])
        if columns["url_key"]:
            yield "url", (columns["url_key"], columns["title_key"])
        if columns["title_key"] and columns["published_at"]:
            yield "title", (columns["title_key"], columns["published_at"], source_id)

    def find(self, values: StoredValues) -> tuple[Post | None, bool]:
        """Return (known post or None, already met in this document)."""
        for key in self._keys(self._source_id, values.columns):
            post = self._by.get(key)
            if post is not None:
                return post, id(post) in self._seen
        return None, False

    def remember(self, values: StoredValues, post: Post) -> None:
        """Note that the post was met."""
        self._seen.add(id(post))
        for key in self._keys(self._source_id, values.columns):
            self._by.setdefault(key, post)


def _columns(post: Post) -> dict[str, Any]:
    names = ("guid", "external_id", "url_key", "title_key", "published_at")
    return {name: getattr(post, name) for name in names}


def _create(session: Session, source: Source, entry: ParsedPost, values: StoredValues, now: datetime) -> Post:
    post = Post(
        source_id=source.id,
        content_hash=values.content_hash,
        created_at=now,
        updated_at=now,
        **values.columns,
    )
    post.source_values = followed_document(values.columns)
    session.add(post)
    session.flush()
    _set_authors(session, source, post, entry.authors)
    return post


def _update(
    session: Session,
    source: Source,
    post: Post,
    entry: ParsedPost,
    values: StoredValues,
    now: datetime,
    report: ImportReport,
) -> None:
    said = followed_document(values.columns)
    if post.source_id != source.id or said == post.source_values:
        report.unchanged += 1
        return
    for name, value in values.columns.items():
        if name not in post.edited_fields and name != "guid":
            setattr(post, name, value)
    post.source_values, post.source_changed_at, post.updated_at = said, now, now
    post.content_hash = content_hash({name: getattr(post, name) for name in FOLLOWED})
    if "byline" not in post.edited_fields:
        _set_authors(session, source, post, entry.authors)
    report.updated += 1


def _set_authors(session: Session, source: Source, post: Post, authors: tuple[ParsedAuthor, ...]) -> None:
    wanted = list(dict.fromkeys(_author(session, source, parsed).id for parsed in authors if parsed.name))
    statement = select(PostAuthor).where(PostAuthor.post_id == post.id)
    present = {link.author_id: link for link in session.scalars(statement)}
    for author_id in set(present) - set(wanted):
        session.delete(present[author_id])
    for position, author_id in enumerate(wanted):
        link = present.get(author_id)
        if link is None:
            session.add(PostAuthor(post_id=post.id, author_id=author_id, position=position))
        else:
            link.position = position
    session.flush()
    session.expire(post, ["authors"])


def _author(session: Session, source: Source, parsed: ParsedAuthor) -> Author:
    key = parsed.key[:300]
    mapping = session.scalars(
        select(ImportedAuthor).where(ImportedAuthor.source_id == source.id, ImportedAuthor.key == key)
    ).first()
    if mapping is not None:
        return session.get_one(Author, mapping.author_id)
    name = parsed.name[:300]
    author = session.scalars(select(Author).where(Author.name == name)).first()
    if author is None:
        author = Author(
            slug=_free_slug(session, name), name=name, kind=kind_of_author(name), bio="", url=parsed.url
        )
        author.email = parsed.email[:254] if parsed.email and "@" in parsed.email else None
        session.add(author)
        session.flush()
    session.add(ImportedAuthor(source_id=source.id, key=key, display=name, author_id=author.id))
    session.flush()
    return author


def _free_slug(session: Session, name: str) -> str:
    slug, number = slugify(name), 1
    while session.scalar(
        select(Author.id).where(Author.slug == (slug if number == 1 else f"{slug}-{number}"))
    ):
        number += 1
    return slug if number == 1 else f"{slug}-{number}"


def find_posts(
    session: Session, *, limit: int | None = None, only_ids: Iterable[int] | None = None
) -> list[Post]:
    """Return posts, newest first."""
    statement = select(Post).options(selectinload(Post.authors))
    if only_ids is not None:
        statement = statement.where(Post.id.in_(list(only_ids)))
    return list(
        session.scalars(
            statement.order_by(Post.published_at.desc().nulls_last(), Post.id.desc()).limit(limit)
        )
    )


def find_post(session: Session, post_id: int) -> Post:
    """Return one post.

    :raises NotFound: when it does not exist.
    """
    post = session.get(Post, post_id)
    if post is None:
        raise NotFound(f"There is no post {post_id}.")
    return post


def edit_post(post: Post, changes: dict[str, Any], *, now: datetime) -> None:
    """Change a post's words; no import overwrites them from now on.

    :raises InvalidInput: for a field that cannot be edited.
    """
    unknown = set(changes) - set(FOLLOWED)
    if unknown:
        raise InvalidInput(f"A post has no editable {sorted(unknown)[0]!r}.")
    for name, value in changes.items():
        setattr(post, name, value)
    post.edited_fields = sorted(set(post.edited_fields) | set(changes))
    post.content_hash = content_hash({name: getattr(post, name) for name in FOLLOWED})
    post.updated_at = now
