"""Rows whose turn comes within seconds: a sender keeps them, instead of giving them back for so little. Pure.

Without this a limit per second would run at the pace of the sweep, which wakes what was given back.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from newsletter.delivery.sending.claim import Claimed
from newsletter.delivery.sending.gate import Held

#: Longer than this and a row goes back to the ledger.
KEPT = timedelta(seconds=5)
#: More than this and the rest goes back.
MOST_KEPT = 1000


class Soon:
    """The rows of one sender that wait for seconds, by when they are due. They are admitted again then."""

    def __init__(self) -> None:
        self._due: list[tuple[datetime, int, Claimed]] = []

    def __len__(self) -> int:
        """Return how many rows wait."""
        return len(self._due)

    def keep(self, rows: Iterable[Claimed], later: Sequence[Held], now: datetime) -> list[Held]:
        """Keep those of the held rows that are due soon; return the others. `rows` is the chunk they came from."""
        by_id = {row.id: row for row in rows} if later else {}
        others = []
        for held in later:
            if held.until - now > KEPT or len(self._due) >= MOST_KEPT:
                others.append(held)
            else:
                heapq.heappush(self._due, (held.until, held.row_id, by_id[held.row_id]))
        return others

    def next_due(self) -> datetime | None:
        """Return when the next one is due."""
        return self._due[0][0] if self._due else None

    def take(self, now: datetime) -> list[Claimed]:
        """Return those that are due, to be admitted again."""
        taken = []
        while self._due and self._due[0][0] <= now:
            taken.append(heapq.heappop(self._due)[2])
        return taken

    def clear(self) -> list[Claimed]:
        """Return all, to be given back at the end."""
        left, self._due = self._due, []
        return [row for _, _, row in left]
