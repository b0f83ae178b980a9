"""What a sender sends next: chunks are claimed ahead, admitted by the limits, merged, and handed out one by one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from newsletter.clock import Clock
from newsletter.db.session import Sessions, unit_of_work
from newsletter.delivery.checks import Scope
from newsletter.delivery.claim import Claimed, claim
from newsletter.delivery.gate import Admission, Gate, Held
from newsletter.delivery.limits.soon import Soon
from newsletter.delivery.lineup import LineUp, Turn
from newsletter.delivery.senders import sign_on
from newsletter.delivery.smtp.conversation import Envelope, Transaction
from newsletter.errors import NewsletterError, Unavailable
from newsletter.logs import logger

log = logger(__name__)

#: Claim again when fewer rows than this wait: a claim takes some milliseconds, the lanes should not notice.
LOW = 100
#: Once this many are in line, rows of groups that may not go now wait in the database, but for the first of each group.
CROWD = 2000
CROWD_SECONDS = 30
CROWD_PAUSE = 1.0
KEPT_OF_GROUP = 200
#: Messages signed ahead for each lane.
AHEAD = 2
SIGNING_THREADS = 1
#: How often a sender looks at a campaign's rows from the first one on: what came back lies behind its cursor.
FROM_START_SECONDS = 30.0

Prepare = Callable[[Claimed], Envelope]


@dataclass(frozen=True)
class Mail:
    """How a campaign's rows become messages. `is_costly`: signing takes so long that it is done ahead, in a thread."""

    prepare: Prepare
    is_costly: bool = False
    names_since: bool = True


@dataclass
class Supply:
    """The rows of one sender on their way to its lanes. Its campaign's lie beyond `first_row`; `start_after` is the last of an earlier claim."""

    sessions: Sessions
    clock: Clock
    scope: Scope
    owner: str
    mail: Mail
    gate: Gate
    lanes: int
    hold: Callable[[Held], None]
    unwritable: Callable[[Claimed, str], None]
    wake: Callable[[], None]
    first_row: int = 0
    start_after: int = 0
    is_dry: bool = False
    claimed_count: int = 0
    _is_filling: bool = False
    _soon: Soon = field(default_factory=Soon)
    _timer: asyncio.TimerHandle | None = None
    _again: deque[Transaction] = field(default_factory=deque)
    _signed: deque[Transaction] = field(default_factory=deque)
    _signing: int = 0

    def __post_init__(self) -> None:
        self._line = LineUp(self.gate.most_at_once)
        self._loop = asyncio.get_running_loop()
        self._signer = ThreadPoolExecutor(SIGNING_THREADS, thread_name_prefix="signer")
        self._cursor, self._from_start_at = self.start_after, self._loop.time()
        self._filled_at = self._from_start_at

    @property
    def cursor(self) -> int:
        """The last row claimed in order."""
        return self._cursor

    @property
    def is_empty(self) -> bool:
        """True when nothing is left and nothing more will come."""
        waiting = self._is_filling or self._line or self._soon or self._again or self._signed or self._signing
        return self.is_dry and not waiting

    def next(self, behind: Transaction | None) -> Transaction | None:
        """Return the next message, or None when none may go now; `behind` is still to be answered on the same lane."""
        found = self._next(behind)
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

    def _next(self, behind: Transaction | None) -> Transaction | None:
        if self._again:
            return self._again.popleft()
        if self.mail.is_costly:
            self._sign_ahead()
            return self._signed.popleft() if self._signed else None
        while (turn := self._line.take(behind.group if behind and not behind.has_heir else None)) is not None:
            if turn.is_heir and behind is not None:
                behind.has_heir = True
            if (transaction := self._written(turn)) is not None:
                return transaction
        return None

    def _written(self, turn: Turn) -> Transaction | None:
        """Return the message of a row; what cannot be written ends at once."""
        try:
            return self._transaction(turn)
        except (NewsletterError, ValueError) as error:
            self._line.done(turn.group)
            self.unwritable(turn.row, str(error))
            return None

    def _transaction(self, turn: Turn) -> Transaction:
        row = turn.row
        return Transaction(
            self.mail.prepare(row), row.id, row.fence, row.attempts, turn.group, began=self._loop.time()
        )

    def _sign_ahead(self) -> None:
        while len(self._signed) + self._signing < AHEAD * self.lanes:
            turn = self._line.take()
            if turn is None:
                return
            self._signing += 1
            future = self._loop.run_in_executor(self._signer, self._transaction, turn)
            future.add_done_callback(partial(self._on_signed, turn))

    def _on_signed(self, turn: Turn, done: asyncio.Future[Transaction]) -> None:
        self._signing -= 1
        error = done.exception()
        if error is None:
            self._signed.append(done.result())
        elif isinstance(error, NewsletterError | ValueError):
            self._line.done(turn.group)
            self.unwritable(turn.row, str(error))
        else:
            raise error
        self.wake()

    async def fill(self) -> None:
        """Claim another chunk."""
        self._is_filling = True
        try:
            self._make_room()
            admission = await asyncio.to_thread(self._claim)
            for held in admission.later:
                self.hold(held)
            self._line.add((self.gate.group_of(row.address), row) for row in admission.now)
        except (SQLAlchemyError, Unavailable, OSError) as error:
            log.warning("claim_failed", owner=self.owner, error=str(error)[:200])
            self.is_dry = True  # what was claimed is freed with the lease; the sweep sends the next hint
        finally:
            self._is_filling = False
        self._filled_at = self._loop.time()
        self._wind_up()
        self.wake()

    def _wind_up(self) -> None:
        """Come back when the next kept row is due."""
        due = self._soon.next_due()
        if self._timer is not None:
            self._timer.cancel()
        if due is not None:
            seconds = (due - self.clock.now()) / timedelta(seconds=1)
            self._timer = self._loop.call_later(max(0.01, seconds), self._refill)

    def _claim(self) -> Admission:
        with unit_of_work(self.sessions) as session:
            if not self.claimed_count:
                sign_on(session, self.owner, self.scope.campaign_id)
            rows = self._next_rows(claim_in(session, self.scope, self.owner, self.mail))
        self.is_dry = not rows
        self.claimed_count += len(rows)
        chunk = [*self._soon.take(self.clock.now()), *rows]
        admission = self.gate.admit(chunk)
        return Admission(admission.now, self._soon.keep(chunk, admission.later, self.clock.now()))

    def _next_rows(self, claim_after: Callable[[int], list[Claimed]]) -> list[Claimed]:
        now = self._loop.time()
        if now - self._from_start_at > FROM_START_SECONDS:
            self._cursor, self._from_start_at = self.first_row, now
        rows = claim_after(self._cursor)
        if not rows and self._cursor > self.first_row:
            rows = claim_after(self.first_row)
        self._cursor = max((row.id for row in rows), default=self._cursor)
        return rows

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

    def give_up(self) -> list[int]:
        """Return the rows that were claimed and will not be sent by this sender."""
        written = [each.row_id for each in (*self._again, *self._signed)]
        self._again.clear()
        self._signed.clear()
        return [row.id for row in (*self._line.clear(), *self._soon.clear())] + written

    async def close(self) -> None:
        """Wait for what is under way in threads."""
        self.is_dry = True
        if self._timer is not None:
            self._timer.cancel()
        while self._is_filling or self._signing:
            await asyncio.sleep(0.005)
        self._signer.shutdown(wait=False)


def claim_in(session: Session, scope: Scope, owner: str, mail: Mail) -> Callable[[int], list[Claimed]]:
    """Return a function that claims the rows beyond a given one."""
    return lambda after: claim(session, scope.campaign_id, owner, after=after, since=mail.names_since)
