"""Plain values of the gathering stage."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Document:
    """What was fetched or read: raw bytes and where from (file name, or the address after redirects).

    `asked` is the address that was asked for, which is the one to ask again; `pages` is how many pages the site says
    there are.
    """

    raw: bytes
    location: str = ""
    content_type: str = ""
    etag: str | None = None
    last_modified: str | None = None
    asked: str = ""
    pages: int = 1
    links: str = ""


@dataclass(frozen=True, slots=True)
class ParsedAuthor:
    """An author as a source names it. `key` is the source's own id or the name."""

    key: str
    name: str
    email: str | None = None
    url: str | None = None
    bio: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A feature picture."""

    url: str
    alt: str | None = None
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class ParsedPost:
    """One entry of a document, as the source has it; `html` is not to be trusted.

    Relative links in it are resolved against `base`, else the post's address. `original` is what the source wrote, where `html` had to be made from it (shortcodes).
    """

    guid: str | None
    external_id: str | None
    url: str | None
    title: str
    html: str
    excerpt: str
    published_at: datetime | None
    modified_at: datetime | None = None
    authors: tuple[ParsedAuthor, ...] = ()
    categories: tuple[str, ...] = ()
    picture: Picture | None = None
    language: str | None = None
    status: str = "published"
    original: str | None = None
    base: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """An entry that was left out, and why."""

    why: str
    ref: str


@dataclass(frozen=True, slots=True)
class ParsedFeed:
    """All entries of one document. `key` names the source across imports."""

    format: str
    title: str
    key: str
    language: str | None
    posts: tuple[ParsedPost, ...]
    skipped: tuple[Skipped, ...] = ()

    def with_posts(self, posts: tuple[ParsedPost, ...], skipped: tuple[Skipped, ...]) -> ParsedFeed:
        """Return the same feed with other posts."""
        return replace(self, posts=posts, skipped=skipped)


@dataclass(slots=True)
class ImportReport:
    """What an import did."""

    format: str
    found: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    source_id: int | None = None

    def to_json(self) -> dict[str, object]:
        """Return the form of the interface page."""
        return {
            "format": self.format,
            "found": self.found,
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "skipped": [{"why": one.why, "ref": one.ref} for one in self.skipped],
        }
