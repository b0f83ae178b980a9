"""The desk as values: tray, sections of items, proof and checks of one issue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.content.models import Post
from newsletter.delivery.control.preflight import check_issue
from newsletter.issues.assemble import source_changed
from newsletter.issues.models import Issue, Item, Section
from newsletter.issues.service import current_snapshot
from newsletter.issues.states import IssueState, is_editable
from newsletter.issues.tray import tray, tray_count
from newsletter.rendering.links import longest
from newsletter.rendering.lint import CLIP_BYTES, Finding, blocking
from newsletter.rendering.pipeline import render_issue
from newsletter.web.views.galley import Galley, draw_galley

TRAY_SIZE = 25
STEPS = (IssueState.DRAFT, IssueState.REVIEW, IssueState.APPROVED, IssueState.SENT)


@dataclass(frozen=True, slots=True)
class ItemView:
    """An item as the desk shows it: own words laid over the post's."""

    id: int
    kind: str
    display: str
    title: str
    blurb: str
    byline: str
    published_at: str | None
    image_url: str | None
    image_alt: str | None
    url: str | None
    own_title: str
    own_blurb: str
    has_own_words: bool
    source_changed: bool
    differences: list[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class SectionView:
    """A section with its items."""

    id: int
    title: str
    items: list[ItemView]


@dataclass(frozen=True, slots=True)
class DeskView:
    """Everything the desk shows of an issue."""

    issue: Issue
    sections: list[SectionView]
    posts: list[Post]
    waiting: int
    search: str
    findings: list[Finding]
    galley: Galley
    editable: bool
    now: datetime

    @property
    def blocks(self) -> list[Finding]:
        """What stands in the way of an approval."""
        return blocking(self.findings)

    @property
    def label(self) -> str:
        """The issue's number as people say it."""
        return self.issue.label or (
            f"No. {self.issue.number}" if self.issue.number is not None else "No number"
        )

    @property
    def clip_bytes(self) -> int:
        """Where Gmail cuts."""
        return CLIP_BYTES


def desk_view(session: Session, issue: Issue, *, search: str, base_url: str, now: datetime) -> DeskView:
    """Read everything the desk shows."""
    editable = is_editable(IssueState(issue.state))
    snapshot = current_snapshot(session, issue)
    return DeskView(
        issue=issue,
        sections=[_section(section) for section in issue.sections],
        posts=tray(session, issue.publication, search=search, limit=TRAY_SIZE) if editable else [],
        waiting=tray_count(session, issue.publication, search=search) if editable else 0,
        search=search,
        findings=check_issue(session, issue, base_url=base_url) if editable else [],
        galley=draw_galley(
            snapshot, longest(render_issue(snapshot, base_url), snapshot.publication, base_url).html
        ),
        editable=editable,
        now=now,
    )


def _section(section: Section) -> SectionView:
    return SectionView(section.id, section.title, [_item(item) for item in section.items])


def _item(item: Item) -> ItemView:
    placed = item.placed or {}
    changed = source_changed(item)
    return ItemView(
        id=item.id,
        kind=item.kind,
        display=item.display,
        title=item.title or str(placed.get("title") or ""),
        blurb=item.blurb or str(placed.get("excerpt") or ""),
        byline=str(placed.get("byline") or ""),
        published_at=placed.get("published_at"),
        image_url=item.image_url or placed.get("image_url"),
        image_alt=item.image_alt if item.image_alt is not None else placed.get("image_alt"),
        url=item.url or placed.get("url"),
        own_title=item.title or "",
        own_blurb=item.blurb or "",
        has_own_words=bool(item.title or item.blurb) and item.kind == "post",
        source_changed=changed,
        differences=_differences(item) if changed else [],
    )


def _differences(item: Item) -> list[tuple[str, str, str]]:
    """Return (what, as placed, as the source has it now) of the words that differ."""
    if item.post is None:
        return []
    placed, post = item.placed or {}, item.post
    pairs = (
        ("Title", placed.get("title"), post.title),
        ("Excerpt", placed.get("excerpt"), post.excerpt),
        ("Byline", placed.get("byline"), post.byline),
        ("Picture", placed.get("image_url"), post.image_url),
    )
    found = [(what, str(old or ""), str(new or "")) for what, old, new in pairs if (old or "") != (new or "")]
    return found or [("Text", "as placed", "changed at the source")]
