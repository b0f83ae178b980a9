"""The sender: one Celery task claims chunks and sends them over several connections for a bounded time (R6, R7)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from newsletter.clock import Clock
from newsletter.db.session import Sessions, unit_of_work
from newsletter.delivery.relays.routes import Routes
from newsletter.delivery.sending.checks import Scope
from newsletter.delivery.sending.claim import Claimed
from newsletter.delivery.sending.claiming import Claimer
from newsletter.delivery.sending.committer import GATHER_SECONDS, SIGNED_GATHER_SECONDS, Committer
from newsletter.delivery.sending.gate import Gate, OpenGate
from newsletter.delivery.sending.journal import Journal, Result
from newsletter.delivery.sending.lanes import MOST_TROUBLES, Lanes
from newsletter.delivery.sending.retry import next_attempt
from newsletter.delivery.sending.senders import sign_off
from newsletter.delivery.sending.supply import Supply
from newsletter.delivery.sending.writing import Mail
from newsletter.delivery.smtp.conversation import Conversation, Envelope, Transaction
from newsletter.delivery.smtp.replies import Reply, judge
from newsletter.delivery.states import DeliveryState
from newsletter.errors import Unavailable
from newsletter.logs import logger
from newsletter.reasons import ABOUT_US

log = logger(__name__)

#: Set when this process is about to end: senders begin nothing new.
draining = threading.Event()

TASK_SECONDS = 25.0
#: A task with slow messages goes on for so much longer: below Celery's visibility timeout of ten minutes.
LONGEST_SECONDS = 500.0


def new_loop() -> asyncio.AbstractEventLoop:
    """Return an event loop: uvloop's when it is there (it is not on Windows), for half the CPU of a message."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return asyncio.new_event_loop()
    return new_event_loop()


def _owner() -> str:
    """Return a name that nobody else has: host, process, and a random part. It is a file name too."""
    host = "".join(letter for letter in socket.gethostname() if letter.isalnum())[:20]
    return f"{host}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


@dataclass
class Sender:
    """Sends one campaign's rows for a while. Make one per task; it owns its journal and its claims."""

    sessions: Sessions
    clock: Clock
    routes: Routes
    scope: Scope
    mail: Mail
    journal_folder: Path
    connections: int = 20
    seconds: float = TASK_SECONDS
    first_row: int = 0
    cursor: int = 0
    gate: Gate = field(default_factory=OpenGate)
    owner: str = field(default_factory=_owner)

    def __post_init__(self) -> None:
        self.is_stopped = False
        self.claimer = Claimer(
            self.sessions, self.clock, self.scope, self.owner, self.gate, first_row=self.first_row,
            cursor=self.cursor, names_since=self.mail.names_since, has_choices=self.mail.has_choices,
        )  # fmt: skip
        self._lanes = Lanes(self.routes, self, self._goes_on)
        self._chance = random.Random()  # noqa: S311 - jitter, not a secret
        self._end = self.clock.monotonic() + self.seconds

    def run(self) -> int:
        """Send until nothing is queued or the time is over; return how many rows were claimed."""
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(self._run())
        with contextlib.suppress(
            SQLAlchemyError, Unavailable, OSError
        ):  # what limits noted is help, not truth
            self.gate.flush()
        return self.claimer.claimed_count

    @property
    def troubles(self) -> list[str]:
        """Troubles with relays since the last answer."""
        return self._lanes.troubles

    def stop(self) -> None:
        """Begin no new message; those under way end with their real answer."""
        self.is_stopped = True
        self._lanes.wake()

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._journal = Journal(self.journal_folder, self.owner)
        self._committer = Committer(
            self.sessions,
            self._journal,
            self.owner,
            self.scope,
            lambda: self._lanes.working,
            SIGNED_GATHER_SECONDS if self.mail.is_costly else GATHER_SECONDS,
        )
        self._supply = self._new_supply()
        committing = asyncio.create_task(self._committer.run())
        try:
            with _drained_by_sigterm(self.stop):
                await self._send_all()
        finally:
            self._committer.stop()
            await committing
            self._leave()

    def _new_supply(self) -> Supply:
        mail = replace(self.mail, prepare=self._prepared)
        return Supply(
            self.claimer, self.clock, self.gate, mail, self.connections,
            hold=self._committer.hold, unwritable=self._unwritable, wake=self._lanes.wake, wake_one=self._lanes.wake_one,
        )  # fmt: skip

    def _prepared(self, row: Claimed) -> Envelope:
        self._journal.name(row.id)
        try:
            return self.mail.prepare(row)
        finally:
            self._journal.name(0)

    async def _send_all(self) -> None:
        if not self._must_stop():
            await self._supply.fill()
        await self._lanes.run(min(self.connections, self.claimer.claimed_count))
        for row_id in await self._supply.close():
            self._committer.undo(row_id)

    def _leave(self) -> None:
        """Strike ourselves off, unless something of ours is known to the journal alone."""
        done = self._committer.everything_recorded
        if done:
            with unit_of_work(self.sessions) as session:
                done = sign_off(session, self.owner)
        self._journal.close(everything_recorded=done)

    def _must_stop(self) -> bool:
        return (
            self.is_stopped
            or draining.is_set()
            or self._committer.is_broken
            or self._journal.is_broken
            or self._committer.is_halted
            or len(self.troubles) >= MOST_TROUBLES
            or self._is_late()
        )

    def _is_late(self) -> bool:
        """True when the task's time is over. While some message is slow its lane must be waited for anyway: the others go on."""
        over = self.clock.monotonic() - self._end
        return over > LONGEST_SECONDS or (over > 0 and not self._lanes.is_slow(self._loop.time()))

    def _goes_on(self) -> bool:
        return not self._must_stop() and not self._supply.is_empty

    def next_transaction(self, behind: Transaction | None) -> Transaction | None:
        """Feed a conversation."""
        return None if self._must_stop() else self._supply.next(behind)

    def wants_dot(self, conversation: Conversation, transaction: Transaction) -> None:
        """Hand the waiting connection to the committer."""
        self._committer.wants_dot(conversation, transaction)

    def answered(self, transaction: Transaction, reply: Reply) -> None:
        """Record an answer."""
        result = self._result(transaction, reply)
        self._committer.result(result)
        self._committer.tally.count(transaction.group, result)
        if self._lanes.troubles:
            self._lanes.troubles.clear()
        seconds = self._loop.time() - transaction.began
        self.gate.answered(transaction.group, seconds=seconds)
        if result.state is DeliveryState.DEFERRED and (reply.code == 421 or result.reason in ABOUT_US):
            self._rests(transaction, reply.line)
        self._left_lane(transaction)

    def given_back(self, transaction: Transaction, why: str) -> None:
        """Take what got no dot because the connection broke to another connection, once."""
        if self._rests(transaction, why) or transaction.is_second_try or self._must_stop():
            self._committer.undo(transaction.row_id)
            self._left_lane(transaction)
        else:
            self._supply.again(transaction)

    def unanswered(self, transaction: Transaction, why: str) -> None:
        """Name what nobody can know: the dot was written, and no answer came."""
        self._committer.result(
            Result(
                transaction.row_id, transaction.fence, DeliveryState.AMBIGUOUS, self.clock.now(), response=why[:1000]
            )
        )  # fmt: skip
        self._rests(transaction, why)
        self._left_lane(transaction)

    def _rests(self, transaction: Transaction, why: str) -> bool:
        """Note trouble on the way to a group; True when the group is left alone for a while."""
        self.gate.troubled(transaction.group, why)
        until = self.gate.rests_until(transaction.group)
        if until is not None:
            self._supply.hold_group(transaction.group, until, "resting")
        return until is not None

    def left(self, transaction: Transaction) -> None:
        """Count a lane free whose message waited for its dot; the committer has the row."""
        self._left_lane(transaction)

    def _left_lane(self, transaction: Transaction) -> None:
        self._supply.done(transaction)
        self._lanes.wake_one()

    def idle(self, conversation: Conversation) -> None:
        """Keep a connection until there is more to send, or say goodbye."""
        self._lanes.park(conversation)

    def ended(self, conversation: Conversation, why: str) -> None:
        """Let the lane go on with another connection."""
        self._lanes.ended(conversation, why)

    def _result(self, transaction: Transaction, reply: Reply) -> Result:
        verdict, now = judge(reply), self.clock.now()
        again = None
        if verdict.state is DeliveryState.DEFERRED:
            again = next_attempt(transaction.attempts + 1, now, self._chance)
        return Result(
            transaction.row_id, transaction.fence, verdict.state, now, code=reply.code, response=reply.line,
            reason=verdict.reason, bounce=verdict.bounce, next_attempt_at=again,
        )  # fmt: skip

    def _unwritable(self, row: Claimed, why: str) -> None:
        said = f"cannot be written: {why}"[:1000]
        self._committer.tally.count_unwritable()
        self._committer.result(
            Result(row.id, row.fence, DeliveryState.FAILED, self.clock.now(), response=said, reason="content")
        )


@contextmanager
def _drained_by_sigterm(stop: object) -> Iterator[None]:
    """Let SIGTERM end the sender in order while it sends: whoever stops a worker's process loses nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop, before = asyncio.get_running_loop(), signal.getsignal(signal.SIGTERM)
    loop.add_signal_handler(signal.SIGTERM, stop)  # type: ignore[arg-type]
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        with contextlib.suppress(TypeError):
            signal.signal(signal.SIGTERM, before)
