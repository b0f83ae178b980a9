"""Importing documents, and finding and editing posts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from newsletter.content.decide import FOLLOWED, content_hash
from newsletter.content.gather import Earlier
from newsletter.content.models import Post, Source
from newsletter.content.parse import parse
from newsletter.content.sanitise import sanitise
from newsletter.content.store import store_feed
from newsletter.content.values import Document, ImportReport, ParsedFeed, Skipped
from newsletter.errors import Conflict, InvalidInput, NotFound


def import_document(
    session: Session, document: Document, *, format: str = "auto", now: datetime
) -> ImportReport:
    """Parse a document and store its posts.

    :raises InvalidInput: when the document cannot be read; nothing is stored then.
    """
    feed = parse(document.raw, format=format, location=document.location)
    return import_feed(session, feed, document, now=now)


def import_feed(session: Session, feed: ParsedFeed, document: Document, *, now: datetime) -> ImportReport:
    """Store posts that were parsed before; `document` says where they came from.

    :raises Conflict: when another import stored the same at the same moment.
    """
    base = document.location if "://" in document.location else ""
    try:
        return store_feed(session, _source(session, feed, document, now), feed, base, now)
    except IntegrityError:
        raise Conflict("Another import stored the same posts at this moment; import again.") from None


def _source(session: Session, feed: ParsedFeed, document: Document, now: datetime) -> Source:
    location = document.asked or document.location
    key = feed.key or location or "unknown"
    source = session.scalars(select(Source).where(Source.key == key).with_for_update()).first()
    if source is None:
        source = Source(key=key, location=location)
        session.add(source)
    if "://" in location:
        source.location = location
    source.format, source.title, source.language = feed.format, feed.title, (feed.language or "")[:35] or None
    source.etag, source.last_modified = document.etag, document.last_modified
    source.fetched_at, source.last_error = now, None
    session.flush()
    return source


def find_source(session: Session, location: str) -> Source | None:
    """Return the source that was imported from an address before."""
    statement = select(Source).where(Source.location == location)
    return session.scalars(statement.order_by(Source.fetched_at.desc().nulls_last(), Source.id)).first()


def earlier_import(session: Session, location: str) -> Earlier | None:
    """Return what is to be known of the last import from an address, to ask only for what is new."""
    source = find_source(session, location)
    if source is None or source.fetched_at is None:
        return None
    newest = session.scalar(select(func.max(Post.modified_at)).where(Post.source_id == source.id))
    return Earlier(source.id, source.format, source.etag, source.last_modified, newest)


def note_unchanged(session: Session, earlier: Earlier, now: datetime) -> ImportReport:
    """Note that the site said nothing is new."""
    source = session.get_one(Source, earlier.source_id)
    source.fetched_at, source.last_error = now, None
    why = Skipped("not modified since the last import", source.location)
    return ImportReport(source.format, skipped=[why], source_id=source.id)


def find_posts(
    session: Session, *, limit: int | None = None, only_ids: Iterable[int] | None = None
) -> list[Post]:
    """Return posts, newest first."""
    statement = select(Post).options(selectinload(Post.authors))
    if only_ids is not None:
        statement = statement.where(Post.id.in_(list(only_ids)))
    ordered = statement.order_by(Post.published_at.desc().nulls_last(), Post.id.desc())
    return list(session.scalars(ordered.limit(limit)))


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
    unknown = sorted(set(changes) - set(FOLLOWED))
    if unknown:
        raise InvalidInput(f"A post has no editable {unknown[0]!r}.")
    for name, value in changes.items():
        setattr(post, name, sanitise(value, post.url or "") if name == "content_html" else value)
    post.edited_fields = sorted(set(post.edited_fields) | set(changes))
    post.content_hash = content_hash({name: getattr(post, name) for name in FOLLOWED})
    post.updated_at = now
