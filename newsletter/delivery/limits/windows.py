"""Sliding windows: never more than `count` messages in any span of the window's length. Pure.

A token bucket lets twice its count through around a pause: a full bucket, then its refill. So a window is cut into 60
slots and the last 62 are added up: 60 for the length itself, one because a span may begin within a slot, and one as the
time that may pass between taking a token and writing to the wire. That time is half a second at least: a window of a
second counts 91 slots and reaches two thirds of its rate; the others lose 3 %.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

SLOTS = 60
#: How long a message may take from its token to the wire, in seconds at least.
WIRE_SECONDS = 0.5
#: Part of a slot by which one comes later than the token does: exactly then, rounding decides.
AFTER = 0.1

#: Tokens taken, by slot: `{slot number: count}`, the number being the time since 1970 divided by the slot's length.
Usage = Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Window:
    """One rule for one counter. `ends_at` (seconds since 1970) makes it a calendar day: one slot until then."""

    key: str
    count: int
    seconds: float
    ends_at: float | None = None

    @property
    def slot_seconds(self) -> float:
        """The length of a slot."""
        return self.seconds / SLOTS

    @property
    def span(self) -> int:
        """How many slots are added up."""
        return SLOTS + 1 + max(1, math.ceil(WIRE_SECONDS / self.slot_seconds))

    @property
    def per_second(self) -> float:
        """The rate in messages a second."""
        return self.count / self.seconds

    def is_over(self, now: float) -> bool:
        """Say whether a calendar day has passed."""
        return self.ends_at is not None and self.ends_at <= now

    def slot(self, now: float) -> int:
        """Return the slot of a moment."""
        return 0 if self.ends_at is not None else math.floor(now / self.slot_seconds)

    def used(self, usage: Usage, now: float) -> int:
        """Return how many tokens are taken of the window that ends now."""
        oldest = self.slot(now) - self.span
        return sum(count for slot, count in usage.items() if slot > oldest)

    def free(self, usage: Usage, now: float) -> int:
        """Return how many tokens are there."""
        return max(0, self.count - self.used(usage, now))

    def pruned(self, usage: Usage, now: float) -> dict[int, int]:
        """Return the usage without the slots that count no more."""
        oldest = self.slot(now) - self.span
        return {slot: count for slot, count in usage.items() if slot > oldest}

    def releases(self, usage: Usage, now: float) -> list[tuple[float, int]]:
        """Return when how many tokens come back: `(seconds since 1970, count)`, soonest first."""
        if self.ends_at is not None:
            return [(self.ends_at, max(1, self.count))]
        kept = sorted(self.pruned(usage, now).items())
        return [((slot + self.span + AFTER) * self.slot_seconds, count) for slot, count in kept]
