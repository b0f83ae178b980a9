"""A request taken in: verified on its raw body, kept as it came, answered at once. What it says is read by a job (W1)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from newsletter.audience.upsert import insert_if_new
from newsletter.db.session import enqueue_after_commit
from newsletter.feedback.webhooks.models import ProviderAccount, ProviderRequest
from newsletter.feedback.webhooks.provider import is_ping, verify
from newsletter.feedback.webhooks.providers import provider_named
from newsletter.feedback.webhooks.request import Refused, WebhookRequest, check_count
from newsletter.feedback.webhooks.sealed import keep_link, secrets_of
from newsletter.feedback.webhooks.sns import Certificates
from newsletter.jobs import JobName, JobQueue
from newsletter.sealing import Sealer

#: What reading an event needs besides the body. Credentials and signatures have done their work and are not kept.
_KEPT_HEADERS: Final = ("content-type", "svix-id", "x-amz-sns-message-type", "x-amz-sns-message-id")
_LONGEST_HEADER: Final = 300
_HINT_LIFE: Final = timedelta(minutes=1)
_SWEPT_AT_ONCE: Final = 500
#: A forger who knows the address may not make us write more often.
_REFUSALS_NOTED_EVERY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """What verifying takes of this installation."""

    sealer: Sealer
    queue: JobQueue
    base_url: str
    certificates: Certificates


def take_request(
    session: Session, keeper: Doorkeeper, account: ProviderAccount, request: WebhookRequest, now: datetime
) -> bool:
    """Verify a request and keep it; False when it is known already, or only a ping.

    :raises Refused: when it is not the account's, or no request of this provider.
    """
    provider = provider_named(account.provider)
    if is_ping(provider, request):
        return False
    verify(provider, request, secrets_of(keeper.sealer, account, keeper.base_url, keeper.certificates), now)
    confirmation = provider.confirmation(request)
    if confirmation is not None:
        keep_link(account, keeper.sealer, confirmation.topic, confirmation.link)
        return True
    check_count(len(provider.documents(request)))
    if account.pending_topic:  # whoever sends events was confirmed
        account.pending_topic, account.sealed_link = "", None
    return _keep(session, keeper.queue, account, request, provider.once(request), now)


def _keep(
    session: Session,
    queue: JobQueue,
    account: ProviderAccount,
    request: WebhookRequest,
    once: bytes,
    now: datetime,
) -> bool:
    headers = {name: request.header(name)[:_LONGEST_HEADER] for name in _KEPT_HEADERS if request.header(name)}
    values = {
        "account_id": account.id,
        "digest": hashlib.sha256(b"%d\0%b" % (account.id, once)).hexdigest(),
        "headers": headers,
        "body": request.body,
        "state": "new",
        "position": 0,
        "note": "",
        "received_at": now,
    }
    statement = insert_if_new(session, ProviderRequest).values(values).returning(ProviderRequest.id)
    request_id = session.scalar(statement)
    if request_id is not None:
        enqueue_after_commit(session, queue, JobName.APPLY_PROVIDER_REQUEST, request_id=request_id)
    return request_id is not None


def note_refusal(session: Session, account_id: int, refusal: Refused, now: datetime) -> None:
    """Remember why a request was refused, once a minute at most: a person sees it on the account's page."""
    earlier = ProviderAccount.last_refused_at
    session.execute(
        update(ProviderAccount)
        .where(
            ProviderAccount.id == account_id, or_(earlier.is_(None), earlier < now - _REFUSALS_NOTED_EVERY)
        )
        .values(last_refused_at=now, last_refusal=str(refusal))
    )


def as_request(row: ProviderRequest) -> WebhookRequest:
    """Return a kept request as its adapter reads it."""
    return WebhookRequest("POST", "", row.headers, row.body)


def enqueue_unread(session: Session, queue: JobQueue, now: datetime) -> int:
    """Ask again for requests that nobody has read within a minute; return how many."""
    unread = list(
        session.scalars(
            select(ProviderRequest.id)
            .where(ProviderRequest.state == "new", ProviderRequest.received_at < now - _HINT_LIFE)
            .order_by(ProviderRequest.id)
            .limit(_SWEPT_AT_ONCE)
        )
    )
    for request_id in unread:
        enqueue_after_commit(session, queue, JobName.APPLY_PROVIDER_REQUEST, request_id=request_id)
    return len(unread)
