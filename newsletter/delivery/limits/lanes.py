"""How many of a sender's connections one group may hold, so that a tarpit does not get them all (T4). Pure.

A group begins with a twentieth of the lanes and gets one more with each answer: full speed after as many answers as
there are lanes, while a group that never answers holds one. Once its answers are far slower than what is usual, it is
back at a twentieth.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Slow means: so many times the usual time, and at least so many seconds.
FAR_SLOWER = 8.0
SLOW_SECONDS = 0.25
#: Weight of the newest answer in a group's own time, and in the usual time of all.
OWN_WEIGHT = 0.3
USUAL_WEIGHT = 0.05
#: One answer counts as at most so many times the usual time: a tarpit must not look usual.
OUTLIER = 4.0
#: Seconds of a slow group's sending that a chunk may hold.
PORTION_SECONDS = 5.0
MOST_GROUPS = 10_000


@dataclass(slots=True)
class _Lane:
    seconds: float
    answers: int


class Lanes:
    """The times of one sender's answers."""

    def __init__(self, connections: int) -> None:
        self.connections = connections
        self.fewest = max(1, connections // 20)
        self._lanes: dict[str, _Lane] = {}
        self._slow: set[str] = set()
        self.usual = 0.0
        #: The group that a sender's rows all belong to: nobody waits behind it.
        self.alone: str | None = None

    def answered(self, group: str, seconds: float) -> bool:
        """Note how long an answer took; True when the group has become slow by it."""
        usual = self.usual
        self.usual = usual + USUAL_WEIGHT * (min(seconds, OUTLIER * usual) - usual) if usual else seconds
        lane = self._lanes.get(group)
        if lane is None:
            lane = self._begin(group, seconds)
        else:
            lane.seconds += OWN_WEIGHT * (seconds - lane.seconds)
            lane.answers += 1
        if lane.seconds > SLOW_SECONDS or self._slow:
            return self._judge(group, lane)
        return False

    def _begin(self, group: str, seconds: float) -> _Lane:
        if len(self._lanes) >= MOST_GROUPS:
            self._lanes.clear()
            self._slow.clear()
        lane = self._lanes[group] = _Lane(seconds, 1)
        return lane

    def _judge(self, group: str, lane: _Lane) -> bool:
        """Keep the set of slow groups; True when this one is new in it."""
        is_slow = lane.seconds > max(SLOW_SECONDS, FAR_SLOWER * self.usual)
        is_new = is_slow and group not in self._slow
        (self._slow.add if is_slow else self._slow.discard)(group)
        return is_new

    def is_slow(self, group: str) -> bool:
        """Say whether a group's answers are far slower than the usual one."""
        return group in self._slow

    def slow_groups(self) -> set[str]:
        """Return the slow ones."""
        return self._slow

    def share(self, group: str) -> int:
        """Return how many lanes the group may hold."""
        if group in self._slow:
            return max(self.fewest, self.connections // 2) if group == self.alone else self.fewest
        lane = self._lanes.get(group)
        if lane is None:
            return self.fewest
        return min(self.connections, self.fewest + lane.answers)

    def portion(self, group: str) -> int:
        """Return how many rows of a slow group a sender can do with in a few seconds."""
        return max(1, int(self.share(group) * PORTION_SECONDS / self._lanes[group].seconds))
