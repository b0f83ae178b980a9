"""Who followed which link and item, as tables: people, uncertain and machines always apart."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from newsletter.delivery.models import Campaign
from newsletter.feedback.engagement.reading import (
    LinkNumbers,
    Numbers,
    click_numbers,
    clicks_by_hour,
    link_numbers,
    open_numbers,
)
from newsletter.reporting.tables import Table, columns

_PARTS: Final = {"intro": "Introduction", "outro": "Closing words", "item": "Item"}
_HOUR_SECONDS: Final = 3600


def engagement_table(session: Session, campaign: Campaign) -> Table:
    """Return how many deliveries had a link followed, and how many were opened by people who agreed to be counted."""
    counted = (("clicked", click_numbers), ("opened", open_numbers))
    rows = [(word, *_counts(numbers(session, campaign.id))) for word, numbers in counted]
    labels = columns(what="What", people="People", uncertain="Uncertain", machines="Machines")
    return Table("engagement", "Clicked and opened", labels, [row for row in rows if any(row[1:])])


def _counts(numbers: Numbers) -> tuple[int, int, int]:
    return numbers.people, numbers.uncertain, numbers.machines


def link_table(session: Session, campaign: Campaign) -> Table:
    """Return every link of the issue in the order of the mail."""
    titles = _item_titles(campaign)
    links = link_numbers(session, campaign.id, campaign.issue_id)
    labels = columns(
        words="Link", target="Leads to", item="Item", people="People", uncertain="Uncertain", machines="Machines"
    )  # fmt: skip
    rows = [(one.words or one.target, one.target, _part(one, titles), *_counts(one.numbers)) for one in links]
    return Table("links", "Clicks by link", labels, rows)


def item_table(session: Session, campaign: Campaign) -> Table:
    """Return the clicks on all links of each item together, the most followed first; who followed two counts twice."""
    titles = _item_titles(campaign)
    sums: dict[str, list[int]] = {}
    for one in link_numbers(session, campaign.id, campaign.issue_id):
        counts = sums.setdefault(_part(one, titles), [0, 0, 0])
        for place, count in enumerate(_counts(one.numbers)):
            counts[place] += count
    ranked = sorted(sums.items(), key=lambda item: (-item[1][0], -item[1][1], item[0]))
    labels = columns(item="Item", people="People", uncertain="Uncertain", machines="Machines")
    return Table("items", "Clicks by item", labels, [(name, *counts) for name, counts in ranked])


def hour_table(session: Session, campaign: Campaign) -> Table:
    """Return when people followed their first link, hour by hour."""
    rows = [
        (datetime.fromtimestamp(hour * _HOUR_SECONDS, UTC), people)
        for hour, people in clicks_by_hour(session, campaign.id)
    ]
    return Table("clicks-by-hour", "Clicks by hour", columns(at="Hour", people="People"), rows)


def _part(link: LinkNumbers, titles: dict[int, str]) -> str:
    """Return where in the mail a link stands, in words."""
    if link.item_id is not None and link.item_id in titles:
        return titles[link.item_id]
    return _PARTS.get(link.place, link.place.capitalize())


def _item_titles(campaign: Campaign) -> dict[int, str]:
    """Return the titles that the items had when the issue was frozen."""
    sections: Iterable[dict[str, Any]] = campaign.snapshot.document.get("sections", [])
    items = (item for section in sections for item in section.get("items", []))
    return {item["item_id"]: item["title"] for item in items if item.get("item_id") is not None}
