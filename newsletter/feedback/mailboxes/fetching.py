"""Mail out of a mailbox into the database, in small batches: committed first, put away after. A crash in between repeats it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from newsletter.clock import Clock
from newsletter.db.session import Sessions, unit_of_work
from newsletter.feedback.mailboxes.box import MOST_AT_ONCE, Fetched, Mailbox, MailboxGone
from newsletter.feedback.storing import take_in
from newsletter.jobs import JobQueue

BATCH: Final = 50
#: Of one batch together; a batch of large mails is a short one.
_BATCH_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where a visit stops: a mailbox may hold millions, and a job is short. It ends after the batch that reaches one."""

    mails: int = MOST_AT_ONCE
    seconds: float = 25.0


@dataclass(frozen=True, slots=True)
class Visit:
    """What a visit brought. `known` was there already, `more` waits, `trouble` says in words why it ended early."""

    taken: int = 0
    known: int = 0
    more: bool = False
    trouble: str = ""

    @property
    def mails(self) -> int:
        """How many mails were handled."""
        return self.taken + self.known


@dataclass(frozen=True, slots=True)
class Intake:
    """Where mail goes, and how it came: imap, pop3, maildir."""

    sessions: Sessions
    queue: JobQueue
    clock: Clock
    came_by: str

    def store(self, batch: list[Fetched]) -> int:
        """Commit a batch; return how many were new.

        :raises Unavailable: when the database does not answer.
        """
        with unit_of_work(self.sessions) as session:
            return sum(
                take_in(session, self.queue, mail.raw, came_by=self.came_by, now=self.clock.now()) is not None
                for mail in batch
            )


def visit(box: Mailbox, intake: Intake, bounds: Bounds) -> Visit:
    """Take in what waits; what was committed counts, whatever happens after.

    :raises Unavailable: when the database does not answer.
    """
    end, so_far = intake.clock.monotonic() + bounds.seconds, Visit()
    try:
        for batch in _batches(box.waiting()):
            taken = intake.store(batch)
            so_far = Visit(so_far.taken + taken, so_far.known + len(batch) - taken)
            box.put_away([mail.name for mail in batch])
            if so_far.mails >= bounds.mails or intake.clock.monotonic() >= end:
                return replace(so_far, more=True)
    except MailboxGone as gone:
        return replace(so_far, trouble=str(gone))
    return so_far


def _batches(mails: Iterable[Fetched]) -> Iterator[list[Fetched]]:
    """Group mails; what was fetched before the mailbox vanished still comes out."""
    batch: list[Fetched] = []
    size = 0
    try:
        for mail in mails:
            batch.append(mail)
            size += len(mail.raw)
            if len(batch) >= BATCH or size >= _BATCH_BYTES:
                yield batch
                batch, size = [], 0
    except MailboxGone:
        if batch:
            yield batch
        raise
    if batch:
        yield batch
