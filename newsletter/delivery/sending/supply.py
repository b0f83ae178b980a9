"""What a sender sends next: rows are claimed ahead, stand in line by destination group, and are handed out one by one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from newsletter.clock import Clock
from newsletter.delivery.sending.claim import Claimed
from newsletter.delivery.sending.claiming import Claimer
from newsletter.delivery.sending.gate import Gate, Held
from newsletter.delivery.sending.lineup import LineUp
from newsletter.delivery.sending.writing import Mail, Writer
from newsletter.delivery.smtp.conversation import Transaction
from newsletter.errors import Unavailable
from newsletter.logs import logger

log = logger(__name__)

#: Claim again when fewer rows than this wait: a claim takes some milliseconds, the lanes should not notice.
LOW = 100
#: Once this many are in line, rows of groups that may not go now wait in the database, but for the first of each group.
CROWD = 2000
CROWD_SECONDS = 30
CROWD_PAUSE = 1.0
KEPT_OF_GROUP = 200


@dataclass
class Supply:
    """The rows of one sender on their way to its lanes."""

    claimer: Claimer
    clock: Clock
    gate: Gate
    mail: Mail
    lanes: int
    hold: Callable[[Held], None]
    unwritable: Callable[[Claimed, str], None]
    wake: Callable[[], None]
    wake_one: Callable[[], None]
    is_dry: bool = False
    _is_filling: bool = False
    _timer: asyncio.TimerHandle | None = None
    _again: deque[Transaction] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._line = LineUp(self.gate.most_at_once)
        self._writer = Writer(self.mail, self._line, self.lanes, self.unwritable, self.wake_one)
        self._loop = asyncio.get_running_loop()
        self._filled_at = self._loop.time()

    @property
    def is_empty(self) -> bool:
        """True when nothing is left and nothing more will come."""
        waiting = self._is_filling or self._line or self._again or self._writer or self.claimer.keeps
        return self.is_dry and not waiting

    def next(self, behind: Transaction | None) -> Transaction | None:
        """Return the next message, or None when none may go now; `behind` is still to be answered on the same lane."""
        found = self._again.popleft() if self._again else self._writer.next(behind)
        if not self.is_dry and self._wants_more(found is None):
            self._refill()
        return found

    def _wants_more(self, is_stuck: bool) -> bool:
        """Claim ahead; and when every row in line must wait, look for others, but not all day long."""
        if len(self._line) < (CROWD if is_stuck else LOW):
            return True
        return is_stuck and self._loop.time() - self._filled_at > CROWD_PAUSE

    def _refill(self) -> None:
        if not self._is_filling:
            self._is_filling = True
            self._filling = self._loop.create_task(self.fill())

    async def fill(self) -> None:
        """Claim another chunk."""
        self._is_filling = True
        try:
            self._make_room()
            found, admission = await asyncio.to_thread(self.claimer.take)
            self.is_dry = not found
            for held in admission.later:
                self.hold(held)
            self._line.add((self.gate.group_of(row.address), row) for row in admission.now)
        except (SQLAlchemyError, Unavailable, OSError) as error:
            log.warning("claim_failed", owner=self.claimer.owner, error=str(error)[:200])
            self.is_dry = True  # what was claimed is freed with the lease; the sweep sends the next hint
        finally:
            self._is_filling = False
        self._filled_at = self._loop.time()
        self._wind_up()
        self.wake()

    def _wind_up(self) -> None:
        """Come back when the next kept row is due."""
        due = self.claimer.next_due()
        if self._timer is not None:
            self._timer.cancel()
        if due is not None:
            seconds = (due - self.clock.now()) / timedelta(seconds=1)
            self._timer = self._loop.call_later(max(0.01, seconds), self._refill)

    def _make_room(self) -> None:
        """Let rows that cannot go soon wait in the database, so that they do not fill the line."""
        for group in self._line.blocked():
            until = self.gate.rests_until(group)
            if until is not None:
                self.hold_group(group, until, "resting")
        if len(self._line) >= CROWD and self._line.group_count > 1:
            until = self.clock.now() + timedelta(seconds=CROWD_SECONDS)
            for group in self._line.blocked():
                self.hold_group(group, until, "slow", keep=KEPT_OF_GROUP)

    def hold_group(self, group: str, until: datetime, why: str, *, keep: int = 0) -> None:
        """Let the rows of a group wait, but for the first few."""
        for row in self._line.remove(group, keep=keep):
            self.hold(Held(row.id, until, why))

    def again(self, transaction: Transaction) -> None:
        """Take back a message whose connection broke before its dot; it is the next to go."""
        self._again.append(
            replace(transaction, began=self._loop.time(), refusal=None, has_heir=False, is_second_try=True)
        )

    def done(self, transaction: Transaction) -> None:
        """Note that a message has left its lane."""
        if not transaction.has_heir:
            self._line.done(transaction.group)

    async def close(self) -> list[int]:
        """Wait for what is under way in threads; return the rows that were claimed and will not be sent by this sender."""
        self.is_dry = True
        if self._timer is not None:
            self._timer.cancel()
        while self._is_filling:
            await asyncio.sleep(0.005)
        written = [*self._writer.close(), *(each.row_id for each in self._again)]
        return [*written, *(row.id for row in (*self._line.clear(), *self.claimer.clear()))]
