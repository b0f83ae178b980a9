"""Who writes for a publication, and what they wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.content.models import Author, Post, PostAuthor
from newsletter.errors import NotFound
from newsletter.issues.models import Issue, Item, Section
from newsletter.issues.tray import of_publication
from newsletter.web.queries.archive import PUBLIC


@dataclass(frozen=True, slots=True)
class AuthorRow:
    """An author and how many posts they wrote here."""

    author: Author
    posts: int


def authors_of(session: Session, publication_id: int) -> list[AuthorRow]:
    """Return everybody who has a published post in this publication's sources, by name."""
    statement = (
        select(Author, func.count())
        .join(PostAuthor, PostAuthor.author_id == Author.id)
        .join(Post, Post.id == PostAuthor.post_id)
        .where(Post.status == "published", of_publication(publication_id))
        .group_by(Author.id)
        .order_by(Author.name)
    )
    return [AuthorRow(author, count) for author, count in session.execute(statement)]


def count_posts_of(session: Session, publication_id: int, author_id: int) -> int:
    """Return how many published posts an author has here."""
    statement = (
        select(func.count())
        .select_from(Post)
        .join(PostAuthor, PostAuthor.post_id == Post.id)
        .where(PostAuthor.author_id == author_id, Post.status == "published", of_publication(publication_id))
    )
    return session.scalar(statement) or 0


def sent_in(session: Session, publication_id: int, post_ids: Sequence[int]) -> dict[int, list[int]]:
    """Return for each post the numbers of the public issues that carried it."""
    statement = (
        select(Item.post_id, Issue.number)
        .join(Section, Section.id == Item.section_id)
        .join(Issue, Issue.id == Section.issue_id)
        .where(Item.post_id.in_(post_ids), Issue.publication_id == publication_id)
        .where(Issue.state.in_(PUBLIC), Issue.number.is_not(None))
        .order_by(Issue.number)
    )
    found: dict[int, list[int]] = {}
    for post_id, number in session.execute(statement):
        if post_id is not None and number is not None:
            found.setdefault(post_id, []).append(number)
    return found


def authors_by_post(session: Session, post_ids: Sequence[int | None]) -> dict[int, list[Author]]:
    """Return who wrote each of the posts, in the order of their bylines."""
    statement = (
        select(PostAuthor.post_id, Author)
        .join(Author, Author.id == PostAuthor.author_id)
        .where(PostAuthor.post_id.in_([one for one in post_ids if one is not None]))
        .order_by(PostAuthor.post_id, PostAuthor.position)
    )
    found: dict[int, list[Author]] = {}
    for post_id, author in session.execute(statement):
        found.setdefault(post_id, []).append(author)
    return found


def find_author(session: Session, slug: str) -> Author:
    """Return an author.

    :raises NotFound: when nobody has that name in addresses.
    """
    author = session.scalar(select(Author).where(Author.slug == slug))
    if author is None:
        raise NotFound("There is no author of this name here.")
    return author


def posts_of(
    session: Session, publication_id: int, author_id: int, *, limit: int, offset: int = 0
) -> list[Post]:
    """Return an author's published posts in this publication's sources, newest first."""
    statement = (
        select(Post)
        .join(PostAuthor, PostAuthor.post_id == Post.id)
        .where(PostAuthor.author_id == author_id, Post.status == "published", of_publication(publication_id))
        .order_by(Post.published_at.desc().nulls_last(), Post.id.desc())
        .limit(limit)
        .offset(offset)
    )
    return list(session.scalars(statement))
