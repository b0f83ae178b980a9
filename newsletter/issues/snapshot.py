"""The frozen issue as plain values: what rendering reads and what is hashed, stored and sent."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

Direction = Literal["ltr", "rtl"]
Display = Literal["full", "excerpt", "title"]
ItemKind = Literal["post", "note", "link"]

RTL_LANGUAGES = frozenset(
    {"ar", "arc", "ckb", "dv", "fa", "he", "iw", "ku", "nqo", "pnb", "ps", "sd", "syr", "ug", "ur", "yi"}
)


def direction_of(language: str) -> Direction:
    """Return the writing direction of a BCP 47 language tag."""
    return "rtl" if language.replace("_", "-").split("-")[0].lower() in RTL_LANGUAGES else "ltr"


@dataclass(frozen=True, slots=True)
class PublicationProfile:
    """The publication as it was at the freeze: identity, look and legal lines."""

    slug: str
    name: str
    from_name: str
    from_address: str
    reply_to: str | None
    postal_address: str
    language: str
    theme: str
    accent: str
    description: str = ""
    shows_bylines: bool = True
    click_counting: str = "off"
    open_counting: str = "off"

    @property
    def from_domain(self) -> str:
        """The domain of the from-address, in small letters."""
        return self.from_address.rpartition("@")[2].lower()


@dataclass(frozen=True, slots=True)
class ItemSnapshot:
    """One entry, own words already laid over the post's. `html` is sanitised; empty unless display is full or a note."""

    kind: ItemKind
    display: Display
    title: str
    url: str | None
    html: str
    excerpt: str
    byline: str
    published_at: str | None
    image_url: str | None
    image_alt: str | None
    image_width: int | None
    image_height: int | None
    read_more: str | None
    language: str | None
    direction: Direction
    item_id: int | None = None
    post_id: int | None = None


@dataclass(frozen=True, slots=True)
class SectionSnapshot:
    """A titled run of items."""

    title: str
    items: tuple[ItemSnapshot, ...]
    section_id: int | None = None


@dataclass(frozen=True, slots=True)
class IssueSnapshot:
    """Everything a mail of this issue is made from. `intro` and `outro` are Markdown with `{{first_name|reader}}` fields."""

    publication: PublicationProfile
    number: int | None
    label: str
    title: str
    subject: str
    preheader: str
    intro: str
    outro: str
    language: str
    direction: Direction
    sections: tuple[SectionSnapshot, ...] = field(default_factory=tuple)
    issue_id: int | None = None

    @property
    def items(self) -> tuple[ItemSnapshot, ...]:
        """All items in reading order."""
        return tuple(item for section in self.sections for item in section.items)

    def content_hash(self) -> str:
        """Return the SHA-256 (hex) of the canonical document; equal exactly when the mail would be equal."""
        document = json.dumps(asdict(self), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(document.encode("utf-8", "surrogatepass")).hexdigest()

    def to_document(self) -> dict[str, Any]:
        """Return plain JSON for storing."""
        document: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return document

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> IssueSnapshot:
        """Read back what `to_document` wrote."""
        sections = tuple(
            SectionSnapshot(
                title=section["title"],
                items=tuple(ItemSnapshot(**item) for item in section["items"]),
                section_id=section["section_id"],
            )
            for section in document["sections"]
        )
        rest = {key: value for key, value in document.items() if key not in ("publication", "sections")}
        return cls(publication=PublicationProfile(**document["publication"]), sections=sections, **rest)


def iso_day(moment: datetime | None) -> str | None:
    """Return the ISO 8601 time that snapshots carry."""
    return moment.isoformat() if moment else None
