"""Issues made up for tests: a publication at example.com and as many items as a test asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from newsletter.issues.snapshot import IssueSnapshot, ItemSnapshot, PublicationProfile, SectionSnapshot

PUBLICATION = PublicationProfile(
    slug="letter",
    name="The Harbour Letter",
    from_name="The Harbour Letter",
    from_address="letter@example.com",
    reply_to="desk@example.com",
    postal_address="1 Quay Street, Exampleton",
    language="en",
    theme="digest",
    accent="#8a3324",
    description="News from the harbour.",
)
ITEM = ItemSnapshot(
    kind="post",
    display="excerpt",
    title="The lamp is lit again",
    url="https://harbour.example/lamp",
    html="",
    excerpt="After a winter in the dark, the lamp on the pier turns once more.",
    byline="Ada Brandt",
    published_at="2026-11-20T09:00:00+00:00",
    image_url=None,
    image_alt=None,
    image_width=None,
    image_height=None,
    read_more="Read “The lamp is lit again”",
    language="en",
    direction="ltr",
    item_id=1,
    post_id=1,
)


def item(number: int = 1, **changes: Any) -> ItemSnapshot:
    """Return an item of its own identity."""
    own: dict[str, Any] = {
        "item_id": number,
        "post_id": number,
        "url": f"https://harbour.example/{number}",
        "title": f"Story {number}",
    }
    return replace(ITEM, **(own | changes))


def snapshot(*items: ItemSnapshot, **changes: Any) -> IssueSnapshot:
    """Return an issue with these items in one section; changes may name fields of the publication as `publication_…`."""
    profile = {name[12:]: changes.pop(name) for name in list(changes) if name.startswith("publication_")}
    values: dict[str, Any] = {
        "number": 67,
        "label": "No. 67",
        "title": "The lamp is lit again",
        "subject": "The Harbour Letter No. 67",
        "preheader": "The lamp turns, the ferry is late, and the fish are back.",
        "intro": "Dear {{first_name|reader}}, it was a long winter.",
        "outro": "Fair winds.",
        "language": "en",
        "direction": "ltr",
    }
    return IssueSnapshot(
        publication=replace(PUBLICATION, **profile),
        sections=(SectionSnapshot(title="", items=items or (ITEM,)),),
        **(values | changes),
    )
