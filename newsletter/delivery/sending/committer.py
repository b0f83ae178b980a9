"""One committer per sender: connections hand in answers and wait for intents; one statement round serves them all.

Whatever goes wrong in a round, no dot leaves: the waiting connections are dropped and their rows are given back once the
database answers again. What is not urgent (refusals by the relay, rows given back or held, the lease) is written in
batches by a thread, so that the loop keeps moving bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar, TypeVarTuple

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from newsletter.db.session import Sessions, unit_of_work
from newsletter.delivery.dbtime import database_now
from newsletter.delivery.sending import ledger, senders
from newsletter.delivery.sending.checks import Scope
from newsletter.delivery.sending.gate import Held
from newsletter.delivery.sending.journal import Journal, Result
from newsletter.delivery.sending.rounds import rounds_for
from newsletter.delivery.sending.tally import Tally, TallyRow, write_tally
from newsletter.delivery.smtp.conversation import Conversation, Transaction
from newsletter.delivery.states import DeliveryState
from newsletter.errors import Unavailable
from newsletter.logs import logger

log = logger(__name__)

#: Waiting this long for more connections halves the CPU of short rounds.
GATHER_SECONDS = 0.001
#: Signed messages come one by one: without more patience each had a round of its own, at the price of its signature.
SIGNED_GATHER_SECONDS = 0.005
FEW = 8
#: The share of the living connections for which a round is not delayed.
ENOUGH = 0.25
IDLE_SECONDS = 0.05
CHORE_SECONDS = 0.05
RENEW_SECONDS = 15.0
RETRY_SECONDS = 1.0
#: How long a sender holds on to answers while the database is away; afterwards the journal keeps them.
PATIENCE_SECONDS = 20.0
TROUBLE = (psycopg.Error, SQLAlchemyError, Unavailable, OSError)

Arguments = TypeVarTuple("Arguments")
Answer = TypeVar("Answer")


@dataclass
class Chores:
    """What is written in batches: answers that were no "taken", and rows that are ours no longer."""

    results: list[Result] = field(default_factory=list)
    undone: list[int] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Say whether there is anything to write."""
        return bool(self.results or self.undone or self.held or self.refused)

    def put_first(self, other: Chores) -> None:
        """Take back what could not be written; every part of it can be written twice."""
        self.results[:0], self.undone[:0] = other.results, other.undone
        self.held[:0], self.refused[:0] = other.held, other.refused


@dataclass
class Committer:
    """Groups the answers and intents of one sender's connections. `lanes` tells how many of those live."""

    sessions: Sessions
    journal: Journal
    owner: str
    scope: Scope
    lanes: Callable[[], int]
    gather_seconds: float = GATHER_SECONDS
    #: The database was away, or somebody else holds our rows now: nothing new should begin.
    is_broken: bool = False
    #: The campaign does not send any more.
    is_halted: bool = False
    #: What the brakes will add up.
    tally: Tally = field(default_factory=Tally)
    _is_stopped: bool = False
    _waiting: list[tuple[Conversation, Transaction]] = field(default_factory=list)
    _taken: list[Result] = field(default_factory=list)
    _chores: Chores = field(default_factory=Chores)
    _kick: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="committer")
        self._rounds = rounds_for(self.sessions, self.owner, self.scope, self._in_thread)
        self._loop = asyncio.get_running_loop()
        self._renewed_at = self._chored_at = self._loop.time()

    def wants_dot(self, conversation: Conversation, transaction: Transaction) -> None:
        """Take a connection whose body is out into the next round."""
        self._waiting.append((conversation, transaction))
        self._kick.set()

    def result(self, result: Result) -> None:
        """Note an answer; it is in the journal at once and in the ledger with the next round."""
        self.journal.write(result)
        (self._taken if result.state is DeliveryState.SENT else self._chores.results).append(result)

    def undo(self, row_id: int) -> None:
        """Give a row back whose dot was never written."""
        self._chores.undone.append(row_id)

    def hold(self, held: Held) -> None:
        """Let a row wait."""
        self._chores.held.append(held)

    async def run(self) -> None:
        """Commit round after round until `stop()` and nothing is left."""
        try:
            while not self._is_stopped or self._waiting or self._taken or self._chores or self.tally.attempts:
                await self._pause()
                if not await self._round():
                    break
        finally:
            self._drop(self._waiting)
            with contextlib.suppress(*TROUBLE):
                await self._rounds.close()
            self._thread.shutdown(wait=False)

    async def _pause(self) -> None:
        if not self._waiting and not self._is_stopped:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(IDLE_SECONDS):
                    await self._kick.wait()
        self._kick.clear()
        if self._waiting and len(self._waiting) < max(FEW, ENOUGH * self.lanes()):
            await asyncio.sleep(self.gather_seconds)

    async def _round(self) -> bool:
        """Run one round; False when the database stayed away for too long."""
        waiting, self._waiting = self._waiting, []
        taken, self._taken = self._taken, []
        try:
            if waiting or taken:
                granted = await self._rounds.commit(taken, [each.row_id for _, each in waiting])
                self._release(waiting, granted)
                waiting, taken = [], []
            await self._do_chores()
        except TROUBLE as error:
            log.warning("round_failed", owner=self.owner, error=str(error)[:200])
            self._taken[:0] = taken
            self._drop(waiting)
            return await self._wait_for_database()
        return True

    def _release(self, waiting: list[tuple[Conversation, Transaction]], granted: set[int]) -> None:
        """Write the dots of the granted, first into the journal. Whose relay hung up meanwhile had no dot."""
        released = [
            (conversation, each)
            for conversation, each in waiting
            if each.row_id in granted and not conversation.is_over
        ]
        try:
            self.journal.dots((each.row_id, each.fence) for _, each in released)
        except OSError as error:
            log.warning("journal_full", owner=self.owner, error=str(error))
            self._drop(waiting)
            return
        for conversation, _ in released:
            conversation.release()
        if not all(each.has_dot for _, each in waiting):
            self._sort_out(waiting, granted)

    def _sort_out(self, waiting: list[tuple[Conversation, Transaction]], granted: set[int]) -> None:
        for conversation, each in waiting:
            if each.row_id not in granted:
                self._chores.refused.append(each.row_id)
                conversation.abandon()
            elif not each.has_dot:
                self.undo(each.row_id)

    async def _do_chores(self) -> None:
        now = self._loop.time()
        renews = now - self._renewed_at > RENEW_SECONDS
        is_time = self._is_stopped or self._chores.refused or now - self._chored_at > CHORE_SECONDS
        counts = self.tally.is_due(now, is_last=self._is_stopped)
        if not (renews or counts or (self._chores and is_time)):
            return
        chores, self._chores = self._chores, Chores()
        tally = self.tally.take(now, is_last=self._is_stopped) if counts else []
        try:
            goes_on = await self._in_thread(self._write, chores, renews, tally)
        except TROUBLE:
            self._chores.put_first(chores)
            raise
        self._chored_at = now
        self._renewed_at = now if renews else self._renewed_at
        self.is_halted = self.is_halted or not goes_on

    def _write(self, chores: Chores, renews: bool, tally: Sequence[TallyRow] = ()) -> bool:
        """Write a batch; return whether to go on: the campaign sends, and our lease has not run out."""
        with unit_of_work(self.sessions) as session:
            ledger.record_results(session, self.owner, chores.results)
            ledger.hold(session, self.owner, chores.held)
            if chores.undone:
                ledger.give_back(session, self.owner, chores.undone)
            if tally:
                write_tally(session, self.scope.campaign_id, tally, database_now(session))
            lives = senders.renew(session, self.owner) if renews else True
            if chores.refused:
                return ledger.refuse(session, self.owner, chores.refused, self.scope) and lives
            return lives

    async def _wait_for_database(self) -> bool:
        """Try until it answers; the failed round's outcome is unknown, so everything is written as if it had not been."""
        self.is_broken = True
        self.journal.sync()
        end = self._loop.time() + PATIENCE_SECONDS
        while self._loop.time() < end:
            await asyncio.sleep(RETRY_SECONDS)
            taken, chores = list(self._taken), self._chores
            try:
                await self._in_thread(self._write, chores, True)
                await self._rounds.commit(taken, [])
            except TROUBLE:
                continue
            self._taken, self._chores = self._taken[len(taken) :], Chores()
            return True
        return False

    def _drop(self, waiting: list[tuple[Conversation, Transaction]]) -> None:
        for conversation, each in waiting:
            self.undo(each.row_id)
            conversation.abandon()

    def stop(self) -> None:
        """End after the round in which nothing is left."""
        self._is_stopped = True
        self._kick.set()

    @property
    def everything_recorded(self) -> bool:
        """True when nothing is left that only the journal knows."""
        return not self._taken and not self._chores

    def _in_thread(
        self, function: Callable[[*Arguments], Answer], *arguments: *Arguments
    ) -> Awaitable[Answer]:
        return self._loop.run_in_executor(self._thread, function, *arguments)
