"""Publications, numbered issues, their sections and items, and the frozen snapshots."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from newsletter.clock import utcnow
from newsletter.content.models import Post
from newsletter.db.base import Base
from newsletter.db.types import BigId, Json, UtcDateTime


class Publication(Base):
    """The periodical: sender identity, numbering, theme, language."""

    __tablename__ = "publications"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, default="")
    from_name: Mapped[str] = mapped_column(String(200), default="")
    from_address: Mapped[str] = mapped_column(String(254))
    reply_to: Mapped[str | None] = mapped_column(String(254))
    postal_address: Mapped[str] = mapped_column(Text, default="")
    language: Mapped[str] = mapped_column(String(35), default="en")
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    theme: Mapped[str] = mapped_column(String(40), default="digest")
    accent: Mapped[str] = mapped_column(String(7), default="#0f566b")
    shows_bylines: Mapped[bool] = mapped_column(Boolean, default=True)
    #: Whose clicks and opens are counted: off|asked|all (see `issues.measuring`).
    click_counting: Mapped[str] = mapped_column(String(5), default="off", server_default="off")
    open_counting: Mapped[str] = mapped_column(String(5), default="off", server_default="off")
    next_number: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class PublicationSource(Base):
    """Which sources fill which publication's tray."""

    __tablename__ = "publication_sources"

    publication_id: Mapped[int] = mapped_column(
        ForeignKey("publications.id", ondelete="CASCADE"), primary_key=True
    )
    source_id: Mapped[int] = mapped_column(
        ForeignKey("sources.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class Issue(Base):
    """One edition. `version` counts edits, so that two editors at once cannot overwrite each other."""

    __tablename__ = "issues"
    __table_args__ = (UniqueConstraint("publication_id", "number"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("publications.id"), index=True)
    number: Mapped[int | None] = mapped_column(Integer)
    label: Mapped[str] = mapped_column(String(40), default="")
    state: Mapped[str] = mapped_column(String(20), default="draft", index=True)
    title: Mapped[str] = mapped_column(Text, default="")
    subject: Mapped[str] = mapped_column(Text, default="")
    preheader: Mapped[str] = mapped_column(Text, default="")
    intro: Mapped[str] = mapped_column(Text, default="")
    outro: Mapped[str] = mapped_column(Text, default="")
    language: Mapped[str | None] = mapped_column(String(35))
    version: Mapped[int] = mapped_column(Integer, default=1)
    approved_hash: Mapped[str | None] = mapped_column(String(64))
    approved_by: Mapped[str | None] = mapped_column(String(254))
    approved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # No foreign key: snapshots point at their issue, and a circle helps nobody.
    snapshot_id: Mapped[int | None] = mapped_column(BigId)
    imported_post_id: Mapped[int | None] = mapped_column(
        ForeignKey("posts.id", ondelete="SET NULL"), index=True
    )
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)

    publication: Mapped[Publication] = relationship()
    sections: Mapped[list[Section]] = relationship(
        back_populates="issue", order_by="Section.position", cascade="all, delete-orphan"
    )


class Section(Base):
    """A titled part of an issue."""

    __tablename__ = "sections"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id", ondelete="CASCADE"), index=True)
    position: Mapped[int] = mapped_column(Integer, default=0)
    title: Mapped[str] = mapped_column(Text, default="")

    issue: Mapped[Issue] = relationship(back_populates="sections")
    items: Mapped[list[Item]] = relationship(
        back_populates="section", order_by="Item.position", cascade="all, delete-orphan"
    )


class Item(Base):
    """One entry: a post, a note or a link. Own words win over what the post says.

    `placed` is the post as it was when it was placed (or taken over last); the mail says that, whatever
    the source does later.
    """

    __tablename__ = "items"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    section_id: Mapped[int] = mapped_column(ForeignKey("sections.id", ondelete="CASCADE"), index=True)
    post_id: Mapped[int | None] = mapped_column(ForeignKey("posts.id", ondelete="SET NULL"), index=True)
    position: Mapped[int] = mapped_column(Integer, default=0)
    kind: Mapped[str] = mapped_column(String(10), default="post")
    display: Mapped[str] = mapped_column(String(10), default="excerpt")
    title: Mapped[str | None] = mapped_column(Text)
    blurb: Mapped[str | None] = mapped_column(Text)
    url: Mapped[str | None] = mapped_column(Text)
    image_url: Mapped[str | None] = mapped_column(Text)
    image_alt: Mapped[str | None] = mapped_column(Text)
    read_more: Mapped[str | None] = mapped_column(Text)
    placed: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    placed_hash: Mapped[str] = mapped_column(String(64), default="")

    section: Mapped[Section] = relationship(back_populates="items")
    post: Mapped[Post | None] = relationship()


class IssueSnapshotRow(Base):
    """A frozen issue: the document everything is rendered from, addressed by its content hash. Never changed.

    `rendition` is the issue as it was rendered when it was approved: senders need no renderer (30 MB a process), and a
    software update between approval and sending changes no byte of the mail.
    """

    __tablename__ = "issue_snapshots"
    __table_args__ = (UniqueConstraint("issue_id", "content_hash"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id", ondelete="CASCADE"))
    content_hash: Mapped[str] = mapped_column(String(64))
    document: Mapped[dict[str, Any]] = mapped_column(Json)
    rendition: Mapped[dict[str, Any] | None] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class IssueRevision(Base):
    """The composing state before an edit, for undo."""

    __tablename__ = "issue_revisions"
    __table_args__ = (Index("ix_issue_revisions_issue_id_id", "issue_id", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id", ondelete="CASCADE"))
    version: Mapped[int] = mapped_column(Integer)
    actor: Mapped[str] = mapped_column(String(254), default="")
    what: Mapped[str] = mapped_column(String(200), default="")
    document: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
