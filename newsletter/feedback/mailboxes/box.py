"""What every mailbox can do, whatever it speaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from newsletter.errors import Unavailable
from newsletter.feedback.mailboxes.place import MailboxPlace

#: Mails of one visit; the next one follows at once.
MOST_AT_ONCE: Final = 2000


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
        """Yield mail that was not put away, oldest first, at most `MOST_AT_ONCE`; of an oversized one its beginning.

        :raises MailboxGone: when it is gone, now or half-way.
        """
        ...

    def put_away(self, names: Sequence[str]) -> None:
        """Delete or mark these mails for good.

        :raises MailboxGone: when it is gone; some may be put away then.
        """
        ...


@runtime_checkable
class WatchedMailbox(Mailbox, Protocol):
    """A mailbox that can say when mail arrives (IMAP IDLE, RFC 2177)."""

    def wait(self, seconds: float) -> bool:
        """Wait for news; False when there was none in the time."""
        ...


#: Opens a mailbox; entering raises `MailboxGone` when it does not answer or does not let us in.
OpenMailbox = Callable[[MailboxPlace], AbstractContextManager[Mailbox]]
