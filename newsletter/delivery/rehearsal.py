"""Rehearsal: write everybody's message, send none, and keep one hash that the real send can be held against (T8).

A message holds what only its row can know: tokens, message-id, return path, Date, and the DKIM signature over them. The hash
is over the unsigned message with fixed values in those places, of everybody selected, suppressed people too, in the order of
their address keys. So it depends on the snapshot, the readers and the code that writes messages, and on nothing else.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session

from newsletter.audience.models import MailingList, Subscriber, Subscription, Suppression
from newsletter.audience.selection import members
from newsletter.audience.suppressions import applies_to
from newsletter.delivery.models import Campaign, Delivery, of_campaign
from newsletter.delivery.outgoing import MailRoom
from newsletter.errors import InvalidInput, NewsletterError
from newsletter.issues.models import Issue
from newsletter.issues.service import current_snapshot, ref_of
from newsletter.issues.snapshot import IssueSnapshot
from newsletter.rendering.message import CompiledMessage
from newsletter.rendering.values import Recipient

BATCH = 2000
#: Failures named one by one; more are counted.
MOST_NAMED = 20
_TOKEN = "0" * 24
_DATE = datetime(2000, 1, 1, tzinfo=UTC)


class Reader(NamedTuple):
    """What a message needs of a person."""

    address: str
    address_key: str
    name: str
    since: datetime | None
    is_suppressed: bool


@dataclass
class Rehearsal:
    """What came out; sizes in octets without DKIM signature."""

    issue: str
    content_hash: str
    people: int = 0
    suppressed: int = 0
    failed: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)
    total_bytes: int = 0
    largest_bytes: int = 0
    largest: str = ""
    slowest_seconds: float = 0.0
    slowest: str = ""
    hash: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the report as a document."""
        return asdict(self)


def rehearse(
    session: Session,
    issue: Issue,
    lists: list[MailingList],
    room: MailRoom,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> Rehearsal:
    """Write the message of everybody on the lists as the issue is now; memory stays flat.

    :raises InvalidInput: without lists.
    """
    if not lists:
        raise InvalidInput("Choose at least one list.")
    snapshot = current_snapshot(session, issue)
    ids = [each.id for each in lists]
    people = members(ids).subquery()
    query = _reader_query(people.c.email, people.c.address_key, people.c.id, ids, issue.publication_id)
    query = query.outerjoin(Subscriber, Subscriber.id == people.c.id)
    found = Rehearsal(ref_of(issue), snapshot.content_hash())
    return _perform(session, found, query, people.c.address_key, snapshot, room, lists, clock)


def rehearsal_of(session: Session, campaign: Campaign, room: MailRoom) -> Rehearsal:
    """Write the messages of a campaign's frozen rows: its hash equals the rehearsal's when nothing has changed.

    :raises InvalidInput: before the audience stands.
    """
    if campaign.audience is None:
        raise InvalidInput("The audience does not stand yet: compare once the campaign is sending.")
    snapshot = IssueSnapshot.from_document(campaign.snapshot.document)
    ids = [each.id for each in campaign.lists]
    row = Delivery
    query = _reader_query(row.address, row.address_key, row.subscriber_id, ids, campaign.issue.publication_id)
    query = query.outerjoin(Subscriber, Subscriber.id == row.subscriber_id).where(of_campaign(campaign.id))
    found = Rehearsal(ref_of(campaign.issue), snapshot.content_hash())
    return _perform(session, found, query, row.address_key, snapshot, room, campaign.lists, time.perf_counter)


def _reader_query(
    address: Any, key: Any, subscriber_id: Any, list_ids: list[int], publication_id: int
) -> Select[Any]:
    since = (
        select(func.min(func.coalesce(Subscription.confirmed_at, Subscription.created_at)))
        .where(Subscription.list_id.in_(list_ids), Subscription.subscriber_id == subscriber_id)
        .scalar_subquery()
    )
    blocked = exists(select(Suppression.id).where(Suppression.address_key == key, applies_to(publication_id)))
    return select(address, key, func.coalesce(Subscriber.name, ""), since, blocked)


def _readers(session: Session, query: Select[Any], key: Any) -> Iterator[Reader]:
    after = ""
    while rows := session.execute(query.where(key > after).order_by(key).limit(BATCH)).all():
        yield from (Reader(*row) for row in rows)
        after = rows[-1][1]


def _perform(
    session: Session, found: Rehearsal, query: Select[Any], key: Any, snapshot: IssueSnapshot, room: MailRoom,
    lists: list[MailingList], clock: Callable[[], float],
) -> Rehearsal:  # fmt: skip
    message = room.compiled(snapshot, lists[0].slug if len(lists) == 1 else None)
    domain, from_domain = room.bounce_domain_of(snapshot), snapshot.publication.from_domain
    digest = hashlib.sha256()
    for reader in _readers(session, query, key):
        began = clock()
        content = _message_of(found, message, reader, domain, from_domain)
        _note(found, reader, len(content), clock() - began)
        digest.update(len(content).to_bytes(8))
        digest.update(content)
    found.hash = digest.hexdigest()
    return found


def _message_of(
    found: Rehearsal, message: CompiledMessage, reader: Reader, bounce_domain: str, from_domain: str
) -> bytes:
    """Return the message, or why it cannot be written: a failure is part of the hash."""
    recipient = Recipient(
        email=reader.address, name=reader.name, token=_TOKEN, return_path=f"b+{_TOKEN}@{bounce_domain}",
        message_id=f"{_TOKEN}@{from_domain}", date=_DATE, subscribed_at=reader.since,
    )  # fmt: skip
    try:
        if not reader.address.isascii():
            raise InvalidInput("the part before the @ is not plain ASCII")
        return message.merge(recipient)
    except (NewsletterError, ValueError) as error:
        found.failed += 1
        if len(found.failures) < MOST_NAMED:
            found.failures.append((reader.address, str(error)))
        return f"{reader.address_key}: {error}".encode()


def _note(found: Rehearsal, reader: Reader, size: int, seconds: float) -> None:
    found.people += 1
    found.suppressed += reader.is_suppressed
    found.total_bytes += size
    if size > found.largest_bytes:
        found.largest_bytes, found.largest = size, reader.address
    if seconds > found.slowest_seconds:
        found.slowest_seconds, found.slowest = seconds, reader.address
