"""Who wrote a post: what a source calls an author is mapped to one of ours, once."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.content.byline import kind_of_author
from newsletter.content.models import Author, ImportedAuthor, Post, PostAuthor
from newsletter.content.text import plain_text, slugify
from newsletter.content.values import ParsedAuthor


class AuthorBook:
    """The authors of one source, looked up once each."""

    def __init__(self, session: Session, source_id: int) -> None:
        self._session, self._source_id = session, source_id
        mappings = session.scalars(select(ImportedAuthor).where(ImportedAuthor.source_id == source_id))
        self._ids = {mapping.key: mapping.author_id for mapping in mappings}

    def id_of(self, parsed: ParsedAuthor) -> int:
        """Return the id of our author; an unknown name becomes a new one."""
        key = parsed.key[:300]
        if key not in self._ids:
            author = self._named(parsed) or self._new(parsed)
            self._ids[key] = author.id
            self._session.add(
                ImportedAuthor(
                    source_id=self._source_id, key=key, display=parsed.name[:300], author_id=author.id
                )
            )
        return self._ids[key]

    def _named(self, parsed: ParsedAuthor) -> Author | None:
        return self._session.scalars(select(Author).where(Author.name == parsed.name[:300])).first()

    def _new(self, parsed: ParsedAuthor) -> Author:
        author = Author(
            slug=free_slug(self._session, parsed.name),
            name=parsed.name[:300],
            kind=kind_of_author(parsed.name),
            bio=plain_text(parsed.bio),
            email=parsed.email[:254] if parsed.email and "@" in parsed.email else None,
            url=parsed.url,
        )
        self._session.add(author)
        self._session.flush()
        return author

    def sign(self, post: Post, authors: Iterable[ParsedAuthor]) -> None:
        """Make these the authors of a new post, in this order."""
        for position, author_id in enumerate(self._ids_of(authors)):
            self._session.add(PostAuthor(post_id=post.id, author_id=author_id, position=position))

    def sign_again(self, post: Post, authors: Iterable[ParsedAuthor]) -> None:
        """Make these the authors of a post that may have others."""
        wanted = self._ids_of(authors)
        signed = self._session.scalars(select(PostAuthor).where(PostAuthor.post_id == post.id))
        present = {link.author_id: link for link in signed}
        for author_id in present.keys() - set(wanted):
            self._session.delete(present[author_id])
        for position, author_id in enumerate(wanted):
            link = present.get(author_id) or PostAuthor(post_id=post.id, author_id=author_id)
            link.position = position
            self._session.add(link)
        self._session.expire(post, ["authors"])

    def _ids_of(self, authors: Iterable[ParsedAuthor]) -> list[int]:
        return list(dict.fromkeys(self.id_of(parsed) for parsed in authors if parsed.name))


def free_slug(session: Session, name: str) -> str:
    """Return a slug for the name that no author has."""
    stem = slugify(name)
    taken = set(session.scalars(select(Author.slug).where(Author.slug.startswith(stem, autoescape=True))))
    slug, number = stem, 1
    while slug in taken:
        number += 1
        slug = f"{stem}-{number}"
    return slug
