"""From rows to the frozen values: own words laid over the post's. Pure but for reading loaded rows."""

from __future__ import annotations

from typing import Any

from newsletter.content.models import Post
from newsletter.issues.models import Issue, Item, Publication, Section
from newsletter.issues.snapshot import (
    IssueSnapshot,
    ItemSnapshot,
    PublicationProfile,
    SectionSnapshot,
    direction_of,
    iso_day,
)

PREHEADER_LENGTH = 130


def placed_values(post: Post) -> dict[str, Any]:
    """Return what an item keeps of a post when it is placed."""
    return {
        "title": post.title,
        "url": post.url,
        "html": post.content_html,
        "excerpt": post.excerpt,
        "byline": post.byline or ", ".join(author.name for author in post.authors),
        "published_at": iso_day(post.published_at),
        "image_url": post.image_url,
        "image_alt": post.image_alt,
        "image_width": post.image_width,
        "image_height": post.image_height,
        "language": post.language,
        "direction": post.direction,
    }


def source_changed(item: Item) -> bool:
    """Say whether the post differs from what the item keeps."""
    return item.post is not None and item.post.content_hash != item.placed_hash


def snapshot_issue(issue: Issue) -> IssueSnapshot:
    """Return the issue as one frozen value; its hash changes exactly when the mail would."""
    publication = issue.publication
    language = issue.language or publication.language
    sections = tuple(_section(section) for section in issue.sections if section.items)
    return IssueSnapshot(
        publication=_profile(publication),
        number=issue.number,
        label=issue.label,
        title=issue.title,
        subject=issue.subject,
        preheader=issue.preheader or default_preheader(sections),
        intro=issue.intro,
        outro=issue.outro,
        language=language,
        direction=direction_of(language),
        sections=sections,
        issue_id=issue.id,
    )


def default_preheader(sections: tuple[SectionSnapshot, ...]) -> str:
    """Return the first item's excerpt, cut at a word."""
    for section in sections:
        for item in section.items:
            if item.excerpt:
                return shorten(item.excerpt, PREHEADER_LENGTH)
    return ""


def shorten(text: str, length: int) -> str:
    """Cut at the last word that fits and say so with an ellipsis."""
    plain = " ".join(text.split())
    if len(plain) <= length:
        return plain
    return plain[: length - 1].rsplit(" ", 1)[0].rstrip(",;:–- ") + "…"


def _profile(publication: Publication) -> PublicationProfile:
    return PublicationProfile(
        slug=publication.slug,
        name=publication.name,
        from_name=publication.from_name,
        from_address=publication.from_address,
        reply_to=publication.reply_to,
        postal_address=publication.postal_address,
        language=publication.language,
        theme=publication.theme,
        accent=publication.accent,
        description=publication.description,
        shows_bylines=publication.shows_bylines,
        click_counting=publication.click_counting,
        open_counting=publication.open_counting,
    )


def _section(section: Section) -> SectionSnapshot:
    return SectionSnapshot(
        title=section.title, items=tuple(_item(item) for item in section.items), section_id=section.id
    )


def _item(item: Item) -> ItemSnapshot:
    placed = item.placed
    full = item.display == "full"
    return ItemSnapshot(
        kind=item.kind,  # type: ignore[arg-type]
        display=item.display,  # type: ignore[arg-type]
        title=_own(item.title, placed.get("title")) or "",
        url=_own(item.url, placed.get("url")),
        html=placed.get("html") or "" if full and item.blurb is None else "",
        excerpt="" if item.display == "title" else _own(item.blurb, placed.get("excerpt")) or "",
        byline=placed.get("byline") or "",
        published_at=placed.get("published_at"),
        image_url=_own(item.image_url, placed.get("image_url")) or None,
        image_alt=_own(item.image_alt, placed.get("image_alt")),
        image_width=placed.get("image_width"),
        image_height=placed.get("image_height"),
        read_more=item.read_more,
        language=placed.get("language"),
        direction=placed.get("direction") or "ltr",
        item_id=item.id,
        post_id=item.post_id,
    )


def _own(own: str | None, theirs: str | None) -> str | None:
    return own if own is not None else theirs
