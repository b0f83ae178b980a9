"""Rehearsal: write everybody's message, send none, and keep one hash that the real send can be held against (T8).

A message holds what only its row can know: tokens, message-id, return path, Date, and the DKIM signature over them. The hash
is over the unsigned message with fixed values in those places, of everybody selected, suppressed people too, in any order.
So it depends on the snapshot, the readers and the code that writes messages, and on nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from newsletter.audience.models import MailingList, Subscriber, Subscription, Suppression
from newsletter.audience.selection import members
from newsletter.audience.suppressions import applies_to
from newsletter.delivery.models import Campaign, Delivery, of_campaign
from newsletter.delivery.multiset import MultisetHash
from newsletter.delivery.outgoing import MailRoom
from newsletter.errors import InvalidInput, NewsletterError
from newsletter.issues.models import Issue
from newsletter.issues.service import current_snapshot, ref_of
from newsletter.issues.snapshot import IssueSnapshot
from newsletter.rendering.message import CompiledMessage
from newsletter.rendering.values import Recipient, RenderedIssue

BATCH = 2000
#: Failures named one by one; more are counted.
MOST_NAMED = 20
_TOKEN = "0" * 24
_DATE = datetime(2000, 1, 1, tzinfo=UTC)
#: Returns the query of the next readers beyond a position.
ReadersBeyond = Callable[[int], Select[Any]]
Column = ColumnElement[Any] | InstrumentedAttribute[Any]


class Reader(NamedTuple):
    """What a message needs of a person; `position` is what the walk goes by."""

    position: int
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
    seconds: float = 0.0
    slowest_seconds: float = 0.0
    slowest: str = ""
    messages: MultisetHash = field(default_factory=MultisetHash)
    readers: MultisetHash = field(default_factory=MultisetHash)

    @property
    def hash(self) -> str:
        """The hash over all messages."""
        return self.messages.hex

    def to_json(self) -> dict[str, Any]:
        """Return the report as a document."""
        names = [each.name for each in fields(self) if each.name not in ("messages", "readers")]
        return {name: getattr(self, name) for name in names} | {"hash": self.hash}


@dataclass(frozen=True)
class Stage:
    """Where messages are written to be looked at and not sent."""

    message: CompiledMessage
    bounce_domain: str
    from_domain: str

    @classmethod
    def of(
        cls,
        room: MailRoom,
        snapshot: IssueSnapshot,
        lists: list[MailingList],
        rendition: RenderedIssue | None = None,
    ) -> Stage:
        """Return the stage of a snapshot that goes to these lists."""
        message = room.compiled(snapshot, lists[0].slug if len(lists) == 1 else None, rendition)
        return cls(message, room.bounce_domain_of(snapshot), snapshot.publication.from_domain)

    def perform(
        self, found: Rehearsal, reader: Reader, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        """Write one message and note what came of it."""
        began = clock()
        content = self._message(found, reader)
        _note(found, reader, len(content), clock() - began)
        found.messages.add(content)
        found.readers.add(reader.address_key.encode())

    def _message(self, found: Rehearsal, reader: Reader) -> bytes:
        """Return the message, or why it cannot be written: a failure is part of the hash."""
        recipient = Recipient(
            email=reader.address, name=reader.name, token=_TOKEN, return_path=f"b+{_TOKEN}@{self.bounce_domain}",
            message_id=f"{_TOKEN}@{self.from_domain}", date=_DATE, subscribed_at=reader.since,
        )  # fmt: skip
        try:
            return self.message.merge(recipient)
        except (NewsletterError, ValueError) as error:
            found.failed += 1
            if len(found.failures) < MOST_NAMED:
                found.failures.append((reader.address, str(error)))
            return f"{reader.address_key}: {error}".encode()


def rehearse(session: Session, issue: Issue, lists: list[MailingList], room: MailRoom) -> Rehearsal:
    """Write the message of everybody on the lists as the issue is now; memory stays flat.

    :raises InvalidInput: without lists.
    """
    if not lists:
        raise InvalidInput("Choose at least one list.")
    snapshot = current_snapshot(session, issue)
    found = Rehearsal(ref_of(issue), snapshot.content_hash())
    return _perform(session, found, Stage.of(room, snapshot, lists), _members_beyond(issue, lists))


def rehearsal_of(session: Session, campaign: Campaign, room: MailRoom) -> Rehearsal:
    """Write the messages of a campaign's frozen rows: its hash equals the rehearsal's when nothing has changed.

    :raises InvalidInput: before the audience stands.
    """
    if campaign.audience is None:
        raise InvalidInput("The audience does not stand yet: compare once the campaign is sending.")
    snapshot = IssueSnapshot.from_document(campaign.snapshot.document)
    found = Rehearsal(ref_of(campaign.issue), snapshot.content_hash())
    return _perform(session, found, stage_of(campaign, room), rows_beyond(campaign))


def stage_of(campaign: Campaign, room: MailRoom) -> Stage:
    """Return the stage of a campaign: its frozen snapshot in its kept rendition."""
    snapshot = IssueSnapshot.from_document(campaign.snapshot.document)
    rendition = RenderedIssue.from_document(campaign.snapshot.rendition, room.base_url)
    return Stage.of(room, snapshot, list(campaign.lists), rendition)


def _perform(session: Session, found: Rehearsal, stage: Stage, beyond: ReadersBeyond) -> Rehearsal:
    began = time.perf_counter()
    for reader in _readers(session, beyond):
        stage.perform(found, reader)
    found.seconds = time.perf_counter() - began
    return found


def _readers(session: Session, beyond: ReadersBeyond) -> Iterator[Reader]:
    position = 0
    while rows := session.execute(beyond(position).limit(BATCH)).all():
        yield from (Reader._make(row) for row in rows)
        position = rows[-1][0]


def _members_beyond(issue: Issue, lists: list[MailingList]) -> ReadersBeyond:
    ids, publication_id = [each.id for each in lists], issue.publication_id

    def beyond(position: int) -> Select[Any]:
        people = members(ids, beyond=position).subquery().c
        query = _reader_query(people.id, people.email, people.address_key, people.id, ids, publication_id)
        return query.outerjoin(Subscriber, Subscriber.id == people.id).order_by(people.id)

    return beyond


def rows_beyond(campaign: Campaign) -> ReadersBeyond:
    """Return how to read a campaign's rows beyond a row's id."""
    ids, publication_id, campaign_id = (
        [each.id for each in campaign.lists],
        campaign.issue.publication_id,
        campaign.id,
    )

    def beyond(position: int) -> Select[Any]:
        row = Delivery
        query = _reader_query(row.id, row.address, row.address_key, row.subscriber_id, ids, publication_id)
        query = query.outerjoin(Subscriber, Subscriber.id == row.subscriber_id)
        return query.where(of_campaign(campaign_id), row.id > position).order_by(row.id)

    return beyond


def _reader_query(
    position: Column, address: Column, key: Column, subscriber_id: Column, list_ids: list[int], publication_id: int
) -> Select[Any]:  # fmt: skip
    since = (
        select(func.min(func.coalesce(Subscription.confirmed_at, Subscription.created_at)))
        .where(Subscription.list_id.in_(list_ids), Subscription.subscriber_id == subscriber_id)
        .scalar_subquery()
    )
    blocked = exists(select(Suppression.id).where(Suppression.address_key == key, applies_to(publication_id)))
    columns: list[Any] = [position, address, key, func.coalesce(Subscriber.name, ""), since, blocked]
    return select(*columns)


def _note(found: Rehearsal, reader: Reader, size: int, seconds: float) -> None:
    found.people += 1
    found.suppressed += reader.is_suppressed
    found.total_bytes += size
    if size > found.largest_bytes:
        found.largest_bytes, found.largest = size, reader.address
    if seconds > found.slowest_seconds:
        found.slowest_seconds, found.slowest = seconds, reader.address
