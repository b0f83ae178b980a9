"""The sender: one Celery task claims chunks and sends them over several connections for a bounded time (R6, R7)."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from newsletter.clock import Clock
from newsletter.db.session import Sessions, unit_of_work
from newsletter.delivery.claim import Claimed, claim
from newsletter.delivery.committer import Committer, LedgerUnavailable
from newsletter.delivery.journal import Journal, Result
from newsletter.delivery.ledger import Scope
from newsletter.delivery.replies import Reply, judge
from newsletter.delivery.retry import next_attempt
from newsletter.delivery.smtp.connection import ConnectionTrouble, SmtpConnection, Unanswered
from newsletter.delivery.smtp.target import SmtpTarget
from newsletter.delivery.states import DeliveryState
from newsletter.errors import NewsletterError
from newsletter.logs import logger

log = logger(__name__)

TASK_SECONDS = 25.0
MESSAGES_PER_CONNECTION = 1000
#: Consecutive failures to connect after which this task gives its rows back.
MOST_TROUBLES = 3


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message ready for the wire: `sender` is the VERP return path."""

    sender: str
    recipient: str
    message: bytes


def _host() -> str:
    """Return this host's name in the letters that a file name may have."""
    return "".join(letter for letter in socket.gethostname() if letter.isalnum())[:20]


Prepare = Callable[[Claimed], Envelope]


@dataclass
class Sender:
    """Sends one campaign's rows for a while. Make one per task; it owns its journal and its claims."""

    sessions: Sessions
    clock: Clock
    target: SmtpTarget
    scope: Scope
    prepare: Prepare
    journal_folder: Path
    connections: int = 20
    seconds: float = TASK_SECONDS
    owner: str = field(default_factory=lambda: f"{_host()}-{os.getpid()}-{uuid.uuid4().hex[:8]}")

    def __post_init__(self) -> None:
        self.troubles: list[str] = []
        self.claimed_count = 0
        self._queue: deque[Claimed] = deque()
        self._cursor = 0
        self._dry = False
        self._chance = random.Random()  # noqa: S311 - jitter, not a secret
        self._end = self.clock.monotonic() + self.seconds
        self._filling = asyncio.Lock()

    def run(self) -> int:
        """Send until nothing is queued or the time is over; return how many rows were claimed."""
        asyncio.run(self._run())
        return self.claimed_count

    async def _run(self) -> None:
        self._journal = Journal(self.journal_folder, self.owner)
        self._committer = Committer(self.sessions, self._journal, self.owner, self.scope)
        committing = asyncio.create_task(self._committer.run())
        try:
            await self._fill()
            lanes = min(self.connections, max(1, len(self._queue)))
            await asyncio.gather(*(self._lane() for _ in range(lanes)))
            for row in self._queue:
                self._committer.undo(row.id)
        finally:
            self._committer.stop()
            await committing
            self._journal.close(everything_recorded=self._committer.everything_recorded)

    async def _fill(self) -> None:
        """Claim another chunk when the queue is empty and there is time."""
        async with self._filling:
            if self._queue or self._dry or self._must_stop():
                return
            rows = await asyncio.to_thread(self._claim)
            self._dry = not rows
            self._queue.extend(rows)
            self.claimed_count += len(rows)
            self._cursor = max((row.id for row in rows), default=self._cursor)

    def _claim(self) -> list[Claimed]:
        with unit_of_work(self.sessions) as session:
            rows = claim(session, self.scope.campaign_id, self.owner, after=self._cursor)
            if not rows and self._cursor:
                rows = claim(session, self.scope.campaign_id, self.owner)
            return rows

    def _must_stop(self) -> bool:
        return (
            self._committer.broken
            or len(self.troubles) >= MOST_TROUBLES
            or self.clock.monotonic() > self._end
        )

    async def _lane(self) -> None:
        """One connection's life: next row, next message, until there is none."""
        connection: SmtpConnection | None = None
        while (row := await self._next()) is not None:
            connection = await self._send(connection, row)
        if connection is not None:
            await connection.quit()

    async def _next(self) -> Claimed | None:
        if not self._queue:
            await self._fill()
        return self._queue.popleft() if self._queue and not self._must_stop() else None

    async def _send(self, connection: SmtpConnection | None, row: Claimed) -> SmtpConnection | None:
        """Send one row; return the connection when it can be used again."""
        try:
            envelope = self.prepare(row)
        except (NewsletterError, ValueError) as error:
            self._committer.result(self._failed(row, f"cannot be written: {error}"))
            return connection
        try:
            connection = connection or await SmtpConnection.open(self.target)
            return await self._transact(connection, row, envelope)
        except (ConnectionTrouble, LedgerUnavailable) as error:
            self._committer.undo(row.id)
            if isinstance(error, ConnectionTrouble):
                self.troubles.append(str(error))
        except Unanswered as error:
            self._committer.result(
                Result(
                    row.id, row.fence, DeliveryState.AMBIGUOUS, self.clock.now(), response=str(error)[:1000]
                )
            )
        if connection is not None:
            connection.abort()
        return None

    async def _transact(
        self, connection: SmtpConnection, row: Claimed, envelope: Envelope
    ) -> SmtpConnection | None:
        reply = await connection.deliver(
            envelope.sender,
            envelope.recipient,
            envelope.message,
            lambda: self._committer.may_commit(row.id, row.fence),
        )
        if reply is None:
            return None
        self._committer.result(self._result(row, reply))
        self.troubles.clear()
        if not connection.is_usable:
            connection.abort()
            return None
        if connection.sent_count < MESSAGES_PER_CONNECTION and reply.code != 421:
            return connection
        await connection.quit()
        return None

    def _result(self, row: Claimed, reply: Reply) -> Result:
        verdict, now = judge(reply), self.clock.now()
        again = (
            next_attempt(row.attempts + 1, now, self._chance)
            if verdict.state is DeliveryState.DEFERRED
            else None
        )
        return Result(
            row.id, row.fence, verdict.state, now, code=reply.code, response=reply.line, reason=verdict.reason,
            bounce=verdict.bounce, next_attempt_at=again,
        )  # fmt: skip

    def _failed(self, row: Claimed, why: str) -> Result:
        return Result(
            row.id, row.fence, DeliveryState.FAILED, self.clock.now(), response=why[:1000], reason="content"
        )
