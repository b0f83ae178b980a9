"""What happened to one address: everything every stage knows, in one line of time, the latest first.

It is found by the address, so it also answers for somebody who was never a subscriber, or was erased since: then only
what is kept under the keyed hash of the address is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session, joinedload

from newsletter.audience.addresses import normalise
from newsletter.audience.history import history, suppressions_of
from newsletter.audience.models import Subscriber, Suppression
from newsletter.audience.suppressions import hashed_key
from newsletter.delivery.models import Campaign, Delivery, to_addresses
from newsletter.delivery.states import DeliveryState
from newsletter.feedback.engagement.judging import Verdict
from newsletter.feedback.engagement.reading import clicks_of_person
from newsletter.feedback.models import FeedbackEntry
from newsletter.issues.models import Issue

PER_PAGE: Final = 50
_MOST_CLICKS: Final = 10_000
_BY: Final = {Verdict.PERSON: "a person", Verdict.UNCERTAIN: "nobody can say", Verdict.MACHINE: "a machine"}


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing. room: consent|suppression|delivery|feedback|click; `what` is one of its words, `about` a list or an issue.

    `kind` is hard|soft for a failure.
    """

    at: datetime
    room: str
    what: str
    about: str = ""
    detail: str = ""
    through: str = ""
    campaign_id: int | None = None
    kind: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class AddressStory:
    """Everything about one address: the person when there is one, what stops its mail now, and what happened."""

    address: str
    key: str
    person: Subscriber | None
    is_erased: bool
    suppressions: list[Suppression]
    happenings: list[Happening]

    @property
    def is_known(self) -> bool:
        """Say whether there is anything at all."""
        return self.person is not None or bool(self.happenings)

    def page(self, number: int) -> list[Happening]:
        """Return one page of what happened, from 1 on."""
        return self.happenings[(number - 1) * PER_PAGE : number * PER_PAGE]

    @property
    def pages(self) -> int:
        """Return how many pages there are."""
        return max(1, -(-len(self.happenings) // PER_PAGE))

    @property
    def mails(self) -> int:
        """Return how many issues were sent to it."""
        return sum(one.room == "delivery" and one.what == "sent" for one in self.happenings)

    def failures(self, kind: str) -> int:
        """Return how often something came back or was refused, hard or soft."""
        return sum(one.kind == kind for one in self.happenings)

    def to_json(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        stops = [
            {"reason": row.reason, "detail": row.detail, "since": row.created_at} for row in self.suppressions
        ]
        return {
            "address": self.address,
            "subscriber": self.person.id if self.person else None,
            "erased": self.is_erased,
            "suppressions": stops,
            "happenings": [one.to_json() for one in self.happenings],
        }


def story_of(session: Session, email: str, *, secret: bytes) -> AddressStory:
    """Return what is known about an address.

    :raises InvalidInput: when it is none.
    """
    address = normalise(email)
    keys = [address.key, hashed_key(address.key, secret)]
    person = session.scalar(select(Subscriber).where(Subscriber.address_key == address.key))
    suppressions = [row for key in keys for row in suppressions_of(session, key)]
    happenings = [
        *_agreements(session, person),
        *(one for row in suppressions for one in _stops(row)),
        *_deliveries(session, keys),
        *_feedback(session, keys, person),
        *_clicks(session, person),
    ]
    happenings.sort(key=lambda one: one.at, reverse=True)
    active = [row for row in suppressions if row.lifted_at is None]
    is_erased = person is None and any(row.reason == "erased" for row in active)
    return AddressStory(address.email, address.key, person, is_erased, active, happenings)


def _agreements(session: Session, person: Subscriber | None) -> Iterator[Happening]:
    """Yield what the person agreed to and withdrew; suppressions come from their own rows."""
    for entry in history(session, person) if person else []:
        if entry.what not in ("suppressed", "lifted"):
            through = ", ".join(part for part in (entry.source, entry.ip) if part)
            yield Happening(entry.at, "consent", entry.what, entry.list_name, entry.detail, through)


def _stops(row: Suppression) -> Iterator[Happening]:
    said = row.created_by or row.source
    reason = row.reason.replace("_", " ")
    detail = f"{reason}: {row.detail}" if row.detail else reason
    yield Happening(row.created_at, "suppression", "suppressed", "", detail, said, row.campaign_id)
    if row.lifted_at is not None:
        yield Happening(row.lifted_at, "suppression", "lifted", "", row.lifted_reason, row.lifted_by)


def _deliveries(session: Session, keys: list[str]) -> Iterator[Happening]:
    """Yield what was sent: campaign by campaign along the ledger's unique index, whoever had the address then."""
    rows = session.execute(
        select(Campaign, Delivery)
        .join(Delivery, Delivery.campaign_id == Campaign.id)
        # Both words together are the index; without the first, SQLite reads the whole ledger.
        .where(to_addresses(*keys))
        .options(joinedload(Campaign.issue).joinedload(Issue.publication))
    )
    for campaign, row in rows:
        at = row.sent_at or campaign.ended_at or row.date or campaign.frozen_at or campaign.created_at
        detail = row.response or (row.reason or "").replace("_", " ")
        yield Happening(
            at, "delivery", DeliveryState(row.state).word, issue_name(campaign.issue), detail, campaign_id=campaign.id
        )  # fmt: skip


def _feedback(session: Session, keys: list[str], person: Subscriber | None) -> Iterator[Happening]:
    its: ColumnElement[bool] = FeedbackEntry.address_key.in_(keys)
    if person is not None:
        its = or_(its, FeedbackEntry.subscriber_id == person.id)
    for entry in session.scalars(select(FeedbackEntry).where(its)):
        said = (
            entry.kind,
            entry.reason.replace("_", " ") if entry.kind else "",
            entry.status,
            entry.diagnostic,
        )
        detail = " ".join(part for part in said if part)
        through = entry.said_by or entry.source
        yield Happening(
            entry.at, "feedback", entry.word, "", detail, through, entry.campaign_id, entry.kind or ""
        )


def _clicks(session: Session, person: Subscriber | None) -> Iterator[Happening]:
    """Yield the links that were followed; a machine's following is told as such."""
    for click in clicks_of_person(session, person.id, limit=_MOST_CLICKS) if person else []:
        times = f", {click.hits} times" if click.hits > 1 else ""
        detail = f"{click.target}{times}"
        yield Happening(
            click.first_at, "click", "clicked", click.words or click.target, detail, _BY[click.verdict], click.campaign_id
        )  # fmt: skip


def issue_name(issue: Issue) -> str:
    """Return how people call an issue."""
    return issue.label or (f"No. {issue.number}" if issue.number is not None else issue.title)
