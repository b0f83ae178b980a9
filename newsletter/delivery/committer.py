"""One committer per sender: connections hand in results and wait for intents; one statement round serves them all.

The database work runs in a thread of its own, so that the loop keeps moving bytes. Whatever goes wrong in a round, no
dot leaves: the waiting connections are told so and their rows are given back once the database answers again.
"""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from sqlalchemy.exc import SQLAlchemyError

from newsletter.db.session import Sessions, unit_of_work
from newsletter.delivery import ledger
from newsletter.delivery.journal import Journal, Result
from newsletter.errors import Unavailable
from newsletter.logs import logger

log = logger(__name__)

GATHER_SECONDS = 0.001
IDLE_SECONDS = 0.05
RENEW_SECONDS = 15.0
RETRY_SECONDS = 1.0
#: How long a sender holds on to results while the database is away; afterwards the journal keeps them.
PATIENCE_SECONDS = 20.0


class LedgerUnavailable(Exception):
    """The intent could not be committed, or we cannot know: no dot may be written."""


@dataclass
class Committer:
    """Groups intents and results of one sender's connections."""

    sessions: Sessions
    journal: Journal
    owner: str
    scope: ledger.Scope
    stopped: bool = False
    refused: bool = False
    broken: bool = False
    _waiting: list[tuple[int, asyncio.Future[bool]]] = field(default_factory=list)
    _results: list[Result] = field(default_factory=list)
    _undo: list[int] = field(default_factory=list)
    _kick: asyncio.Event = field(default_factory=asyncio.Event)
    _thread: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="committer")
    )
    _renewed_at: float = 0.0

    async def may_commit(self, row_id: int, fence: int) -> bool:
        """Wait for the intent of a row; True when its dot may be written.

        :raises LedgerUnavailable: when nobody can say.
        """
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((row_id, future))
        self._kick.set()
        granted = await future
        if granted:
            self.journal.dot(row_id, fence)
        return granted

    def result(self, result: Result) -> None:
        """Note a result; it is in the journal at once and in the ledger with the next round."""
        self.journal.write(result)
        self._results.append(result)

    def undo(self, row_id: int) -> None:
        """Give a row back whose dot was never written."""
        self._undo.append(row_id)

    async def run(self) -> None:
        """Commit round after round until `stop()` and nothing is left."""
        loop = asyncio.get_running_loop()
        self._renewed_at = loop.time()
        try:
            while not (self.stopped and not self._waiting and not self._results and not self._undo):
                await self._pause()
                if not await self._round(loop):
                    break
        finally:
            self._refuse([future for _, future in self._waiting])
            self._thread.shutdown(wait=False)

    async def _pause(self) -> None:
        if not self._waiting:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._kick.wait(), IDLE_SECONDS)
        self._kick.clear()
        if self._waiting:
            await asyncio.sleep(GATHER_SECONDS)

    async def _round(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Run one round; False when the database stayed away for too long."""
        waiting, self._waiting = self._waiting, []
        results, self._results = self._results, []
        undo, self._undo = self._undo, []
        renew = loop.time() - self._renewed_at > RENEW_SECONDS
        if not (waiting or results or undo or renew):
            return True
        ids = [row_id for row_id, _ in waiting]
        try:
            granted = await loop.run_in_executor(self._thread, self._commit, results, undo, ids, renew)
        except (SQLAlchemyError, Unavailable, OSError) as error:
            log.warning("round_failed", owner=self.owner, error=str(error)[:200])
            self._refuse([future for _, future in waiting])
            return await self._wait_for_database(loop, results, [*undo, *ids])
        if renew:
            self._renewed_at = loop.time()
        for row_id, future in waiting:
            if not future.done():
                future.set_result(row_id in granted)
            elif row_id in granted:
                self._undo.append(row_id)  # granted, but the connection died before its dot
        self.refused = self.refused or len(granted) < len(ids)
        return True

    def _commit(self, results: list[Result], undo: list[int], ids: list[int], renew: bool) -> set[int]:
        with unit_of_work(self.sessions) as session:
            ledger.record_results(session, self.owner, results)
            if undo:
                ledger.give_back(session, undo, self.owner)
            if renew:
                ledger.renew_lease(session, self.owner)
            return ledger.grant_intents(session, self.owner, ids, self.scope)

    async def _wait_for_database(
        self, loop: asyncio.AbstractEventLoop, results: list[Result], undo: list[int]
    ) -> bool:
        """Keep results and rows to give back, and try again; the outcome of the failed round is unknown, so all is idempotent."""
        self.broken = True
        self.journal.sync()
        end = loop.time() + PATIENCE_SECONDS
        while loop.time() < end:
            await asyncio.sleep(RETRY_SECONDS)
            try:
                await loop.run_in_executor(self._thread, self._commit, results, undo, [], True)
            except (SQLAlchemyError, Unavailable, OSError):
                continue
            return True
        self._results = [*results, *self._results]
        return False

    @staticmethod
    def _refuse(futures: list[asyncio.Future[bool]]) -> None:
        for future in futures:
            if not future.done():
                future.set_exception(LedgerUnavailable())

    def stop(self) -> None:
        """End after the next round in which nothing is left."""
        self.stopped = True
        self._kick.set()

    @property
    def everything_recorded(self) -> bool:
        """True when no result is left that only the journal knows."""
        return not self._results
