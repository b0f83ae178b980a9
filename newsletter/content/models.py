"""What was gathered: sources, authors and posts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from newsletter.clock import utcnow
from newsletter.content.packed import PackedText
from newsletter.db.base import Base
from newsletter.db.types import BigId, Json, UtcDateTime


class Source(Base):
    """A feed, site, export or page that posts come from."""

    __tablename__ = "sources"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(String(700), unique=True)
    location: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text, default="")
    format: Mapped[str] = mapped_column(String(20))
    language: Mapped[str | None] = mapped_column(String(35))
    etag: Mapped[str | None] = mapped_column(Text)
    last_modified: Mapped[str | None] = mapped_column(Text)
    fetched_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class Author(Base):
    """A person or an organisation that posts are by."""

    __tablename__ = "authors"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    slug: Mapped[str] = mapped_column(String(200), unique=True)
    name: Mapped[str] = mapped_column(String(300))
    kind: Mapped[str] = mapped_column(String(20), default="person")
    bio: Mapped[str] = mapped_column(Text, default="")
    email: Mapped[str | None] = mapped_column(String(254))
    url: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class ImportedAuthor(Base):
    """What a source calls an author, mapped to ours."""

    __tablename__ = "imported_authors"
    __table_args__ = (UniqueConstraint("source_id", "key"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(300))
    display: Mapped[str] = mapped_column(String(300))
    author_id: Mapped[int] = mapped_column(ForeignKey("authors.id", ondelete="CASCADE"), index=True)


class PostAuthor(Base):
    """Who wrote a post, in order."""

    __tablename__ = "post_authors"

    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True)
    author_id: Mapped[int] = mapped_column(
        ForeignKey("authors.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    position: Mapped[int] = mapped_column(Integer, default=0)


class Post(Base):
    """One post, as its source has it and as an editor mended it.

    `source_values` is what the source last said; `edited_fields` names the fields an editor owns,
    which no import overwrites. `raw_html` is the original and not to be trusted; `content_html` is sanitised.
    """

    __tablename__ = "posts"
    __table_args__ = (
        UniqueConstraint("source_id", "guid"),
        Index("ix_posts_url_key", "url_key"),
        Index("ix_posts_published_at", "published_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    source_id: Mapped[int | None] = mapped_column(ForeignKey("sources.id", ondelete="SET NULL"), index=True)
    guid: Mapped[str | None] = mapped_column(String(1000))
    external_id: Mapped[str | None] = mapped_column(String(200), index=True)
    url: Mapped[str | None] = mapped_column(Text)
    url_key: Mapped[str | None] = mapped_column(String(700))
    title: Mapped[str] = mapped_column(Text, default="")
    title_key: Mapped[str] = mapped_column(String(300), default="", index=True)
    slug: Mapped[str] = mapped_column(String(200), default="")
    raw_html: Mapped[str] = mapped_column(PackedText, default="", deferred=True)
    content_html: Mapped[str] = mapped_column(Text, default="")
    excerpt: Mapped[str] = mapped_column(Text, default="")
    excerpt_is_auto: Mapped[bool] = mapped_column(Boolean, default=True)
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    modified_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    language: Mapped[str | None] = mapped_column(String(35))
    direction: Mapped[str] = mapped_column(String(3), default="ltr")
    status: Mapped[str] = mapped_column(String(20), default="published")
    byline: Mapped[str] = mapped_column(Text, default="")
    dateline: Mapped[dict[str, Any] | None] = mapped_column(Json)
    categories: Mapped[list[str]] = mapped_column(Json, default=list)
    image_url: Mapped[str | None] = mapped_column(Text)
    image_alt: Mapped[str | None] = mapped_column(Text)
    image_width: Mapped[int | None] = mapped_column(Integer)
    image_height: Mapped[int | None] = mapped_column(Integer)
    issue_number: Mapped[int | None] = mapped_column(Integer)
    source_values: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    edited_fields: Mapped[list[str]] = mapped_column(Json, default=list)
    source_changed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    content_hash: Mapped[str] = mapped_column(String(64), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)

    source: Mapped[Source | None] = relationship()
    authors: Mapped[list[Author]] = relationship(
        secondary="post_authors", order_by="PostAuthor.position", viewonly=True
    )
