"""The lanes of a sender: each has one connection at a time, to a relay that can be used now, until nothing is left to send."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from newsletter.delivery.relays.routes import Relay, Routes
from newsletter.delivery.smtp.conversation import Conversation, Feeder
from newsletter.delivery.smtp.opening import open_connection
from newsletter.delivery.smtp.trouble import ConnectionTrouble

#: Troubles without an answer between them, after which a sender gives its rows back.
MOST_TROUBLES = 3
#: How often waiting connections look again: limits open with time, and a sender that must stop tells nobody.
TICK_SECONDS = 0.25
#: A message that takes longer than this on its connection is slow.
SLOW_SECONDS = 5.0


@dataclass
class Lanes:
    """Opens connections and keeps those that wait. `goes_on` says whether there is anything to send."""

    routes: Routes
    feeder: Feeder
    goes_on: Callable[[], bool]
    troubles: list[str] = field(default_factory=list)
    _open: Counter[str] = field(default_factory=Counter)
    _ends: dict[Conversation, asyncio.Future[str]] = field(default_factory=dict)
    _parked: list[Conversation] = field(default_factory=list)

    async def run(self, count: int) -> None:
        """Run so many lanes until all have ended."""
        ticking = asyncio.create_task(self._tick())
        try:
            await asyncio.gather(*(self._lane() for _ in range(count)))
        finally:
            ticking.cancel()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self.wake()

    async def _lane(self) -> None:
        """One lane's life: a connection after the other."""
        while self.goes_on():
            relay = self.routes.pick(self._open)
            if relay is None:
                if not self._open.total():
                    self.troubles.append(f"no relay answers; {'; '.join(self.routes.troubles[-1:])}")
                return
            self._open[relay.name] += 1
            try:
                await self._connect(relay)
            finally:
                self._open[relay.name] -= 1

    async def _connect(self, relay: Relay) -> None:
        """Let one connection send until it ends; an end that we did not ask for is the relay's trouble."""
        try:
            connection = await open_connection(relay.target)
        except ConnectionTrouble as error:
            self._trouble(relay, str(error))
            return
        self.routes.worked(relay)
        conversation = Conversation(connection, self.feeder, relay.messages_per_connection)
        ended = self._ends[conversation] = asyncio.get_running_loop().create_future()
        conversation.go_on()
        try:
            why = await ended
        finally:
            del self._ends[conversation]
        if conversation.is_broken:
            self._trouble(relay, why)

    def _trouble(self, relay: Relay, why: str) -> None:
        self.troubles.append(why)
        self.routes.failed(relay, why)

    @property
    def working(self) -> int:
        """How many connections have something to do."""
        return len(self._ends) - len(self._parked)

    def is_slow(self, now: float) -> bool:
        """Say whether some message takes long: its lane must be waited for, and the others may as well go on."""
        return any(conversation.busy_since < now - SLOW_SECONDS for conversation in self._ends)

    def park(self, conversation: Conversation) -> None:
        """Keep a connection that has nothing to do now, or say goodbye."""
        if conversation.is_worn_out or not self.goes_on():
            conversation.quit()
        else:
            self._parked.append(conversation)

    def ended(self, conversation: Conversation, why: str) -> None:
        """Let the lane go on with another connection."""
        if conversation in self._parked:
            self._parked.remove(conversation)
        ended = self._ends[conversation]
        if not ended.done():
            ended.set_result(why)

    def wake(self) -> None:
        """Let the connections that wait look for something to do."""
        waiting, self._parked = self._parked, []
        for conversation in waiting:
            if not conversation.is_over:
                conversation.go_on()

    def wake_one(self) -> None:
        """Let one of them look: one message has become ready, or one place has become free. Waking all cost 300 µs each time."""
        while self._parked:
            conversation = self._parked.pop()
            if not conversation.is_over:
                conversation.go_on()
                return
