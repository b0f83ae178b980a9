"""Rows become messages: when a lane asks, or, when each takes an RSA signature, ahead of the lanes, one per turn of the loop.

A signature costs twice as much as all the rest of a message. Made when a lane asks, several in a row hold up the intents that
were committed meanwhile; made in a thread, each costs a handful of changes between threads (637 µs of CPU a message in place
of 541, measured with two processes on two cores). Between two signatures the loop serves every connection that is ready.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from newsletter.delivery.sending.claim import Claimed
from newsletter.delivery.sending.lineup import LineUp, Turn
from newsletter.delivery.smtp.conversation import Envelope, Transaction
from newsletter.errors import NewsletterError

#: Messages signed ahead for each lane.
AHEAD = 2
UNWRITABLE = (NewsletterError, ValueError)

Prepare = Callable[[Claimed], Envelope]


@dataclass(frozen=True)
class Mail:
    """How a campaign's rows become messages. `names_since`: they tell since when the reader is subscribed;
    `has_choices`: they depend on what the reader chose about being counted.
    """

    prepare: Prepare
    is_costly: bool = False
    names_since: bool = True
    has_choices: bool = True


@dataclass
class Writer:
    """Makes the messages of one sender from the rows in line; what cannot be written ends at once."""

    mail: Mail
    line: LineUp
    lanes: int
    unwritable: Callable[[Claimed, str], None]
    wake_one: Callable[[], None]
    _signed: deque[Transaction] = field(default_factory=deque)
    _next_turn: asyncio.Handle | None = None

    def __post_init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    def next(self, behind: Transaction | None) -> Transaction | None:
        """Return the next message; `behind` is still to be answered on the lane that asks."""
        if self.mail.is_costly:
            self._sign_ahead()
            return self._signed.popleft() if self._signed else None
        group = behind.group if behind and not behind.has_heir else None
        while (turn := self.line.take(group)) is not None:
            if turn.is_heir and behind is not None:
                behind.has_heir, group = True, None
            if (written := self._written(turn)) is not None:
                return written
        return None

    def _written(self, turn: Turn) -> Transaction | None:
        row = turn.row
        try:
            envelope = self.mail.prepare(row)
        except UNWRITABLE as error:
            self.line.done(turn.group)
            self.unwritable(row, str(error))
            return None
        return Transaction(envelope, row.id, row.fence, row.attempts, turn.group, began=self._loop.time())

    def _sign_ahead(self) -> None:
        if self._next_turn is None and len(self._signed) < AHEAD * self.lanes:
            self._next_turn = self._loop.call_soon(self._sign_one)

    def _sign_one(self) -> None:
        self._next_turn = None
        turn = self.line.take()
        if turn is None:
            return
        if (written := self._written(turn)) is not None:
            self._signed.append(written)
            self.wake_one()
        self._sign_ahead()

    def __len__(self) -> int:
        """Return how many messages are made and not taken."""
        return len(self._signed)

    def close(self) -> list[int]:
        """Make no more; return the rows whose messages were made and not sent."""
        if self._next_turn is not None:
            self._next_turn.cancel()
        return [each.row_id for each in self._signed]
