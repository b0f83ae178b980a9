"""What a limiter is: one question for a whole chunk and all its counters, one answer. Two implementations keep the books."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from newsletter.delivery.limits.windows import Usage, Window


class LimiterAway(Exception):
    """The limiter does not answer: nothing that a limit concerns may go (T2)."""


@dataclass(frozen=True, slots=True)
class Seats:
    """Messages to one group that may be on the wire at once, divided among all senders that ask."""

    group: str
    most: int

    @property
    def key(self) -> str:
        """The counter's key."""
        return f"seats:{self.group}"


@dataclass(frozen=True, slots=True)
class Demand:
    """Rows that need a token of each of the same windows (by index), and seats (by index) when their group has some."""

    rows: int
    windows: tuple[int, ...]
    seats: int | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """What one sender wants for one chunk; demands are served in their order."""

    owner: str
    windows: tuple[Window, ...] = ()
    seats: tuple[Seats, ...] = ()
    demands: tuple[Demand, ...] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """The answer, by the limiter's clock: rows granted to each demand, each window's usage after it, seats held.

    `settled_at` is the time before which nothing is granted because the limiter lost its memory.
    """

    now: float
    granted: tuple[int, ...]
    usages: tuple[Usage, ...]
    seats: tuple[int, ...]
    settled_at: float | None = None


class Limiter(Protocol):
    """Keeps the books of all senders together."""

    def take(self, ask: Ask) -> Taken:
        """Take tokens and seats, all or part of what is asked.

        :raises LimiterAway: when it does not answer.
        """
        ...

    def usages(self, windows: Sequence[Window]) -> tuple[Usage, ...]:
        """Return what is taken of each window now, taking nothing.

        :raises LimiterAway: when it does not answer.
        """
        ...

    def leave(self, owner: str, seats: Sequence[Seats]) -> None:
        """Give a sender's seats back."""
        ...
