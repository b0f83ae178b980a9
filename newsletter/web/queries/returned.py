"""What the tray of returned mail reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.audience.models import Subscriber
from newsletter.delivery.models import Campaign
from newsletter.feedback.mailboxes.models import MailboxVisit
from newsletter.feedback.models import FeedbackEntry, ReturnedMail
from newsletter.feedback.tray import PILES, pile_query

PER_PAGE: Final = 40


@dataclass(frozen=True, slots=True)
class Page:
    """Mails of a pile; `older` is where the next page begins."""

    mails: Sequence[ReturnedMail]
    older: int | None


def pile_page(session: Session, pile: str, before: int | None) -> Page:
    """Return a page of a pile, newest first."""
    rows = list(session.scalars(pile_query(pile, before=before).limit(PER_PAGE + 1)))
    return Page(rows[:PER_PAGE], rows[PER_PAGE - 1].id if len(rows) > PER_PAGE else None)


def pile_counts(session: Session) -> dict[str, int]:
    """Return how many mails lie on each pile."""
    rows = session.execute(select(ReturnedMail.state, func.count()).group_by(ReturnedMail.state))
    states = {row[0]: row[1] for row in rows}
    return {pile: sum(states.get(state, 0) for state in members) for pile, members in PILES.items()}


def outcome_of(session: Session, mail: ReturnedMail) -> tuple[FeedbackEntry, Campaign | None] | None:
    """Return what a mail was taken for, and in which campaign; None when it changed nothing."""
    entry = session.scalar(select(FeedbackEntry).where(FeedbackEntry.returned_mail_id == mail.id))
    if entry is None:
        return None
    return entry, session.get(Campaign, entry.campaign_id) if entry.campaign_id else None


def known_among(session: Session, addresses: Sequence[str]) -> list[str]:
    """Return which of these addresses are subscribers'."""
    keys = [each.lower() for each in addresses][:20]
    return list(session.scalars(select(Subscriber.email).where(Subscriber.address_key.in_(keys))))


def last_visits(session: Session) -> list[MailboxVisit]:
    """Return how the latest visits to mailboxes went."""
    return list(session.scalars(select(MailboxVisit).order_by(MailboxVisit.last_at.desc()).limit(3)))
