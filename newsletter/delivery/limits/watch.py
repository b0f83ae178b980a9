"""What one sender sees of each group while it sends: who answers, how fast, who is silent, who must rest. In memory.

All but `look_round` and `count` run in the event loop, for every message: a microsecond at most, and no waiting. Those two
run in the claiming thread meanwhile, so nothing here is walked over while the loop may change it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from newsletter.clock import Clock
from newsletter.delivery.limits.breaker import FIRST_WAIT
from newsletter.delivery.limits.lanes import Lanes
from newsletter.delivery.limits.listening import Listening

#: How long a group rests whose answers became slow or stay out: its rows must not fill the sender's queue.
SLOW_REST = timedelta(seconds=30)
#: A group that has not answered for so long, while others have, counts as one that takes so long.
PATIENCE_SECONDS = 3.0


class Watch:
    """One sender's view of all groups."""

    def __init__(self, clock: Clock, connections: int) -> None:
        self.lanes = Lanes(connections)
        self.listening = Listening()
        self._clock = clock
        self._rests: dict[str, datetime] = {}
        self._outstanding: dict[str, int] = {}
        self._answering: set[str] = set()
        self._asked: set[str] = set()
        self._looked_at = clock.monotonic()

    def answered(self, group: str, seconds: float) -> None:
        """Note an answer and how long it took."""
        self._answering.add(group)
        self.listening.answered(group)
        left = self._outstanding.get(group, 0)
        if left > 1:
            self._outstanding[group] = left - 1
        elif left:
            self._outstanding.pop(group, None)
        if self.lanes.answered(group, seconds):
            self._rests[group] = self._clock.now() + SLOW_REST

    def troubled(self, group: str, why: str) -> bool:
        """Note a trouble; True when the others must hear of it."""
        must_rest = self.listening.troubled(group, why)
        if must_rest:
            self._rests[group] = self._clock.now() + FIRST_WAIT
        return must_rest

    def rests_until(self, group: str) -> datetime | None:
        """Return until when nothing goes to the group, as far as this sender knows."""
        until = self._rests.get(group) if self._rests else None
        return until if until is not None and until > self._clock.now() else None

    def concerned(self) -> set[str]:
        """Return the groups that cannot simply be sent to."""
        return {*self._rests, *self.lanes.slow_groups()}

    def count(self, groups: Iterable[str]) -> None:
        """Count what is under way to each group."""
        outstanding = self._outstanding
        for group in groups:
            outstanding[group] = outstanding.get(group, 0) + 1

    def look_round(self, now: datetime) -> None:
        """Every few seconds: groups that stayed silent while others answered are slow; rests that are over end."""
        monotonic = self._clock.monotonic()
        elapsed = monotonic - self._looked_at
        if elapsed < PATIENCE_SECONDS:
            return
        if self._answering:
            for group in self._asked - self._answering:
                self._outstanding.pop(group, None)
                if self.lanes.answered(group, elapsed):
                    self._rests[group] = now + SLOW_REST
        self._asked, self._looked_at = set(self._outstanding), monotonic
        self._answering.clear()
        for group in [group for group, until in list(self._rests.items()) if until <= now]:
            self._rests.pop(group, None)
