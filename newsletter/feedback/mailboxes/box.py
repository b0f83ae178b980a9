"""What every mailbox can do, whatever it speaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from newsletter.errors import Unavailable


class MailboxGone(Unavailable):
    """The mailbox does not answer, does not let us in, or vanished half-way; what was committed stays taken in."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """One mail of a mailbox. `name` is how the mailbox knows it: a UID, a number, a file."""

    name: str
    raw: bytes


class Mailbox(Protocol):
    """An open mailbox. Mail that is not put away shows up again next time."""

    def waiting(self) -> Iterator[Fetched]:
        """Yield mail that was not put away yet, oldest first; of an oversized one only its beginning.

        :raises MailboxGone: when it is gone, now or half-way.
        """
        ...

    def put_away(self, names: Sequence[str]) -> None:
        """Delete or mark these mails for good.

        :raises MailboxGone: when it is gone; some may be put away then.
        """
        ...


class WatchedMailbox(Mailbox, Protocol):
    """A mailbox that can say when mail arrives (IMAP IDLE, RFC 2177)."""

    def wait(self, seconds: float) -> bool:
        """Wait for news; False when there was none in the time."""
        ...


OpenMailbox = Callable[[], AbstractContextManager[Mailbox]]
