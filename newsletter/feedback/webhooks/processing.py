"""A kept request read and applied, five hundred documents to a transaction. Doing it again changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.audience.upsert import insert_if_new
from newsletter.delivery.models import Delivery
from newsletter.delivery.states import DeliveryState
from newsletter.feedback.applying import apply_event
from newsletter.feedback.earliest import keep_earliest
from newsletter.feedback.events import Event
from newsletter.feedback.webhooks.matching import Carried, deliveries_by_id, delivery_named_in
from newsletter.feedback.webhooks.models import ProviderAccount, ProviderEvent, ProviderRequest
from newsletter.feedback.webhooks.news import News
from newsletter.feedback.webhooks.providers import provider_named
from newsletter.feedback.webhooks.receiving import as_request
from newsletter.feedback.webhooks.request import Refused
from newsletter.rendering.tokens import Keyring

AT_ONCE: Final = 500
#: What the ledger knows better; it is news only where the ledger does not know whether the relay took the message.
_OURS_TO_KNOW: Final = ("queued", "sent")


def apply_request(session: Session, request_id: int, *, keyring: Keyring, now: datetime) -> bool:
    """Apply the next documents of a request; True while there are more."""
    row = session.scalar(select(ProviderRequest).where(ProviderRequest.id == request_id).with_for_update())
    if row is None or row.state != "new":
        return False
    account = _locked(session, row.account_id)
    try:
        news, has_more = _next_news(account, row)
    except Refused as refusal:
        row.state, row.note, row.applied_at = "failed", str(refusal), now
        return False
    apply_news(session, account, row, news, keyring=keyring, now=now)
    row.position += AT_ONCE
    if not has_more:
        row.state, row.applied_at = "applied", now
    return has_more


def _locked(session: Session, account_id: int) -> ProviderAccount:
    """One job at a time for an account: two with the same events in another order would wait for each other.

    The door does not wait: keeping a request needs no more of the account's row than that it is there.
    """
    alone = select(ProviderAccount).where(ProviderAccount.id == account_id).with_for_update(key_share=True)
    return session.scalars(alone).one()


def mark_failed(session: Session, request_id: int, why: str, *, now: datetime) -> None:
    """Put a request aside that could not be applied; it stays to be looked at."""
    session.execute(
        update(ProviderRequest)
        .where(ProviderRequest.id == request_id, ProviderRequest.state == "new")
        .values(state="failed", note=why[:500], applied_at=now)
    )


def _next_news(account: ProviderAccount, row: ProviderRequest) -> tuple[list[News], bool]:
    provider, request = provider_named(account.provider), as_request(row)
    documents = provider.documents(request)
    chunk = documents[row.position : row.position + AT_ONCE]
    news = [each for document in chunk for each in provider.read(document, request)]
    return news, len(documents) > row.position + AT_ONCE


def apply_news(
    session: Session,
    account: ProviderAccount,
    row: ProviderRequest,
    news: Sequence[News],
    *,
    keyring: Keyring,
    now: datetime,
) -> None:
    """Apply each event that is new; the oldest first, so that one request has one outcome."""
    by_digest = {each.digest: (each, delivery_named_in(each, keyring)) for each in news}
    deliveries = deliveries_by_id(session, (number for _, number in by_digest.values() if number is not None))
    carried = Carried(session, account)
    found = {
        digest: (each, deliveries.get(number or 0), _outcome(each, deliveries.get(number or 0), carried))
        for digest, (each, number) in by_digest.items()
    }
    fresh = _write_down(session, account, row, found)
    for digest in sorted(fresh, key=lambda digest: (_moment(found[digest][0], row), digest)):
        each, delivery, outcome = found[digest]
        if outcome == "applied" and delivery is not None:
            _apply(session, account, delivery, each, _moment(each, row), now)
    if fresh:
        account.last_event_at = now


def _moment(news: News, row: ProviderRequest) -> datetime:
    return min(news.at or row.received_at, row.received_at)


def _outcome(news: News, delivery: Delivery | None, carried: Carried) -> str:
    if news.word == "unknown":
        return "unknown"
    if delivery is None:
        return "unmatched"
    if not carried.includes(delivery.campaign_id):
        return "foreign"
    if news.word in _OURS_TO_KNOW and delivery.state != DeliveryState.AMBIGUOUS:
        return "known"
    return "applied"


_Found = dict[str, tuple[News, Delivery | None, str]]


def _write_down(session: Session, account: ProviderAccount, row: ProviderRequest, found: _Found) -> set[str]:
    """Insert the events; return the digests of those that nobody has told before."""
    if not found:
        return set()
    rows = [
        {
            "account_id": account.id,
            "request_id": row.id,
            "digest": digest,
            "delivery_id": delivery.id if delivery else None,
            "word": news.word,
            "told": news.told[:80],
            "outcome": outcome,
            "at": _moment(news, row),
        }
        for digest, (news, delivery, outcome) in found.items()
    ]
    statement = insert_if_new(session, ProviderEvent).returning(ProviderEvent.digest)
    return set(session.scalars(statement, rows))


def _apply(
    session: Session, account: ProviderAccount, delivery: Delivery, news: News, at: datetime, now: datetime
) -> None:
    label = provider_named(account.provider).label
    event = Event(
        news.word,
        at,
        account.provider,
        kind=news.kind,
        reason=news.reason,
        status=news.status,
        diagnostic=news.diagnostic,
        said_by=label,
    )
    if not apply_event(session, delivery, event, now):
        keep_earliest(session, delivery, event)
