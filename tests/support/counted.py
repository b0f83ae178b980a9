"""A sent issue whose links are counted, the browser that follows them, and a clock that a test moves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.delivery.control.link_models import Link
from newsletter.delivery.models import Campaign, Delivery
from newsletter.feedback.engagement.counting import count_hits
from newsletter.issues.models import Issue, Publication
from tests.support.ledger import sent_to

BROWSER = {
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "accept-language": "en-GB,en;q=0.7",
}


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    def move(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@dataclass(frozen=True)
class SentIssue:
    """A campaign to one person or more; `tokens` in the order of the addresses."""

    issue_id: int
    campaign_id: int
    deliveries: list[int]
    tokens: list[str]
    keys: list[str]

    def path(self, link: int = 0, reader: int = 0) -> str:
        return f"/c/{self.keys[link]}/{self.tokens[reader]}"


def send_counted(
    parts: Container, *addresses: str, links: int = 6, clicks: str = "all", opens: str = "asked"
) -> SentIssue:
    """Make a sent campaign to these people with so many links and, last, the invisible one."""
    with unit_of_work(parts.sessions) as session:
        deliveries = sent_to(session, *addresses)
        for each in deliveries:
            each.sent_at = parts.clock.now() - timedelta(hours=1)
        campaign = session.get_one(Campaign, deliveries[0].campaign_id)
        publication = session.scalars(select(Publication)).one()
        publication.click_counting, publication.open_counting = clicks, opens
        session.add_all(made_links(parts, campaign.issue_id, links))
        session.flush()
        return sent_issue(session, parts, campaign.id)


def made_links(parts: Container, issue_id: int, count: int) -> list[Link]:
    """Return the rows of so many links and the invisible one."""
    places = [("item", number, f"https://harbour.example/{number}") for number in range(1, count + 1)]
    return [
        Link(
            issue_id=issue_id, key=parts.keyring.links.key_of(issue_id, place, item, target), place=place,
            item_id=item or None, position=item, words=f"Story {item}", original=target, target=target,
        )
        for place, item, target in [*places, ("canary", 0, "https://letters.example.org/letter/n/1")]
    ]  # fmt: skip


def sent_issue(session: Session, parts: Container, campaign_id: int) -> SentIssue:
    """Return what a test needs of a campaign."""
    issue_id = session.scalars(
        select(Issue.id).join(Campaign, Campaign.issue_id == Issue.id).where(Campaign.id == campaign_id)
    ).one()
    ids = list(
        session.scalars(select(Delivery.id).where(Delivery.campaign_id == campaign_id).order_by(Delivery.id))
    )
    keys = list(session.scalars(select(Link.key).where(Link.issue_id == issue_id).order_by(Link.id)))
    return SentIssue(issue_id, campaign_id, ids, [parts.keyring.recipient.sign(each) for each in ids], keys)


def counted_now(parts: Container, clock: HandClock) -> None:
    """Write what is in hand, let the episodes end, and count."""
    assert parts.clicks.buffer.flush()
    clock.move(31)
    with unit_of_work(parts.sessions) as session:
        count_hits(session, clock.now())
