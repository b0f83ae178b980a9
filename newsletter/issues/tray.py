"""The tray: published posts of a publication that are in no issue yet."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import Session, selectinload

from newsletter.content.models import Author, Post, PostAuthor
from newsletter.issues.models import Issue, Item, Publication, PublicationSource, Section

MOST_WORDS = 10


def tray(
    session: Session,
    publication: Publication,
    *,
    search: str = "",
    author_id: int | None = None,
    since: datetime | None = None,
    include_used: bool = False,
    limit: int = 50,
    offset: int = 0,
) -> list[Post]:
    """Return posts for the tray, newest first."""
    statement = tray_query(
        publication.id, search=search, author_id=author_id, since=since, include_used=include_used
    )
    ordered = statement.order_by(Post.published_at.desc().nulls_last(), Post.id.desc())
    return list(session.scalars(ordered.options(selectinload(Post.authors)).limit(limit).offset(offset)))


def tray_count(session: Session, publication: Publication, *, search: str = "") -> int:
    """Return how many posts wait."""
    waiting = tray_query(publication.id, search=search).subquery()
    return session.scalar(select(func.count()).select_from(waiting)) or 0


def of_publication(publication_id: int) -> ColumnElement[bool]:
    """Say whether a post is of the publication's sources; all are when it has none of its own."""
    own = select(PublicationSource.source_id).where(PublicationSource.publication_id == publication_id)
    return or_(Post.source_id.in_(own), ~own.exists(), Post.source_id.is_(None))


def tray_query(
    publication_id: int,
    *,
    search: str = "",
    author_id: int | None = None,
    since: datetime | None = None,
    include_used: bool = False,
) -> Select[Post]:
    """Return the query behind the tray: published posts that are no old issue themselves."""
    statement = select(Post).where(
        Post.status == "published", Post.issue_number.is_(None), of_publication(publication_id)
    )
    if author_id is not None:
        statement = statement.where(
            exists().where(PostAuthor.post_id == Post.id, PostAuthor.author_id == author_id)
        )
    if not include_used:
        statement = statement.where(~used_in(publication_id))
    if since is not None:
        statement = statement.where(Post.published_at >= since)
    for word in search.replace("\x00", "").split()[:MOST_WORDS]:
        statement = statement.where(_mentions(word))
    return statement


def used_in(publication_id: int) -> ColumnElement[bool]:
    """Say whether a post is placed in an issue of the publication."""
    return (
        exists()
        .where(Item.post_id == Post.id, Item.section_id == Section.id)
        .where(Section.issue_id == Issue.id, Issue.publication_id == publication_id)
    )


def _mentions(word: str) -> ColumnElement[bool]:
    escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    pattern = f"%{escaped}%"
    by_author = exists().where(
        PostAuthor.post_id == Post.id,
        PostAuthor.author_id == Author.id,
        Author.name.ilike(pattern, escape="\\"),
    )
    return or_(
        Post.title.ilike(pattern, escape="\\"), Post.excerpt.ilike(pattern, escape="\\"),
        Post.byline.ilike(pattern, escape="\\"), by_author,
    )  # fmt: skip


def numbers_of(session: Session, post_ids: list[int]) -> dict[int, list[str]]:
    """Return for each post the issues it is in, as REFs ("letter/67")."""
    statement = (
        select(Item.post_id, Publication.slug, Issue.number)
        .join(Section, Section.id == Item.section_id)
        .join(Issue, Issue.id == Section.issue_id)
        .join(Publication, Publication.id == Issue.publication_id)
        .where(Item.post_id.in_(post_ids))
        .order_by(Issue.id)
    )
    found: dict[int, list[str]] = {}
    for post_id, slug, number in session.execute(statement):
        if post_id is not None:
            found.setdefault(post_id, []).append(f"{slug}/{number}")
    return found
