"""Rows waiting for a lane, by destination group, taken in turn: a slow group must not hold up the others (T4). Pure."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from newsletter.delivery.sending.claim import Claimed

Bound = Callable[[str], int | None]


class Turn(NamedTuple):
    """Whose turn it is. An heir has taken over the place of the message before it on the same lane."""

    group: str
    row: Claimed
    is_heir: bool


class LineUp:
    """The rows of one sender. `most_at_once` gives the number of lanes that a group may have now, None for any."""

    def __init__(self, most_at_once: Bound) -> None:
        self._most = most_at_once
        self._rows: dict[str, deque[Claimed]] = {}
        self._turn: deque[str] = deque()
        self._busy: Counter[str] = Counter()
        self._count = 0

    def __len__(self) -> int:
        """Return how many rows wait."""
        return self._count

    def add(self, rows: Iterable[tuple[str, Claimed]]) -> None:
        """Put rows in line, each with its group."""
        for group, row in rows:
            waiting = self._rows.get(group)
            if waiting is None:
                waiting = self._rows[group] = deque()
                self._turn.append(group)
            waiting.append(row)
            self._count += 1

    def take(self, behind: str | None = None) -> Turn | None:
        """Return the next row of the next group that may have another lane; None when no row may go now.

        `behind` is the group of the message whose answer is still to come on the lane that asks: a row of the same group
        takes over its place, and `is_heir` says so.
        """
        for _ in range(len(self._turn)):
            group = self._turn[0]
            self._turn.rotate(-1)
            is_heir = group == behind
            if self._may_go(group, int(is_heir)):
                return Turn(group, self._pop(group, int(is_heir)), is_heir)
        return None

    def _may_go(self, group: str, freed: int = 0) -> bool:
        most = self._most(group)
        return most is None or self._busy[group] - freed < most

    def _pop(self, group: str, freed: int) -> Claimed:
        waiting = self._rows[group]
        row = waiting.popleft()
        if not waiting:
            self._forget(group)
        self._busy[group] += 1 - freed
        self._count -= 1
        return row

    def _forget(self, group: str) -> None:
        del self._rows[group]
        self._turn.remove(group)

    def done(self, group: str) -> None:
        """Note that a message to the group has left its lane."""
        self._busy[group] -= 1
        if self._busy[group] <= 0:
            del self._busy[group]

    def remove(self, group: str, *, keep: int = 0) -> list[Claimed]:
        """Take the rows of a group out of line, but for the first few."""
        rows = list(self._rows.get(group, ()))
        removed = rows[keep:]
        if rows and not keep:
            self._forget(group)
        elif removed:
            self._rows[group] = deque(rows[:keep])
        self._count -= len(removed)
        return removed

    @property
    def group_count(self) -> int:
        """Return how many groups have rows in line."""
        return len(self._rows)

    def blocked(self) -> list[str]:
        """Return the groups that wait although they have rows."""
        return [group for group in self._rows if not self._may_go(group)]

    def clear(self) -> list[Claimed]:
        """Take everything out of line."""
        return [row for group in list(self._rows) for row in self.remove(group)]
