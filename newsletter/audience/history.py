"""One person's story, for the subscriber page: what they agreed to, when they left, what stopped their mail."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from newsletter.audience.models import Consent, MailingList, Subscriber, Subscription, Suppression


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One line of the story. `what` is a consent action, `suppressed` or `lifted`."""

    at: datetime
    what: str
    list_slug: str
    list_name: str
    source: str
    detail: str
    ip: str


def subscriptions_of(session: Session, subscriber_id: int) -> list[Subscription]:
    """Return all memberships of a person with their lists."""
    query = select(Subscription).where(Subscription.subscriber_id == subscriber_id)
    return list(session.scalars(query.options(joinedload(Subscription.list)).order_by(Subscription.id)))


def _consents(session: Session, subscriber_id: int) -> list[Consent]:
    return list(session.scalars(select(Consent).where(Consent.subscriber_id == subscriber_id)))


def suppressions_of(session: Session, address_key: str) -> list[Suppression]:
    """Return all suppressions of an address, lifted ones too."""
    query = select(Suppression).where(Suppression.address_key == address_key).order_by(Suppression.id)
    return list(session.scalars(query))


def history(session: Session, subscriber: Subscriber) -> list[HistoryEntry]:
    """Return everything this stage knows about a person, newest first."""
    lists = {each.id: each for each in session.scalars(select(MailingList))}
    entries = []
    for consent in _consents(session, subscriber.id):
        known = lists.get(consent.list_id or 0)
        slug, name = (known.slug, known.name) if known else ("", "")
        entries.append(
            HistoryEntry(consent.at, consent.action, slug, name, consent.source, consent.wording, consent.ip)
        )
    for suppression in suppressions_of(session, subscriber.address_key):
        entries.extend(_suppression_entries(suppression))
    return sorted(entries, key=lambda entry: entry.at, reverse=True)


def _suppression_entries(row: Suppression) -> list[HistoryEntry]:
    why = f"{row.reason}: {row.detail}" if row.detail else row.reason
    entries = [HistoryEntry(row.created_at, "suppressed", "", "", row.source, why, "")]
    if row.lifted_at is not None:
        entries.append(HistoryEntry(row.lifted_at, "lifted", "", "", row.lifted_by, row.lifted_reason, ""))
    return entries


def describe(session: Session, subscriber: Subscriber) -> dict[str, Any]:
    """Return all of it as plain values: for `subscribers show --json` and a person's own copy of their data."""
    return {
        "id": subscriber.id,
        "email": subscriber.email,
        "name": subscriber.name,
        "language": subscriber.language,
        "attributes": subscriber.attributes,
        "created_at": subscriber.created_at,
        "subscriptions": [
            {
                "list": each.list.slug,
                "state": each.state,
                "confirmed_at": each.confirmed_at,
                "unsubscribed_at": each.unsubscribed_at,
                "unsubscribe_reason": each.unsubscribe_reason,
                "unsubscribe_source": each.unsubscribe_source,
            }
            for each in subscriptions_of(session, subscriber.id)
        ],
        "suppressions": [
            {
                "id": each.id,
                "reason": each.reason,
                "detail": each.detail,
                "source": each.source,
                "created_at": each.created_at,
                "lifted_at": each.lifted_at,
                "lifted_reason": each.lifted_reason,
            }
            for each in suppressions_of(session, subscriber.address_key)
        ],
        "history": [asdict(entry) for entry in history(session, subscriber)],
    }
