"""A flood of events of one provider, three times over and out of order, and the state it must leave (X14).

`flooded` takes any number of events: the tests use hundreds, the chaos suite a hundred thousand.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.audience.models import Subscription, Suppression
from newsletter.db.session import Sessions, unit_of_work
from newsletter.delivery.models import Delivery
from newsletter.feedback.models import FeedbackEntry
from newsletter.feedback.webhooks.models import ProviderAccount, ProviderEvent, ProviderRequest
from newsletter.feedback.webhooks.processing import apply_request
from newsletter.rendering.tokens import Keyring

#: SendGrid's words by how often they come.
_WORDS = ("delivered",) * 8 + (
    "open",
    "click",
    "deferred",
    "bounce",
    "bounce",
    "spamreport",
    "unsubscribe",
    "new",
)
_REASONS = ("550 5.1.1 No such user", "452 4.2.2 Mailbox full", "554 5.7.1 Blocked", "421 4.4.1 Timeout")
_BATCH = 500


@dataclass(frozen=True)
class State:
    """Everything that events change, in a form that can be compared."""

    entries: frozenset[tuple[Any, ...]]
    suppressed: frozenset[tuple[str, str]]
    memberships: frozenset[tuple[int, str]]
    deliveries: frozenset[tuple[int, int]]
    events: frozenset[tuple[str, str]]


def make_events(
    deliveries: Sequence[int], count: int, keyring: Keyring, at: datetime, seed: int
) -> list[dict[str, Any]]:
    """Return so many different events of SendGrid about these deliveries, the oldest first."""
    rolling = random.Random(seed)
    return [
        {
            "event": rolling.choice(_WORDS),
            "email": "somebody@example.com",
            "timestamp": int((at + timedelta(seconds=number % 5000)).timestamp()),
            "sg_event_id": f"event-{number}",
            "smtp-id": f"<{keyring.message_id.sign(rolling.choice(deliveries))}@example.com>",
            "reason": (reason := rolling.choice(_REASONS)),
            "type": "bounce" if "5.1.1" in reason else "blocked",
        }
        for number in range(count)
    ]


def in_order(events: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Return unique events sorted by time, in requests."""
    ordered = sorted(events, key=lambda each: (each["timestamp"], each["sg_event_id"]))
    return list(_batches(ordered))


def flooded(events: Sequence[dict[str, Any]], seed: int) -> list[list[dict[str, Any]]]:
    """Return the events three times over and out of order, in requests of another cut."""
    rolling = random.Random(seed)
    thrice = [*events, *events, *events]
    rolling.shuffle(thrice)
    return list(_batches(thrice))


def _batches(events: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(events), _BATCH):
        yield events[start : start + _BATCH]


def pour(
    sessions: Sessions,
    account_id: int,
    requests: Sequence[list[dict[str, Any]]],
    keyring: Keyring,
    now: datetime,
) -> None:
    """Keep and apply requests as door and worker do; the door's signatures are tested elsewhere."""
    for number, events in enumerate(requests):
        request_id = keep(sessions, account_id, number, json.dumps(events).encode(), now)
        while _apply(sessions, request_id, keyring, now):
            pass


def keep(sessions: Sessions, account_id: int, number: int, body: bytes, now: datetime) -> int:
    """Keep a request as the door does; return its number."""
    with unit_of_work(sessions) as session:
        row = ProviderRequest(
            account_id=account_id, digest=f"flood-{number}", headers={"content-type": "application/json"},
            body=body, received_at=now,
        )  # fmt: skip
        session.add(row)
        session.flush()
        return row.id


def _apply(sessions: Sessions, request_id: int, keyring: Keyring, now: datetime) -> bool:
    with unit_of_work(sessions) as session:
        return apply_request(session, request_id, keyring=keyring, now=now)


def add_flood_account(session: Session, now: datetime) -> int:
    """Add an account whose events are poured in behind the door."""
    row = ProviderAccount(
        name="flood",
        provider="sendgrid",
        relay="default",
        path_digest="flood",
        sealed=b"",
        topics=[],
        created_at=now,
    )
    session.add(row)
    session.flush()
    return row.id


def state_of(session: Session) -> State:
    """Read what the events have changed."""
    entry, event = FeedbackEntry, ProviderEvent
    lifted = Suppression.lifted_at.is_(None)
    return State(
        _rows(
            session, entry.key, entry.word, entry.kind, entry.at, entry.reason, entry.status, entry.diagnostic
        ),
        _rows(session, Suppression.address_key, Suppression.reason, where=lifted),
        _rows(session, Subscription.id, Subscription.state),
        _rows(session, Delivery.id, Delivery.state),
        _rows(session, event.digest, event.outcome),
    )


def _rows(session: Session, *columns: Any, where: Any = None) -> frozenset[Any]:
    query = select(*columns) if where is None else select(*columns).where(where)
    return frozenset(tuple(row) for row in session.execute(query))
