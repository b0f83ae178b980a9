"""Where a message is written to be looked at and not sent, and what is noted about it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, NamedTuple

from newsletter.audience.models import MailingList
from newsletter.delivery.rehearsing.multiset import MultisetHash
from newsletter.delivery.sending.outgoing import MailRoom
from newsletter.errors import NewsletterError
from newsletter.issues.snapshot import IssueSnapshot, PublicationProfile
from newsletter.rendering.message import CompiledMessage
from newsletter.rendering.values import Recipient, RenderedIssue, Tracking

#: Failures named one by one; more are counted.
MOST_NAMED = 20
_TOKEN = "0" * 24
_DATE = datetime(2000, 1, 1, tzinfo=UTC)


class Reader(NamedTuple):
    """What a message needs of a person; `position` is what the walk goes by."""

    position: int
    address: str
    address_key: str
    name: str
    since: datetime | None
    is_suppressed: bool
    counts_clicks: bool | None = None
    counts_opens: bool | None = None


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
    publication: PublicationProfile

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
        publication = snapshot.publication
        return cls(message, room.bounce_domain_of(snapshot), publication.from_domain, publication)

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
            tracking=Tracking.of(self.publication, reader.counts_clicks, reader.counts_opens),
        )  # fmt: skip
        try:
            return self.message.merge(recipient)
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
