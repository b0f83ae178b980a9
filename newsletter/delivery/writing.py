"""Rows become messages: at once, or, when an RSA signature takes ten times as long as all the rest, ahead in a thread.

Signing in the event loop would hold up the intents that were committed meanwhile (12-18 % of the rate, measured).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from newsletter.delivery.claim import Claimed
from newsletter.delivery.lineup import LineUp, Turn
from newsletter.delivery.smtp.conversation import Envelope, Transaction
from newsletter.errors import NewsletterError

#: Messages signed ahead for each lane.
AHEAD = 2
SIGNING_THREADS = 1
BATCH = 8
UNWRITABLE = (NewsletterError, ValueError)

Prepare = Callable[[Claimed], Envelope]


@dataclass(frozen=True)
class Mail:
    """How a campaign's rows become messages. `names_since`: they tell since when the reader is subscribed."""

    prepare: Prepare
    is_costly: bool = False
    names_since: bool = True


@dataclass
class Writer:
    """Makes the messages of one sender from the rows in line; what cannot be written ends at once."""

    mail: Mail
    line: LineUp
    lanes: int
    unwritable: Callable[[Claimed, str], None]
    wake_one: Callable[[], None]
    _signed: deque[Transaction] = field(default_factory=deque)
    signing: int = 0

    def __post_init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(SIGNING_THREADS, thread_name_prefix="signer")

    def next(self, behind: Transaction | None) -> Transaction | None:
        """Return the next message; `behind` is still to be answered on the lane that asks."""
        if self.mail.is_costly:
            self._sign_ahead()
            return self._signed.popleft() if self._signed else None
        group = behind.group if behind and not behind.has_heir else None
        while (turn := self.line.take(group)) is not None:
            if turn.is_heir and behind is not None:
                behind.has_heir, group = True, None
            try:
                return self._written(turn)
            except UNWRITABLE as error:
                self._end(turn, error)
        return None

    def _written(self, turn: Turn) -> Transaction:
        row = turn.row
        envelope = self.mail.prepare(row)
        return Transaction(envelope, row.id, row.fence, row.attempts, turn.group, began=self._loop.time())

    def _end(self, turn: Turn, error: Exception) -> None:
        self.line.done(turn.group)
        self.unwritable(turn.row, str(error))

    def _sign_ahead(self) -> None:
        """Hand batches to the thread: changing threads for each message costs as much as making it."""
        while len(self) <= max(AHEAD * self.lanes, BATCH) - BATCH:
            turns = [turn for _ in range(BATCH) if (turn := self.line.take()) is not None]
            if not turns:
                return
            self.signing += len(turns)
            future = self._loop.run_in_executor(self._thread, self._written_all, turns)
            future.add_done_callback(partial(self._on_signed, len(turns)))

    def _written_all(self, turns: list[Turn]) -> list[tuple[Turn, Transaction | Exception]]:
        return [(turn, self._written_or_error(turn)) for turn in turns]

    def _written_or_error(self, turn: Turn) -> Transaction | Exception:
        try:
            return self._written(turn)
        except UNWRITABLE as error:
            return error

    def _on_signed(
        self, count: int, done: asyncio.Future[list[tuple[Turn, Transaction | Exception]]]
    ) -> None:
        self.signing -= count
        for turn, made in done.result():
            if isinstance(made, Transaction):
                self._signed.append(made)
            else:
                self._end(turn, made)
            self.wake_one()

    def __len__(self) -> int:
        """Return how many messages are made or being made."""
        return len(self._signed) + self.signing

    async def close(self) -> list[int]:
        """Wait for the thread; return the rows whose messages were made and not sent."""
        while self.signing:
            await asyncio.sleep(0.005)
        self._thread.shutdown(wait=False)
        return [each.row_id for each in self._signed]
