"""Accounts as people see them: everything but their secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.feedback.webhooks.models import ProviderAccount, ProviderEvent, ProviderRequest
from newsletter.feedback.webhooks.providers import provider_named


@dataclass(frozen=True, slots=True)
class AccountView:
    """One account and what came from it: counts of events by what became of them, requests that wait or failed."""

    name: str
    provider: str
    label: str
    relay: str
    topics: tuple[str, ...]
    pending_topic: str
    created_at: datetime
    last_event_at: datetime | None
    last_refused_at: datetime | None
    last_refusal: str
    applied: int
    known: int
    foreign: int
    unmatched: int
    unknown: int
    waiting: int
    failed: int

    @property
    def missing(self) -> str:
        """What is still to be entered before anything is taken; empty when nothing is."""
        return "its topics are not set" if self.provider == "amazon_ses" and not self.topics else ""

    @property
    def is_ready(self) -> bool:
        """True when its requests can be verified."""
        return not self.missing

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self) | {"is_ready": self.is_ready}


def account_views(session: Session) -> list[AccountView]:
    """Return all accounts by name."""
    rows = session.scalars(select(ProviderAccount).order_by(ProviderAccount.name))
    return [view_of(session, row) for row in rows]


def view_of(session: Session, row: ProviderAccount) -> AccountView:
    """Return one account as people see it."""
    events = _counts(session, ProviderEvent.outcome, ProviderEvent.account_id, row.id)
    requests = _counts(session, ProviderRequest.state, ProviderRequest.account_id, row.id)
    return AccountView(
        name=row.name,
        provider=row.provider,
        label=provider_named(row.provider).label,
        relay=row.relay,
        topics=tuple(row.topics),
        pending_topic=row.pending_topic,
        created_at=row.created_at,
        last_event_at=row.last_event_at,
        last_refused_at=row.last_refused_at,
        last_refusal=row.last_refusal,
        waiting=requests.get("new", 0),
        failed=requests.get("failed", 0),
        **{word: events.get(word, 0) for word in ("applied", "known", "foreign", "unmatched", "unknown")},
    )


def _counts(session: Session, column: Any, account: Any, account_id: int) -> Mapping[str, int]:
    found = session.execute(select(column, func.count()).where(account == account_id).group_by(column))
    return {each[0]: each[1] for each in found}


@dataclass(frozen=True, slots=True)
class RequestView:
    """One request that was put aside."""

    id: int
    received_at: datetime
    note: str
    body: str


def failed_requests(session: Session, row: ProviderAccount, most: int = 20) -> list[RequestView]:
    """Return the newest requests that could not be read, with the beginning of each."""
    failed = session.scalars(
        select(ProviderRequest)
        .where(ProviderRequest.account_id == row.id, ProviderRequest.state == "failed")
        .order_by(ProviderRequest.id.desc())
        .limit(most)
    )
    return [
        RequestView(each.id, each.received_at, each.note, each.body[:2000].decode("utf-8", "replace"))
        for each in failed
    ]
