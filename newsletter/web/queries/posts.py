"""What the room of posts shows: posts of a publication, and the sources they come from."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.content.models import Post, Source
from newsletter.issues.models import Publication, PublicationSource
from newsletter.issues.tray import numbers_of, tray, tray_query


@dataclass(frozen=True, slots=True)
class PostRow:
    """A post and the issues it is in."""

    post: Post
    issues: list[str]


def count_posts(session: Session, publication: Publication, *, search: str, everything: bool) -> int:
    """Return how many posts a search finds."""
    found = tray_query(publication.id, search=search, include_used=everything).subquery()
    return session.scalar(select(func.count()).select_from(found)) or 0


def find_rows(
    session: Session, publication: Publication, *, search: str, everything: bool, limit: int, offset: int
) -> list[PostRow]:
    """Return posts, newest first, with the issues they are in."""
    posts = tray(session, publication, search=search, include_used=everything, limit=limit, offset=offset)
    used = numbers_of(session, [post.id for post in posts])
    return [PostRow(post, used.get(post.id, [])) for post in posts]


def sources_of(session: Session, publication: Publication) -> list[Source]:
    """Return where a publication's posts come from."""
    statement = select(Source).join(PublicationSource, PublicationSource.source_id == Source.id)
    return list(
        session.scalars(
            statement.where(PublicationSource.publication_id == publication.id).order_by(Source.title)
        )
    )
