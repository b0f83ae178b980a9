"""A claimed chunk on its way through the limits: parts by group, one question to the limiter, and who goes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from newsletter.delivery.limits.appointments import Counter, appointments
from newsletter.delivery.limits.limiter import Ask, Demand, Seats, Taken
from newsletter.delivery.limits.windows import Window
from newsletter.delivery.sending.claim import Claimed
from newsletter.delivery.sending.gate import Admission, Held

T = TypeVar("T", Window, Seats)

#: How soon rows without a seat ask again: another sender lets go of some when it next asks.
NO_SEAT_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one group (or of all that have no rule of their own) and what they need."""

    rows: Sequence[Claimed]
    windows: tuple[Window, ...]
    seats: Seats | None = None


@dataclass(slots=True)
class Division:
    """Who goes and who waits, as far as is known."""

    now: list[Claimed] = field(default_factory=list)
    later: list[Held] = field(default_factory=list)

    def hold(
        self, rows: Sequence[Claimed], why: str, until: datetime, spread: timedelta = timedelta()
    ) -> None:
        """Let rows wait until a time, strewn over `spread` after it."""
        count = max(1, len(rows))
        self.later += [Held(row.id, until + spread * (at / count), why) for at, row in enumerate(rows)]

    def admission(self) -> Admission:
        """Return the chunk divided."""
        return Admission(self.now, self.later)


def ask_for(owner: str, parts: Sequence[Part]) -> Ask:
    """Return the question: the smallest parts first, so that a big group never takes what a small one needs."""
    windows = _numbered(window for part in parts for window in part.windows)
    seats = _numbered(part.seats for part in parts if part.seats is not None)
    demands = tuple(
        Demand(
            len(part.rows),
            tuple(windows[one] for one in part.windows),
            None if part.seats is None else seats[part.seats],
        )
        for part in parts
    )
    return Ask(owner, tuple(windows), tuple(seats), demands)


def _numbered(values: Iterable[T]) -> dict[T, int]:
    return {value: number for number, value in enumerate(dict.fromkeys(values))}


def give_out(
    division: Division, parts: Sequence[Part], ask: Ask, taken: Taken, waiting: int, now: datetime
) -> None:
    """Divide the parts by the limiter's answer; `waiting` is how many rows of the campaign wait altogether."""
    for part, demand, granted in zip(parts, ask.demands, taken.granted, strict=True):
        division.now += part.rows[:granted]
        rest = part.rows[granted:]
        waits = _waits(ask, demand, taken, len(rest), waiting)
        division.later += [
            Held(row.id, now + timedelta(seconds=wait), "limit")
            for row, wait in zip(rest, waits, strict=True)
        ]


def _waits(ask: Ask, demand: Demand, taken: Taken, rows: int, waiting: int) -> list[float]:
    """Return in how many seconds each of the rows that got no token asks again: clocks of two machines differ."""
    if not rows:
        return []
    if taken.settled_at is not None:
        return [taken.settled_at - taken.now] * rows
    if demand.seats is not None and not taken.seats[demand.seats]:
        return [NO_SEAT_SECONDS * (1 + at / rows) for at in range(rows)]
    counters = [Counter(ask.windows[index], taken.usages[index]) for index in demand.windows]
    return [at - taken.now for at in appointments(counters, rows, waiting, taken.now)]
