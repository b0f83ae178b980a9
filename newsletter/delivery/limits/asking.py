"""How one sender asks the limiter: once for a chunk, not at all while it needs nothing, and never past its silence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from newsletter.clock import Clock
from newsletter.delivery.limits.chunk import Division, Part, ask_for, give_out
from newsletter.delivery.limits.limiter import Limiter, LimiterAway, Seats

#: Seats are asked for anew after so long; another sender may have come or gone.
SEATS_SECONDS = 5.0
#: How long rows wait that a limit concerns while the limiter is away (T2), strewn over as much again.
AWAY = timedelta(seconds=10)


@dataclass
class Asking:
    """One sender's dealings with the limiter. `waiting` counts the campaign's open rows; `notice` hears when the limiter
    goes away (False, why) and when it is back (True)."""

    limiter: Limiter
    clock: Clock
    owner: str
    waiting: Callable[[], int]
    notice: Callable[[bool, str], None]
    seats: dict[str, int] = field(default_factory=dict)
    _seats_until: float = float("-inf")
    _is_away: bool = False

    def divide(self, division: Division, parts: Sequence[Part], now: datetime) -> None:
        """Let go who gets tokens and a seat; hold the others."""
        parts = sorted((part for part in parts if part.rows), key=lambda part: len(part.rows))
        if not any(part.windows for part in parts) and self._has_seats(parts):
            division.now += [row for part in parts for row in part.rows]
            return
        ask = ask_for(self.owner, parts)
        try:
            taken = self.limiter.take(ask)
        except LimiterAway as error:
            self._note(False, str(error))
            for part in parts:
                division.hold(part.rows, "limit", now + AWAY, AWAY)
            return
        self._note(True)
        self._sit(ask.seats, taken.seats)
        is_short = sum(taken.granted) < sum(len(part.rows) for part in parts)
        give_out(division, parts, ask, taken, self.waiting() if is_short else 0, now)

    def leave(self) -> None:
        """Give the seats back."""
        if self.seats:
            self.limiter.leave(self.owner, [Seats(group, 0) for group in self.seats])
            self.seats, self._seats_until = {}, float("-inf")

    def _sit(self, asked: Sequence[Seats], granted: Sequence[int]) -> None:
        if asked:
            self._seats_until = self.clock.monotonic() + SEATS_SECONDS
            self.seats = self.seats | {one.group: mine for one, mine in zip(asked, granted, strict=True)}

    def _has_seats(self, parts: Sequence[Part]) -> bool:
        """Say whether the seats that the parts need were granted a moment ago."""
        needed = [part.seats.group for part in parts if part.seats is not None]
        is_fresh = self.clock.monotonic() < self._seats_until
        return not needed or (is_fresh and all(self.seats.get(group) for group in needed))

    def _note(self, answers: bool, why: str = "") -> None:
        """Say once that the limiter went away, and once that it is back."""
        if answers == self._is_away:
            self._is_away = not answers
            self.notice(answers, why)
